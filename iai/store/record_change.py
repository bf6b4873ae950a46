"""One transaction of the records' only writer: all changes of records and projects."""

from collections.abc import Mapping

from iai.model.record import Transcript, digest, session_key
from iai.store import half_read
from iai.store.codec import pack
from iai.store.forgetting import Forgetting
from iai.store.insertion import Insertion
from iai.store.project_change import ProjectChange
from iai.store.record_view import FOR_GOOD, FOR_NOW, MARKUP, not_recorded_key

_TAGS, _LONGEST_TAG = 50, 40


class RecordChange(ProjectChange, Insertion, Forgetting):
    """One transaction of the writer: all of it is kept, or nothing."""

    def follow(self, transcript: Transcript) -> None:
        """Note how far a file has been read."""
        self._put(digest(transcript.path), pack(self.admitted(transcript)), "transcripts")

    def admitted(self, transcript: Transcript) -> Transcript:
        """Return what is known of a file without what was forgotten of its session."""
        session = session_key(transcript.host, transcript.session)
        if self.was_forgotten(session) and not self.has_turns(session):
            return half_read.wholly(transcript)
        if self.is_forgotten_title(session, transcript.title):
            return half_read.untitled(transcript)
        return transcript

    def leave_out(self, session: str) -> None:
        """Stop recording a session, by the host's id; what is stored of it stays."""
        self._put(not_recorded_key(session), FOR_GOOD, "meta")

    def switch_recording(self, session: str, *, on: bool) -> None:
        """Note what the user said last of recording a session; nothing if it is off for good."""
        if on and self.switched_off(session):
            self._t.delete(not_recorded_key(session), db=self._db["meta"])
        elif not on and not self.not_recorded(session):
            self._put(not_recorded_key(session), FOR_NOW, "meta")

    def note_markup(self, found: Mapping[str, int]) -> None:
        """Count turns of users that begin with unknown markup, for the first `_TAGS` tags seen."""
        known = self.unknown_markup()
        for tag, number in found.items():
            name = tag[:_LONGEST_TAG]
            if name in known or len(known) < _TAGS:
                known[name] = known.get(name, 0) + number
        if found:
            self._put(MARKUP, pack(known), "meta")
