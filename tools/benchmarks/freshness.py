"""How far behind the payload is over a day of work, on a real group, at high speed.

The least interval, the idle times and the tick (down to its least) are divided by one factor, so
that a day takes minutes. What the machine does is not sped up: half a second of starting a process
looks like minutes of the day. So delays are given twice, as measured and as they look in the day.
It also draws what the old system would have shown on the same day: it wrote only after SLEEP.
"""

import importlib.util
import json
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from harness.corpus import coding_session, history
from harness.group import Group, wait_until
from harness.sampler import Sampler

from benchmarks.day import (
    BEGIN,
    END,
    Act,
    Day,
    Moment,
    after_sleep,
    lags,
    moments_of,
    outside,
    plan,
    until_current,
)
from benchmarks.stats import Stats, quantiles
from iai.config.layout import Layout
from iai.config.settings import Settings, declared
from iai.errors import NoAnswer, Refused
from iai.model.clock import NS
from iai.model.revisions import through
from iai.process import ledger
from iai.process.client import Client
from iai.protocol.ingest import (
    Capture,
    Captured,
    CapturedTurn,
    Import,
    ImportProgress,
)
from iai.protocol.message import Actor
from iai.session_start.payload_files import claim
from iai.store.records import Records

LOOK_S = 0.02
SHORTEST_TICK_S = 0.05
TURNS_AT_MOST = 64  # of one session
HISTORY = 2_000  # turns that are there before
DEADLINE_S = 1.0  # after which a client asks again: the actor was killed while it answered
DAYTIMES = ("refresh_min_s", "drowsy_after_s", "sleep_after_s", "hibernate_after_s", "max_age_s")


class Clock(NamedTuple):
    """The time of the simulated day, from the wall clock in nanoseconds."""

    began: int
    factor: float

    def at(self, wall: int) -> float:
        return BEGIN + (wall - self.began) / NS * self.factor

    def wait(self, at: float) -> None:
        time.sleep(max(0.0, (at - self.at(time.time_ns())) / self.factor))


class LagSampler(Sampler):
    """Records the revisions of the store and of its payload."""

    def __init__(self, records: Records, payload: Path, clock: Clock) -> None:
        super().__init__(LOOK_S)
        self.moments: list[Moment] = []
        self._records = records
        self._payload = payload
        self._clock = clock

    def sample(self) -> None:
        held = claim(self._payload)  # read first: an older value is on the safe side
        with self._records.view() as view:
            live = view.watermark().revision
        at = self._clock.at(time.time_ns())
        self.moments.append(Moment(at, live, held.revision if held else 0))


class Sessions:
    """The transcripts that hosts write during the day."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lines: dict[str, list[str]] = {}

    def speak(self, session: str) -> Path:
        """Write the next turn of a session; return its transcript."""
        path = self._directory / f"{session}.jsonl"
        if session not in self._lines:
            said = coding_session(session, _cwd(session), TURNS_AT_MOST, 0, datetime.now(UTC))
            self._lines[session] = said.splitlines(keepends=True)
        with path.open("a") as file:
            file.write(self._lines[session].pop(0))
        return path


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=5.0, help="that the day takes")
    parser.add_argument("--seed", type=int, default=0, help="of the day's bursts")
    parser.add_argument("--plot", metavar="FILE.png", help="draw it; needs matplotlib")


def run(args: Namespace) -> Stats:
    if args.plot and importlib.util.find_spec("matplotlib") is None:
        sys.exit("--plot needs matplotlib: .venv/bin/python -m pip install -e '.[plot]'")
    factor = (END - BEGIN) / (args.minutes * 60)
    day = _lived(plan(args.seed), factor)
    if args.plot:
        from benchmarks import plot  # noqa: PLC0415  matplotlib is there only for this

        plot.draw(day, Path(args.plot))
    return _stats(day)


def _stats(day: Day) -> Stats:
    calm = outside(day.ours, [(begin, end) for begin, end, _ in day.kills])
    shown = {"iai": day.ours, "iai, apart from kills": calm, "the old system": day.old}
    stats: Stats = {
        "a second is, in seconds of the day": round(day.factor, 1),
        "least interval, s": round(Settings(store=Path()).refresh_min_s / day.factor, 3),
        "changes": day.changes,
        "moments": len(day.ours),
    }
    for name, lags_ in shown.items():
        stats[f"{name}: changes behind"] = quantiles([lag.changes for lag in lags_], "changes")
        in_day = [lag.seconds for lag in lags_]
        stats[f"{name}: behind, in the day"] = quantiles([s / 60 for s in in_day], "min")
        if lags_ is not day.old:
            measured = [s / day.factor for s in in_day]
            stats[f"{name}: behind, as measured"] = quantiles(measured, "s")
        current = sum(not lag.changes for lag in lags_) / len(lags_)
        stats[f"{name}: current, percent of the day"] = round(100 * current, 1)
    return stats


def _lived(acts: list[Act], factor: float) -> Day:
    """Run the day on a group; return the measurements."""
    with Group(**_settings(factor)) as group:
        group.up()
        history(group.work / "past", HISTORY)
        group.iai("import", str(group.work / "past"), "--wait")
        group.settle()
        for act in acts:
            if act.do == "backfill":
                history(group.work / act.which, int(act.which), seed=int(act.which))
        before = group.health().watermark.revision
        clock = Clock(time.time_ns(), factor)
        with (
            closing(Records(group.layout.records)) as records,
            group.client() as client,
            LagSampler(records, group.layout.payload, clock) as sampler,
        ):
            _do(acts, group, client, clock)
            clock.wait(END)
        return _seen(sampler.moments, group.layout, clock, acts, before)


def _settings(factor: float) -> dict[str, str]:
    """Return settings with all times divided by this factor."""
    normal = Settings(store=Path())
    names = {name: declared()[name].variable.removeprefix("IAI_MCP_").lower() for name in DAYTIMES}
    scaled = {variable: f"{getattr(normal, name) / factor}" for name, variable in names.items()}
    return {**scaled, "tick_sec": str(max(SHORTEST_TICK_S, normal.tick_s / factor))}


def _do(acts: list[Act], group: Group, client: Client, clock: Clock) -> None:
    """Do everything in the plan, each at its time."""
    (group.work / "sessions").mkdir()
    sessions = Sessions(group.work / "sessions")
    for number, act in enumerate(acts):
        clock.wait(act.at)
        match act.do:
            case "capture":
                _capture(client, act.which, f"turn {number} of this day")
            case "hook":
                event = {"session_id": act.which, "cwd": _cwd(act.which)}
                event["transcript_path"] = str(sessions.speak(act.which))
                group.hook("turn-capture", json.dumps({**event, "hook_event_name": "Stop"}))
            case "backfill":
                past = str(group.work / act.which)
                client.call(Actor.INGEST, Import(paths=(past,)), ImportProgress)
            case "kill":
                group.kill(Actor(act.which))


def _capture(client: Client, session: str, said: str) -> None:
    """Send a turn until it is acknowledged, as a client does."""
    turn = CapturedTurn(text=said, session=session, cwd=_cwd(session), key=said)
    acknowledged = False

    def sent() -> bool:
        nonlocal acknowledged
        with suppress(NoAnswer, Refused):
            client.call(Actor.INGEST, Capture(turns=(turn,)), Captured, DEADLINE_S)
            acknowledged = True
        return acknowledged

    wait_until(sent, "the turn is acknowledged")


def _cwd(session: str) -> str:
    return f"/home/dev/{session.partition('-')[0]}"


def _seen(moments: list[Moment], layout: Layout, clock: Clock, acts: list[Act], before: int) -> Day:
    records = Records(layout.records)
    with records.view() as view:
        revisions = through(view.watermark().revision)
        changes = [clock.at(entry.at) for _, entry in view.changes(revisions)]
    records.close()
    today = changes[before:]
    writes = after_sleep(today, Settings(store=Path()).sleep_after_s, END)
    old = lags(moments_of(writes, today, [m.at for m in moments]), today)
    events = list(ledger.read(layout.ledger))
    ours = lags(moments, changes)
    return Day(
        factor=clock.factor,
        changes=len(today),
        ours=ours,
        old=old,
        kills=[(down, until_current(ours, up), actor) for down, up, actor in _kills(events, clock)],
        backfills=[act.at for act in acts if act.do == "backfill"],
        asleep=_asleep(events, clock),
    )


def _kills(events: list[dict[str, Any]], clock: Clock) -> list[tuple[float, float, str]]:
    """Return the times from the end of each process until its successor is ready."""
    down: dict[str, float] = {}
    spans = []
    for event in events:
        at = clock.at(event["at_ns"])
        if event["kind"] == "actor-down":
            down[event["actor"]] = at
        elif event["kind"] == "actor-up" and event["actor"] in down:
            spans.append((down.pop(event["actor"]), at, event["actor"]))
    return spans


def _asleep(events: list[dict[str, Any]], clock: Clock) -> list[tuple[float, float]]:
    """Return the spans in SLEEP or HIBERNATION, which may begin before the day."""
    spans: list[tuple[float, float]] = []
    since = 0.0
    for event in events:
        if event["kind"] != "state-changed":
            continue
        at = max(BEGIN, clock.at(event["at_ns"]))
        if event["state"] == "sleep":
            since = since or at
        elif event["state"] == "wake" and since:
            spans.append((since, at))
            since = 0.0
    return [span for span in [*spans, (since or END, END)] if span[0] < span[1]]
