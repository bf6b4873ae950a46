"""One import: which files are still to be read, and what has come of it."""

from collections import Counter, deque
from pathlib import Path

from iai.intake import Batch, Kept
from iai.messages import ImportProgress
from iai.transcripts import below


class ImportJob:
    """Filled in by ingest, one slice after the other.

    Nothing of it needs to outlive the process: the same import, asked for again, reads only what
    was not yet read.
    """

    def __init__(self, name: str, paths: tuple[str, ...]) -> None:
        self.name = name
        self.unreadable: list[str] = []
        self._files: deque[Path] = deque()
        self._skipped: Counter[str] = Counter()
        self._turns = self._added = self._bytes = self._bytes_done = self._files_done = 0
        for given in paths:
            self._collect(Path(given))
        self._count = len(self._files)

    @property
    def current(self) -> Path | None:
        """The file that is being read; None when all are done."""
        return self._files[0] if self._files else None

    def _collect(self, given: Path) -> None:
        if not given.exists():
            self.unreadable.append(f"{given}: there is no such file")
        for file in below(given) if given.exists() else ():
            self._files.append(file)
            self._bytes += file.stat().st_size

    def took(self, batch: Batch, kept: Kept) -> None:
        """Count what a slice brought."""
        self._turns += len(batch.records) - kept.ignored
        self._added += kept.added
        self._skipped.update(batch.skipped)
        if kept.ignored:
            self._skipped["of an ignored project"] += kept.ignored
        self._bytes_done += batch.bytes

    def next_file(self, problem: str = "") -> None:
        """Go on to the next file."""
        file = self._files.popleft()
        self._files_done += 1
        if problem:
            self.unreadable.append(f"{file}: {problem}")

    def progress(self, revision: int) -> ImportProgress:
        """How far it has come."""
        return ImportProgress(
            job=self.name,
            done=not self._files,
            files=self._count,
            files_done=self._files_done,
            bytes=self._bytes,
            bytes_done=self._bytes_done,
            turns_read=self._turns,
            records_added=self._added,
            duplicates=self._turns - self._added,
            skipped=dict(self._skipped),
            unreadable=tuple(self.unreadable),
            revision=revision,
        )
