"""Checks of the group and its store: processes, stages, the event log, leftovers."""

import os
import time
from collections.abc import Iterator

from iai.admin import health
from iai.admin.doctor import backups, team
from iai.admin.doctor.finding import (
    Finding,
    fail,
    ok,
    warn,
)
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import IaiError, NoAnswer, StoreError, WireError
from iai.model.clock import NS
from iai.model.units import count
from iai.process import heartbeat, lock
from iai.process.build import build
from iai.process.client import Client
from iai.protocol.embedding import EmbedQuery, QueryVectors
from iai.protocol.message import Actor
from iai.protocol.supervisor import Health, HealthReport
from iai.redaction import marks

LATE_S = 4.0  # a healthy loop stamps its heartbeat every two seconds
LAG_S = 120.0  # age of the oldest missing change at which a stage fails the check
EMBED_S = 5.0
TAGS_LISTED = 8


def checks(layout: Layout, settings: Settings, *, verify: bool = True) -> Iterator[Finding]:
    """Check the group, if it runs, and the store.

    `verify`: where it cannot be read, look whether it is damaged, which takes long if it is large.
    """
    with Client(layout) as client:
        running = client.running()
        yield from _running(client, layout) if running else _stopped(layout)
    yield from _stages(layout, settings, running=running, verify=verify)
    yield from team.checks(layout)
    yield from backups.checks(layout, settings)
    yield _ledger(layout)


def sockets_left(layout: Layout) -> bool:
    """Did a dead group leave its sockets in a directory outside the store?"""
    outside = layout.sockets != layout.run and layout.sockets.exists()
    return outside and not lock.held(layout.lease)


def orphans(layout: Layout) -> list[int]:
    """Return the pids of processes that still hold an actor's lock."""
    stamps = {actor: heartbeat.read(layout.heartbeat(actor)) for actor in Actor}
    return [s.pid for actor, s in stamps.items() if s and lock.held(layout.lock(actor))]


def _stopped(layout: Layout) -> Iterator[Finding]:
    yield fail("group", f"iai is not running on {layout.root}", "start it: `iai up --detach`")
    if left := orphans(layout):
        pids = " ".join(map(str, left))
        yield fail("processes", f"left behind by a dead group: {pids}", f"kill {pids}")
    if sockets_left(layout):
        todo = "`iai doctor --fix` deletes it"
        yield warn("sockets", f"a dead group left {layout.sockets} behind", todo, fixable=True)


def _running(client: Client, layout: Layout) -> Iterator[Finding]:
    try:
        report = client.call(Actor.SUPERVISOR, Health(), HealthReport, 2.0)
    except (NoAnswer, WireError) as error:
        todo = "`iai down`, then `iai up --detach`; see logs/group.log"
        yield fail("group", f"it holds the store but does not answer: {error}", todo)
        return
    except StoreError as error:
        yield fail("group", f"it is not asked: {error}", "see what is said of the store")
        return
    if report.version == (own := build()):
        yield ok("group", f"iai {report.version} is running (pid {report.pid})")
    else:
        said = f"iai {report.version} is running, but this is iai {own}"
        yield warn("group", said, "`iai down`, then `iai up --detach`")
    for actor in report.actors:
        state = f"{actor.state}, {count(actor.restarts, 'restart')}"
        if actor.state != "ready":
            last = f"{state}; last exit: {actor.last_exit or 'never'}"
            yield fail(actor.actor, last, f"see {layout.group_log}")
        elif (actor.beat_age_s or 0.0) > LATE_S:
            said = f"its loop has hung for {actor.beat_age_s:.0f} s ({actor.activity})"
            yield warn(actor.actor, said, "wait; it is restarted if this lasts")
        else:
            yield ok(actor.actor, state)
    yield _embedder(client)


def _embedder(client: Client) -> Finding:
    try:
        answer = client.call(Actor.EMBEDDING, EmbedQuery(text="well?"), QueryVectors, EMBED_S)
    except IaiError as error:
        todo = "until then recall searches by words alone; see logs/group.log"
        return fail("embedder", f"it computes no vectors: {error}", todo)
    if not answer.vectors:
        return ok("embedder", "it answers; no record has a vector yet")
    return ok("embedder", f"computes vectors of {answer.vectors[0].dimension} dimensions")


def _stages(
    layout: Layout, settings: Settings, *, running: bool, verify: bool
) -> Iterator[Finding]:
    if not layout.root.exists():  # which is said already
        return
    wall = time.time_ns()
    store = health.measure(layout, wall, settings.ready_projects)
    if store.problem and not store.derived:
        todo = "`iai doctor` finds out what is damaged, and what can be done"
        yield (
            backups.problem(layout, store.problem)
            if verify
            else fail("records", store.problem, todo)
        )
        return
    if store.problem:
        again = f"{'`iai down`, then ' if running else ''}`iai up --detach` rebuilds it"
        yield fail("derived data", store.problem, f"{again}; the records are not damaged by that")
    behind = "see `iai status --watch` and logs/group.log" if running else "`iai up --detach`"
    for name, stage in store.stages.items():
        of = f"revision {stage.revision}, {stage.lag_records} behind"
        if stage.note == health.OF_OTHERS:
            said = "it was made from changes that the records do not have: they were set back"
            yield fail(f"stage {name}", said, "`iai down`, then `iai up --detach` makes it again")
        elif stage.lag_s > LAG_S:
            said = f"{of}, the oldest by {stage.lag_s:.0f} s"
            yield fail(f"stage {name}", said, behind)
        else:
            yield ok(f"stage {name}", of)
    age_s = store.payload.age_s
    if age_s is not None and age_s < 0:
        todo = "correct the clock; until then the hook composes the text itself"
        yield warn("payload", f"its file is dated {-age_s:.0f} s in the future", todo)
    if store.stalled:
        todo = "`iai hooks status`, and logs/group.log"
        yield fail("capture", store.stalled.rpartition("; ")[0], todo)
    else:
        yield ok("capture", "hooks report what is said; no gap is known")
    yield _left_out(store.redacted.get(marks.UNSEARCHABLE, 0))
    yield _markup(store.unknown_markup)
    yield _clock(store.watermark.max_updated_at, wall)


def _left_out(texts: int) -> Finding:
    if not texts:
        return ok("redaction", "every text could be searched for secrets")
    said = f"{count(texts, 'text')} could not be searched for secrets, and so left out"
    todo = "report the error in logs/group.log; what was left out is still in the transcript"
    return fail("redaction", said, todo)


def _markup(found: dict[str, int]) -> Finding:
    if not found:
        return ok("markup", "no user's turn begins with unknown markup")
    most = sorted(found.items(), key=lambda pair: -pair[1])
    listed = ", ".join(f"<{tag}> {number}" for tag, number in most[:TAGS_LISTED])
    more = f", and {len(most) - TAGS_LISTED} more tags" if len(most) > TAGS_LISTED else ""
    said = f"turns of users begin with markup that is not known and was kept: {listed}{more}"
    return warn("markup", said, "if a host wrote it in your name, report the tag to iai")


def _clock(newest: int, wall: int) -> Finding:
    if newest > wall + NS:
        said = f"{(newest - wall) / NS:.0f} s behind the newest record"
        return warn("clock", said, "correct it; new turns are still ordered last")
    return ok("clock", "not behind the newest record")


def _ledger(layout: Layout) -> Finding:
    there = next(p for p in (layout.ledger, layout.root, *layout.root.parents) if p.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return fail("ledger", f"{there} is not writable", f"chmod u+rwx {there}")
    return ok("ledger", f"{layout.ledger} is writable")
