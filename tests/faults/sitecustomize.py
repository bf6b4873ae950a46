"""Faults in real processes. Python runs this at its start where PYTHONPATH names this directory.

`IAI_FAULT_WALL` names a file with the seconds to add to the wall clock, or `at` and the nanoseconds
that it shows for good; it may change at any time.
`IAI_FAULT_SPEED` is a factor and the nanoseconds of both clocks, monotonic and wall, at which they
begin to run faster by it, in actors only.
`IAI_FAULT_COMPOSE` is how many seconds longer it takes to gather what a payload shows.
`IAI_FAULT_EMBEDDER` is why the embedder cannot be loaded.
`IAI_FAULT_READ` names a file: while it is there, of each transcript only a first slice is read.
`IAI_FAULT_SLEEP` names a file that says where a SLEEP goes wrong, see `_disturb_sleep`.
`IAI_FAULT_WRITES` names a directory with orders to be killed at a write, see `_kill_at_writes`.
`IAI_FAULT_AUDIT` is no fault: it names a directory, in which each process logs the files that it
opens, and its use of a network.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

_NS = 1_000_000_000


def _set_clock(offset: Path) -> None:
    read = time.time_ns

    def shown() -> int:
        at, _, nanoseconds = offset.read_text().partition("at ")
        return int(nanoseconds) if nanoseconds else read() + int(at) * _NS

    time.time_ns = shown
    time.time = lambda: time.time_ns() / _NS


def _speed_up(factor: int, mono: int, wall: int) -> None:
    """Have both clocks of an actor run faster. Waiting takes as long as ever."""
    monotonic, real = time.monotonic_ns, time.time_ns
    time.monotonic_ns = lambda: mono + (monotonic() - mono) * factor
    time.monotonic = lambda: time.monotonic_ns() / _NS
    time.time_ns = lambda: wall + (real() - wall) * factor
    time.time = lambda: time.time_ns() / _NS


def _slow_down(seconds: float) -> None:
    from iai.payload import material  # noqa: PLC0415  only where it is wanted

    gather = material.gather

    def slow(*args: Any, **options: Any) -> material.Material:
        time.sleep(seconds)
        return gather(*args, **options)

    material.gather = slow


def _take_embedder_away(reason: str) -> None:
    from iai.embedders import registry  # noqa: PLC0415
    from iai.errors import EmbedderUnavailable  # noqa: PLC0415

    def refuse(*_: object) -> NoReturn:
        raise EmbedderUnavailable(reason)

    registry.load = refuse  # type: ignore[assignment]


def _hold_reading(held: Path) -> None:
    from iai.ingest import transcripts  # noqa: PLC0415

    read = transcripts.read

    def first(
        path: str, mark: transcripts.Mark, most: int = transcripts.SLICE
    ) -> transcripts.Slice:
        if not (mark.offset and held.exists()):
            return read(path, mark, most)
        time.sleep(0.01)
        return transcripts.Slice([], mark, more=True)

    transcripts.read = first


def _disturb_sleep(orders: Path) -> None:
    """Have the first line of a file obeyed; it may change at any time.

    `kill STEP WHO N`: in this step the process is killed, once, just before that function writes to
    disk for the N-th time; after that the order is `rest`. `rest`: no step gets any further, so
    that what was left undone stays so. `fail STEP`: the step fails, each time. Links are made in
    SLEEP only, so that it finds some to make.
    """
    from iai.index.lexical import LexicalIndex  # noqa: PLC0415
    from iai.index.link_indexer import LinkIndexer  # noqa: PLC0415
    from iai.lifecycle import maintenance  # noqa: PLC0415
    from iai.process import files  # noqa: PLC0415
    from iai.store.graph import GraphStore  # noqa: PLC0415

    begin, commit, tidy, link = (
        maintenance.Sleep.__init__,
        GraphStore.commit,
        LexicalIndex.collect_garbage,
        LinkIndexer.step,
    )
    step = ""  # that is being done
    writes: dict[str, int] = {}  # by whom, in this step

    def order() -> list[str]:
        try:
            return orders.read_text().partition("\n")[0].split()
        except FileNotFoundError:  # also if it is removed just now
            return []

    def watched(name: str, slices: maintenance.Slices) -> maintenance.Slices:
        def each(now: Any) -> Iterator[int]:
            nonlocal step
            writes.clear()
            slices_ = slices(now)
            while True:
                while order() == ["rest"]:
                    yield 0
                if order() == ["fail", name]:
                    raise RuntimeError("no luck")
                step = name
                items = next(slices_, None)
                step = ""
                if items is None:
                    return
                yield items

        return each

    def write(who: str) -> None:
        if not step:
            return
        writes[who] = writes.get(who, 0) + 1
        if order() == ["kill", step, who, str(writes[who])]:
            files.replace(orders, b"rest")
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self: maintenance.Sleep, steps: Any, troubles: Any) -> None:
        begin(self, {name: watched(name, slices) for name, slices in steps.items()}, troubles)

    def written(self: GraphStore, change: Callable[..., Any]) -> Any:
        write(change.__qualname__.partition(".<locals>")[0])
        return commit(self, change)

    def tidied(self: LexicalIndex) -> None:
        write("collect_garbage")
        tidy(self)

    maintenance.Sleep.__init__ = watch  # type: ignore[method-assign]
    GraphStore.commit = written  # type: ignore[method-assign]
    LexicalIndex.collect_garbage = tidied  # type: ignore[method-assign]
    LinkIndexer.step = lambda *given: link(*given) if step else 0  # type: ignore[method-assign]


def _kill_at_writes(orders: Path) -> None:
    """Have an actor killed right before or after one of its writes to disk.

    A file by the name of the actor says which: `commit`, `words` (a commit of tantivy), `fsync` or
    `rename`, `before` or `after`, and how many such writes it takes. The file is removed first: it
    is killed once.
    """
    from iai.index.lexical import LexicalIndex  # noqa: PLC0415
    from iai.store.environment import Environment  # noqa: PLC0415

    counts: dict[str, int] = {}

    def reached(point: str) -> None:
        from setproctitle import getproctitle  # noqa: PLC0415

        order = orders / getproctitle().removeprefix("iai: ")
        try:
            wanted, _, number = order.read_text().rpartition(" ")
        except FileNotFoundError:
            counts.clear()
            return
        counts[point] = counts.get(point, 0) + 1
        if wanted == point and counts[point] >= int(number):
            order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(operation: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def write(*given: Any, **options: Any) -> Any:
            reached(f"{operation} before")
            done = act(*given, **options)
            reached(f"{operation} after")
            return done

        return write

    os.fsync = watched("fsync", os.fsync)
    os.replace = watched("rename", os.replace)
    os.rename = watched("rename", os.rename)
    Environment.write = watched("commit", Environment.write)  # type: ignore[method-assign]
    LexicalIndex.commit = watched("words", LexicalIndex.commit)  # type: ignore[method-assign]


def _audit(directory: Path) -> None:
    """Log what is opened, renamed, linked and deleted from Python: `r` or `w`, and the path.

    Also each use of a socket other than a Unix one, and each look-up of a name: `n`, and the event.
    The libraries' own files and sockets (LMDB, ZeroMQ) are not seen here: look at `/proc/PID`.
    """
    log = -1

    def begin() -> None:
        nonlocal log
        log = os.open(directory / str(os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    begin()
    os.register_at_fork(after_in_child=begin)
    changed = {"os.rename": (0, 1), "os.remove": (0,), "os.symlink": (1,)}

    def network(event: str, given: tuple[Any, ...]) -> bool:
        if event == "socket.__new__":
            return given[1] not in (socket.AF_UNIX, -1)  # -1: of a descriptor that is open already
        family = getattr(given[0], "family", None) if given else None
        return family != socket.AF_UNIX

    def note(event: str, given: tuple[Any, ...]) -> None:
        if event.startswith("socket.") and network(event, given):
            os.write(log, f"n {event}\n".encode())
        if event == "open" and not isinstance(given[0], int):
            how = "w" if given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else "r"
            os.write(log, f"{how} {os.fsdecode(given[0])}\n".encode())
        for position in changed.get(event, ()):
            os.write(log, f"w {os.fsdecode(given[position])}\n".encode())

    sys.addaudithook(note)


if file := os.environ.get("IAI_FAULT_WALL"):
    _set_clock(Path(file))
# The template, from which actors are forked; they inherit what is changed here.
_ACTORS = "multiprocessing.spawn" in " ".join(sys.orig_argv)

if (speed := os.environ.get("IAI_FAULT_SPEED")) and _ACTORS:
    _speed_up(*map(int, speed.split()))
if delay := os.environ.get("IAI_FAULT_COMPOSE"):
    _slow_down(float(delay))
if reason := os.environ.get("IAI_FAULT_EMBEDDER"):
    _take_embedder_away(reason)
if held := os.environ.get("IAI_FAULT_READ"):
    _hold_reading(Path(held))
if file := os.environ.get("IAI_FAULT_SLEEP"):
    _disturb_sleep(Path(file))
if (file := os.environ.get("IAI_FAULT_WRITES")) and _ACTORS:
    _kill_at_writes(Path(file))
if logs := os.environ.get("IAI_FAULT_AUDIT"):
    _audit(Path(logs))
