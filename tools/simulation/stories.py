"""Stories of a simulated group: invented from a seed, told in a world, cut down where they fail.

A story is a list of acts. What goes wrong by itself (messages, crashes) comes from its seed and its
chances; the rest is in the acts.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct, structs

from iai.freshness.sidecar import sidecar_path
from iai.model import clock
from iai.model.clock import NS, Now
from iai.model.record import Record
from iai.protocol.cache_writer import Refresh
from iai.protocol.ingest import (
    Capture,
    CapturedTurn,
    Forget,
    Import,
    Pin,
)
from iai.protocol.message import PIPELINE, Actor
from simulation.invariants import Watch
from simulation.world import Chances, World

PROJECTS = 3
SESSIONS = 6
DAY_S = 86_400
CALM_S = 900.0  # the longest that it takes to be current: an interval and the longest back-off


class Act(Struct, frozen=True):
    """Something that happens, some seconds after what happened before."""

    after_s: float
    do: str
    which: int  # what it is done to, or how; each act makes of it what it needs


class Story(Struct, frozen=True):
    """All that a run depends on."""

    seed: int
    interval_s: float
    chances: Chances
    acts: tuple[Act, ...]


def invent(seed: int, days: int) -> Story:
    """Make up a story: bursts of work, and a rest after each that ends a part of the day."""
    chance = random.Random(seed)  # noqa: S311
    interval_s = chance.choice((0.0, 1.0, 10.0, 60.0))
    chances = Chances(
        lost=chance.choice((0.0, 0.05, 0.5)),
        doubled=chance.choice((0.0, 0.1)),
        late=chance.choice((0.0, 0.1)),
        crash=chance.choice((0.0, 0.0, 0.002, 0.02)),
    )
    acts = [act for _ in range(days) for act in _day(chance)]
    return Story(seed, interval_s, chances, tuple(acts))


def _day(chance: random.Random) -> Iterator[Act]:
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    for _ in range(chance.randint(2, 4)):
        for kind in chance.choices(kinds, weights, k=chance.randint(3, 15)):
            yield Act(chance.choice((0.0, 0.02, 0.3, 2.0, 8.0, 30.0)), kind, chance.getrandbits(30))
        yield Act(0.0, "rest", chance.getrandbits(30))


def shortest(story: Story, fails: Callable[[Story], bool], attempts: int = 300) -> Story:
    """Leave out what is not needed for a story to fail: parts of it, then single acts.

    (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002.)
    """
    for field in ("lost", "doubled", "late", "crash"):
        calmer = structs.replace(story, chances=structs.replace(story.chances, **{field: 0.0}))
        if calmer != story and fails(calmer):
            story = calmer
    size = max(1, len(story.acts) // 2)
    while attempts > 0:
        first, found = 0, False
        while first < len(story.acts) and attempts > 0:
            acts = story.acts[:first] + story.acts[first + size :]
            shorter = structs.replace(story, acts=acts)
            attempts -= 1
            if fails(shorter):
                story, found = shorter, True
            else:
                first += size
        if size == 1 and not found:
            break
        size = max(1, size // 2)
    return story


class Teller:
    """Tells one story."""

    def __init__(self, story: Story, directory: Path) -> None:
        self.story = story
        self.world = World(
            directory / "store",
            seed=story.seed,
            chances=story.chances,
            interleaved=True,
            refresh_min_s=story.interval_s,
        )
        self.watch = Watch(self.world)
        self.told = 0  # acts so far
        self._transcripts = directory
        self._words = 0

    def tell(self) -> None:
        """Tell it to its end, and wait until it is quiet.

        Raises Broken where something does not hold; `told` says how far it came.
        """
        for act in self.story.acts:
            self._run(act.after_s)
            self.told += 1
            ACTS[act.do](self, act.which)
        self.rest(0)

    def close(self) -> None:
        """Close the store."""
        self.world.close()

    def _run(self, seconds: float) -> None:
        self.world.run(seconds)
        self.watch.in_time()

    # --- what is said -----------------------------------------------------------------------------

    def say(self, which: int) -> None:
        """A client keeps some turns, and mostly waits until it is told that they are kept."""
        self.world.run(0.001)  # two sessions say nothing in the same nanosecond
        words = [self._word() for _ in range(1 + which % 3)]
        session = which % SESSIONS
        cwd = f"/p{session % PROJECTS}"
        turns = tuple(
            CapturedTurn(text=word, cwd=cwd, session=str(session), created_at=self.world.now.wall)
            for word in words
        )
        if which % 5:
            self.world.answer(Actor.INGEST, Capture(turns=turns))
            self._acknowledge(cwd, *words)
        else:
            self.world.ask(Actor.INGEST, Capture(turns=turns))
            self.watch.last_said.pop(cwd, None)  # this may be, or may not

    def burst(self, which: int) -> None:
        """A client keeps one turn after the other and waits for none."""
        cwd = f"/p{which % PROJECTS}"
        for _ in range(2 + which % 30):
            turn = CapturedTurn(
                text=self._word(), cwd=cwd, session="burst", created_at=self.world.now.wall
            )
            self.world.ask(Actor.INGEST, Capture(turns=(turn,)))
            self.world.run(0.001)
        self.watch.last_said.clear()

    def hook(self, which: int) -> None:
        """A host writes a line into its transcript, and its hook an event into the spool."""
        self.world.run(0.001)
        session = which % SESSIONS
        cwd, word = f"/p{session % PROJECTS}", self._word()
        path = self._transcripts / f"{session}.jsonl"
        with path.open("a") as file:
            file.write(_line(f"h{session}", cwd, word, self.world.now.wall))
        event = {"session_id": f"h{session}", "transcript_path": str(path), "cwd": cwd}
        spooled = self.world.layout.spool_new / f"{word}.json"
        spooled.write_text(json.dumps(event))
        os.utime(spooled, ns=(self.world.now.wall, self.world.now.wall))
        self._acknowledge(cwd, word)

    def backdate(self, which: int) -> None:
        """A client keeps a turn that was said long ago."""
        cwd, then = f"/p{which % PROJECTS}", self._long_ago(which)
        turn = CapturedTurn(text=self._word(), cwd=cwd, session="old", created_at=then)
        self.world.answer(Actor.INGEST, Capture(turns=(turn,)))
        self.watch.acknowledged.add(turn.text)

    def backfill(self, which: int) -> None:
        """Somebody imports an old transcript."""
        words = [self._word() for _ in range(1 + which % 20)]
        path = self._transcripts / f"{words[0]}.jsonl"
        cwd, then = f"/p{which % PROJECTS}", self._long_ago(which)
        path.write_text("".join(_line(words[0], cwd, word, then) for word in words))
        self.world.ask(Actor.INGEST, Import(paths=(str(path),)))

    # --- what is done to it -----------------------------------------------------------------------

    def pin(self, which: int) -> None:
        """Somebody pins a record, or no longer."""
        if record := self._chosen(which):
            pinned = bool(which % 3)
            self.world.answer(Actor.INGEST, Pin(ref=f"#{record.label}", pinned=pinned))

    def edit(self, which: int) -> None:
        """A record is given another text, and nobody is told."""
        if record := self._chosen(which):
            word = self._word()
            self.world.records.commit(lambda unit: unit.edit(record, word), self.world.now)
            self.watch.acknowledged.add(word)

    def forget(self, which: int) -> None:
        """Somebody has a record, or a whole session, forgotten."""
        if record := self._chosen(which):
            forget = Forget(refs=(f"#{record.label}",), whole_sessions=which % 4 == 0)
            self.world.answer(Actor.INGEST, forget)

    def refresh(self, which: int) -> None:
        """Somebody asks for a refresh, now and then with force."""
        for _ in range(1 + which % 3):
            self.world.ask(Actor.CACHE_WRITER, Refresh(force=which % 2 == 0))

    # --- what goes wrong --------------------------------------------------------------------------

    def crash(self, which: int) -> None:
        """A process is killed."""
        self.world.crash(PIPELINE[which % len(PIPELINE)], for_s=0.1 + which % 3)

    def outage(self, which: int) -> None:
        """A process cannot start for some minutes. Ingest can, for without it nothing happens."""
        self.world.crash(PIPELINE[1 + which % (len(PIPELINE) - 1)], for_s=30.0 + which % 300)

    def lose(self, which: int) -> None:
        """The graph is gone, and what makes it again cannot start for a while."""
        self.world.crash(Actor.GRAPH_CACHE, for_s=float(which % 300))
        self.world.graph.commit(lambda unit: unit.forget_everything())

    def tamper(self, which: int) -> None:
        """Somebody deletes or spoils a file of ours, or its time."""
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
        self.watch.tampered(payload, sidecar)

    def full(self, which: int) -> None:
        """The disk is full for a while."""
        self.world.disk_full = True
        self._run(float(which % 90))
        self.world.disk_full = False
        self.watch.hindered()

    def restart(self, _: int) -> None:
        """The group is stopped in good order and started again."""
        self.watch.stopping()
        for actor in PIPELINE:
            self.world.stop(actor)
        self.world.down_until.clear()
        for actor in PIPELINE:
            self.world.start(actor)
        self.watch.look()

    def rest(self, which: int) -> None:
        """Nothing goes wrong any more; when all is as it should be, time passes.

        It passes for everybody, or only on the wall (a suspended machine, a clock that is set).
        """
        world = self.world
        world.chances = Chances()
        world.down_until = dict.fromkeys(world.down_until, world.now.mono)
        self.watch.hindered()
        world.run(CALM_S, until=self.watch.current)
        world.run(30.0)
        self.watch.in_time()
        world.run(CALM_S, until=self.watch.current)
        self.watch.quiet()
        pause = (which % 6) * 3_600 * NS
        match which % 4:
            case 0 | 1:
                world.now = Now(world.now.wall + pause, world.now.mono + pause)
            case 2:
                world.now = Now(world.now.wall + pause, world.now.mono)
            case _:
                days = (which >> 8) % 730 - 365
                world.now = Now(world.now.wall + days * DAY_S * NS, world.now.mono)
        self.watch.hindered()
        world.chances = self.story.chances

    # --- in a few words ---------------------------------------------------------------------------

    def _word(self) -> str:
        self._words += 1
        return f"w{self._words:06}"

    def _long_ago(self, which: int) -> int:
        """A time in the past; where the clock has been set, it may lie after what was said last."""
        self.watch.last_said.clear()
        return self.world.now.wall - (1 + which % 300) * DAY_S * NS

    def _acknowledge(self, cwd: str, *words: str) -> None:
        self.watch.acknowledged |= set(words)
        self.watch.last_said[cwd] = words[-1]

    def _chosen(self, which: int) -> Record | None:
        with self.world.records.view() as view:
            highest = view.watermark().max_vec_label
            return next(view.after(which % highest), None) if highest else None


def _line(session: str, cwd: str, text: str, wall: int) -> str:
    """One line of a Claude Code transcript, its time in milliseconds."""
    seconds = clock.iso(wall).removesuffix("Z")
    return json.dumps({
        "type": "user", "uuid": text, "sessionId": session, "cwd": cwd,
        "timestamp": f"{seconds}.{wall // 1_000_000 % 1_000:03}Z",
        "message": {"role": "user", "content": text},
    }) + "\n"  # fmt: skip


ACTS: dict[str, Callable[[Teller, int], None]] = {
    "say": Teller.say,
    "burst": Teller.burst,
    "hook": Teller.hook,
    "backdate": Teller.backdate,
    "backfill": Teller.backfill,
    "pin": Teller.pin,
    "edit": Teller.edit,
    "forget": Teller.forget,
    "refresh": Teller.refresh,
    "crash": Teller.crash,
    "outage": Teller.outage,
    "lose": Teller.lose,
    "tamper": Teller.tamper,
    "full": Teller.full,
    "restart": Teller.restart,
    "rest": Teller.rest,
}
WEIGHTS = {
    "say": 30, "burst": 6, "hook": 15, "backdate": 4, "backfill": 3, "pin": 6, "edit": 4,
    "forget": 6, "refresh": 5, "crash": 6, "outage": 2, "lose": 3, "tamper": 5, "full": 1,
    "restart": 2,
}  # fmt: skip
