"""Print what has happened: what the ledger holds, the oldest first.

example: iai events --kind session_start_cache_write_skipped --since 2h
"""

import re
import time
from argparse import ArgumentParser, Namespace
from typing import Any

from iai import clock
from iai.cli import live
from iai.cli.output import as_json
from iai.clock import NS
from iai.errors import BadUsage
from iai.layout import Layout
from iai.ledger import Reader
from iai.messages import FEED
from iai.settings import Settings
from iai.wire import kind

LOOK_S = 0.5  # between two looks with --follow
_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
KINDS = sorted({kind(event) for events in FEED.values() for event in events})
_HEAD = ("at", "at_ns", "by", "severity", "kind")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--kind", default="", help="only events of this kind")
    parser.add_argument(
        "--since", default="", help="a time (ISO 8601), or how long ago: 90s, 2h, 3d"
    )
    parser.add_argument("--follow", action="store_true", help="go on printing what happens next")
    parser.add_argument(
        "--json", action="store_true", help="one JSON document; with --follow, one a line"
    )


def run(args: Namespace, settings: Settings) -> int:
    if args.kind and args.kind not in KINDS:
        raise BadUsage(
            f"--kind {args.kind}: no event is of this kind; there are {', '.join(KINDS)}"
        )
    reader = Reader(Layout(settings.store).ledger, _since(args.since, time.time_ns()))

    def new() -> list[dict[str, Any]]:
        return [event for event in reader.new() if args.kind in ("", event["kind"])]

    def show() -> None:
        for event in new():
            as_json(event, line=True) if args.json else print(_line(event))

    if args.follow:
        return live.repeat(show, LOOK_S)
    as_json(new()) if args.json else show()
    return 0


def _line(event: dict[str, Any]) -> str:
    fields = " ".join(f"{k}={v}" for k, v in event.items() if k not in _HEAD)
    return f"{event.get('at')} {event.get('by')} {event.get('kind')} {fields}".rstrip()


def _since(text: str, wall: int) -> int:
    if not text:
        return 0
    if found := _SPAN.fullmatch(text):
        return wall - int(found[1]) * _UNITS[found[2]] * NS
    try:
        return clock.parse_iso(text)
    except ValueError:
        raise BadUsage(
            f"--since {text}: give a time like 2026-11-23T10:00, or 90s, 2h, 3d"
        ) from None
