"""What ingest does while there is nothing to read: one slice of one job at a time, by rank.

Backups come first, since one may hold what was forgotten; then `iai purge-secrets`; then what an
earlier version read, which is read again.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from iai.errors import BadUsage, NotFound
from iai.ingest.purge import Purge
from iai.ingest.redact import Redact
from iai.ingest.scrub_job import ScrubJob
from iai.ingest.spool_reader import SpoolReader
from iai.ingest.transcript_reader import TranscriptReader
from iai.ingest.writer import RecordWriter
from iai.lifecycle.pace import Pace
from iai.model.clock import Now
from iai.protocol.behaviour import Steps
from iai.protocol.ingest import PurgeProgress
from iai.store.auto_backups import AutoBackups
from iai.store.records import Records

NEVER = math.inf


class Occasion(NamedTuple):
    """What a job may do now."""

    full: bool  # the store is: nothing may be stored
    quiet: bool  # nothing is to be read
    unattended: bool  # and nobody is at work


class Job(Protocol):
    """Work that can wait."""

    def due_s(self, now: Now, occasion: Occasion) -> float:
        """Seconds until a slice is to be done; `NEVER` while there is no work for this occasion."""
        ...

    def step(self, now: Now) -> Steps:
        """Do a slice. Raises RulesLoading, and changes nothing, while the rules are loaded."""
        ...


class IdleJobs:
    """Jobs by rank, the first one first."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs

    def due_s(self, now: Now, occasion: Occasion) -> float:
        """Seconds until any of them has a slice to do."""
        return min(job.due_s(now, occasion) for job in self._jobs)

    def step(self, now: Now, occasion: Occasion) -> Steps:
        """Do a slice of the first one that is due."""
        for job in self._jobs:
            if job.due_s(now, occasion) <= 0:
                yield from job.step(now)
                return


class BackupJob:
    """Makes a backup when nobody is at work; replaces one with what was forgotten at once."""

    def __init__(self, backups: AutoBackups, scrub: ScrubJob, writer: RecordWriter) -> None:
        self._backups = backups
        self._scrub = scrub
        self._writer = writer

    def due_s(self, now: Now, occasion: Occasion) -> float:
        """See `Job`."""
        mark, erased = self._writer.mark, self._scrub.erased_through
        due = self._backups.due(mark, erased, now, idle=occasion.unattended)
        return 0.0 if due else NEVER

    def step(self, now: Now) -> Steps:
        """See `Job`."""
        self._backups.step(self._scrub.erased_through, now)
        yield from ()


class PurgeJob:
    """Redacts what was stored before, when a user asks for it; answers how far it has come."""

    def __init__(
        self,
        records: Records,
        writer: RecordWriter,
        spool_reader: SpoolReader,
        redact: Redact,
        pace: Pace,
    ) -> None:
        self._records = records
        self._writer = writer
        self._spool = spool_reader
        self._redact = redact
        self._pace = pace
        self._job: Purge | None = None
        self._rejected: list[Path] = []  # files of the spool that are still to be redacted

    @property
    def busy(self) -> bool:
        """Is there anything left to go through?"""
        return self._job is not None and not self._job.done

    def begin(self, *, dry_run: bool) -> PurgeProgress:
        """Begin, or join the same one if it is under way; return the progress.

        Raises BadUsage while the other kind is under way.
        """
        if self._job is None or self._job.done:
            self._job = Purge(dry_run=dry_run)
            self._rejected = [] if dry_run else self._spool.rejected()
        if self._job.dry_run != dry_run:
            raise BadUsage("secrets are being redacted already; try again later")
        return self.progress()

    def progress(self) -> PurgeProgress:
        """Return the progress of the last one. Raises NotFound if this process has begun none."""
        if self._job is None:
            raise NotFound("ingest was restarted: run `iai purge-secrets` again")
        return self._job.progress(self._writer.mark)

    def due_s(self, now: Now, occasion: Occasion) -> float:
        """See `Job`."""
        may = self.busy and occasion.quiet and not occasion.full
        return self._pace.due_s(now) if may else NEVER

    def step(self, now: Now) -> Steps:
        """See `Job`."""
        assert self._job is not None  # noqa: S101  for mypy
        if self._rejected:
            yield from self._spool.redact_rejected(self._rejected[-1])
            del self._rejected[-1]  # not before: the rules may still be loaded
            return
        with self._records.view() as view:
            change = self._job.look(view, self._redact)
        if change is not None:
            yield from self._writer.commit(change, now, live=False)
        self._pace.looked(now, more=True)


class RereadJob:
    """Reads again, for what an earlier version did not take from a transcript."""

    def __init__(self, reader: TranscriptReader) -> None:
        self._reader = reader

    def due_s(self, now: Now, occasion: Occasion) -> float:
        """See `Job`."""
        may = self._reader.left_to_reread and occasion.quiet and not occasion.full
        return self._reader.pace.due_s(now) if may else NEVER

    def step(self, now: Now) -> Steps:
        """See `Job`."""
        yield from self._reader.reread(now)
