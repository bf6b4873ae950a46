"""The records as readers see them, at one moment."""

from collections.abc import Iterator
from itertools import chain, islice

from iai.model import duplicate_turns
from iai.model.clock import NS
from iai.model.member import Member
from iai.model.record import JUST_NOW, NewRecord, Record, Transcript, digest
from iai.store.amendments import AmendmentView
from iai.store.codec import decode_time, decode_u64, encode_time, unpack
from iai.store.inbox import Mark
from iai.store.log_view import LogView
from iai.store.rereading import RereadingView
from iai.store.session_view import SessionView

MARKUP = b"unknown_markup"  # in `meta`
REDACTED = b"redacted"  # in `meta`
THIS_MACHINE = b"this_machine"  # in `meta`
TEAM_MARK = b"team_mark"  # in `meta`
LATEST_LIVE = b"latest_live"  # in `meta`
AHEAD = b"ahead"  # in `meta`
_NOT_RECORDED = b"not_recorded\0"  # in `meta`: prefix of the hash of a session's id
FOR_GOOD, FOR_NOW = b"", b"\1"  # what is under it
_LOOKED_AT = 16  # turns, latest of a session or of one moment, of which one may be copied
_SLEW = NS  # clock steps smaller than this are ignored


class RecordView(LogView, SessionView, AmendmentView, RereadingView):
    """The records as of one moment."""

    def copy_of(self, new: NewRecord) -> int | None:
        """Return the label of the stored turn that this one is a copy of; None if it is none.

        Every copy has an idempotency key of its own: see `iai.model.duplicate_turns`.
        """
        if new.heard:
            session = new.session_key
            latest = islice(self.session(session, newest_first=True), _LOOKED_AT)
            told = islice(self._records("narration", session, newest_first=True), _LOOKED_AT)
            record = duplicate_turns.repeated(new, chain(latest, told))
            return record.label if record else None
        if new.source.transcript:
            return next(iter(self.heard(new)), None)
        return None

    def in_another_session(self, new: NewRecord) -> int | None:
        """Return the label of the very same turn in another session, which a fork has copied.

        It has the same words at the same moment: of two that are said, the times differ.
        """
        if not new.source.transcript:
            return None
        at_once = self._t.prefixed(self._db["by_created"], encode_time(new.created_at))
        for key, _ in islice(at_once, _LOOKED_AT):
            label = decode_u64(key[-8:])
            known = self.get(label)
            if (
                known is not None
                and (known.host, known.role, known.text) == (new.host, new.role, new.text)
                and known.session != new.session
                and known.source.transcript
            ):
                return label
        return None

    def heard(self, turn: NewRecord) -> list[int]:
        """Return the labels of events' turns with these words that no transcript had yet."""
        data = self._t.intact(digest(duplicate_turns.key(turn)), db=self._db["by_key"]) or b""
        return [decode_u64(data[at : at + 8]) for at in range(0, len(data), 8)]

    def transcript(self, path: str) -> Transcript | None:
        """Return how far this file has been read; None if it never was."""
        data = self._t.intact(digest(path), db=self._db["transcripts"])
        return unpack(data, Transcript) if data is not None else None

    def transcripts(self) -> Iterator[Transcript]:
        """Yield all files that were ever read."""
        for _, data in self._t.entries(self._db["transcripts"]):
            yield unpack(data, Transcript)

    def not_recorded(self, *sessions: str) -> bool:
        """Is one of these sessions, by the host's id, not to be recorded, for good?"""
        return any(
            self._t.has(not_recorded_key(session), db=self._db["meta"])
            and not self.switched_off(session)
            for session in sessions
            if session
        )

    def switched_off(self, session: str) -> bool:
        """Is the recording of a session off for now, by what its user said last of that?"""
        return self._t.intact(not_recorded_key(session), db=self._db["meta"]) == FOR_NOW

    def unknown_markup(self) -> dict[str, int]:
        """Return how many turns of users begin with each tag that no rule of their host knows."""
        data = self._t.intact(MARKUP, db=self._db["meta"])
        return unpack(data, dict[str, int]) if data is not None else {}

    def redacted(self) -> dict[str, int]:
        """Return how many secrets were ever redacted in what was stored, by kind."""
        data = self._t.intact(REDACTED, db=self._db["meta"])
        return unpack(data, dict[str, int]) if data is not None else {}

    def member(self, machine: str) -> Member | None:
        """Return who works on a machine of the team, "" being this one; None if it is not known."""
        key, database = (machine.encode(), "members") if machine else (THIS_MACHINE, "meta")
        data = self._t.intact(key, db=self._db[database])
        return unpack(data, Member) if data is not None else None

    def members(self) -> Iterator[Member]:
        """Yield the other machines of the team that are known."""
        for _, data in self._t.entries(self._db["members"]):
            yield unpack(data, Member)

    def team_mark(self) -> Mark:
        """Return up to where the changes of the team were applied."""
        data = self._t.intact(TEAM_MARK, db=self._db["meta"])
        return unpack(data, Mark) if data is not None else Mark()

    def in_team(self) -> bool:
        """Was any change of a team ever applied?"""
        return self._t.has(TEAM_MARK, db=self._db["meta"])

    def pinned_on(self, record: Record) -> str:
        """Return the machine that a pinned record was pinned on; "" is this one."""
        if record.mine:
            return ""
        stamp = self.amended(record.id).stamps.get("pinned")
        return stamp.machine if stamp is not None else record.machine

    def latest_live(self) -> int:
        """Return the order of what was said last; 0 if nothing was."""
        return self._moment(LATEST_LIVE)

    def ahead(self, now: int) -> int:
        """Return by how much the clock was set back; 0 if it was not. See `order_of`."""
        latest = self.latest_live()
        ahead = self._moment(AHEAD) if latest > now else 0
        return latest - now + JUST_NOW if latest > now + ahead + _SLEW else ahead

    def _moment(self, key: bytes) -> int:
        data = self._t.intact(key, db=self._db["meta"])
        return decode_time(data) if data is not None else 0


def not_recorded_key(session: str) -> bytes:
    """Return the key in `meta` that a session has which is not to be recorded."""
    return _NOT_RECORDED + digest(session)
