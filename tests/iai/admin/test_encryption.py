"""A store that is encrypted, rotated and decrypted: all of it, and whatever cuts it short."""

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from iai.admin import encryption
from iai.config.layout import Layout
from iai.encryption import keys
from iai.encryption.key_sources import KeyFile
from iai.errors import StoreCorrupt, StoreError
from iai.model.action import Action
from iai.model.change import MemberChange
from iai.model.record import Project, Transcript
from iai.model.session import SessionInfo
from iai.model.topic import Topic
from iai.process import files
from iai.store import copying, environment
from iai.store.codec import encode_u64
from iai.store.database import Entry
from iai.store.graph import GraphStore
from iai.store.links import Edge, Linked
from iai.store.record_change import RecordChange
from iai.store.records import Records
from iai.store.topics import Window
from iai.store.vectors import Generation, VectorStore
from tests.iai.encryption.process_keys import forget_keys
from tests.iai.store.builders import NOW, PROJECT, flip, new_record, put
from tests.iai.store.kills import kill_after, killed

SPAWN = multiprocessing.get_context("spawn")
WORDS = (
    "zanzibar", "timbuktu", "samarkand", "trebizond", "xanadu", "carcassonne", "ouagadougou",
    "antananarivo", "reykjavik", "f00dfacecafe", "deadbeef-session", PROJECT,
    "zama",
)  # fmt: skip
TERM = int.from_bytes(b"zama", "big")  # the number of a term
Store = Records | VectorStore | GraphStore
Step = Callable[[Layout], None]


def quiet(_line: str) -> None:
    """Report nothing."""


def source(layout: Layout) -> KeyFile:
    return KeyFile(f"{layout.root}.key")


def encrypt(layout: Layout) -> None:
    encryption.encrypt(layout, source(layout), quiet)


def rotate(layout: Layout) -> None:
    encryption.rotate(layout, quiet)


def decrypt(layout: Layout) -> None:
    encryption.decrypt(layout, quiet)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    forget_keys()


def fill(layout: Layout) -> None:
    """Put something into every database."""
    with closing(Records(layout.records, writer=True)) as records:
        put(
            records,
            new_record("one", text="zanzibar", session="deadbeef-session", cwd="/timbuktu"),
            new_record("two", role="assistant", text="samarkand", session="deadbeef-session"),
            new_record("three", tier="semantic", text="trebizond", pinned=True),
            new_record("four", text="gone", session="other"),
        )
        other = Project(id="fedcba9876543210", name="xanadu", root="/xanadu")

        def change(unit: RecordChange) -> None:
            project = Project(id=PROJECT, name="carcassonne", root="/carcassonne")
            unit.projects.place(project, "/carcassonne")
            unit.projects.merge(project, other)
            unit.transcripts.follow(
                Transcript(path="/ouagadougou.jsonl", host="claude", title="ouagadougou")
            )
            unit.transcripts.leave_out("deadbeef-session-2")
            unit.work.note_session(SessionInfo(host="claude", session="s", title="antananarivo"))
            edit = Action(key="a", kind="edit", at=NOW.wall, status="ok", path="/x/reykjavik.py")
            commit = Action(
                key="b", kind="commit", at=NOW.wall, status="ok", commit="f00dfacecafe", text="x"
            )
            for done in (edit, commit):
                unit.work.act(done, "claude", "s", PROJECT)
            gone = unit.view.get(4)
            assert gone is not None
            unit.forget.record(gone)

        records.commit(change, NOW)
        records.commit(lambda unit: unit.projects.reassign(1), NOW)
        member = MemberChange(project=PROJECT, revision=1, author="samarkand")
        records.apply(lambda unit: unit.take("ab" * 8, member), NOW, "cd" * 8)
    with closing(VectorStore(layout.vectors, writer=True)) as vectors:
        generation = Generation(
            number=1, fingerprint="f", dimension=4, counted_upto=1, documents=1, frequencies=b""
        )
        vectors.commit(lambda unit: unit.begin(generation))
        vectors.commit(lambda unit: unit.put(1, [1, 2, 3], np.eye(3, 4, dtype=np.float32)))
    with closing(GraphStore(layout.index, writer=True)) as store:
        store.commit(lambda unit: unit.put_term_vectors({1: b"zanzibar", 2: b"samarkand"}))
        store.commit(lambda unit: unit.add_document_frequencies({7: 1, TERM: 2}))
        store.commit(lambda unit: unit.mark_uncounted([1]))
        store.commit(lambda unit: unit.put_chunk(1, 0, b"timbuktu" * 1_000))
        store.commit(lambda unit: unit.keep(1, [Edge(2, "shares", 0.5)]))
        linked = {n: Linked(1, n, corrects=False, terms=frozenset({7, TERM})) for n in (1, 2)}
        store.commit(lambda unit: unit.link_by(linked))
        topic = Topic(
            id="t", label="trebizond", size=1, members=(1,), said=1,
            revision=1,
        )  # fmt: skip
        window = Window(fingerprint=1, revision=1, topics=(topic,))
        store.commit(lambda unit: unit.put_window(PROJECT, 1, window))
    layout.lexical.mkdir()
    (layout.lexical / "segment").write_bytes(b"zanzibar")


def entries(store: Store) -> dict[str, set[Entry]]:
    """Return all that an environment has, unsealed, but for the note of scrubs."""
    env = store._environment
    found = {}
    with env.read() as transaction:
        for name, database in env.db.items():
            if database.sealed:
                found[name] = set(transaction.entries(database))
            else:
                with transaction.members(database) as cursor:
                    found[name] = {database.read(key, data) for key, data in cursor}
    return found


def everything(layout: Layout) -> list[dict[str, set[Entry]]]:
    found = []
    for path, kind in (
        (layout.records, Records), (layout.vectors, VectorStore), (layout.index, GraphStore),
    ):  # fmt: skip
        with closing(kind(path)) as store:
            assert list(store.problems()) == []
            found.append(entries(store))
    return found


def found_in(layout: Layout) -> dict[str, list[str]]:
    """Return which of the words are in which file of the store, as they are."""
    every = [path for path in layout.root.rglob("*") if path.is_file()]
    there = {
        str(path.relative_to(layout.root)): [w for w in WORDS if w.encode() in path.read_bytes()]
        for path in every
    }
    return {name: words for name, words in there.items() if words}


def test_all_is_the_same_once_it_is_encrypted_rotated_and_decrypted(layout: Layout) -> None:
    fill(layout)
    before = everything(layout)
    assert [len(tables) for tables in before] == [32, 3, 12]
    assert set(found_in(layout)["records/data.mdb"]) == set(WORDS) - {"zama"}
    encrypt(layout)
    assert found_in(layout) == {}
    assert everything(layout) == before
    assert set(encryption.forms(layout).values()) == {encryption.ENCRYPTED}
    rotate(layout)
    assert found_in(layout) == {}
    assert everything(layout) == before
    assert keys.read(layout.root).current == 2  # type: ignore[union-attr]
    decrypt(layout)
    assert everything(layout) == before
    assert not layout.crypto.exists()
    assert set(encryption.forms(layout).values()) == {encryption.PLAIN}


def test_digests_and_ids_are_not_in_the_keys(layout: Layout) -> None:
    fill(layout)
    said = {
        part
        for tables in everything(layout)
        for table in tables.values()
        for key, _ in table
        for part in (key[:16], key[16:32], key[1:17], key[-16:])
        if len(part) == 16 and part.count(0) < 4 and not part[:8].startswith(b"\x97\xa9")  # times
    }
    encrypt(layout)
    data = b"".join(path.read_bytes() for path in layout.root.glob("*/data.mdb"))
    left = {part for part in said if part in data}
    assert {part for part in left if not part.isascii()} == set()  # those are names in `meta`


def test_sealed_files_are_sealed_again_and_are_plain_at_last(layout: Layout) -> None:
    fill(layout)
    encrypt(layout)
    cipher = keys.load_cipher(layout.root)
    assert cipher is not None
    path = layout.spool_new / "x.awaits"
    files.replace(path, cipher.seal_file("spool/x", b"waits"))
    (layout.spool_new / "y.json").write_bytes(b"plain")
    rotate(layout)
    cipher = keys.load_cipher(layout.root)
    assert cipher is not None
    assert cipher.open_file("spool/x", path.read_bytes()) == b"waits"
    decrypt(layout)
    assert path.read_bytes() == b"waits"
    assert (layout.spool_new / "y.json").read_bytes() == b"plain"


def test_damaged_records_are_not_converted_and_nothing_is_changed(layout: Layout) -> None:
    fill(layout)
    with closing(Records(layout.records, writer=True)) as records:
        flip(records._environment, "records", encode_u64(1))
    data = (layout.records / "data.mdb").read_bytes()
    with pytest.raises(StoreCorrupt, match="nothing was changed"):
        encrypt(layout)
    assert (layout.records / "data.mdb").read_bytes() == data
    assert not layout.crypto.exists()
    assert not Path(f"{layout.root}.key").exists()


def test_what_is_derived_and_damaged_is_left_to_be_rebuilt(layout: Layout) -> None:
    fill(layout)
    with closing(VectorStore(layout.vectors, writer=True)) as vectors:
        flip(vectors._environment, "vectors", encode_u64(1) + encode_u64(1))
    encrypt(layout)
    assert not layout.vectors.exists()
    assert set(encryption.forms(layout)) == {"records", "index"}


def test_a_plain_environment_put_into_an_encrypted_store_is_encrypted_by_another_init(
    layout: Layout, tmp_path: Path
) -> None:
    fill(layout)
    shutil.copytree(layout.records, tmp_path / "plain")
    encrypt(layout)
    with pytest.raises(StoreError, match="already"):
        encrypt(layout)
    shutil.rmtree(layout.records)
    shutil.copytree(tmp_path / "plain", layout.records)
    encrypt(layout)
    assert found_in(layout) == {}
    assert set(encryption.forms(layout).values()) == {encryption.ENCRYPTED}


def test_an_empty_store_is_encrypted_from_its_first_record_on(layout: Layout) -> None:
    encrypt(layout)
    fill(layout)
    shutil.rmtree(layout.lexical)
    assert found_in(layout) == {}


def test_without_encryption_there_is_nothing_to_rotate_or_decrypt(layout: Layout) -> None:
    for step in (rotate, decrypt):
        with pytest.raises(StoreError, match="iai crypto init"):
            step(layout)
    encryption.complete(layout, quiet)


def test_copies_that_are_not_encrypted_are_named(layout: Layout) -> None:
    fill(layout)
    kept = layout.backups / "before-restore-1"
    shutil.copytree(layout.records, kept / "records")
    encrypt(layout)
    assert encryption.plain_copies(layout) == [kept]


# --- killed -----------------------------------------------------------------------------------

CODE = {module.__file__ for module in (encryption, keys, copying, environment, files)}
LINES = {
    "encrypt", "rotate", "decrypt", "complete", "_convert_environments", "_convert_derived",
    "_convert_files", "create", "save", "add_generation", "settle", "set_state", "remove",
    "convert", "_replace_file", "finish", "renumber", "sync", "replace",
}  # fmt: skip


def cut_short(step: Step, layout: Layout, lines: int) -> None:
    """Do a step; be killed after so many lines of it."""
    kill_after(lines, CODE, LINES)
    step(layout)


def said(layout: Layout) -> list[str]:
    with closing(Records(layout.records)) as records, records.view() as view:
        return [record.text for record in view.every()]


def completed(layout: Layout, step: Step) -> None:
    """Do as `iai up` does after a crash; then the step itself if it had not begun."""
    encryption.complete(layout, quiet)
    with suppress(StoreError):
        step(layout)


STEPS: dict[str, tuple[Step, list[Step]]] = {  # each with what is done before
    "encrypt": (encrypt, []),
    "rotate": (rotate, [encrypt]),
    "decrypt": (decrypt, [encrypt]),
}
STRIDE = 31  # lines from one kill to the next: with 1, which takes minutes, it holds as well


def kill_everywhere(name: str, work: Path, connection: Connection) -> None:
    """Do a step again and again, killed a little later each time, until it is not killed."""
    step, before = STEPS[name]
    origin = Layout(work / "origin")
    fill(origin)
    for one in before:
        one(origin)
    texts = said(origin)
    lines, early = 0, True
    while early:
        layout = Layout(work / "store")
        shutil.rmtree(layout.root, ignore_errors=True)
        shutil.copytree(origin.root, layout.root)
        early = killed(partial(cut_short, step, layout, lines))
        assert said(layout) == texts, lines
        completed(layout, step)
        assert said(layout) == texts, lines
        assert (found_in(layout) == {}) == (name != "decrypt"), lines
        assert not (layout.records / "scrubbed").exists(), lines
        found = keys.read(layout.root)
        assert (found is None) == (name == "decrypt"), lines
        assert found is None or (found.state, len(found.data)) == ("on", 1), lines
        lines += STRIDE
    connection.send(lines)


@pytest.mark.parametrize("name", STEPS)
def test_killed_anywhere_nothing_is_lost_and_it_is_completed(tmp_path: Path, name: str) -> None:
    (tmp_path / "origin/run").mkdir(parents=True)
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=kill_everywhere, args=(name, tmp_path, theirs))
    process.start()
    theirs.close()
    assert ours.recv() > 5 * STRIDE
    process.join()
    assert process.exitcode == 0
