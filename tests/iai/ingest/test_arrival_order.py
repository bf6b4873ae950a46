"""Whatever order messages arrive in: a machine that has all of them has the same as any other.

Several machines talk; each has a clock of its own, which may be wrong or be set back. What they
publish reaches readers in any order, some of it twice, cut into transactions anywhere, soon or
late, and one reader only when all is over.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from iai.index.filters import Filter
from iai.model.exchange import opens
from iai.model.record import Record, Source, session_key
from iai.model.session import SessionInfo
from iai.payload.compose import render
from iai.payload.material import gather
from iai.payload.sessions import summary_of
from iai.protocol.ingest import Edit, Forget, Mark, Pin
from iai.recall.timeline import stretches
from iai.store.record_view import RecordView
from tests.iai.ingest.replicas import YEAR, Message, Replica, of
from tests.iai.store.builders import NOW, PROJECT

HOUR = 3_600 * 10**9
IDS = ("aa" * 8, "bb" * 8)
READERS = ("cc" * 8, "dd" * 8, "ee" * 8)
SESSIONS = ("s1", "s2")


class Story:
    """What happens on the machines that talk, and all that they publish of it."""

    def __init__(self, directory: Path, chance: Random, clocks: tuple[int, ...]) -> None:
        self.chance = chance
        time = count(1)
        self.machines = [
            Replica(directory / one, one, ahead, time)
            for one, ahead in zip(IDS, clocks, strict=True)
        ]
        self.readers = [Replica(directory / one, one, 0, time) for one in READERS]
        self.published: list[Message] = []
        self._clocks = clocks
        self._words = 0

    def go_on(self, steps: int) -> None:
        """Have something happen, and be published now and then."""
        acts = (self._say, self._say, self._say_at_once, self._do, self._do, self._title,
                self._write, self._write, self._rewind, self._forget, self._set_clock)  # fmt: skip
        for _ in range(steps):
            one = self.chance.choice(self.machines)
            self.chance.choice(acts)(one)
            if self.chance.random() < 0.5:
                self.published += one.publish()
            if self.chance.random() < 0.3:
                one.take(m for m in self.published if m.machine != one.machine)

    def end(self) -> None:
        """Publish all, and have each machine hear all."""
        for _ in range(9):
            for one in self.machines:
                one.take(m for m in self.published if m.machine != one.machine)
            self.published += [message for one in self.machines for message in one.publish()]

    def _word(self) -> str:
        self._words += 1
        return f"word{self._words:04}"

    def _say(self, one: Replica) -> None:
        self._turn(one, self.chance.choice(SESSIONS), one.now.wall)

    def _say_at_once(self, one: Replica) -> None:
        session, at = self.chance.choice(SESSIONS), one.now.wall
        for _ in range(3):
            self._turn(one, session, at)

    def _turn(self, one: Replica, session: str, at: int) -> None:
        word, role = self._word(), self.chance.choice(("user", "user", "assistant"))
        source = Source(transcript=f"/t/{session}", offset=self._words)
        one.say(word, text=word, session=session, role=role, created_at=at, source=source)

    def _do(self, one: Replica) -> None:
        session = self.chance.choice(SESSIONS)
        with one.records.view() as view:
            there = view.has_turns(session_key("claude", session))
        if there:
            kind = self.chance.choice(("edit", "command"))
            path = f"/p/{self._word()}.py" if kind == "edit" else ""
            one.do(self._word(), session, kind=kind, path=path)

    def _title(self, one: Replica) -> None:
        session = self.chance.choice(SESSIONS)
        info = SessionInfo(host="claude", session=session, title=self._word(), branch="main")
        with one.records.view() as view:
            there = view.has_turns(info.session_key)
        if there:
            one.commit(lambda unit: unit.work.note_session(info))

    def _write(self, one: Replica) -> None:
        record = self._chosen(one)
        if record is not None:
            word, on = self._word(), self.chance.random() < 0.7
            requests = (
                Edit(ref=record.id, text=word),
                Pin(ref=record.id, pinned=on),
                Mark(ref=record.id, mark="done", on=on),
            )
            one.ask(self.chance.choice(requests))

    def _rewind(self, one: Replica) -> None:
        request = self._chosen(one)
        if request is not None and opens(request) and not request.machine:
            path, key = request.source.transcript, request.text
            one.commit(lambda unit: unit.work.rewind(key, path, 1 << 40))

    def _forget(self, one: Replica) -> None:
        record = self._chosen(one)
        if record is not None and self.chance.random() < 0.5:
            one.ask(Forget(refs=(record.id,), whole_sessions=self.chance.random() < 0.2))

    def _set_clock(self, one: Replica) -> None:
        """The clock of one is set, where clocks are wrong."""
        if any(self._clocks):
            one.set_clock(self.chance.choice((*self._clocks, -HOUR)))

    def _chosen(self, one: Replica) -> Record | None:
        found = sorted(one.every().values(), key=lambda record: record.id)
        return self.chance.choice(found) if found else None


@contextmanager
def story(chance: Random, clocks: tuple[int, ...]) -> Iterator[Story]:
    directory = Path(tempfile.mkdtemp())
    told = Story(directory, chance, clocks)
    members = [message for one in IDS for message in of(one, one)]
    for one in (*told.machines, *told.readers):
        one.take(members)
    try:
        yield told
    finally:
        for one in (*told.machines, *told.readers):
            one.records.close()
        shutil.rmtree(directory)


def deliver(reader: Replica, messages: list[Message], chance: Random) -> None:
    """Hand messages over in any order, some of them again, cut anywhere."""
    shuffled = chance.sample(messages, len(messages))
    shuffled += chance.sample(messages, len(messages) // 3)
    while shuffled:
        cut = chance.randint(1, 9)
        reader.take(shuffled[:cut])
        shuffled = shuffled[cut:]


def held(replica: Replica) -> dict[tuple[str, str], Any]:
    """Return what each session of the machines that talk comes to on a machine."""
    places = {one: "" if one == replica.machine else one for one in IDS}
    with replica.records.view() as view:
        return {
            (machine, session): _session(view, session, places[machine])
            for machine in IDS
            for session in SESSIONS
        }  # fmt: skip


def _session(view: RecordView, session: str, machine: str) -> Any:
    key = session_key("claude", session, machine)
    info, summary = view.session_info(key), summary_of(view, key, PROJECT)
    turns = [*view.session(key)]
    return {
        "turns": [(r.id, r.text, r.role, r.kind, r.pinned, r.marks) for r in turns],
        "narration": [(r.id, r.text, r.pinned) for r in view.narration(key)],
        "taken back": [(r.id, r.text, r.pinned) for r in view.rewound(key)],
        "done": [
            [action.key for action in view.exchange(turn).actions] for turn in turns if opens(turn)
        ],
        "actions": sorted((a.key, a.undone) for a in view.all_actions(key)),
        "info": (info.title, info.branch) if info is not None else ("", ""),
        "summary": summary and ([r.id for r in summary.requests], summary.outcome, summary.closed),
    }


def listed(replica: Replica) -> list[tuple[str, str, int, str]]:
    """Return the timeline of the project."""
    with replica.records.view() as view:
        found = stretches(view, Filter(project=PROJECT))
        return [(s.session_id, s.last_said.machine, s.turns, s.last_said.id) for s in found]


def payload(replica: Replica) -> str:
    """Return the payload with ids in the place of the numbers that records have on a machine."""
    with replica.records.view() as view:
        found = gather(view, PROJECT, "p", here="machine", since=0)
        text = render(structs.replace(found, revision=0), NOW.wall + YEAR)
        for record in sorted(view.every(), key=lambda r: -r.label):
            text = text.replace(f"#{record.label}", record.id)
    return text


@pytest.mark.parametrize("clocks", [(0, 0), (YEAR, -HOUR), (HOUR, 0)])
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # a seed says all: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow],
)
@given(chance=st.integers(0, 1 << 30).map(Random))
def test_who_has_all_messages_has_the_same_in_whichever_order_they_came(
    clocks: tuple[int, int], chance: Random
) -> None:
    check(chance, clocks)


def check(chance: Random, clocks: tuple[int, int]) -> None:
    with story(chance, clocks) as told:
        soon, any_order, late = told.readers
        for _ in range(4):
            before = len(told.published)
            told.go_on(6)
            soon.take(told.published[before:])
            deliver(any_order, told.published[before:][::2], chance)
        told.end()
        soon.take(told.published)
        deliver(any_order, told.published, chance)
        late.set_clock(2 * YEAR)
        late.take(told.published)
        expected: dict[tuple[str, str], Any] = {}
        for one in told.machines:
            own = {place: found for place, found in held(one).items() if place[0] == one.machine}
            expected |= own
        for reader in (soon, any_order, late):
            found = held(reader)
            for place, session in expected.items():
                for part, value in session.items():
                    assert found[place][part] == value, (reader.machine, place, part)
            assert reader.problems() == []
        if clocks == (0, 0):
            for one in (any_order, late):
                assert listed(one) == listed(soon)
                assert payload(one) == payload(soon)
