"""What waits in the inbox becomes part of the records, slice by slice."""

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from simulation.world import SharedInbox

from iai.config.layout import Layout
from iai.errors import StoreCorrupt
from iai.ingest import spool
from iai.ingest.inbox_reader import InboxReader
from iai.ingest.writer import RecordWriter
from iai.model import change
from iai.model.change import Change, ForgetChange, Named, TurnChange
from iai.model.ids import record_id
from iai.model.record import digest
from iai.projects.identity import identify
from iai.protocol.behaviour import Effect, Publish, RemoveFile, ReplaceFile
from iai.protocol.ingest import CapturedTurn, ChangeSkipped, RecordsCommitted
from iai.store.inbox import Mark
from iai.store.records import Records
from iai.store.replica_change import ReplicaChange
from iai.store.team_store import TeamStore
from tests.iai.ingest.effects import perform
from tests.iai.store.builders import NOW, PROJECT, new_record, put

A, OWN = "aa" * 8, "ff" * 8


class Rig:
    """Ingest's reader with an inbox that the replicator fills."""

    def __init__(self, layout: Layout) -> None:
        self.records = Records(layout.records, writer=True)
        self.writer = RecordWriter(
            layout, self.records, identify, lambda text: text.replace("hunter2", "[redacted:key]")
        )
        perform(self.writer.start())
        self.inbox = TeamStore(layout.team, map_size=16 << 20)
        self.reader = InboxReader(layout, self.records, self.writer, None)
        self.reader._inbox = SharedInbox(self.inbox)  # LMDB must not be opened twice in a process

    def arrive(self, *changes: Change | bytes, first: int = 1) -> None:
        data = [one if isinstance(one, bytes) else change.encode(one) for one in changes]
        self.put("S", *((place, A, one) for place, one in enumerate(data, first)))

    def put(self, stream: str, *entries: tuple[int, str, bytes]) -> None:
        self.inbox.commit(lambda unit: unit.put(stream, entries))

    def take(self, slow_from: float = math.inf) -> list[Effect]:
        """Take all that waits; return the effects. From some record on, a slice takes a second."""
        self.reader.look()
        effects: list[Effect] = []
        while self.reader.due_s == 0.0:
            slow = self.mark().sequence >= slow_from
            effects += perform(self.reader.take(NOW), NOW.later(1.0) if slow else NOW)
        return effects

    def texts(self) -> list[str]:
        with self.records.view() as view:
            return [record.text for record in view.every()]

    def mark(self) -> Mark:
        with self.records.view() as view:
            return view.team_mark()


@pytest.fixture
def rig(layout: Layout) -> Iterator[Rig]:
    rig = Rig(layout)
    yield rig
    rig.inbox.close()
    rig.records.close()


def turn(key: str, text: str = "", revision: int = 1, **fields: Any) -> TurnChange:
    at = NOW.wall - 10**9
    given = {
        "record": Named((record_id(key, at),), (digest(key),)), "tier": "episodic", "role": "user",
        "text": text or f"text of {key}", "host": "claude", "session": "s", "created_at": at,
    }  # fmt: skip
    return TurnChange(**{"project": PROJECT, "revision": revision, **given, **fields})


def published(effects: list[Effect], kind: type) -> list[Any]:
    return [e.event for e in effects if isinstance(e, Publish) and isinstance(e.event, kind)]


def test_what_waits_is_in_the_records_with_the_mark_of_the_stream(rig: Rig) -> None:
    rig.arrive(turn("one"), turn("two"), first=7)
    rig.take()
    assert rig.texts() == ["text of one", "text of two"]
    assert rig.mark() == Mark("S", 8)


def test_it_goes_on_from_the_mark_in_slices_that_grow_until_they_take_their_time(
    rig: Rig,
) -> None:
    rig.arrive(*(turn(str(n)) for n in range(4_500)))
    slow_from = 2_500
    sizes = [one.ingested for one in published(rig.take(slow_from=slow_from), RecordsCommitted)]
    assert sum(sizes) == 4_500
    growing = [at for at in range(len(sizes)) if sum(sizes[:at]) < slow_from]
    assert sizes[0] < sizes[1] <= sizes[len(growing) - 1]
    shrunk = sizes[len(growing) + 1 : -1]  # the one between was slow
    assert shrunk
    assert all(one < sizes[len(growing) - 1] // 2 for one in shrunk[2:])
    assert all(one >= sizes[0] for one in shrunk)
    rig.arrive(turn("late"), first=4_501)
    assert [one.ingested for one in published(rig.take(), RecordsCommitted)] == [1]


def test_what_is_taken_again_is_there_once(rig: Rig) -> None:
    rig.arrive(turn("one"))
    rig.take()
    rig.put("S2", (1, A, change.encode(turn("one"))))  # the stream was created again
    rig.take()
    assert rig.texts() == ["text of one"]
    assert rig.mark() == Mark("S2", 1)


def test_what_is_no_change_is_left_out_and_reported_and_holds_up_nothing(rig: Rig) -> None:
    newer = msgspec.msgpack.encode({"what": "vote", "project": PROJECT, "revision": 3})
    rig.arrive(turn("one"), b"\xc1damaged", newer, turn("two"))
    effects = rig.take()
    assert rig.texts() == ["text of one", "text of two"]
    assert rig.mark() == Mark("S", 4)
    skipped = published(effects, ChangeSkipped)
    assert [(one.sequence, one.machine) for one in skipped] == [(2, A), (3, A)]
    assert all(e.keep for e in effects if isinstance(e, Publish) and e.event in skipped)


def test_a_change_that_cannot_be_applied_is_left_out_alone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ReplicaChange.take

    def fails(unit: ReplicaChange, machine: str, said: Change) -> None:
        take(unit, machine, said)
        if isinstance(said, TurnChange) and said.text == "bad":
            raise StoreCorrupt("an entry is not what was written")

    monkeypatch.setattr(ReplicaChange, "take", fails)
    rig.arrive(turn("one"), turn("two", "bad"), turn("three"))
    skipped = published(rig.take(), ChangeSkipped)
    assert [one.sequence for one in skipped] == [2]
    assert skipped[0].reason.endswith("an entry is not what was written")
    assert rig.texts() == ["text of one", "text of three"]
    assert rig.mark() == Mark("S", 3)


def test_what_comes_from_others_is_redacted_here_too(rig: Rig) -> None:
    rig.arrive(turn("one", "the key is hunter2"))
    rig.take()
    assert rig.texts() == ["the key is [redacted:key]"]


def test_what_others_say_can_wait_for_the_interval_and_is_foreign_to_each_session(
    rig: Rig,
) -> None:
    own = CapturedTurn(text="own", cwd="/p", session="mine")
    perform(rig.writer.insert_turns((own,), NOW))
    here = identify("/p").id
    rig.arrive(turn("one", project=here))
    effects = rig.take()
    lines = [e.data for e in effects if isinstance(e, ReplaceFile)]
    assert lines == [b"0 2 mine\n"], "not required, and the last foreign revision is 2"
    assert [one.local for one in published(effects, RecordsCommitted)] == [False]


def test_what_others_forget_leaves_the_spool_too(rig: Rig, layout: Layout) -> None:
    put(rig.records, new_record("one", text="a secret plan"))
    with rig.records.view() as view:
        named = view.identity(1).named(view.get(1))  # type: ignore[arg-type]
    layout.spool_bad.mkdir(parents=True)
    kept = layout.spool_bad / f"1{spool.NEW}"
    kept.write_bytes(b'{"prompt": "a secret plan"')
    rig.arrive(ForgetChange(project=PROJECT, revision=1, records=(named,)))
    effects = rig.take()
    assert [e.path for e in effects if isinstance(e, RemoveFile)] == [kept]
    assert rig.texts() == []


def test_without_a_team_nothing_is_ever_due(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    writer = RecordWriter(layout, records, identify, str)
    reader = InboxReader(layout, records, writer, None)
    reader.look()
    assert reader.due_s > 10**9
    assert perform(reader.take(NOW)) == []
    assert not layout.team.exists()
    reader.close()
    records.close()
