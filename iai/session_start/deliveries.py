"""What the hooks have given to which session, as they record it in the ledger.

They also note it in `given/` (see `iai.session_start.delivery_notes`).
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from iai.config.layout import Layout, private
from iai.model import clock
from iai.model.clock import NS
from iai.process import ledger
from iai.process.files import append

KIND = "injected"
BY = "hook"
_DAY = 86_400 * NS
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Delivery(Struct, frozen=True, kw_only=True):
    """One time that a hook was asked for text, whether or not it gave any."""

    at: str
    at_ns: int
    host: str = ""
    session: str = ""
    source: str = ""  # why the session started, `prompt` or `file`; "" if the host gave no reason
    project: str = ""  # its name
    revision: Count = 0
    bytes: Count = 0
    tokens: Count = 0
    outcome: str = ""  # cache-hit, live-cli, recalled, file-history, nothing-new, empty or nothing
    reason: str = ""


class Totals(Struct, frozen=True, kw_only=True):
    """Totals over some deliveries."""

    times: int
    sessions: int
    tokens: int
    mean_tokens: float  # per delivery that contained any
    tokens_by_source: dict[str, int]
    tokens_by_host: dict[str, int]
    outcomes: dict[str, int]


def read(layout: Layout, since: int = 0) -> list[Delivery]:
    """Return all deliveries since a wall time, oldest first."""
    found = []
    for event in ledger.read(layout.ledger, since, by=BY):
        if event["kind"] == KIND:
            try:
                found.append(msgspec.convert(event, Delivery))
            except msgspec.ValidationError:
                continue  # a later version's, perhaps
    return found


def totals(deliveries: Iterable[Delivery]) -> Totals:
    """Add deliveries up."""
    every = list(deliveries)
    with_text = [one for one in every if one.tokens]
    by_source: Counter[str] = Counter()
    by_host: Counter[str] = Counter()
    for one in with_text:
        by_source[one.source] += one.tokens
        by_host[one.host] += one.tokens
    tokens = sum(one.tokens for one in with_text)
    return Totals(
        times=len(every),
        sessions=len({(one.host, one.session) for one in every}),
        tokens=tokens,
        mean_tokens=round(tokens / len(with_text), 1) if with_text else 0.0,
        tokens_by_source=dict(by_source),
        tokens_by_host=dict(by_host),
        outcomes=dict(Counter(one.outcome for one in every)),
    )


def record(layout: Layout, delivery: Delivery, labels: Iterable[int]) -> None:
    """Record a delivery that this process has just made. A full disk must not stop it."""
    head = {"by": BY, "severity": "info", "kind": KIND}
    line = msgspec.json.encode({**head, **msgspec.to_builtins(delivery)}) + b"\n"
    with suppress(OSError):
        private(layout.ledger)
        append(layout.ledger / f"{delivery.at[:10]}.{BY}.jsonl", line)
        if delivery.session:
            private(layout.deliveries)
            numbers = " ".join(map(str, (0, *labels)))
            append(layout.deliveries / delivery.session, f"{numbers}\n".encode())


def outdated(layout: Layout, wall: int, days: int) -> list[Path]:
    """Return the files written by hooks that are older than the ledger is kept."""
    oldest = wall - days * _DAY
    ledgers = layout.ledger.glob(f"????-??-??.{BY}.jsonl")
    old = [path for path in ledgers if path.name[:10] < clock.iso(max(oldest, 0))[:10]]
    return old + [path for path in layout.deliveries.glob("*") if path.stat().st_mtime_ns < oldest]
