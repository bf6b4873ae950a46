"""Reads transcripts slice by slice and stores what is in them: followed, imported, read again."""

import logging

from msgspec import structs

from iai.ingest import parse, transcripts
from iai.ingest.batch import Batch, Identify
from iai.ingest.follower import Follower, deadline
from iai.ingest.import_job import ImportJob, ImportQueue
from iai.ingest.insertion import Inserted
from iai.ingest.rereading import Rereader
from iai.ingest.writer import RecordWriter
from iai.lifecycle.pace import Pace
from iai.model.clock import Now
from iai.model.record import Transcript
from iai.model.rereading import Rereading
from iai.protocol.behaviour import Publish, Steps, StepsTo
from iai.protocol.ingest import SessionEnded
from iai.store.records import Records

log = logging.getLogger(__name__)

ITEMS = 400  # turns and actions of small files that are stored together: some 50 ms


class TranscriptReader:
    """Which files are to be read, and the next slice of each. `pace` is for all but followed ones.

    While the rules for secrets are loaded, what reads raises RulesLoading, and stores nothing.
    """

    def __init__(self, records: Records, writer: RecordWriter, identify: Identify) -> None:
        self._records = records
        self._writer = writer
        self._identify = identify
        self.follower = Follower((), 0)
        self.imports = ImportQueue()
        self.pace = Pace()
        self._rereader = Rereader(())

    def start(self, now: Now) -> None:
        """Take up what the records know of files that are followed, or to be read again."""
        with self._records.view() as view:
            self.follower = Follower(view.transcripts(), now.wall)
            self._rereader = Rereader(view.rereading())

    def reload(self) -> None:
        """Take up what a change has left of what was read, but not stored yet."""
        with self._records.view() as view:
            self.follower.reload(view.transcripts())
            self._rereader = Rereader(view.rereading())

    @property
    def left_to_reread(self) -> bool:
        """Is there a file to read again?"""
        return self._rereader.current is not None

    def quiet(self, now: Now) -> bool:
        """Is there nothing to read, but for files to be read again?"""
        return self.follower.idle(now) and self.imports.current is None

    def due_s(self, now: Now) -> float:
        """Seconds until there is a slice to read, or a poll to do."""
        due_s = self.follower.due_s(now)
        return min(due_s, self.pace.due_s(now)) if self.imports.current else due_s

    def read_followed(self, now: Now) -> Steps:
        """Read a slice of a followed file that has grown, if there is one."""
        transcript = self.follower.next_unread()
        if transcript is None:
            return
        path = transcript.path
        try:
            if again := self._rereader.instead(transcript):
                yield from self._read_again(again, now, live=True)
                return
            batch = parse.read(transcript, self._identify, now.wall)
        except OSError as error:
            log.warning("cannot read %s: %s", path, error.strerror)
            self.follower.skip(path)
            return
        if project := self.follower.ended_in(path):  # hosts may write its last lines late
            self._writer.required.session_ending(path, project)
        yield from self._writer.insert_batch(batch, now, live=True)
        self.follower.advance(batch.transcript, more=batch.more)

    def follow_regrown(self, now: Now) -> Steps:
        """Follow files that have grown though no event says so: it may have found the disk full."""
        until = deadline(now, ended=False)
        for transcript in self.follower.regrown(now):
            log.info("%s has grown, and no hook said so", transcript.path)
            followed = structs.replace(transcript, followed_until=until, read_at=now.wall)
            yield from self._writer.follow(followed, now)
            self.follower.follow(followed)

    def read_imported(self, now: Now) -> Steps:
        """Read a slice of the files that an import has come to, if one is under way and due.

        When the last is read, it announces that sessions have ended: the text is due at once.
        """
        job = self.imports.current
        if job is None or self.pace.due_s(now):
            return
        self.pace.looked(now, more=True)
        batches: list[Batch] = []
        inserted: list[Inserted] = []
        again = None
        try:
            if again := self._rereader.instead(self._known(str(job.current))):
                batch, one = yield from self._read_again(again, now, live=False)
                batches, inserted = [batch], [one]
            else:
                batches = self._read_together(job, now)
                inserted = yield from self._writer.insert_batches(batches, now, live=False)
        except OSError as error:
            job.file_done(f"cannot be read: {error.strerror}")
        for batch, one in zip(batches, inserted, strict=False):
            if not again:
                self.follower.advance(batch.transcript, more=batch.more)
            job.slice_read(batch, one)
            if not batch.more:
                job.file_done("" if batch.transcript.host else "not a transcript of a known host")
        if job.current is None and job.records_added:
            yield Publish(SessionEnded(revision=self._writer.mark.revision))

    def _read_together(self, job: ImportJob, now: Now) -> list[Batch]:
        """Read a slice of an import: of one file, or several whole ones, as a commit is dear.

        Raises OSError if the first cannot be read.
        """
        batches: list[Batch] = []
        room, items = self._most(now), ITEMS // self.pace.part(now)
        for file in job.upcoming:
            transcript = self._known(str(file.path))
            fits = file.bytes <= room and items > 0 and not self._rereader.instead(transcript)
            if batches and not fits:
                break
            try:
                batch = parse.read(transcript, self._identify, now.wall, self._most(now))
            except OSError:
                if not batches:
                    raise
                break
            batches.append(batch)
            room -= batch.bytes
            items -= len(batch.records) + len(batch.actions)
            if batch.more:
                break
        return batches

    def _known(self, path: str) -> Transcript:
        """Return how far a file has been read."""
        with self._records.view() as view:
            return view.transcript(path) or Transcript(path=path, host="")

    def reread(self, now: Now) -> Steps:
        """Read a slice of a file again, if one is left."""
        again = self._rereader.current
        if again is None:
            return
        try:
            yield from self._read_again(again, now, live=False)
        except OSError:  # what is stored of it stays as it is
            yield from self._writer.commit(
                lambda unit: unit.transcripts.reread(again, more=False), now
            )
            self._rereader.advance(again, more=False)
        self.pace.looked(now, more=True)

    def _read_again(
        self, again: Rereading, now: Now, *, live: bool
    ) -> StepsTo[tuple[Batch, Inserted]]:
        """Read a slice of a file that an earlier version read. Raises OSError if it is gone."""
        batch = parse.read(again.transcript, self._identify, now.wall, self._most(now))
        after, inserted = yield from self._writer.insert_again(batch, again, now, live=live)
        self._rereader.advance(after, more=batch.more)
        with self._records.view() as view:
            known = view.transcript(batch.transcript.path)
        if not batch.more and known is not None:
            self.follower.advance(known, more=False)
        return batch, inserted

    def _most(self, now: Now) -> int:
        return transcripts.SLICE // self.pace.part(now)
