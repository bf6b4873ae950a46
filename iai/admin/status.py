"""What `iai status` reports: the processes, how current each stage is, how old the payload is."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import psutil

from iai.admin import health, team
from iai.admin.health import PayloadHealth, Stage, StoreHealth
from iai.admin.team import Team
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import GroupNotRunning, NoAnswer, WireError
from iai.model.units import count, kinds, size, span
from iai.process import disk_space, lock
from iai.process.build import build
from iai.process.client import Client
from iai.process.disk_space import DiskSpace
from iai.protocol.message import Actor
from iai.protocol.supervisor import ActorHealth, Health, HealthReport

Document = dict[str, Any]
Memory = tuple[int | None, int | None]  # bytes of a process: all it has, and its share of them

LATE_S = 4.0  # a healthy loop stamps its heartbeat every two seconds


def memory_of(pid: int) -> Memory:
    """Return the memory of a process; None for what is unknown.

    Processes share the code that they are forked with. Only Linux says who has which share (PSS);
    elsewhere all is counted.
    """
    try:
        process = psutil.Process(pid)
        rss = process.memory_info().rss
        return rss, getattr(process.memory_full_info(), "pss", rss)
    except psutil.Error:
        return None, None


def collect(
    settings: Settings, own: str = "", memory: Callable[[int], Memory] = memory_of
) -> tuple[Document, str]:
    """Return the status, as a document and as text.

    `own` is this process's build, and `memory` a cheaper `memory_of`, for those who ask every few
    seconds: the two take longer to find out than the rest.
    """
    layout = Layout(settings.store)
    state, report = _report(layout)
    store = health.measure(layout, time.time_ns(), settings.ready_projects)
    space = disk_space.measure(layout.root, settings.store_max_gb)
    members = team.measure(layout)
    wall = time.time_ns()
    pid = report.pid if report else lock.holder(layout.lease) if state != "stopped" else 0
    document = {
        "group": {
            "state": state,
            "pid": pid or None,
            "version": report.version if report else None,
            "own_version": own or build(),
            "started_at": report.started_at if report else None,
            "store": str(settings.store),
        },
        "lifecycle": {"state": _lifecycle(layout) if report else None},
        "actors": {a.actor: _actor(a, memory) for a in (report.actors if report else ())},
        "stages": msgspec.to_builtins(store.stages),
        "watermark": msgspec.to_builtins(store.watermark),
        "payload": msgspec.to_builtins(store.payload),
        "redacted": store.redacted,
        "space": msgspec.to_builtins(space),
        "rereading": msgspec.to_builtins(store.reread) if store.reread.left else None,
        "stalled": store.stalled,
        "problem": store.problem,
        "team": msgspec.to_builtins(_team(members, wall)) if members else None,
    }
    lines = [*_lines(document, store), *_team_lines(document["team"]), *_space_line(space)]
    return document, "\n".join(lines)


def _report(layout: Layout) -> tuple[str, HealthReport | None]:
    """Ask the supervisor. One that holds the lease but doesn't answer has not stopped."""
    try:
        with Client(layout) as client:
            return "running", client.call(Actor.SUPERVISOR, Health(), HealthReport, 2.0)
    except GroupNotRunning:
        return "stopped", None
    except (NoAnswer, WireError):
        return "not answering", None


def _lifecycle(layout: Layout) -> str | None:
    try:
        return str(msgspec.json.decode(layout.lifecycle.read_bytes())["state"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def _actor(actor: ActorHealth, memory: Callable[[int], Memory]) -> Document:
    rss, share = memory(actor.pid) if actor.pid is not None else (None, None)
    fields = msgspec.to_builtins(actor)
    late = actor.state == "ready" and (actor.beat_age_s or 0.0) > LATE_S
    return {
        **{k: v for k, v in fields.items() if k != "actor"},
        "late": late,
        "rss_bytes": rss,
        "memory_bytes": share,
    }


def _lines(document: Document, store: StoreHealth) -> list[str]:
    group = document["group"]
    known = store.payload.behind is not None
    records = count(store.watermark.records_count, "record") if known else "cannot be read"
    lines = [
        f"group      {group['state']}" + (f" (pid {group['pid']})" if group["pid"] else ""),
        *_version_line(group["version"], group["own_version"]),
        f"store      {group['store']}: {records}",
        f"lifecycle  {document['lifecycle']['state'] or 'unknown'}",
        *(_actor_line(name, actor) for name, actor in document["actors"].items()),
        "stages     revision    lag",
        *(_stage_line(name, stage) for name, stage in store.stages.items()),
        f"payload    {_payload_line(store.payload, store.stages['records'].lag_records)}",
    ]
    if store.redacted:
        lines.append(f"redacted   {kinds(store.redacted)}")
    if store.reread.left:
        done, total = store.reread.done, store.reread.total
        lines.append(
            f"rereading  {done} of {count(total, 'transcript')}, for what an update takes from them"
        )
    if store.stalled:
        lines.append(f"capture    {store.stalled}")
    return [*lines, f"problem    {store.problem}"] if store.problem else lines


def _team(members: Team, wall: int) -> Document:
    """Return the team as its replicator reported it, and in words."""
    return {"report": members.report, "lines": members.lines(wall)}


def _team_lines(found: Document | None) -> Iterator[str]:
    for number, line in enumerate(found["lines"] if found else ()):
        yield f"  {line['about']:<20} {line['said']}" if number else f"team       {line['said']}"


def _space_line(space: DiskSpace) -> list[str]:
    return [f"space      {space.summary}; {space.todo}"] if space.low or space.full else []


def _version_line(theirs: str | None, own: str) -> list[str]:
    """Return a line that says so if another build is running."""
    todo = "restart it: `iai down`, then `iai up --detach`"
    return (
        [f"version    {theirs} is running, but this is {own}; {todo}"]
        if theirs not in (None, own)
        else []
    )


def _actor_line(name: str, actor: Document) -> str:
    memory = size(actor["memory_bytes"]) if actor["memory_bytes"] else "-"
    state, late = actor["state"], ""
    if actor["late"]:
        state, late = "late", f", no beat for {span(actor['beat_age_s'])} ({actor['activity']})"
    last = f", last exit: {actor['last_exit']}" if actor["last_exit"] else ""
    return (
        f"  {name:<13}{state:<9} pid {actor['pid'] or '-':<8} {memory:>9}"
        f"  {count(actor['restarts'], 'restart')}{late}{last}"
    )


def _stage_line(name: str, stage: Stage) -> str:
    of = "file" if name == "records" else "change"
    lag = "0"
    if stage.lag_records:
        lag = f"{count(stage.lag_records, of)}, the oldest {span(stage.lag_s)} old"
    note = f"  {stage.note}" if stage.note else ""
    return f"  {name:<9}{stage.revision:>8}    {lag}{note}"


def _payload_line(payload: PayloadHealth, unread: int) -> str:
    if payload.behind is None:
        state = "unknown how far behind"
    elif payload.behind:
        state = f"behind by {count(payload.behind, 'change')} for {span(payload.behind_s or 0.0)}"
    elif payload.age_s is None:
        return f"nothing to write yet: {payload.path}"
    else:
        state = f"current except for {count(unread, 'unread file')}" if unread else "current"
    return f"{state}, {_written(payload.age_s)}: {payload.path}"


def _written(age_s: float | None) -> str:
    if age_s is None:
        return "not written yet"
    return f"written {span(age_s)} ago" if age_s >= 0 else f"dated {span(-age_s)} in the future"
