"""Flips single bits in the files of a store, and says who finds each: the read, `doctor --deep`.

A flip is harmless if all that is read is the same as before: every record, action and session, the
answers to questions, composed payloads, files of payloads. It is believed if that differs and
nobody finds it. Half of the flips are spread over all bytes, the other half over all files.

What has no checksum is left out: the spool and `session-start/news` (hooks write or read them in
shell), `config.toml`, the ledger, the logs, models, and what is in `run/`.
"""

import hashlib
import logging
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, get_args

import msgspec
from harness.corpus import history, text
from harness.group import CHECKOUT
from msgspec import Struct
from simulation.world import SharedPayloadReaders, World

from benchmarks.stats import Stats
from iai.admin.doctor import deep
from iai.config.layout import Layout
from iai.lifecycle import saved_state
from iai.model.action import Action
from iai.model.revisions import through
from iai.protocol.graph_cache import Recall
from iai.protocol.ingest import Import, ImportProgress, ImportStatus
from iai.protocol.lifecycle import RequestState
from iai.protocol.message import Actor, State
from iai.session_start.composer import Composer
from iai.session_start.targets import targets
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView

MEMORY = Path("/dev/shm")  # noqa: S108  where there is one, as nothing here is to last
_QUESTIONS = 8
_COVERED = ("*/data.mdb", "index/lexical/*.*", "index/lexical/.managed.json", "session-start/*.*",
            ".session-start-payload.*", "lifecycle.json")  # fmt: skip

Verdict = Literal["found at the read", "found by --deep", "harmless", "BELIEVED"]


class Flip(Struct, frozen=True):
    """One bit, and what came of it."""

    file: str  # relative to the store
    byte: int
    bit: int
    verdict: Verdict
    ended: bool  # reading it ended the process
    said: str  # the first thing said of it


class Seen(Struct, frozen=True):
    """What a reader saw."""

    digest: bytes = b""  # of all that was read; empty if that could not be ended
    said: tuple[str, ...] = ()  # errors and warnings


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--flips", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, default=300, help="in the store")
    parser.add_argument("--encrypted", action="store_true", help="encrypt the store first")
    parser.add_argument("--list", action="store_true", help="print each flip")


def run(args: Namespace) -> Stats:
    work = Path(tempfile.mkdtemp(prefix="iai-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        flips = []
        if args.encrypted:
            _encrypt(work)
        for flip in campaign(work, args.flips, args.seed, args.records):
            flips.append(flip)
            if args.list or flip.verdict == "BELIEVED":
                print(msgspec.json.encode(flip).decode(), flush=True)
    finally:
        shutil.rmtree(work)
    every: Counter[str] = Counter(flip.verdict for flip in flips)
    table = {
        part: dict(Counter(flip.verdict for flip in flips if _part(flip.file) == part))
        for part in sorted({_part(flip.file) for flip in flips})
    }
    ended = [flip for flip in flips if flip.ended]
    return {
        "flips": len(flips),
        **{verdict: every[verdict] for verdict in get_args(Verdict)},
        "ended a reader": len(ended),
        "of these not in words": sum(flip.verdict != "found by --deep" for flip in ended),
        **table,
    }


def _encrypt(work: Path) -> None:
    """Have the store that is built below `work` encrypted, with a key file beside it."""
    (work / "pristine").mkdir(mode=0o700)
    subprocess.run(
        [sys.executable, "-m", "iai", "crypto", "init", "--key-file", str(work / "key")],
        env={**os.environ, "IAI_MCP_STORE": str(work / "pristine")}, check=True,
        stdout=subprocess.DEVNULL, cwd=CHECKOUT,
    )  # fmt: skip


def campaign(work: Path, flips: int, seed: int, records: int) -> Iterator[Flip]:
    """Build a store below `work` and yield what comes of each flip. Open nothing before: it forks.

    Raises AssertionError if an intact store does not read the same twice.
    """
    _questions()  # once, not in each child
    pristine, copy = work / "pristine", work / "copy"
    _in_fork(_build, pristine, work / "history", records)
    shutil.copytree(pristine, copy, symlinks=True)
    before = _in_fork(_read, copy)[0]
    chance = random.Random(seed)  # noqa: S311
    files = sorted(path.relative_to(pristine) for one in _COVERED for path in pristine.glob(one))
    sizes = [(pristine / file).stat().st_size for file in files]
    there = [(file, size) for file, size in zip(files, sizes, strict=True) if size]
    for number in range(-1, flips):
        shutil.rmtree(copy)
        shutil.copytree(pristine, copy, symlinks=True)
        weights = [size for _, size in there] if number % 2 else None
        file, size = chance.choices(there, weights)[0]
        byte, bit = chance.randrange(size), chance.randrange(8)
        if number < 0:  # none, to see that there are no false alarms
            said, seen = _deep(copy), _in_fork(_read, copy)[0]
            assert not said, said  # noqa: S101
            assert seen == before, seen  # noqa: S101
            continue
        _flip(copy / file, byte, bit)
        yield _judge(copy, before, str(file), byte, bit)


def _judge(copy: Path, before: Seen, file: str, byte: int, bit: int) -> Flip:
    found = _deep(copy)  # first: a writer may repair what it reads
    seen, ended = _in_fork(_read, copy)
    verdict: Verdict
    if set(seen.said) - set(before.said) and not ended:
        verdict = "found at the read"
    elif found:
        verdict = "found by --deep"
    else:
        verdict = "harmless" if seen.digest == before.digest and not ended else "BELIEVED"
    said = next((one for one in seen.said if one not in before.said), found[0] if found else "")
    return Flip(file, byte, bit, verdict, ended, said)


def _deep(copy: Path) -> list[str]:
    layout = Layout(copy)
    fork = multiprocessing.get_context("fork")
    return [said for name in deep.names(layout) for said in deep.examine(name, layout, fork)]


def _flip(path: Path, byte: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(byte)
        value = file.read(1)[0] ^ (1 << bit)
        file.seek(byte)
        file.write(bytes([value]))


# --- in a process of its own ----------------------------------------------------------------------


def _in_fork(function: object, *args: object) -> tuple[Seen, bool]:
    """Return what a function sends, and whether a signal ended its process."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=function, args=(*args, theirs))  # type: ignore[arg-type]
    child.start()
    theirs.close()
    try:
        seen = msgspec.msgpack.decode(ours.recv_bytes(), type=Seen)
    except EOFError:
        seen = Seen(said=("the reader ended",))
    child.join()
    return seen, bool(child.exitcode and child.exitcode < 0)


def _build(store: Path, transcripts: Path, records: int, to: Connection) -> None:
    logging.disable()
    history(transcripts, records)
    world = World(store)
    job = world.answer(Actor.INGEST, Import(paths=(str(transcripts),)))
    while isinstance(job, ImportProgress) and not job.done:
        world.run(1.0)
        job = world.answer(Actor.INGEST, ImportStatus(job=job.job))
    world.records.commit(_work, world.now)
    world.run(300.0)
    world.answer(Actor.LIFECYCLE, RequestState(state=State.SLEEP))
    world.run(120.0)
    for actor in list(world.actors):
        world.stop(actor)
    world.close()
    to.send_bytes(msgspec.msgpack.encode(Seen()))


def _work(unit: RecordChange) -> None:
    """Note what was done in each session, and pin something."""
    chance = random.Random(5)  # noqa: S311
    for record in list(unit.view.after(0))[::10]:
        name = text(chance, 1).split()[0]
        action = Action(key=f"a{record.label}", kind="edit", at=record.order, path=f"/w/{name}.py")
        unit.work.act(action, record.host, record.session, record.project)
        if chance.random() < 0.3:  # noqa: PLR2004
            commit = Action(key=f"c{record.label}", kind="commit", at=record.order + 1,
                            commit=hashlib.sha1(name.encode()).hexdigest())  # noqa: S324  # fmt: skip
            unit.work.act(commit, record.host, record.session, record.project)
            unit.edits.pin(record, pinned=True)


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def _read(store: Path, to: Connection) -> None:
    """Start a group on a store and read everything as users and sessions do."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a panic of tantivy prints there
    heard = _Heard()
    logging.basicConfig(level=logging.WARNING, handlers=[heard], force=True)
    digest = b""
    try:
        summed = hashlib.blake2b()
        for part in _everything(store):
            summed.update(part)
        digest = summed.digest()
    except BaseException as error:  # noqa: BLE001  a panic of tantivy is one
        heard.said.append(f"{type(error).__name__}: {error}")
    to.send_bytes(msgspec.msgpack.encode(Seen(digest, tuple(heard.said))))
    to.close()
    os._exit(0)


def _everything(store: Path) -> Iterator[bytes]:
    layout = Layout(store)
    yield from (path.read_bytes() for path in sorted(layout.session_start.glob("*.md")))
    yield layout.payload.read_bytes()
    state = saved_state.decode(layout.lifecycle.read_bytes())
    yield repr((state.state, state.since, state.last_activity_at) if state else "").encode()
    world = World(store)
    composer = Composer(SharedPayloadReaders(layout, world.records, world.graph), 20)
    with world.records.view() as view:
        yield from _records(view)
        wanted = targets(view, layout, 20)
    for target in wanted:
        yield composer.compose(target, world.now.wall, with_graph=True).text.encode()
    for question in _questions():
        reply = world.answer(Actor.GRAPH_CACHE, Recall(query=question))
        yield msgspec.msgpack.encode(msgspec.to_builtins(reply))
    world.close()


@cache
def _questions() -> list[str]:
    chance = random.Random(3)  # noqa: S311
    return [text(chance, 6) for _ in range(_QUESTIONS)]


def _records(view: RecordView) -> Iterator[bytes]:
    yield repr(view.watermark()).encode()
    yield from (
        repr(change).encode() for change in view.changes(through(view.watermark().revision))
    )
    yield repr(sorted(view.transcripts(), key=lambda one: one.path)).encode()
    for project in sorted(view.projects(), key=lambda one: one.id):
        yield repr((project, view.changed(project.id), view.last_change(project.id))).encode()
        yield repr([record.label for record in view.pinned(project.id)]).encode()
        for record in view.project(project.id):
            yield repr((record, view.find(record.id), view.find(f"#{record.label}"))).encode()
        for session in view.sessions(project.id):
            yield repr((session, view.session_info(session))).encode()
            yield repr([record.label for record in view.session(session)]).encode()
            for action in view.actions(session):
                yield repr((action, view.has_action(action.key))).encode()
                yield repr(list(view.of_file(action.path))).encode()
                yield repr(list(view.of_commit(action.commit)) if action.commit else "").encode()


def _part(file: str) -> str:
    name = Path(file)
    if len(name.parts) > 2:  # noqa: PLR2004
        return "index/lexical/"
    return f"{name.parts[0]}/" if len(name.parts) > 1 else "payload, lifecycle"
