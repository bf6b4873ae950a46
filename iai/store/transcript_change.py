"""What is kept of the files that are read: how far, what is half read, and what is not recorded."""

from collections.abc import Mapping

from msgspec import structs

from iai.model.record import Transcript, digest, session_key
from iai.store import half_read
from iai.store.codec import pack, unpack
from iai.store.environment import Environment
from iai.store.record_view import FOR_GOOD, FOR_NOW, MARKUP, RecordView, not_recorded_key
from iai.store.rereading import RereadingChange
from iai.store.transaction import Transaction

_TAGS, _LONGEST_TAG = 50, 40


class TranscriptChange(RereadingChange):
    """Notes it. None of that is a change of records, so it is not logged."""

    def __init__(
        self, environment: Environment, transaction: Transaction, view: RecordView
    ) -> None:
        super().__init__(environment, transaction)
        self._view = view
        self._by_session: dict[bytes, list[Transcript]] | None = None  # as they are by now

    def follow(self, transcript: Transcript) -> None:
        """Note how far a file has been read."""
        self._put(self.admitted(transcript))

    def admitted(self, transcript: Transcript) -> Transcript:
        """Return what is known of a file without what was forgotten of its session."""
        session = session_key(transcript.host, transcript.session)
        if self._view.is_gone(session):
            return half_read.wholly(transcript)
        if self._view.is_forgotten_title(session, transcript.title):
            return half_read.untitled(transcript)
        return transcript

    def leave_out(self, session: str) -> None:
        """Stop recording a session, by the host's id; what is stored of it stays."""
        self._t.put(not_recorded_key(session), FOR_GOOD, db=self._db["meta"])

    def switch_recording(self, session: str, *, on: bool) -> None:
        """Note what the user said last of recording a session; nothing if it is off for good."""
        if on and self._view.switched_off(session):
            self._t.delete(not_recorded_key(session), db=self._db["meta"])
        elif not on and not self._view.not_recorded(session):
            self._t.put(not_recorded_key(session), FOR_NOW, db=self._db["meta"])

    def note_markup(self, found: Mapping[str, int]) -> None:
        """Count turns of users that begin with unknown markup, for the first `_TAGS` tags seen."""
        known = self._view.unknown_markup()
        for tag, number in found.items():
            name = tag[:_LONGEST_TAG]
            if name in known or len(known) < _TAGS:
                known[name] = known.get(name, 0) + number
        if found:
            self._t.put(MARKUP, pack(known), db=self._db["meta"])

    def forget_markup(self, text: str) -> None:
        """Delete the names of unknown tags that are in a text."""
        known = self._view.unknown_markup()
        kept = {tag: count for tag, count in known.items() if tag not in text}
        if kept != known:
            self._t.put(MARKUP, pack(kept), db=self._db["meta"])

    def forget_half_read(self, change: half_read.Change, session: bytes | None = None) -> None:
        """Change what is kept of the transcripts of a session; None for those of all sessions."""
        every = self._sessions_read()
        for transcripts in every.values() if session is None else [every.get(session, [])]:
            for place, transcript in enumerate(transcripts):
                changed = transcripts[place] = change(transcript)
                if changed != transcript:
                    self._put(changed)
        for again in list(self.rereading()):  # rarely any
            transcript = again.transcript
            if session in (None, session_key(transcript.host, transcript.session)):
                self.reread(structs.replace(again, transcript=change(transcript)), more=True)

    def _sessions_read(self) -> dict[bytes, list[Transcript]]:
        if self._by_session is None:
            self._by_session = {}
            for _, data in self._t.entries(self._db["transcripts"]):
                transcript = unpack(data, Transcript)
                key = session_key(transcript.host, transcript.session)
                self._by_session.setdefault(key, []).append(transcript)
        return self._by_session

    def _put(self, transcript: Transcript) -> None:
        self._t.put(digest(transcript.path), pack(transcript), db=self._db["transcripts"])
