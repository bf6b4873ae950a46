"""Scenarios for a simulated team: machines, each with all its actors, and the engine between them.

Each machine shares one project and has another one that it does not share. Any actor of any machine
may crash between two effects, and the replicator before anything that it sends.
"""

import itertools
import json
import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from iai.model.clock import NS, Now
from iai.model.record import Record
from iai.projects.identity import identify
from iai.protocol.ingest import Capture, Captured, CapturedTurn, Edit, Forget, Mark, Pin
from iai.protocol.message import Actor
from iai.protocol.replicator import InviteMachine, MachineInvited, ShareProject
from iai.team import enrolment, invitation
from iai.team.enrolment import Enrolment
from iai.team.stream import Server
from simulation import agent
from simulation.agent import Line
from simulation.engine import Engine
from simulation.invariants import WORD, InvariantBroken
from simulation.scenarios import Act, Scenario, checkout
from simulation.team_invariants import TeamChecker
from simulation.world import Chances, Scheduler, Seat, World

SESSIONS = 4  # of each machine; every other one is in the shared project
QUIET_S = 150  # longest time until all is the same everywhere
JOINED_S = 20.0  # until a machine is let in, and all share the project
HOUR_S = 3_600
SERVER = Server(urls=("tls://127.0.0.1:4222",))


def generate_team(seed: int, days: int) -> Scenario:
    """Generate a scenario: stretches of work and faults, each followed by a rest."""
    chance = random.Random(f"team {seed}")  # noqa: S311
    chances = Chances(
        lost=chance.choice((0.0, 0.05, 0.5)),
        doubled=chance.choice((0.0, 0.1)),
        late=chance.choice((0.0, 0.1)),
        crash=chance.choice((0.0, 0.002, 0.02)),
    )
    kinds, weights = list(TEAM_WEIGHTS), list(TEAM_WEIGHTS.values())
    acts: list[Act] = []
    for _ in range(days * chance.randint(1, 3)):
        for kind in chance.choices(kinds, weights, k=chance.randint(5, 25)):
            after_s = chance.choice((0.0, 0.02, 0.3, 2.0, 8.0))
            acts.append(Act(after_s, kind, chance.getrandbits(30)))
        acts.append(Act(0.0, "rest", chance.getrandbits(30)))
    return Scenario(seed, 10.0, chances, tuple(acts), machines=chance.choice((2, 2, 3)))


class TeamRunner:
    """Runs one scenario in worlds of its own."""

    def __init__(self, scenario: Scenario, directory: Path) -> None:
        self.scenario = scenario
        self.directory = directory
        self.acts_done = 0
        self.scheduler = Scheduler(scenario.seed)
        self.chance = random.Random(scenario.seed)  # noqa: S311
        self.engine = Engine()
        self.worlds: list[World] = []
        self._words = (f"w{number:06}" for number in itertools.count(1))
        self._unwritten: dict[tuple[int, int], list[Line]] = {}
        self._checkouts = [checkout(directory / str(at) / "p") for at in range(scenario.machines)]
        self._project = identify(self._checkouts[0]).id
        self._found_team()
        self.checker = TeamChecker(self.worlds, self.engine, self._project)

    def run(self) -> None:
        """Run it to its end, and then until all is quiet.

        Raises InvariantBroken; `acts_done` then tells how far it got.
        """
        for act in self.scenario.acts:
            self.scheduler.run(act.after_s)
            self.acts_done += 1
            TEAM_ACTS[act.do](self, act.which)
        self.rest(0)
        for world in self.worlds:
            assert world.team is not None  # noqa: S101  for mypy
            for store in (world.records, world.vectors, world.graph):
                for problem in store.problems():
                    raise InvariantBroken("k", problem)

    def close(self) -> None:
        """Close the stores."""
        for world in self.worlds:
            world.close()

    def _found_team(self) -> None:
        self._add(enrolment.create("crew", SERVER, "author 0", "machine 0"))
        self.scheduler.run(JOINED_S)
        for at in range(1, self.scenario.machines):
            invited = self.worlds[0].answer(Actor.REPLICATOR, InviteMachine())
            assert isinstance(invited, MachineInvited), invited  # noqa: S101
            code = invitation.decode(invited.code, self.worlds[0].now.wall)
            self._add(enrolment.accept(code, f"author {at}", f"machine {at}"))
            self.scheduler.run(JOINED_S)
        for world in self.worlds:
            self._share(world, on=True)
        self.scheduler.run(JOINED_S)
        for world in self.worlds:
            world.chances = self.scenario.chances
            ahead = self.chance.choice((0, 0, 1, -1)) * HOUR_S * NS
            world.now = Now(world.now.wall + ahead, world.now.mono)

    def _add(self, own: Enrolment) -> None:
        world = World(
            self.directory / str(len(self.worlds)) / "store",
            interleaved=True,
            scheduler=self.scheduler,
            seat=Seat(own, self.engine),
            refresh_min_s=self.scenario.interval_s,
        )
        self.worlds.append(world)

    def _share(self, world: World, *, on: bool) -> None:
        world.answer(Actor.REPLICATOR, ShareProject(project=self._project, on=on))

    # --- what is said -----------------------------------------------------------------------------

    def say(self, which: int) -> None:
        """A client captures some turns."""
        place, session = self._place(which), (which >> 3) % SESSIONS
        world, cwd = self.worlds[place], self._directory(place, session)
        words = list(itertools.islice(self._words, 1 + (which >> 6) % 3))
        self.scheduler.run(0.001)
        wall = world.now.wall - len(words)
        turns = tuple(
            CapturedTurn(
                text=agent.text_of(word), cwd=cwd, session=str(session), created_at=wall + at
            )
            for at, word in enumerate(words)
        )
        answer = world.answer(Actor.INGEST, Capture(turns=turns))
        assert isinstance(answer, Captured), answer  # noqa: S101
        self._acknowledge(place, session, words)

    def work(self, which: int) -> None:
        """An agent goes on with its work, or begins some; it may stop in the middle."""
        place, session, bits = self._place(which), (which >> 3) % SESSIONS, which >> 6
        lines = self._unwritten.pop((place, session), None)
        lines = lines or agent.job(self._words, session, bits)
        part = len(lines) if bits % 3 == 0 else 1 + (bits >> 2) % len(lines)
        self._unwritten[place, session] = lines[part:]
        self._write(place, session, lines[:part])

    def _write(self, place: int, session: int, lines: Iterable[Line]) -> None:
        """A host writes lines into its transcript, and its hook an event into the spool."""
        world, cwd, name = self.worlds[place], self._directory(place, session), f"h{session}"
        path = self.directory / str(place) / f"{session}.jsonl"
        for line in lines:
            self.scheduler.run(0.001)
            with path.open("a") as file:
                file.write(agent.written(line, name, cwd, world.now.wall))
        event = {"session_id": name, "transcript_path": str(path), "cwd": cwd}
        spooled = world.layout.spool_new / f"{next(self._words)}.json"
        spooled.write_text(json.dumps(event))
        os.utime(spooled, ns=(world.now.wall, world.now.wall))
        self._acknowledge(place, session, [line.said for line in lines if line.said])

    def _acknowledge(self, place: int, session: int, words: list[str]) -> None:
        if session % 2:
            self.checker.private[place] |= set(words)
        else:
            self.checker.said |= set(words)

    # --- what is done to it -----------------------------------------------------------------------

    def pin(self, which: int) -> None:
        """Somebody pins or unpins a record, of whichever machine."""
        if record := self._chosen(which):
            self._ask(which, Pin(ref=record.id, pinned=bool((which >> 4) % 3)))

    def mark(self, which: int) -> None:
        """Somebody dismisses a record, or takes that back."""
        if record := self._chosen(which):
            self._ask(which, Mark(ref=record.id, mark="dismissed", on=bool((which >> 4) % 3)))

    def edit(self, which: int) -> None:
        """Somebody edits a record."""
        if (record := self._chosen(which)) and WORD.search(record.text):
            word = next(self._words)
            self.checker.replaced(record, word)
            self._ask(which, Edit(ref=record.id, text=agent.text_of(word)))

    def forget(self, which: int) -> None:
        """Forget a record, or what a machine has of a whole session."""
        record = self._chosen(which)
        if record is None:
            return
        whole = (which >> 4) % 4 == 0
        with self.worlds[self._place(which)].records.view() as view:
            session = [r for r in view.every() if _session(r) == _session(record)]
        self.checker.forgotten(session if whole else [record])
        if whole:  # what of it was not read here yet may go, or stay
            self.checker.said -= self._words_of_session(record)
        self._ask(which, Forget(refs=(record.id,), whole_sessions=whole))

    def pause(self, which: int) -> None:
        """A machine does not share the project until all rest."""
        self._share(self.worlds[self._place(which)], on=False)

    # --- what goes wrong --------------------------------------------------------------------------

    def crash(self, which: int) -> None:
        """A process is killed."""
        world = self.worlds[self._place(which)]
        world.crash(world.pipeline[(which >> 3) % len(world.pipeline)], for_s=0.1 + which % 3)

    def kill(self, which: int) -> None:
        """A replicator, or an ingest, is killed: the others have little to do with a team."""
        actor = Actor.REPLICATOR if (which >> 3) % 2 else Actor.INGEST
        self.worlds[self._place(which)].crash(actor, for_s=0.1 + which % 3)

    def cut(self, which: int) -> None:
        """A machine cannot reach the engine; what was under way may be lost."""
        self.worlds[self._place(which)].reach(online=False)

    def reach(self, which: int) -> None:
        """A machine can reach the engine again."""
        self.worlds[self._place(which)].reach(online=True)

    def lose_tail(self, which: int) -> None:
        """The engine loses its last second, what it has acknowledged included."""
        self.engine.lose_tail(1 + which % 20)
        self._reconnect(which)

    def empty(self, which: int) -> None:
        """The engine loses everything."""
        self.engine.empty()
        self._reconnect(which)

    def repeat(self, which: int) -> None:
        """The engine has some messages a second time, after later ones."""
        for _ in range(1 + which % 4):
            self.engine.repeat(self.chance)

    def reorder(self, which: int) -> None:
        """Messages that are under way to a machine change places."""
        stream = self.worlds[self._place(which)].stream
        if stream is not None:
            stream.reorder(self.chance)

    def restart(self, which: int) -> None:
        """A group is stopped cleanly and started again."""
        world = self.worlds[self._place(which)]
        for actor in world.pipeline:
            world.stop(actor)
        world.down_until.clear()
        for actor in world.pipeline:
            world.start(actor)

    def rest(self, _: int) -> None:
        """Faults stop until everything is the same everywhere; then it has to stay so."""
        for world in self.worlds:
            world.chances = Chances()
            world.down_until = dict.fromkeys(world.down_until, world.now.mono)
            world.reach(online=True)
        self.scheduler.run(2.0)
        for world in self.worlds:
            self._share(world, on=True)
        for _second in range(QUIET_S // 10):
            self.scheduler.run(10.0)
            if self.checker.holds():
                break
        self.scheduler.run(30.0)
        self.checker.check()
        for world in self.worlds:
            world.chances = self.scenario.chances

    # --- helpers ----------------------------------------------------------------------------------

    def _reconnect(self, which: int) -> None:
        """Have the machines that can reach the engine do so, after a moment; some come later."""
        self.scheduler.run(1.0)
        for place, world in enumerate(self.worlds):
            if world.online and (which >> (8 + place)) % 4:
                world.reach(online=True)

    def _place(self, which: int) -> int:
        return which % len(self.worlds)

    def _directory(self, place: int, session: int) -> str:
        return f"/private{place}" if session % 2 else self._checkouts[place]

    def _ask(self, which: int, request: Pin | Mark | Edit | Forget) -> None:
        self.worlds[self._place(which)].answer(Actor.INGEST, request)

    def _chosen(self, which: int) -> Record | None:
        """Return a record that the machine has, but for those of projects it does not share."""
        with self.worlds[self._place(which)].records.view() as view:
            found = [one for one in view.every() if one.project == self._project]
        return found[(which >> 8) % len(found)] if found else None

    def _words_of_session(self, record: Record) -> set[str]:
        """Return the words of a session, on whichever machine they are."""
        found: set[str] = set()
        for world in self.worlds:
            with world.records.view() as view:
                for one in view.every():
                    if (one.host, one.session) == (record.host, record.session):
                        found |= set(WORD.findall(one.text))
        return found


def _session(record: Record) -> tuple[str, str, str]:
    return record.host, record.session, record.machine


TEAM_ACTS: dict[str, Callable[[TeamRunner, int], None]] = {
    "say": TeamRunner.say,
    "work": TeamRunner.work,
    "pin": TeamRunner.pin,
    "mark": TeamRunner.mark,
    "edit": TeamRunner.edit,
    "forget": TeamRunner.forget,
    "pause": TeamRunner.pause,
    "crash": TeamRunner.crash,
    "kill": TeamRunner.kill,
    "cut": TeamRunner.cut,
    "reach": TeamRunner.reach,
    "lose_tail": TeamRunner.lose_tail,
    "empty": TeamRunner.empty,
    "repeat": TeamRunner.repeat,
    "reorder": TeamRunner.reorder,
    "restart": TeamRunner.restart,
    "rest": TeamRunner.rest,
}
TEAM_WEIGHTS = {
    "say": 20, "work": 20, "pin": 5, "mark": 3, "edit": 6, "forget": 6, "pause": 1, "crash": 4,
    "kill": 6, "cut": 5, "reach": 5, "lose_tail": 3, "empty": 1, "repeat": 2, "reorder": 4,
    "restart": 1,
}  # fmt: skip
