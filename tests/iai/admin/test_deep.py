"""`iai doctor --deep`: what is damaged is named; what is intact raises no alarm."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import structs
from simulation.world import World

from iai.admin.doctor import deep
from iai.admin.doctor.finding import Verdict, fail
from iai.config.layout import Layout
from iai.index import lexical_files
from iai.index.lexical import LexicalIndex
from iai.index.terms import extract
from iai.model.clock import Now
from iai.process import lock
from iai.protocol.ingest import Capture, CapturedTurn
from iai.protocol.message import Actor
from iai.store import auto_backups
from iai.store.auto_backups import DAY_NS, AutoBackups
from iai.store.codec import encode_u64, pack
from iai.store.records import Records
from tests.iai.store.builders import NOW, flip, kept, new_record, put

Change = Callable[[World], object]


def _nothing(_: World) -> None: ...


def intact(directory: Path, change: Change = _nothing) -> Layout:
    """A store of a few turns with all that is derived from them, changed and closed."""
    world = World(directory)
    turns = tuple(
        CapturedTurn(text=f"we moved the {word} to port {n}", cwd="/p", session="s", key=f"k{n}")
        for n, word in enumerate(("proxy", "queue", "mirror", "cache"))
    )
    world.answer(Actor.INGEST, Capture(turns=turns))
    world.run(60.0)
    for actor in list(world.actors):
        world.stop(actor)
    change(world)
    world.close()
    return world.layout


def problems(layout: Layout) -> dict[str, list[str]]:
    found = {name: list(deep.problems(name, layout)) for name in deep.names(layout)}
    return {name: said for name, said in found.items() if said}


def test_an_intact_store_raises_no_alarm_and_a_new_one_neither(tmp_path: Path) -> None:
    assert problems(intact(tmp_path / "store")) == {}
    assert problems(Layout(tmp_path / "none")) == {}


def damage_record(world: World) -> None:
    flip(world.records._environment, "records", encode_u64(2), 77)


def damage_vector(world: World) -> None:
    flip(world.vectors._environment, "vectors", encode_u64(1) + encode_u64(3), 7)


def lose_vector(world: World) -> None:
    world.vectors.commit(lambda unit: unit.delete(1, 3))


def damage_chunk(world: World) -> None:
    flip(world.graph._environment, "chunks", encode_u64(1) + encode_u64(0), 999)


def miscount_terms(world: World) -> None:
    world.graph.commit(lambda unit: unit.add_document_frequencies(dict.fromkeys(_terms(world), 1)))


def lose_terms(world: World) -> None:
    environment = world.graph._environment
    environment.write(lambda t: t.delete(encode_u64(0), db=environment.db["turns"]))


def _terms(world: World) -> Iterator[int]:
    with world.graph.view() as view:
        for key, _ in view._t.entries(view._db["counts"]):
            yield int.from_bytes(key, "big")
            return


def lose_last_change(world: World) -> None:
    """Set the records back, as a damaged meta page does: LMDB then takes the one before."""
    environment = world.records._environment
    with world.records.view() as view:
        mark = view.watermark()
    older = structs.replace(mark, revision=mark.revision - 1)
    meta, entries = environment.db["meta"], environment.db["log"]
    environment.write(lambda t: t.delete(encode_u64(mark.revision), db=entries))
    environment.write(lambda t: t.put(b"watermark", pack(older), db=meta))


def flip_in(name: str, at: int) -> Change:
    def change(world: World) -> None:
        path = next(iter(sorted(world.layout.root.glob(name))))
        data = bytearray(path.read_bytes())
        data[at] ^= 4
        path.write_bytes(data)

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (damage_record, {"records": "the entry #2 of `records` is not what was written"}),
        (damage_vector, {"vectors": "of `vectors` is not what was written"}),
        (lose_vector, {"vectors": "record #3 is not in the vectors"}),
        (damage_chunk, {"index": "of `chunks` is not what was written"}),
        (miscount_terms, {"index": "times, and occurs in"}),
        (lose_terms, {"index": "record #3 has no terms"}),
        (lose_last_change, {"vectors": "the records lost their last", "index": "lost their last"}),
        (flip_in("index/lexical/*.idx", 20), {"lexical index": ".idx is not what was written"}),
        (flip_in("index/lexical/meta.json", 4), {"lexical index": "meta.json is not"}),
        (flip_in("session-start/*.md", 99), {"payloads": "are not what was written"}),
        (flip_in("session-start/*.json", 20), {"payloads": "are not what was written"}),
        (flip_in("lifecycle.json", 30), {"lifecycle": "is not what was written"}),
    ],
)
def test_damage_is_named(tmp_path: Path, change: Change, expected: dict[str, str]) -> None:
    found = problems(intact(tmp_path / "store", change))
    for name, said in expected.items():
        assert any(said in one for one in found[name]), found
    assert set(found) <= {*expected, "vectors", "index", "lexical index"}


def test_of_a_damaged_record_only_the_record_is_named(tmp_path: Path) -> None:
    layout = intact(tmp_path / "store", damage_record)
    assert problems(layout) == {"records": ["the entry #2 of `records` is not what was written"]}


def test_a_lexical_index_without_a_record_is_named(tmp_path: Path) -> None:
    def remove(world: World) -> None:
        world.lexical.remove(2)
        world.lexical.commit()

    found = problems(intact(tmp_path / "store", remove))
    assert found == {"lexical index": ["record #2 is not in the lexical index"]}


def test_a_damaged_lexical_index_is_empty_when_it_is_opened_so_that_it_is_rebuilt(
    tmp_path: Path,
) -> None:
    index = LexicalIndex(tmp_path)
    index.put(kept(1, "hello"), extract("hello"))
    index.commit()
    assert list(lexical_files.problems(tmp_path)) == []
    del index
    for file in sorted(tmp_path.glob("*.term")):
        data = bytearray(file.read_bytes())
        data[10] ^= 1
        file.write_bytes(data)
    assert len(LexicalIndex(tmp_path)) == 0


def test_a_part_whose_reading_ends_the_process_or_never_ends_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork = multiprocessing.get_context("fork")  # so that the child has the patched function
    layout = Layout(tmp_path)
    monkeypatch.setattr(deep, "problems", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert deep.examine("records", layout, fork) == [
        "reading it ends the process (SIGTERM): its pages are damaged"
    ]
    monkeypatch.setattr(deep, "problems", lambda *_: sys.exit(7))
    assert deep.examine("records", layout, fork) == [
        "it could not be examined: the process ended with code 7"
    ]
    monkeypatch.setattr(deep, "problems", lambda *_: signal.pause())
    monkeypatch.setattr(deep, "_LEAST_S", 0.0)
    assert deep.examine("records", layout, fork) == ["reading it does not come to an end"]


def test_every_problem_is_a_finding_and_it_changes_nothing_beside_the_writer(
    tmp_path: Path,
) -> None:
    layout = intact(tmp_path / "store", damage_record)
    before = {p: p.read_bytes() for p in layout.root.rglob("data.mdb")}
    writer = Records(layout.records, writer=True)  # the checks run in other processes
    findings = {finding.check: finding for finding in deep.checks(layout)}
    writer.close()
    assert findings["deep records"].verdict is Verdict.FAIL
    assert "iai restore" in findings["deep records"].todo
    assert findings["deep payloads"].verdict is Verdict.OK
    assert {p: p.read_bytes() for p in layout.root.rglob("data.mdb")} == before


def test_what_is_damaged_and_derived_is_deleted_but_not_while_the_group_runs(
    tmp_path: Path,
) -> None:
    def change(world: World) -> None:
        damage_record(world)
        damage_vector(world)
        flip_in("session-start/*.md", 99)(world)

    layout = intact(tmp_path / "store", change)
    given = layout.deliveries / "s"
    given.parent.mkdir(exist_ok=True)
    given.write_text("what the session was given")
    findings = [
        fail(f"deep {name}", "", "", fixable=name != "records") for name in problems(layout)
    ]
    lease = lock.take(layout.lease)
    assert lease is not None
    deep.delete_damaged(layout, findings)
    assert layout.vectors.exists()
    lease.release()
    deep.delete_damaged(layout, findings)
    assert not layout.vectors.exists()
    assert not layout.payload.exists()
    assert layout.records.exists(), "it cannot be rebuilt"
    assert given.exists(), "nor can that"
    assert set(problems(layout)) == {"records"}


def test_a_damaged_backup_is_named_and_an_intact_one_is_not(tmp_path: Path) -> None:
    layout = intact(tmp_path / "store")
    records = Records(layout.records, writer=True)
    made = [_backed_up(layout, records, day) for day in (0, 1, 2)]
    records.close()
    os.truncate(made[0] / "records" / "data.mdb", 9_000)
    flip_file(made[1] / "manifest.json", 12)
    found = problems(layout)["backups"]
    assert {said.partition(":")[0] for said in found} == {made[0].name, made[1].name}
    assert "its manifest is not what was written" in found[1]


def test_what_is_derived_is_not_called_damaged_where_the_records_cannot_be_read(
    tmp_path: Path,
) -> None:
    layout = intact(tmp_path / "store")
    os.truncate(layout.records / "data.mdb", 9_000)
    assert set(problems(layout)) == {"records"}


def _backed_up(layout: Layout, records: Records, day: int) -> Path:
    put(records, new_record(f"day {day}"))
    now = Now(NOW.wall + day * 2 * DAY_NS, NOW.mono + day * 2 * DAY_NS)
    backups = AutoBackups(layout, records, 3)
    with records.view() as view:
        mark = view.watermark()
    while backups.due(mark, 0, now, idle=True):
        backups.step(0, now)
    return auto_backups.found(layout)[-1].path


def flip_file(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x84
    path.write_bytes(data)
