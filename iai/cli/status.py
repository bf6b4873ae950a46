"""Show how far each stage has come, and the processes.

The stages are read from the store itself: one that has stopped shows as a lag, whatever its process
says.

example: iai status --json
"""

import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from typing import Any

import msgspec
import psutil

from iai import health
from iai.cli.output import as_json, size, span
from iai.client import Client
from iai.errors import GroupNotRunning, NoAnswer, WireError
from iai.health import StoreHealth
from iai.layout import Layout
from iai.messages import Actor, ActorHealth, Health, HealthReport
from iai.settings import Settings

Document = dict[str, Any]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    report = _report(layout)
    store = health.look(layout, time.time_ns())
    document = {
        "group": {
            "state": "running" if report else "stopped",
            "pid": report.pid if report else None,
            "version": report.version if report else None,
            "started_at": report.started_at if report else None,
            "store": str(settings.store),
        },
        "lifecycle": {"state": _lifecycle(layout)},
        "actors": {a.actor: _actor(a) for a in (report.actors if report else ())},
        "stages": msgspec.to_builtins(store.stages),
        "watermark": msgspec.to_builtins(store.watermark),
        "payload": msgspec.to_builtins(store.payload),
        "problem": store.problem,
    }
    if args.json:
        as_json(document)
    else:
        _print(document, store)
    return 0 if report else 3


def _report(layout: Layout) -> HealthReport | None:
    try:
        with Client(layout) as client:
            return client.call(Actor.SUPERVISOR, Health(), HealthReport, 2.0)
    except (GroupNotRunning, NoAnswer, WireError):
        return None


def _lifecycle(layout: Layout) -> str | None:
    try:
        return str(msgspec.json.decode(layout.lifecycle.read_bytes())["state"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None


def _actor(actor: ActorHealth) -> Document:
    rss = None
    if actor.pid is not None:
        with suppress(psutil.Error):
            rss = psutil.Process(actor.pid).memory_info().rss
    fields = msgspec.to_builtins(actor)
    return {**{k: v for k, v in fields.items() if k != "actor"}, "rss_bytes": rss}


def _print(document: Document, store: StoreHealth) -> None:
    group = document["group"]
    print(f"group      {group['state']}" + (f" (pid {group['pid']})" if group["pid"] else ""))
    print(f"store      {group['store']}: {store.watermark.records_count} records")
    print(f"lifecycle  {document['lifecycle']['state'] or 'unknown'}")
    for name, actor in document["actors"].items():
        rss = size(actor["rss_bytes"]) if actor["rss_bytes"] else "-"
        last = f", last ended: {actor['last_exit']}" if actor["last_exit"] else ""
        print(
            f"  {name:<13}{actor['state']:<9} pid {actor['pid'] or '-':<8} {rss:>9}"
            f"  {actor['restarts']} restarts{last}"
        )
    print("stages     revision    lag")
    for name, stage in store.stages.items():
        lag = f"{stage.lag_records} ({span(stage.lag_s)})" if stage.lag_records else "0"
        print(f"  {name:<9}{stage.revision:>8}    {lag}  {stage.note}".rstrip())
    payload = store.payload
    age = f"written {span(payload.age_s)} ago" if payload.age_s is not None else "not written yet"
    print(f"payload    {payload.path}, {age}")
    if store.problem:
        print(f"problem    {store.problem}")
