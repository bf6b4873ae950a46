"""Print the event log, oldest first.

It records every start and exit of a process, every rewrite of the session-start text (done, skipped
or failed, with the reason), and what sessions were given.

example: iai events --kind session_start_cache_write_skipped --since 2h
"""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from typing import Any

from iai.cli import options, watch
from iai.cli.output import print_json
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage
from iai.model import units
from iai.model.printable import one_line
from iai.process.ledger import Reader
from iai.protocol.registry import FEED
from iai.protocol.wire import kind
from iai.session_start import deliveries

POLL_S = 0.5  # with --follow
KINDS = sorted({deliveries.KIND, *(kind(event) for events in FEED.values() for event in events)})
_HEAD = ("at", "at_ns", "by", "severity", "kind")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--kind", default="", help="only events of this kind")
    options.add_since(parser)
    options.add_latest(parser)
    parser.add_argument("--follow", action="store_true", help="keep printing new events")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document; with --follow, one per line"
    )


def run(args: Namespace, settings: Settings) -> int:
    if args.kind and args.kind not in KINDS:
        raise BadUsage(f"--kind {args.kind}: unknown kind; choose from {', '.join(KINDS)}")
    since = units.moment("--since", args.since, time.time_ns())
    reader = Reader(Layout(settings.store).ledger, since)

    def new() -> list[dict[str, Any]]:
        return [event for event in reader.new() if args.kind in ("", event["kind"])]

    def show(events: Iterable[dict[str, Any]]) -> None:
        for event in events:
            print_json(event, line=True) if args.json else print(_line(event))

    there = options.latest(new(), args)
    if args.json and not args.follow:
        print_json(there)
        return 0
    if not args.follow:
        show(there)
        return 0
    first = iter([there])  # shown there as well, where an interrupt is no failure
    return watch.repeat(lambda: show([*next(first, ()), *new()]), POLL_S)


def _line(event: dict[str, Any]) -> str:
    fields = " ".join(f"{k}={v}" for k, v in event.items() if k not in _HEAD)
    return one_line(f"{event.get('at')} {event.get('by')} {event.get('kind')} {fields}".rstrip())
