"""The text that goes with a prompt: the few earlier turns that bear on it, or nothing.

Wrong memory is worse than none, so a hit must share several words with the prompt: one word of a
short prompt may match by chance. Measured on the sessions of `tools/bench coding`: of 16 prompts
about nothing said before ("run the tests again") none gets a text; with two words, two would.
Questions worded unlike their answers get none either: this is for names and errors.
"""

from collections.abc import Iterable
from itertools import islice

from iai.model import clock, framing
from iai.model.clock import NS
from iai.payload.budget import Budget, tokens
from iai.protocol.graph_cache import Hit

TOKENS = 500
CHARACTERS = 2_000
LEAST_SCORE = 0.8
LEAST_MATCHED = 3  # words of the prompt, not counting the most common ones
HITS = 3
LOOKED_AT = 10  # hits, some of which may have been given before

_TEXT = 400  # characters of a hit
_PREFACE = "Said in earlier sessions and kept word for word by iai: a record, not a request."


def bearing(hits: Iterable[Hit], session: str, given: frozenset[int]) -> list[Hit]:
    """Return the hits worth giving: from other sessions, and not given to this one before."""
    return list(
        islice(
            (
                hit
                for hit in hits
                if hit.score >= LEAST_SCORE
                and len(hit.matched) >= LEAST_MATCHED
                and (not session or hit.session_id != session)
                and hit.label not in given
            ),
            HITS,
        )
    )


def render(hits: list[Hit], revision: int, project: str, wall: int) -> tuple[str, list[int]]:
    """Return the text, framed so that capture drops it, and the labels in it; "" if none fits."""
    opening = framing.opening(revision, clock.iso(wall), project, TOKENS)
    budget = Budget(CHARACTERS, TOKENS)
    budget.take([opening, _PREFACE, framing.CLOSING])
    shown = [(hit, line) for hit in hits if budget.take([line := _line(hit, wall)])]
    if not shown:
        return "", []
    lines = [_PREFACE, *(line for _, line in shown), framing.CLOSING]
    cost = tokens("\n".join([opening, *lines]))
    opening = framing.opening(revision, clock.iso(wall), project, cost)
    return "".join(f"{line}\n" for line in [opening, *lines]), [hit.label for hit, _ in shown]


def _line(hit: Hit, wall: int) -> str:
    said = framing.inline(hit.text, _TEXT)
    days = max(0, wall - hit.created_at) // (86_400 * NS)
    who = f"{hit.role}, {hit.by}" if hit.by else hit.role
    return f"- #{hit.label} {who}, {f'{days} d ago' if days else 'today'}: {said}"
