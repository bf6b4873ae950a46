"""How much of the next session's work is named in what it starts with; see `work`."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from harness.naming import base, holds, names_in, suffix
from harness.real_sessions import Session
from harness.replay import Replay
from msgspec import Struct

from benchmarks.stats import Stats
from iai.payload.budget import tokens

FIRST_PROMPTS = 3  # of a session, whose names count
WAYS = ("payload", "last turns")
PARTS = ("edited", "edited by suffix", "read", "read by suffix", "names")


class Held(NamedTuple):
    """How many of the wanted names a text holds."""

    named: int
    wanted: int


class Start(Struct, frozen=True):
    """What a session would have been given, by each way, and how much of its work that names."""

    session: str
    texts: dict[str, str]
    held: dict[str, dict[str, Held]]  # by way and part, without parts a session has nothing of


def before_each(sessions: Sequence[Session], replay: Replay) -> Iterator[Start]:
    """Yield the start of each session that has any before it, and edits something."""
    for session in sessions:
        replay.take_in(session.began)
        payload = replay.payload(session)
        before = any(one.turns and one.turns[0][0] < session.began for one in sessions)
        if before and session.edited:
            last = last_turns(sessions, session.began, len(payload))
            texts = dict(zip(WAYS, (payload, last), strict=True))
            held = {way: held_by(text, session) for way, text in texts.items()}
            yield Start(session.name, texts, held)


def wanted(session: Session) -> dict[str, set[str]]:
    """Return the names that a start should hold, by part."""
    prompts = session.prompts[:FIRST_PROMPTS]
    return {
        "edited": {base(path) for path in session.edited},
        "edited by suffix": {suffix(path) for path in session.edited},
        "read": {base(path) for path in session.read},
        "read by suffix": {suffix(path) for path in session.read},
        "names": {name for prompt in prompts for name in names_in(prompt)},
    }


def held_by(text: str, session: Session) -> dict[str, Held]:
    """Return how much of each part a text names."""
    return {
        part: Held(sum(holds(text, name) for name in names), len(names))
        for part, names in wanted(session).items()
        if names
    }


def last_turns(sessions: Sequence[Session], before: int, room: int) -> str:
    """Return the newest of what was said before a time, in so many characters; the oldest first."""
    turns = [turn for session in sessions for turn in session.turns if turn[0] < before]
    kept: list[str] = []
    for _, text in sorted(turns, key=lambda turn: turn[0], reverse=True):
        if room <= 0:
            break
        kept.append(text[-room:])
        room -= len(text) + 1
    return "\n".join(reversed(kept))


def figures(starts: Sequence[Start]) -> Stats:
    """Return shares and tokens of each way to fill a start."""
    if not starts:
        return {}
    measured: Stats = {}
    for way in WAYS:
        held = [start.held[way] for start in starts]
        costs = [tokens(start.texts[way]) for start in starts]
        measured[f"{way} ({len(starts)})"] = {
            **{part: _mean([one[part] for one in held if part in one]) for part in PARTS},
            "mean_tokens": round(fmean(costs)),
            "max_tokens": max(costs),
        }
        measured[f"{way}, pooled"] = {
            part: _pooled([one[part] for one in held if part in one]) for part in PARTS
        }
    return measured


def _mean(held: Sequence[Held]) -> float:
    return round(fmean(one.named / one.wanted for one in held), 3) if held else 0.0


def _pooled(held: Sequence[Held]) -> float:
    wanted = sum(one.wanted for one in held)
    return round(sum(one.named for one in held) / wanted, 3) if wanted else 0.0
