"""One import: which files are still to be read, and what has come of it."""

from collections import Counter, deque
from operator import attrgetter
from pathlib import Path

from iai.ingest.parse import Batch, Kept
from iai.ingest.transcripts import Found, below
from iai.protocol.ingest import ImportProgress

PROBLEMS_TOLD = 100  # a message has its limit, and so has who reads it


class ImportJob:
    """Filled in by ingest, one slice after the other; the file that was written last goes first.

    Nothing of it needs to outlive the process: the same import, asked for again, reads only what
    was not yet read.
    """

    def __init__(self, name: str, paths: tuple[str, ...]) -> None:
        self.name = name
        self.paths = paths
        self._problems: list[str] = []
        self._skipped: Counter[str] = Counter()
        self._turns = self._added = self._files_done = 0
        self._read = self._offset = 0  # bytes of the files that are done, and of this one
        found: dict[Path, Found] = {}
        for given in map(Path, paths):
            if not given.exists():
                self._problems.append(f"{given}: there is no such file")
            found |= {file.path: file for file in below(given)}
        latest_first = sorted(found.values(), key=attrgetter("written_at"), reverse=True)
        self._files = deque(latest_first)
        self._count = len(self._files)
        self._bytes = sum(file.bytes for file in self._files)

    @property
    def current(self) -> Path | None:
        """The file that is being read; None when all are done."""
        return self._files[0].path if self._files else None

    def took(self, batch: Batch, kept: Kept) -> None:
        """Count what a slice brought."""
        self._turns += len(batch.records) - kept.ignored
        self._added += kept.added
        self._skipped.update(batch.skipped)
        if kept.ignored:
            self._skipped["of an ignored project"] += kept.ignored
        self._offset = batch.transcript.offset

    def next_file(self, problem: str = "") -> None:
        """Go on to the next file."""
        file = self._files.popleft()
        self._files_done += 1
        self._read += file.bytes
        self._offset = 0
        if problem:
            self._problems.append(f"{file.path}: {problem}")

    def progress(self, revision: int) -> ImportProgress:
        """How far it has come."""
        more = len(self._problems) - PROBLEMS_TOLD
        unreadable = self._problems[:PROBLEMS_TOLD]
        current = min(self._offset, self._files[0].bytes) if self._files else 0
        return ImportProgress(
            job=self.name,
            done=not self._files,
            files=self._count,
            files_done=self._files_done,
            bytes=self._bytes,
            bytes_done=self._read + current,
            turns_read=self._turns,
            records_added=self._added,
            duplicates=self._turns - self._added,
            skipped=dict(self._skipped),
            unreadable=(*unreadable, *([f"and {more} more"] if more > 0 else [])),
            revision=revision,
        )
