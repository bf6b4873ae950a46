"""Scenarios for a simulated team: machines, each with all its actors, and the engine between them.

Each machine shares one project and has another one that it does not share. Machines join and leave,
but for the founder's. Any actor of any machine may crash between two effects, and the replicator
before anything that it sends.
"""

import itertools
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from iai.model.clock import NS, Now
from iai.model.record import Record
from iai.projects.identity import identify
from iai.protocol.ingest import Capture, Captured, CapturedTurn, Edit, Forget, Mark, Pin
from iai.protocol.message import Actor, Error
from iai.protocol.replicator import (
    AppointAdmin,
    InviteMachine,
    LeaveTeam,
    MachineInvited,
    ShareProject,
    TeamReport,
    TeamStatus,
)
from iai.team import enrolment, invitation
from iai.team.enrolment import Enrolment
from iai.team.membership import LEFT
from iai.team.stream import Server
from simulation import agent, replay
from simulation.agent import Line
from simulation.engine import Engine
from simulation.invariants import WORD, InvariantBroken
from simulation.scenarios import Act, Scenario, checkout
from simulation.team_invariants import TeamChecker, machine_of
from simulation.world import Chances, Scheduler, Seat, World

MOST_MACHINES = 5  # that are ever in a team
SESSIONS = 4  # of each machine; every other one is in the shared project
FEWEST = 2  # machines that are in it
QUIET_S = 150  # longest time until all is the same everywhere
JOINED_S = 20.0  # until a machine is let in, and all share the project
HOUR_S = 3_600
FOR_GOOD_S = 1e9
_DONE = (LEFT, "is not in the team; see `iai team status`")  # errors of who asks once more
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
        self._gone: set[int] = set()  # places of machines that never come back
        self._words = (f"w{number:06}" for number in itertools.count(1))
        self._unwritten: dict[tuple[int, int], list[Line]] = {}
        self._checkouts = [checkout(directory / str(at) / "p") for at in range(MOST_MACHINES)]
        self._project = identify(self._checkouts[0]).id
        skewed = self.chance.random() < 0.5  # noqa: PLR2004
        self._skews = (0, 0, 1, -1) if skewed else (0,)  # hours
        self.checker = TeamChecker(self.worlds, self.engine, self._project, same_clock=not skewed)
        self._found_team()

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
        for _ in range(1, self.scenario.machines):
            self._invite(0, own=False)
            self.scheduler.run(JOINED_S)
        for world in self.worlds:
            self._share(world, on=True)
        self.scheduler.run(JOINED_S)
        for world in self.worlds:
            self._begin(world)

    def _begin(self, world: World) -> None:
        """Have faults happen to a machine, and perhaps its clock be wrong."""
        world.chances = self.scenario.chances
        ahead = self.chance.choice(self._skews) * HOUR_S * NS
        world.now = Now(world.now.wall + ahead, world.now.mono)

    def _invite(self, place: int, *, own: bool) -> None:
        """Have a machine invite a new one, which asks to be let in."""
        invited = self.worlds[place].answer(Actor.REPLICATOR, InviteMachine(own=own))
        if isinstance(invited, MachineInvited):  # else it is not let in itself yet
            code = invitation.decode(invited.code, self.worlds[place].now.wall)
            at = len(self.worlds)
            self._add(enrolment.accept(code, f"author {at}", f"machine {at}"))
            self.checker.join(at, place if own else at)

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

    def note(self, which: int) -> None:
        """Somebody notes something, for all or for themselves."""
        place, mine, word = self._place(which), (which >> 4) % 3 == 0, next(self._words)
        world = self.worlds[place]
        turn = CapturedTurn(
            text=agent.text_of(word), cwd=self._checkouts[place], tier="semantic",
            created_at=world.now.wall, pinned=bool((which >> 6) % 2), mine=mine,
        )  # fmt: skip
        answer = world.answer(Actor.INGEST, Capture(turns=(turn,)))
        assert isinstance(answer, Captured), answer  # noqa: S101
        if mine:
            self.checker.say_own(place, word)
        else:
            self._acknowledge(place, 0, [word])

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
            replay.write(path, agent.written(line, name, cwd, world.now.wall), world.now.wall)
        event = {"session_id": name, "transcript_path": str(path), "cwd": cwd}
        spooled = world.layout.spool_new / f"{next(self._words)}.json"
        replay.write(spooled, json.dumps(event), world.now.wall)
        self._acknowledge(place, session, [line.said for line in lines if line.said])

    def _acknowledge(self, place: int, session: int, words: list[str]) -> None:
        if session % 2:
            self.checker.private[place] |= set(words)
        else:
            self.checker.say(place, words)

    # --- what is done to it -----------------------------------------------------------------------

    def pin(self, which: int) -> None:
        """Somebody pins or unpins a record, of whichever machine."""
        if record := self._chosen(which):
            mine = (which >> 6) % 3 == 0
            if mine:
                self.checker.pin_own(self._place(which), record.id)
            self._ask(which, Pin(ref=record.id, pinned=bool((which >> 4) % 3), mine=mine))

    def mark(self, which: int) -> None:
        """Somebody dismisses a record, or closes its session, or takes that back."""
        if record := self._chosen(which):
            mark: Literal["done", "dismissed"] = "done" if (which >> 6) % 3 == 0 else "dismissed"
            self._ask(which, Mark(ref=record.id, mark=mark, on=bool((which >> 4) % 3)))

    def edit(self, which: int) -> None:
        """Somebody edits a record."""
        if (record := self._chosen(which)) and WORD.search(record.text):
            word = next(self._words)
            self.checker.replaced(self._place(which), record, word)
            self._ask(which, Edit(ref=record.id, text=agent.text_of(word)))

    def forget(self, which: int) -> None:
        """Forget a record, or what a machine has of a whole session."""
        record = self._chosen(which)
        if record is None or record.machine in self.checker.vanished_ids:
            return  # what else was in one message with it has no author any more
        whole = bool(record.session) and (which >> 4) % 4 == 0  # notes are in none
        with self.worlds[self._place(which)].records.view() as view:
            session = [r for r in view.every() if _session(r) == _session(record)]
        self.checker.forgotten(self._place(which), session if whole else [record])
        if whole:  # what of it was not read here yet may go, or stay
            self.checker.said -= self._words_of_session(record)
        self._ask(which, Forget(refs=(record.id,), whole_sessions=whole))

    def pause(self, which: int) -> None:
        """A machine does not share the project until all rest."""
        self._share(self.worlds[self._place(which)], on=False)

    # --- who is in the team -----------------------------------------------------------------------

    def join(self, which: int) -> None:
        """Somebody lets another machine in, of their own or of somebody else."""
        if len(self.worlds) < MOST_MACHINES:
            self._invite(self._place(which), own=bool((which >> 3) % 2))
            self._begin(self.worlds[-1])

    def appoint(self, which: int) -> None:
        """The founder makes a machine an admin."""
        machine = machine_of(self.worlds[self._place(which)])
        self.worlds[0].answer(Actor.REPLICATOR, AppointAdmin(machine=machine))

    def leave(self, which: int) -> None:
        """A machine leaves, or is removed by another one that may do so."""
        place = self._place(which)
        by = (place, 0, self._place(which >> 10))[(which >> 8) % 3]
        if place and len(self.checker.present) > FEWEST and not self._anybody_waits():
            leaving = LeaveTeam(machine="" if place == by else machine_of(self.worlds[place]))
            answer = self.worlds[by].answer(Actor.REPLICATOR, leaving)
            # A request that is repeated after a crash may have had its effect.
            done = not isinstance(answer, Error) or answer.detail.endswith(_DONE)
            if done:
                self.checker.leave(place)

    def vanish(self, which: int) -> None:
        """A machine never comes back, of which the others know all; the engine may lose it, too."""
        place = self._place(which)
        if place and len(self.checker.present) > FEWEST and not self._anybody_waits():
            self.rest(0)
            world = self.worlds[place]
            world.reach(online=False)
            for actor in world.pipeline:
                world.crash(actor, for_s=FOR_GOOD_S)
            self._gone.add(place)
            self.checker.vanish(place)
            if (which >> 8) % 2:
                self.empty(which)

    def _anybody_waits(self) -> bool:
        """Is a machine not let in yet? Its invitation would be void if who made it left."""
        worlds = [self.worlds[place] for place in self.checker.present]
        reports = [world.answer(Actor.REPLICATOR, TeamStatus()) for world in worlds]
        return any(isinstance(r, TeamReport) and r.reason.startswith("waiting") for r in reports)

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
        for world in self._there:
            world.chances = Chances()
            world.down_until = dict.fromkeys(world.down_until, world.now.mono)
            world.reach(online=True)
        self.scheduler.run(2.0)
        for _second in range(QUIET_S // 10):
            for place in self.checker.present:
                self._share(self.worlds[place], on=True)
            self.scheduler.run(10.0)
            if self.checker.holds():
                break
        self.scheduler.run(30.0)
        self.checker.check()
        self.checker.begin_without()
        for world in self._there:
            world.chances = self.scenario.chances

    # --- helpers ----------------------------------------------------------------------------------

    def _reconnect(self, which: int) -> None:
        """Have the machines that can reach the engine do so, after a moment; some come later."""
        self.scheduler.run(1.0)
        for place, world in enumerate(self.worlds):
            if place not in self._gone and world.online and (which >> (8 + place)) % 4:
                world.reach(online=True)

    @property
    def _there(self) -> list[World]:
        return [world for place, world in enumerate(self.worlds) if place not in self._gone]

    def _place(self, which: int) -> int:
        return self.checker.present[which % len(self.checker.present)]

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
    "note": TeamRunner.note,
    "work": TeamRunner.work,
    "pin": TeamRunner.pin,
    "mark": TeamRunner.mark,
    "edit": TeamRunner.edit,
    "forget": TeamRunner.forget,
    "pause": TeamRunner.pause,
    "join": TeamRunner.join,
    "appoint": TeamRunner.appoint,
    "leave": TeamRunner.leave,
    "vanish": TeamRunner.vanish,
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
    "say": 20, "note": 5, "work": 20, "pin": 6, "mark": 4, "edit": 6, "forget": 6, "pause": 1,
    "join": 3, "appoint": 1, "leave": 4, "vanish": 2, "crash": 4, "kill": 6, "cut": 5, "reach": 5,
    "lose_tail": 3, "empty": 1, "repeat": 2, "reorder": 4, "restart": 1,
}  # fmt: skip
