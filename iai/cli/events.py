"""Print what has happened: what the ledger holds, the oldest first.

example: iai events --kind session_start_cache_write_skipped --since 2h
"""

import re
import sys
import time
from argparse import ArgumentParser, Namespace
from typing import Any

from iai import clock, ledger
from iai.cli.output import as_json
from iai.clock import NS
from iai.errors import BadUsage
from iai.layout import Layout
from iai.settings import Settings

LOOK_S = 0.5  # between two looks with --follow
_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
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
    directory = Layout(settings.store).ledger
    since = _since(args.since, time.time_ns())
    if args.follow:
        return _follow(args, settings, since)
    events = [event for event in ledger.read(directory, since) if _wanted(event, args.kind)]
    if args.json:
        as_json(events)
    else:
        for event in events:
            print(_line(event))
    return 0


def _follow(args: Namespace, settings: Settings, since: int) -> int:
    directory = Layout(settings.store).ledger
    seen: set[str] = set()
    while True:
        latest = since
        for event in ledger.read(directory, since):
            line = _line(event)
            latest = max(latest, event["at_ns"])
            if line in seen or not _wanted(event, args.kind):
                continue
            seen.add(line)
            as_json(event) if args.json else print(line)
        sys.stdout.flush()
        since = max(
            since, latest - 60 * NS
        )  # actors write side by side: an older one may come late
        time.sleep(LOOK_S)


def _wanted(event: dict[str, Any], kind: str) -> bool:
    return not kind or event.get("kind") == kind


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
