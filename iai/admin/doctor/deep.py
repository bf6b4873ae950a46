"""The checks of `iai doctor --deep`: everything that is kept is read, and compared.

They only read, and may run beside the group. A damaged file can end the process that reads it, so
each part is read in a process of its own.
"""

import logging
import multiprocessing
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, ForkServerContext
from pathlib import Path
from typing import TypeVar

from iai.admin.doctor import backups
from iai.admin.doctor.finding import Finding, fail, ok
from iai.admin.encryption import check_unlocked
from iai.config.layout import Layout
from iai.encryption import keys
from iai.encryption.keys import load_cipher
from iai.errors import StoreAbsent, StoreError, StoreLocked, Tampered
from iai.freshness.sidecar import is_intact, sidecar_path
from iai.index import lexical, lexical_files
from iai.index.term_vectors import TermVectors
from iai.ingest import spool
from iai.lifecycle import saved_state
from iai.model.revisions import Revisions
from iai.process import lock
from iai.process.files import read_regular
from iai.session_start.payload_files import read_sidecar
from iai.store import auto_backups
from iai.store.graph import GraphView
from iai.store.readers import Readers
from iai.store.record_view import RecordView
from iai.store.vectors import VectorView

T = TypeVar("T")

LISTED = 100  # problems of one part
_PREFIX = "deep "  # of the name of a check
_RESTORE = "all else can still be read (`iai export`); `iai restore --replace` a backup"
_LARGEST = 1 << 20  # bytes of a small file
_LEAST_S, _BYTES_A_SECOND = 120.0, 1 << 20  # how long a part may take before it counts as stuck
_SLICE = 4_096  # records compared at a time
_LOST = "it was made from changes of the records that are not there: the records lost their last"


def checks(layout: Layout) -> Iterator[Finding]:
    """Check every part of the store. One that is locked cannot be, and nothing is wrong with it."""
    try:
        check_unlocked(layout)
    except StoreLocked as error:
        yield fail("deep", f"nothing could be read: {error}", "give it its key, then try again")
        return
    for name, (_, path, remedy) in _parts(layout).items():
        found = examine(name, layout)
        if not found:
            there = "all as it was written" if path.exists() else "not there yet"
            yield ok(_PREFIX + name, there)
            continue
        todo, fixable = remedy(layout)
        for problem in found[:LISTED]:
            yield fail(_PREFIX + name, problem, todo, fixable=fixable)
        if len(found) > LISTED:
            yield fail(_PREFIX + name, f"and {len(found) - LISTED} more", todo, fixable=fixable)


def delete_damaged(layout: Layout, findings: Iterable[Finding]) -> None:
    """Delete the parts that these findings call damaged and that can be rebuilt.

    Does nothing while the group runs: its processes have them open.
    """
    lease = lock.take(layout.lease) if layout.run.exists() else None
    if lease is None:
        return
    try:
        for finding in findings:
            if finding.fixable and finding.check.startswith(_PREFIX):
                _, path, remedy = _parts(layout)[finding.check.removeprefix(_PREFIX)]
                if remedy in (_rebuild, _rewrite):
                    _delete(layout, path)
    finally:
        lease.release()


def _delete(layout: Layout, path: Path) -> None:
    if path == layout.session_start:  # it also holds what each session was given: that is not ours
        for payload in _payload_files(layout):
            payload.unlink(missing_ok=True)
            sidecar_path(payload).unlink(missing_ok=True)
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _rebuild(_: Layout) -> tuple[str, bool]:
    """Return what to do about what is derived, and whether `--fix` can do it now."""
    return "`iai down`, `iai doctor --deep --fix`, `iai up --detach`: it is rebuilt", True


def _rewrite(_: Layout) -> tuple[str, bool]:
    """Return what to do about session-start texts."""
    return "`iai refresh --force` writes them again", True


def _discard(_: Layout) -> tuple[str, bool]:
    """Return what to do about an event that cannot be opened: hosts have what was said."""
    return "delete it; `iai import --all` reads what was said from the transcripts", False


def _outlive(_: Layout) -> tuple[str, bool]:
    """Return what to do about a damaged backup. It is never restored by itself."""
    return "keep it until iai has made another, when it is idle; then delete it", False


def _restore(layout: Layout) -> tuple[str, bool]:
    """Return what to do about damaged records, and whether `--fix` can do it now."""
    if backups.damage(layout) is None:
        return _RESTORE, False
    return backups.remedy(layout, "`iai doctor --deep --fix`")


def problems(name: str, layout: Layout) -> Iterator[str]:
    """Yield in words what is damaged in one part. Reading damage can end the process."""
    audit, path, _ = _parts(layout)[name]
    try:
        yield from audit(layout)
    except StoreAbsent as error:
        if (path / "data.mdb").exists():
            yield f"a database is missing: {error}"
    except OSError as error:
        yield f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except (StoreError, ValueError) as error:
        yield str(error)


def names(layout: Layout) -> list[str]:
    """Return the parts that can be checked."""
    return list(_parts(layout))


_Part = tuple[Callable[[Layout], Iterator[str]], Path, Callable[[Layout], tuple[str, bool]]]


def _parts(layout: Layout) -> dict[str, _Part]:
    """Return for each part how it is read, where it is, and what helps if it is damaged."""
    return {
        "records": (_records, layout.records, _restore),
        "vectors": (_vectors, layout.vectors, _rebuild),
        "index": (_index, layout.index, _rebuild),
        "lexical index": (_lexical, layout.lexical, _rebuild),
        "payloads": (_payloads, layout.session_start, _rewrite),
        "lifecycle": (_lifecycle, layout.lifecycle, _rebuild),
        "sealed events": (_sealed_events, layout.spool_new.parent, _discard),
        "backups": (_backups, layout.backups, _outlive),
    }


def _records(layout: Layout) -> Iterator[str]:
    if backups.gone(layout):
        yield f"{layout.records} has no records any more"
        return
    with closing(Readers(layout)) as readers:
        yield from readers.records.problems()


def _view_records(readers: Readers) -> AbstractContextManager[RecordView]:
    return readers.records.view()


def _view_graph(readers: Readers) -> AbstractContextManager[GraphView]:
    return readers.graph.view()


@contextmanager
def _readable(
    readers: Readers, opened: Callable[[Readers], AbstractContextManager[T]]
) -> Iterator[T | None]:
    """Open what a part is compared with; None if that cannot be read: its own part says so."""
    with ExitStack() as stack:
        try:
            view = stack.enter_context(opened(readers))
        except StoreError:
            view = None
        yield view


def _vectors(layout: Layout) -> Iterator[str]:
    with closing(Readers(layout)) as readers:
        yield from readers.vectors.problems()
        # The records are opened last: they are as late as the vectors, or later.
        with (
            readers.vectors.view() as vectors,
            _readable(readers, _view_records) as records,
        ):
            if records is not None:
                yield from _compared_vectors(vectors, records)


def _index(layout: Layout) -> Iterator[str]:
    with closing(Readers(layout)) as readers:
        yield from readers.graph.problems()
        with readers.graph.view() as graph, _readable(readers, _view_records) as records:
            if records is None:
                return
            if _ahead(graph.progress().records_applied, records):
                yield _LOST
            elif _comparable(graph.progress().records_applied, records):
                yield from _compared_terms(graph, records)


def _lexical(layout: Layout) -> Iterator[str]:
    damaged = list(lexical_files.problems(layout.lexical))
    yield from damaged
    if damaged or not (layout.lexical / "meta.json").exists():
        return
    with closing(Readers(layout)) as readers, _readable(readers, _view_graph) as graph:
        found = lexical.labels(layout.lexical)
        with _readable(readers, _view_records) as records:
            if graph is None or records is None:
                return
            applied = graph.progress().records_applied
            if not _ahead(applied, records) and _comparable(applied, records):
                expected = [record.label for record in records.after(0)]
                yield from _differences(set(found), set(expected), "the lexical index")
                if len(found) > len(set(found)):
                    yield "the lexical index has records twice"


def _payloads(layout: Layout) -> Iterator[str]:
    for path in _payload_files(layout):
        sidecar = read_sidecar(path)
        try:
            text = read_regular(path, _LARGEST).decode()
            intact = sidecar is not None and is_intact(sidecar, text)
        except UnicodeDecodeError:
            intact = False
        if not intact:
            yield f"{path.name} and its sidecar are not what was written"


def _payload_files(layout: Layout) -> list[Path]:
    every = [layout.payload, *sorted(layout.session_start.glob("*.md"))]
    return [path for path in every if path.exists()]


def _sealed_events(layout: Layout) -> Iterator[str]:
    cipher = load_cipher(layout.root)
    for directory in (layout.spool_new, layout.spool_bad):
        for path in sorted(spool.files_in(directory)):
            data = spool.beginning(path, 2 * spool.LONGEST_EVENT)  # b"" if ingest has read it
            try:
                spool.unsealed(path, data, cipher)
            except Tampered as error:
                yield f"{path.relative_to(layout.root)}: {error}"


def _backups(layout: Layout) -> Iterator[str]:
    for path, one in auto_backups.every(layout).items():
        said = "its manifest is not what was written" if one is None else backups.problem_of(one)
        if said and path.exists():  # else ingest has replaced it meanwhile
            yield f"{path.name}: {said}"


def _lifecycle(layout: Layout) -> Iterator[str]:
    with suppress(FileNotFoundError):
        if saved_state.decode(read_regular(layout.lifecycle, _LARGEST)) is not None:
            return
        yield f"{layout.lifecycle.name} is not what was written"


def _compared_vectors(vectors: VectorView, records: RecordView) -> Iterator[str]:
    progress = vectors.progress()
    if _ahead(progress.applied, records):
        yield _LOST
        return
    if not progress.serving or not _comparable(progress.applied, records):
        return
    if vectors.generation(progress.serving) is None:
        yield "the generation that serves has no weights"
    found: set[int] = set()
    while labels := vectors.scan(progress.serving, max(found, default=0), _SLICE)[0]:
        found.update(labels)
    yield from _differences(found, {record.label for record in records.after(0)}, "the vectors")


def _compared_terms(graph: GraphView, records: RecordView) -> Iterator[str]:
    """Compare the terms of records with the records, and the counts of terms with these."""
    labels = [record.label for record in records.after(0)]
    if graph.term_vector_count() != len(labels):
        yield f"there are {graph.term_vector_count()} records with terms, not {len(labels)}"
    vectors = graph.term_vectors(labels)
    yield from (f"record #{label} has no terms" for label in labels if label not in vectors)
    if graph.uncounted():
        return
    counted = TermVectors(vectors.values()).document_frequencies().by_term()
    stored = graph.document_frequencies(counted)
    for term, number in counted.items():
        if stored.get(term) != number:
            yield f"term {term} is counted {stored.get(term, 0)} times, and occurs in {number}"


def _differences(found: set[int], expected: set[int], where: str) -> Iterator[str]:
    for label in sorted(expected - found):
        yield f"record #{label} is not in {where}"
    for label in sorted(found - expected):
        yield f"{where}: record #{label} is there, but not in the records"


def _ahead(applied: Revisions, records: RecordView) -> bool:
    return applied.head > records.watermark().revision


def _comparable(applied: Revisions, records: RecordView) -> bool:
    """Has a part taken in all records, and can all be read?

    Of a damaged record it may be right, and is all that is left.
    """
    mark = records.watermark()
    return applied.floor >= mark.revision and sum(1 for _ in records.every()) == mark.records_count


# --- in a process of its own ----------------------------------------------------------------------


def examine(
    name: str, layout: Layout, children: ForkServerContext | ForkContext | None = None
) -> list[str]:
    """Return the problems of a part; if reading ends the process, that is one of them.

    To fork `children` from this process is quicker still than what is done unless they are given,
    and safe only where nothing of LMDB, FAISS or zmq is open.
    """
    size = sum(file.stat().st_size for file in layout.root.glob("*/data.mdb"))
    context = children or _forked_apart()
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(
        target=_report, args=(name, layout.root, theirs, keys.unlocked()), daemon=True
    )
    child.start()
    theirs.close()
    found: list[str] = []
    try:
        while ours.poll(_LEAST_S + size / _BYTES_A_SECOND):
            found.append(ours.recv())
        found.append("reading it does not come to an end")
        child.kill()
    except EOFError:
        pass
    child.join()
    if child.exitcode and child.exitcode != -signal.SIGKILL:
        found.append(_ended(child.exitcode))
    return found


def _forked_apart() -> ForkServerContext:
    """Return what forks children from a process that has imported all of this and opened nothing.

    So the imports, a second of CPU, are made once and not for each part.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _ended(code: int) -> str:
    if code > 0:  # of its own accord, as on an error of ours
        return f"it could not be examined: the process ended with code {code}"
    name = signal.Signals(-code).name
    return f"reading it ends the process ({name}): its pages are damaged"


def _report(name: str, root: Path, to: Connection, unlocked: dict[str, bytes]) -> None:
    keys.adopt(unlocked)
    logging.disable()  # what is damaged is said in the findings
    for problem in islice(problems(name, Layout(root)), 10 * LISTED):
        to.send(problem)
