"""Scenarios for a simulated group: generated from a seed, run in a world, shrunk if they fail.

A scenario is a list of acts. Random faults (messages, crashes) come from its seed and its chances;
everything else is in the acts.
"""

import itertools
import json
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct, structs

from iai.freshness.sidecar import sidecar_path
from iai.model.clock import NS, Now
from iai.model.record import Record, session_key
from iai.protocol.cache_writer import Refresh
from iai.protocol.ingest import (
    Capture,
    CapturedTurn,
    Forget,
    Import,
    Pin,
)
from iai.protocol.message import PIPELINE, Actor
from simulation import agent, replay
from simulation.agent import Line
from simulation.invariants import InvariantChecker
from simulation.world import Chances, World

PROJECTS = 3
SESSIONS = 6
DAY_S = 86_400
CALM_S = 900.0  # longest time until all is current: an interval and the longest back-off


class Act(Struct, frozen=True):
    """Something that happens, some seconds after the act before it."""

    after_s: float
    do: str  # a name in `ACTS`
    which: int  # random bits, from which each act takes its target and details


class Scenario(Struct, frozen=True):
    """Everything that a run depends on."""

    seed: int
    interval_s: float  # minimum time between two refreshes
    chances: Chances
    acts: tuple[Act, ...]
    machines: int = 1  # more than one: a team; see `simulation.team_scenarios`


def generate(seed: int, days: int) -> Scenario:
    """Generate a scenario: bursts of work, each followed by a rest."""
    chance = random.Random(seed)  # noqa: S311
    interval_s = chance.choice((0.0, 1.0, 10.0, 60.0))
    chances = Chances(
        lost=chance.choice((0.0, 0.05, 0.5)),
        doubled=chance.choice((0.0, 0.1)),
        late=chance.choice((0.0, 0.1)),
        crash=chance.choice((0.0, 0.0, 0.002, 0.02)),
    )
    acts = [act for _ in range(days) for act in _day(chance)]
    return Scenario(seed, interval_s, chances, tuple(acts))


def _day(chance: random.Random) -> Iterator[Act]:
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    for _ in range(chance.randint(2, 4)):
        for kind in chance.choices(kinds, weights, k=chance.randint(3, 15)):
            yield Act(chance.choice((0.0, 0.02, 0.3, 2.0, 8.0, 30.0)), kind, chance.getrandbits(30))
        yield Act(0.0, "rest", chance.getrandbits(30))


def shrink(scenario: Scenario, fails: Callable[[Scenario], bool], attempts: int = 300) -> Scenario:
    """Remove what a scenario does not need to fail: stretches of acts, then single ones.

    (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002.)
    """
    for field in ("lost", "doubled", "late", "crash"):
        calmer = structs.replace(
            scenario, chances=structs.replace(scenario.chances, **{field: 0.0})
        )
        if calmer != scenario and fails(calmer):
            scenario = calmer
    size = max(1, len(scenario.acts) // 2)
    while attempts > 0:
        first, found = 0, False
        while first < len(scenario.acts) and attempts > 0:
            acts = scenario.acts[:first] + scenario.acts[first + size :]
            shorter = structs.replace(scenario, acts=acts)
            attempts -= 1
            if fails(shorter):
                scenario, found = shorter, True
            else:
                first += size
        if size == 1 and not found:
            break
        size = max(1, size // 2)
    return scenario


class ScenarioRunner:
    """Runs one scenario in a world of its own."""

    def __init__(self, scenario: Scenario, directory: Path) -> None:
        self.scenario = scenario
        self.world = World(
            directory / "store",
            seed=scenario.seed,
            chances=scenario.chances,
            interleaved=True,
            refresh_min_s=scenario.interval_s,
        )
        self.checker = InvariantChecker(self.world)
        self.acts_done = 0
        self._transcripts = directory
        self._checkouts = [checkout(directory / name) for name in ("main", "beside")]
        self._words = (f"w{number:06}" for number in itertools.count(1))
        self._unwritten: dict[int, list[Line]] = {}  # session -> what its agent will do next
        self._written: dict[str, set[str]] = defaultdict(set)  # session -> words in its transcript
        self._unkept: set[str] = set()  # words of actions begun after their session was forgotten
        self._latest_old = 0  # the latest time of what is, or may be, stored after it was said

    def run(self) -> None:
        """Run it to its end, and then until the group is quiet.

        Raises InvariantBroken; `acts_done` then tells how far it got.
        """
        for act in self.scenario.acts:
            self._advance(act.after_s)
            self.acts_done += 1
            ACTS[act.do](self, act.which)
        self.rest(0)
        self.checker.intact()

    @property
    def worlds(self) -> list[World]:
        """All there is: one."""
        return [self.world]

    def close(self) -> None:
        """Close the store."""
        self.world.close()

    def _advance(self, seconds: float) -> None:
        self.world.run(seconds)
        self.checker.in_time()

    # --- what is said -----------------------------------------------------------------------------

    def say(self, which: int) -> None:
        """A client captures some turns, and usually waits for the answer."""
        self.world.run(0.001)  # two sessions say nothing in the same nanosecond
        words = list(itertools.islice(self._words, 1 + which % 3))
        session = which % SESSIONS
        cwd = self._directory(session)
        turns = tuple(
            CapturedTurn(
                text=agent.text_of(word),
                cwd=cwd,
                session=str(session),
                created_at=self.world.now.wall,
            )
            for word in words
        )
        if which % 5:
            self.world.answer(Actor.INGEST, Capture(turns=turns))
            self._acknowledge(cwd, *words)
        else:
            self.world.ask(Actor.INGEST, Capture(turns=turns))
            self.checker.last_said.pop(cwd, None)  # it may be stored, or not

    def burst(self, which: int) -> None:
        """A client captures one turn after another without waiting."""
        cwd = self._directory(which)
        for _ in range(2 + which % 30):
            turn = CapturedTurn(
                text=agent.text_of(next(self._words)),
                cwd=cwd,
                session="burst",
                created_at=self.world.now.wall,
            )
            self.world.ask(Actor.INGEST, Capture(turns=(turn,)))
            self.world.run(0.001)
        self.checker.last_said.clear()

    def hook(self, which: int) -> None:
        """A user asks for something in a session; what its agent had not done yet is not done."""
        session = which % SESSIONS
        self._unwritten.pop(session, None)
        self._write(session, [agent.prompt(next(self._words))])

    def work(self, which: int) -> None:
        """An agent goes on with its work, or begins some; it may stop in the middle."""
        session = which % SESSIONS
        bits = which >> 4
        lines = self._unwritten.pop(session, None) or agent.job(self._words, session, bits)
        part = len(lines) if bits % 3 == 0 else 1 + (bits >> 2) % len(lines)
        self._unwritten[session] = lines[part:]
        self._write(session, lines[:part])

    def refuse(self, which: int) -> None:
        """A user refuses what an agent was about to do, and says why."""
        self._write(which % SESSIONS, agent.refusal(next(self._words), next(self._words)))

    def queue(self, which: int) -> None:
        """A user types while the agent works. Whether that is handed over may show much later."""
        self.checker.last_said.pop(self._directory(which % SESSIONS), None)
        # Once the clock is set back, it may even come after what was said last.
        self._latest_old = max(self._latest_old, self.world.now.wall)
        self._write(which % SESSIONS, agent.queued(next(self._words), (which >> 4) % 3))

    def _write(self, session: int, lines: Iterable[Line]) -> None:
        """A host writes lines into its transcript, and its hook an event into the spool."""
        self.world.run(0.001)
        cwd, name = self._directory(session), f"h{session}"
        path = self._transcripts / f"{session}.jsonl"
        wall = self.world.now.wall
        written = "".join(agent.written(line, name, cwd, wall) for line in lines)
        replay.write(path, written, wall)
        event = {"session_id": name, "transcript_path": str(path), "cwd": cwd}
        spooled = self.world.layout.spool_new / f"{next(self._words)}.json"
        replay.write(spooled, json.dumps(event), wall)
        said = [line.said for line in lines if line.said]
        self._written[name] |= set(said)
        self._acknowledge(cwd, *said)
        if self._forgotten(name):
            self._unkept |= {line.called for line in lines}
        else:
            self.checker.performed |= {line.done for line in lines if line.done} - self._unkept

    def _forgotten(self, name: str) -> bool:
        """Was all of a session forgotten? What is still done for its requests is not kept."""
        session = session_key("claude", name)
        with self.world.records.view() as view:
            return view.was_forgotten(session) and not view.has_turns(session)

    def backdate(self, which: int) -> None:
        """A client captures a turn that was said long ago."""
        cwd, then = self._directory(which), self._long_ago(which)
        word = next(self._words)
        turn = CapturedTurn(text=agent.text_of(word), cwd=cwd, session="old", created_at=then)
        self.world.answer(Actor.INGEST, Capture(turns=(turn,)))
        self.checker.acknowledged.add(word)

    def backfill(self, which: int) -> None:
        """Somebody imports an old transcript."""
        name = next(self._words)
        lines = [agent.prompt(word) for word in itertools.islice(self._words, 1 + which % 15)]
        lines += agent.job(self._words, SESSIONS, which >> 4)
        cwd, then = self._directory(which), self._long_ago(which)
        path = self._transcripts / f"{name}.jsonl"
        written = "".join(agent.written(line, name, cwd, then) for line in lines)
        replay.write(path, written, then)
        self.world.ask(Actor.INGEST, Import(paths=(str(path),)))

    # --- what is done to it -----------------------------------------------------------------------

    def pin(self, which: int) -> None:
        """Somebody pins or unpins a record."""
        if record := self._chosen(which):
            pinned = bool(which % 3)
            self.world.answer(Actor.INGEST, Pin(ref=f"#{record.label}", pinned=pinned))

    def edit(self, which: int) -> None:
        """A record is edited behind the actors' back: no event is published."""
        if record := self._chosen(which):
            word = next(self._words)
            text = agent.text_of(word)
            self.world.records.commit(
                lambda unit: unit.edits.set_text(record, text), self.world.now
            )
            self.checker.acknowledged.add(word)

    def forget(self, which: int) -> None:
        """Somebody forgets a record, or a whole session."""
        if record := self._chosen(which):
            whole = which % 4 == 0
            self.checker.forgetting(self._written[record.session] if whole else set())
            forget = Forget(refs=(f"#{record.label}",), whole_sessions=whole)
            self.world.answer(Actor.INGEST, forget)

    def refresh(self, which: int) -> None:
        """Somebody asks for refreshes, some of them forced."""
        for _ in range(1 + which % 3):
            self.world.ask(Actor.CACHE_WRITER, Refresh(force=which % 2 == 0))

    # --- what goes wrong --------------------------------------------------------------------------

    def crash(self, which: int) -> None:
        """A process is killed."""
        self.world.crash(PIPELINE[which % len(PIPELINE)], for_s=0.1 + which % 3)

    def outage(self, which: int) -> None:
        """A process cannot start for some minutes. Never ingest: nothing happens without it."""
        self.world.crash(PIPELINE[1 + which % (len(PIPELINE) - 1)], for_s=30.0 + which % 300)

    def lose(self, which: int) -> None:
        """The graph is lost, and the actor that rebuilds it cannot start for a while."""
        self.world.crash(Actor.GRAPH_CACHE, for_s=float(which % 300))
        self.world.graph.commit(lambda unit: unit.forget_everything())

    def tamper(self, which: int) -> None:
        """Somebody deletes one of our files, or changes its content or its time."""
        layout = self.world.layout
        payloads = [layout.payload, *sorted(layout.session_start.glob("*.md"))]
        payload = payloads[(which >> 4) % len(payloads)] if which % 5 < 2 else layout.payload  # noqa: PLR2004
        if not payload.exists():
            return
        sidecar = sidecar_path(payload)
        match which % 5:
            case 0:
                payload.unlink()
            case 1:
                sidecar.unlink(missing_ok=True)
            case 2 if which % 2:
                payload.write_bytes(payload.read_bytes()[: which % 400])
                os.utime(payload, ns=(self.world.now.wall, self.world.now.wall))
            case 2:
                sidecar.write_bytes(b"{")
            case _:
                then = self.world.now.wall + (DAY_S if which % 2 else -DAY_S) * NS
                os.utime(payload, ns=(then, then))
        self.checker.tampered(payload, sidecar)

    def full(self, which: int) -> None:
        """The disk is full for a while."""
        self.world.disk_full = True
        self._advance(float(which % 90))
        self.world.disk_full = False
        self.checker.hindered()

    def restart(self, _: int) -> None:
        """The group is stopped cleanly and started again."""
        self.checker.stopping()
        for actor in PIPELINE:
            self.world.stop(actor)
        self.world.down_until.clear()
        for actor in PIPELINE:
            self.world.start(actor)
        self.checker.check()

    def rest(self, which: int) -> None:
        """Faults stop until everything is current; then time passes.

        It passes on both clocks, or on the wall clock only (a suspended machine, a clock that is
        set).
        """
        world = self.world
        world.chances = Chances()
        world.down_until = dict.fromkeys(world.down_until, world.now.mono)
        self.checker.hindered()
        world.run(CALM_S, until=self.checker.current)
        world.run(30.0)
        self.checker.in_time()
        world.run(CALM_S, until=self.checker.current)
        self.checker.quiet()
        pause = (which % 6) * 3_600 * NS
        match which % 4:
            case 0 | 1:
                world.now = Now(world.now.wall + pause, world.now.mono + pause)
            case 2:
                world.now = Now(world.now.wall + pause, world.now.mono)
            case _:
                days = (which >> 8) % 730 - 365
                world.now = Now(world.now.wall + days * DAY_S * NS, world.now.mono)
        self.checker.hindered()
        world.chances = self.scenario.chances

    # --- helpers ----------------------------------------------------------------------------------

    def _directory(self, which: int) -> str:
        """Return a directory to work in. The last of the projects has two checkouts."""
        if (project := which % PROJECTS) < PROJECTS - 1:
            return f"/p{project}"
        return self._checkouts[which // PROJECTS % len(self._checkouts)]

    def _long_ago(self, which: int) -> int:
        """Return a past time. If the clock was set back, it may be later than the last turn."""
        self.checker.last_said.clear()
        then = self.world.now.wall - (1 + which % 300) * DAY_S * NS
        self._latest_old = max(self._latest_old, then)
        return then

    def _acknowledge(self, cwd: str, *words: str) -> None:
        self.checker.acknowledged |= set(words)
        if words and self.world.now.wall > self._latest_old:
            self.checker.last_said[cwd] = words[-1]
        elif words:  # the clock was set back: what was said last before is not the last any more
            self.checker.last_said.pop(cwd, None)

    def _chosen(self, which: int) -> Record | None:
        with self.world.records.view() as view:
            highest = view.watermark().max_vec_label
            return next(view.after(which % highest), None) if highest else None


def checkout(directory: Path) -> str:
    """Lay out what there is to see of a clone; return its directory."""
    (directory / ".git").mkdir(parents=True)
    url = "https://example.org/p.git"
    (directory / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {url}\n')
    return str(directory)


ACTS: dict[str, Callable[[ScenarioRunner, int], None]] = {
    "say": ScenarioRunner.say,
    "burst": ScenarioRunner.burst,
    "hook": ScenarioRunner.hook,
    "work": ScenarioRunner.work,
    "refuse": ScenarioRunner.refuse,
    "queue": ScenarioRunner.queue,
    "backdate": ScenarioRunner.backdate,
    "backfill": ScenarioRunner.backfill,
    "pin": ScenarioRunner.pin,
    "edit": ScenarioRunner.edit,
    "forget": ScenarioRunner.forget,
    "refresh": ScenarioRunner.refresh,
    "crash": ScenarioRunner.crash,
    "outage": ScenarioRunner.outage,
    "lose": ScenarioRunner.lose,
    "tamper": ScenarioRunner.tamper,
    "full": ScenarioRunner.full,
    "restart": ScenarioRunner.restart,
    "rest": ScenarioRunner.rest,
}
WEIGHTS = {
    "say": 20, "burst": 6, "hook": 6, "work": 20, "refuse": 2, "queue": 4, "backdate": 4,
    "backfill": 3, "pin": 6, "edit": 4, "forget": 6, "refresh": 5, "crash": 6, "outage": 2,
    "lose": 3, "tamper": 5, "full": 1, "restart": 2,
}  # fmt: skip
