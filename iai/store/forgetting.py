"""What is deleted for good: a record, what was done, a title, and what is half read of them."""

from collections.abc import Callable

from iai.model.action import Action
from iai.model.exchange import opens
from iai.model.record import Record, Watermark
from iai.store import half_read
from iai.store.codec import encode_u64, pack
from iai.store.half_read import HalfReadChange
from iai.store.record_view import MARKUP
from iai.store.request_work import RequestWork


class Forgetting(RequestWork, HalfReadChange):
    """Deletes for good, in a transaction of the writer."""

    def finish(self) -> Watermark:
        """See `ChangeLog.finish`."""
        if self._scrub and 0 < self._mark.revision == self.erased_through():
            self._log("act", 0, ())  # the scrub of that revision may be over
        return super().finish()

    def forget(self, record: Record) -> None:
        """Delete a record for good. Only its key's hash stays, so that it cannot come back."""
        self._delete(record)
        if record.in_session:
            self._forget_work(record)
            self._activity.set_back(record)
        self._advance("forget", record, count=-1)

    def forget_work(
        self, session: bytes, since: int, until: int | None, which: Callable[[Action], bool]
    ) -> int:
        """Delete what was done in a session between two times for good; return how much."""
        self._find_home(session)
        gone = self.forget_actions(session, since, until, which)
        requests = {self._open_requests.at(session, action.at) for action in gone}
        for label in sorted(requests - {0}):
            request = self.get(label)
            if request is not None:
                self._log("act", label, {request.project})
        if gone:
            self._note_forgotten(session)
        return len(gone)

    def forget_session_title(self, session: bytes) -> bool:
        """Delete the title of a session for good; return False if it has none."""
        self._find_home(session)
        if not self.forget_title(session):
            return False
        self.forget_half_read(half_read.untitled, session)
        self._note_forgotten(session)
        return True

    def forget_phrase(self, phrase: str) -> None:
        """Delete what says something and is read, but not stored yet."""
        self.forget_half_read(half_read.saying(phrase))
        self._forget_markup(phrase)
        self.demand_scrub()

    def _delete(self, record: Record) -> None:
        """Delete a record itself, and note by what it is known."""
        identity = self.identity(record.label)
        named = identity.named(record)
        self._note(record.project).forgotten.append(named)
        self._delete_keys(record)
        for alias in identity.ids:
            self._t.delete(alias.encode(), db=self._db["by_id"])
        for database in ("records", "identities"):
            self._t.delete(encode_u64(record.label), db=self._db[database])
        self.bury(named)
        self._open_requests.clear()
        self._forget_markup(record.text)
        self.demand_scrub()

    def _forget_work(self, record: Record) -> None:
        """Remove what was done for a request; with the last turn, all else of its session."""
        key = record.session_key
        self._note_home(key, record)
        if opens(record):
            following = (r for label in self.sides(record)[1] if (r := self.get(label)))
            end = next((r.order for r in following if opens(r)), None)
            if self.forget_actions(key, record.order, end) and record.rewound:
                self._work_changed(key, record.order)
            if end is None:  # calls without a result are its work, too
                self.forget_half_read(half_read.unfinished, key)
        known = self.session_info(key)
        if not self.has_turns(key):
            self.forget_session(key)
            self.forget_half_read(half_read.wholly, key)
        else:
            self.forget_half_read(half_read.repeating(record.text), key)
            if known is not None and half_read.repeats(known.title, record.text):
                self.forget_title(key)

    def _forget_markup(self, text: str) -> None:
        """Delete the names of unknown tags that are in a text: see `note_markup`."""
        known = self.unknown_markup()
        kept = {tag: count for tag, count in known.items() if tag not in text}
        if kept != known:
            self._put(MARKUP, pack(kept), "meta")
