"""What the hooks gave to each session. The hooks record it in the ledger and in `given/`.

A file in `session-start/given/` is named after a session. Each of its lines is one delivery: the
revision it was current to (0: it was not a payload), then the numbers of its records, if recorded.
"""

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from iai.config.layout import Layout, private
from iai.model import clock
from iai.model.clock import NS
from iai.model.ids import is_file_name
from iai.process import ledger

KIND = "injected"
_DAY = 86_400 * NS


class Injection(Struct, frozen=True, kw_only=True):
    """One time a hook was asked for text, whether or not it gave any."""

    at: str
    at_ns: int
    host: str = ""
    session: str = ""
    source: str = ""  # why the session started, or `prompt`; "" if the host gave no reason
    project: str = ""  # its name
    revision: int = 0
    bytes: int = 0
    tokens: int = 0
    outcome: str = ""  # cache-hit, live-cli, recalled, nothing-new, empty or nothing
    reason: str = ""


class Totals(Struct, frozen=True, kw_only=True):
    """The sum of some injections."""

    times: int
    sessions: int
    tokens: int
    mean_tokens: float  # per injection that gave any
    tokens_by_source: dict[str, int]
    tokens_by_host: dict[str, int]
    outcomes: dict[str, int]


def read(layout: Layout, since: int = 0) -> list[Injection]:
    """Return all injections since a wall time, the oldest first."""
    injections = []
    for event in ledger.read(layout.ledger, since):
        if event["kind"] == KIND:
            try:
                injections.append(msgspec.convert(event, Injection))
            except msgspec.ValidationError:
                continue  # written by a newer version
    return injections


def totals(injections: Iterable[Injection]) -> Totals:
    """Return the sum of some injections."""
    every = list(injections)
    giving = [one for one in every if one.tokens]
    by_source: Counter[str] = Counter()
    by_host: Counter[str] = Counter()
    for one in giving:
        by_source[one.source] += one.tokens
        by_host[one.host] += one.tokens
    tokens = sum(one.tokens for one in giving)
    return Totals(
        times=len(every),
        sessions=len({(one.host, one.session) for one in every}),
        tokens=tokens,
        mean_tokens=round(tokens / len(giving), 1) if giving else 0.0,
        tokens_by_source=dict(by_source),
        tokens_by_host=dict(by_host),
        outcomes=dict(Counter(one.outcome for one in every)),
    )


def delivered(layout: Layout, session: str) -> frozenset[int]:
    """Return the numbers of the records that a session was given, where they were recorded."""
    try:
        lines = (layout.given / session).read_text().splitlines() if is_file_name(session) else []
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(int(word) for line in lines for word in line.split()[1:] if word.isdecimal())


def add(layout: Layout, injection: Injection, labels: Iterable[int]) -> None:
    """Record an injection that this process has just made. A full disk does not stop it."""
    head = {"by": "hook", "severity": "info", "kind": KIND}
    line = msgspec.json.encode({**head, **msgspec.to_builtins(injection)}) + b"\n"
    with suppress(OSError):
        private(layout.ledger)
        _append(layout.ledger / f"{injection.at[:10]}.hook.jsonl", line)
        if injection.session:
            private(layout.given)
            numbers = " ".join(map(str, (0, *labels)))
            _append(layout.given / injection.session, f"{numbers}\n".encode())


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def outdated(layout: Layout, wall: int, days: int) -> list[Path]:
    """Return the files of the hooks that are past the ledger's retention of `days`."""
    oldest = wall - days * _DAY
    ledgers = layout.ledger.glob("????-??-??.hook.jsonl")
    old = [path for path in ledgers if path.name[:10] < clock.iso(max(oldest, 0))[:10]]
    return old + [path for path in layout.given.glob("*") if path.stat().st_mtime_ns < oldest]
