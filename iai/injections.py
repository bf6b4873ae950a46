"""What the hooks gave to which session: they note it themselves, in the ledger and in `given/`.

A file of `session-start/given/` bears the id of a session. A line of it is one time that the
session was given something: up to which revision (0: that is not what it tells), then the numbers
of the records, where these are noted.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from iai import clock, ledger
from iai.clock import NS
from iai.layout import Layout

KIND = "injected"
_DAY = 86_400 * NS


class Injection(Struct, frozen=True, kw_only=True):
    """One time that a hook was asked for text, whether or not it gave any."""

    at: str
    at_ns: int
    host: str = ""
    session: str = ""
    source: str = ""  # why the session started, or `prompt`; "" if the host did not say
    project: str = ""  # its name
    revision: int = 0
    bytes: int = 0
    tokens: int = 0
    outcome: str = ""  # cache-hit, live-cli, recalled, nothing-new, empty or nothing
    reason: str = ""


class Totals(Struct, frozen=True, kw_only=True):
    """What some injections come to."""

    starts: int
    sessions: int
    tokens: int
    mean_tokens: float  # of those that gave any
    tokens_by_source: dict[str, int]
    tokens_by_host: dict[str, int]
    outcomes: dict[str, int]


def read(layout: Layout, since: int = 0) -> list[Injection]:
    """Return all of them since a wall time, the oldest first."""
    found = []
    for event in ledger.read(layout.ledger, since):
        if event["kind"] == KIND:
            try:
                found.append(msgspec.convert(event, Injection))
            except msgspec.ValidationError:
                continue  # as that of a version to come
    return found


def totals(injections: Iterable[Injection]) -> Totals:
    """Sum them up."""
    every = list(injections)
    giving = [one for one in every if one.tokens]
    by_source: Counter[str] = Counter()
    by_host: Counter[str] = Counter()
    for one in giving:
        by_source[one.source] += one.tokens
        by_host[one.host] += one.tokens
    tokens = sum(one.tokens for one in giving)
    return Totals(
        starts=len(every),
        sessions=len({(one.host, one.session) for one in every}),
        tokens=tokens,
        mean_tokens=round(tokens / len(giving), 1) if giving else 0.0,
        tokens_by_source=dict(by_source),
        tokens_by_host=dict(by_host),
        outcomes=dict(Counter(one.outcome for one in every)),
    )


def outdated(layout: Layout, wall: int, days: int) -> list[Path]:
    """Return the files of the hooks that are older than the ledger's are to become."""
    oldest = wall - days * _DAY
    ledgers = layout.ledger.glob("????-??-??.hook.jsonl")
    old = [path for path in ledgers if path.name[:10] < clock.iso(max(oldest, 0))[:10]]
    return old + [path for path in layout.given.glob("*") if path.stat().st_mtime_ns < oldest]
