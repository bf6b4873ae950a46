"""Composes the payloads to write, from the records and the topics of the graph."""

from contextlib import suppress
from typing import NamedTuple

from iai.errors import StoreError
from iai.freshness.target import Target
from iai.model import clock, framing
from iai.model.memo import Latest
from iai.model.topic import Topic
from iai.payload import file_notes
from iai.payload.compose import render
from iai.payload.material import ELSEWHERE, Material, gather
from iai.payload.sessions import Memo
from iai.payload.system_message import system_message
from iai.store.payload_readers import PayloadReaders
from iai.store.record_view import RecordView

WITHOUT_GRAPH = "the graph is not ready yet; what it would add is missing here"


class Composed(NamedTuple):
    """A payload, and the line that the person is shown with it; "" for none."""

    text: str
    message: str


class Composer:
    """Remembers, for each project, the selection that costs the most to make."""

    def __init__(
        self,
        readers: PayloadReaders,
        projects: int,
        *,
        elsewhere: bool = True,
        here: str = "user",
        with_message: bool = True,
        on_disk: bool = True,
    ) -> None:
        """`projects` is how many have a payload of their own.

        `elsewhere`: may a payload show what was done in other projects? `here` says what is one's
        own: see `iai.model.people`. `with_message`: is the person shown a line about it? `on_disk`:
        is its text to be in a file?
        """
        self._readers = readers
        self._with_message = with_message
        self._elsewhere = elsewhere
        self._here = here
        self._on_disk = on_disk
        # Enough for all that is composed in turn, one without a project among it, so that no
        # session is read twice for it.
        self._memo: Memo = Latest(projects + ELSEWHERE + 1)
        self._file_memo: file_notes.Memo = Latest(projects * file_notes.SESSIONS)

    def compose(
        self, target: Target, wall: int, *, with_graph: bool, stalled: str = ""
    ) -> Composed:
        """Return a payload; its text is "" if there are no records.

        `stalled` says why it may lack what was said lately: see `capture_watch`.

        Where nothing of them is to be shown, it is a frame without content, so that nobody takes
        the payload for one that has yet to be written; where it is kept off the disk, the file says
        only that. Raises StoreError if the records cannot be read.
        """
        if not self._on_disk:
            return self._off_disk(wall)
        topics = self._topics(target.project) if with_graph else ()
        with self._readers.records.view() as view:
            material = self._gather(view, target, topics)
            known = view.watermark().records_count
            sessions = self._sessions(view, target.project)
        notes = (stalled, "" if with_graph else WITHOUT_GRAPH)
        text = render(material, wall, "; ".join(filter(None, notes)))
        if text or not known:
            shown = system_message(material, sessions, text, stalled) if self._with_message else ""
            return Composed(text, shown)
        nothing = framing.opening(material.revision, clock.iso(wall), target.name)
        return Composed(f"{nothing}\n{framing.CLOSING}\n", "")

    def _sessions(self, view: RecordView, project: str) -> int:
        """Return how many sessions a project has; 0 if no message needs it."""
        wanted = self._with_message and project
        return sum(1 for _ in view.sessions(view.belongs(project))) if wanted else 0

    def _off_disk(self, wall: int) -> Composed:
        with self._readers.records.view() as view:
            mark = view.watermark()
        known = mark.records_count
        return Composed(framing.off_disk(mark.revision, clock.iso(wall)) if known else "", "")

    def file_notes(self, target: Target, wall: int) -> str:
        """Return the notes on the files of a target's project. Raises StoreError like `compose`."""
        with self._readers.records.view() as view:
            notes = file_notes.gather(view, target.project, self._file_memo)
            revision = view.watermark().revision
        opening = framing.opening(revision, clock.iso(wall), target.name, file_notes.TOKENS)
        return file_notes.render(notes, target.tops, opening)

    def prepare(self, target: Target) -> None:
        """Select now what a payload will show, so that composing it later is quick.

        An error is ignored here; composing will raise it.
        """
        if not self._on_disk:
            return
        with suppress(StoreError), self._readers.records.view() as view:
            self._gather(view, target, self._topics(target.project))

    def _gather(self, view: RecordView, target: Target, topics: tuple[Topic, ...]) -> Material:
        return gather(
            view,
            target.project,
            target.name,
            topics,
            self._memo,
            checkout=target.checkout,
            elsewhere=self._elsewhere,
            here=self._here,
        )

    def _topics(self, project: str) -> tuple[Topic, ...]:
        try:
            with self._readers.topics.view() as view:
                return view.topics(project)
        except StoreError:  # its owner repairs the graph; the payload does without it
            return ()
