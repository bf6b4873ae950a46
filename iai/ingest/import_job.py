"""Imports: which files are still to be read, and what has come of them so far."""

import os
from collections import Counter, deque
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

from iai.errors import BadUsage, NotFound
from iai.ingest.batch import Batch
from iai.ingest.insertion import Inserted
from iai.ingest.transcripts import Found, below
from iai.protocol.ingest import ImportProgress

PROBLEMS_LISTED = 100  # a message has a size limit, and a reader has one too
IGNORED = "of an ignored project"
JOBS_KEPT = 16  # finished imports whose outcome can still be queried
JOBS_WAITING = 64  # imports that are not finished


class ImportJob:
    """One import, advanced by ingest slice by slice. Files written last are read first.

    It need not survive the process: the same import, started again, reads only what is still
    unread.
    """

    def __init__(self, name: str, paths: tuple[str, ...]) -> None:
        self.name = name
        self.paths = paths
        self._problems: list[str] = []  # the first, as many as are listed
        self._problem_count = 0
        self._skipped: Counter[str] = Counter()
        self._redacted: Counter[str] = Counter()
        self.records_added = self._turns = self._actions = self._files_done = 0
        self._read = self._offset = 0  # bytes of the files that are done, and of this one
        found: dict[Path, Found] = {}
        for given in map(Path, paths):
            if not os.path.exists(given):  # noqa: PTH110  pathlib raises for impossible names
                self._note(f"{given}: there is no such file")
            found |= {file.path: file for file in below(given)}
        latest_first = sorted(found.values(), key=attrgetter("written_at"), reverse=True)
        self._files = deque(latest_first)
        self._count = len(self._files)
        self._bytes = sum(file.bytes for file in self._files)

    @property
    def current(self) -> Path | None:
        """The file being read; None when all are done."""
        return self._files[0].path if self._files else None

    @property
    def upcoming(self) -> Iterator[Found]:
        """The file being read, and those after it."""
        return iter(self._files)

    def slice_read(self, batch: Batch, inserted: Inserted) -> None:
        """Count a slice of the current file, and what was inserted of it."""
        self._turns += len(batch.records) - inserted.ignored
        self.records_added += inserted.added
        self._actions += inserted.actions
        self._skipped.update(batch.skipped)
        self._redacted.update(inserted.redacted)
        if inserted.ignored:
            self._skipped[IGNORED] += inserted.ignored
        self._offset = batch.transcript.offset

    def file_done(self, problem: str = "") -> None:
        """Advance to the next file; `problem` says why this one could not be read."""
        file = self._files.popleft()
        self._files_done += 1
        self._read += file.bytes
        self._offset = 0
        if problem:
            self._note(f"{file.path}: {problem}")

    def progress(self, revision: int) -> ImportProgress:
        """Return the progress so far; `revision` is that of the store."""
        more = self._problem_count - PROBLEMS_LISTED
        current = min(self._offset, self._files[0].bytes) if self._files else 0
        return ImportProgress(
            job=self.name,
            done=not self._files,
            files=self._count,
            files_done=self._files_done,
            bytes=self._bytes,
            bytes_done=self._read + current,
            turns_read=self._turns,
            records_added=self.records_added,
            duplicates=self._turns - self.records_added,
            skipped=dict(self._skipped),
            unreadable=(*self._problems, *([f"and {more} more"] if more > 0 else [])),
            revision=revision,
            actions_added=self._actions,
            redacted=dict(self._redacted),
        )

    def _note(self, problem: str) -> None:
        self._problem_count += 1
        if self._problem_count <= PROBLEMS_LISTED:
            self._problems.append(problem)


class ImportQueue:
    """The imports of this process, in order. The first unfinished one is read."""

    def __init__(self) -> None:
        self._jobs: dict[str, ImportJob] = {}

    @property
    def current(self) -> ImportJob | None:
        """The import being read; None when all are done."""
        return next((job for job in self._jobs.values() if job.current), None)

    def begin(self, paths: tuple[str, ...], wall: int) -> ImportJob:
        """Add an import, or join the same one if it is unfinished; return it.

        Raises BadUsage while `JOBS_WAITING` are unfinished.
        """
        for job in self._jobs.values():
            if job.current and job.paths == paths:
                return job
        finished = [name for name, job in self._jobs.items() if job.current is None]
        if len(self._jobs) - len(finished) >= JOBS_WAITING:
            raise BadUsage(f"{JOBS_WAITING} imports are waiting already; try again later")
        for name in finished[:-JOBS_KEPT]:
            del self._jobs[name]
        job = ImportJob(f"import-{wall}-{len(self._jobs)}", paths)
        self._jobs[job.name] = job
        return job

    def get(self, name: str) -> ImportJob:
        """Return an import by name. Raises NotFound if it is not of this process, or too old."""
        if name not in self._jobs:
            raise NotFound("no such import; ingest was restarted: start the import again")
        return self._jobs[name]
