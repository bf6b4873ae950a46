"""What the records keep so that a team can share them: by what others know them, and the outbox.

The log of the records is the outbox. Beside it is what the log does not say: which actions and
sessions a commit changed, and what was written or forgotten by hand. It is kept whether or not
there is a team, so that a project can be shared later with all that was done to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from msgspec import Struct, structs

from iai.model.amended import FORGOTTEN, NOTHING, Amended
from iai.model.change import ForgetChange, ForgottenTitle, ForgottenWork, Named, SessionName
from iai.model.record import DIGEST, Record, digest
from iai.store.codec import decode_u64, encode_u64, pack, unpack
from iai.store.environment import Tables

T = TypeVar("T")

DATABASES = (
    "identities",  # label -> Identity
    "amended",  # hash of a record's id -> Amended, also of what was forgotten or is not there yet
    "amendments",  # revision, number -> Amendments of this machine
    "work",  # revision, number -> Work of this machine
)
PLACE = 32  # bytes of an action's key: session, time, number
_FIRST = encode_u64(0)
_REVISION = 8  # bytes
_MOST = 1_000  # records or actions in one entry: as many fit into a message


class Identity(Struct, frozen=True, omit_defaults=True):
    """What a record is known by, besides its id. Records of older versions have no keys here."""

    keys: bytes = b""  # hashes of its idempotency keys, one after the other
    ids: tuple[str, ...] = ()  # that other machines gave it
    revision: int = 0  # of another machine, of what it said last

    def named(self, record: Record) -> Named:
        """Return by what a machine that knows this names the record."""
        return Named((record.id, *self.ids), split(self.keys))

    def also(self, own: str, named: Named) -> "Identity":
        """Return it with what another machine knows the record by; `own` is its id here."""
        known = {own, *self.ids}
        ids = tuple(i for i in named.ids if i not in known)
        keys = tuple(key for key in named.keys if key not in split(self.keys))
        if not ids and not keys:
            return self
        return Identity(self.keys + b"".join(keys), self.ids + ids, self.revision)


class Amendments(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was written or forgotten by hand, in one commit and project."""

    project: str
    labels: tuple[int, ...] = ()  # of records that were written to; they have the values
    forgotten: tuple[Named, ...] = ()
    own: bool = False  # was what is forgotten one's own?
    work: tuple[ForgottenWork, ...] = ()
    titles: tuple[ForgottenTitle, ...] = ()
    sessions: tuple[SessionName, ...] = ()  # of which nothing was left


class Work(Struct, frozen=True, omit_defaults=True):
    """What a commit changed in a project besides records. All of it was done on this machine."""

    project: str
    actions: bytes = b""  # their keys in `actions`, one after the other
    sessions: bytes = b""  # those whose title, branch and so on are new, likewise


class ProjectNotes:
    """What a transaction has done in a project that its log does not say."""

    def __init__(self) -> None:
        self.labels: dict[int, None] = {}  # of records written to by hand
        self.forgotten: list[Named] = []
        self.own_forgotten: list[Named] = []  # notes of one's own
        self.work: dict[SessionName, list[bytes]] = {}  # session -> hashes of forgotten actions
        self.titles: list[ForgottenTitle] = []
        self.emptied: list[SessionName] = []
        self.actions: dict[bytes, None] = {}  # keys of what was done, or is undone
        self.sessions: dict[bytes, None] = {}  # of which the title, branch and so on are new

    def leave_out(self, told: ForgetChange) -> None:
        """Leave out what others know of already."""
        names = {name for record in told.records for name in (*record.ids, *record.keys)}
        self.forgotten = [one for one in self.forgotten if {*one.ids, *one.keys} - names]
        self.own_forgotten = [one for one in self.own_forgotten if {*one.ids, *one.keys} - names]
        keys = {key for work in told.work for key in work.actions}
        self.work = {
            session: left
            for session, every in self.work.items()
            if (left := [key for key in every if key not in keys])
        }
        titles = {one.title for one in told.titles}
        self.titles = [one for one in self.titles if one.title not in titles]
        sessions = {(one.host, one.session) for one in told.sessions}
        self.emptied = [
            one
            for one in self.emptied
            if not one.machine  # others learn from it what of the session came after
            or (one.host, one.session) not in sessions
        ]

    def add(self, more: "ProjectNotes") -> None:
        """Add what else was done."""
        self.labels |= more.labels
        self.forgotten += more.forgotten
        self.own_forgotten += more.own_forgotten
        for session, keys in more.work.items():
            self.work.setdefault(session, []).extend(keys)
        self.titles += more.titles
        self.emptied += more.emptied
        self.actions |= more.actions
        self.sessions |= more.sessions

    def amendments(self, project: str) -> Iterator[Amendments]:
        """Yield what was written and forgotten by hand, in parts that fit into a message."""
        for labels in _batches(list(self.labels)):
            yield Amendments(project=project, labels=labels)
        for forgotten in _batches(self.forgotten):
            yield Amendments(project=project, forgotten=forgotten)
        for forgotten in _batches(self.own_forgotten):
            yield Amendments(project=project, forgotten=forgotten, own=True)
        for session, keys in self.work.items():
            for some in _batches(keys):
                yield Amendments(project=project, work=(ForgottenWork(session, some),))
        for titles in _batches(self.titles):
            yield Amendments(project=project, titles=titles)
        for sessions in _batches(self.emptied):
            yield Amendments(project=project, sessions=sessions)

    def changed(self, project: str) -> Iterator[Work]:
        """Yield what else is new, in parts likewise."""
        for actions in _batches(list(self.actions)):
            yield Work(project=project, actions=b"".join(actions))
        for sessions in _batches(list(self.sessions)):
            yield Work(project=project, sessions=b"".join(sessions))


class Lookup(NamedTuple):
    """A record that another machine names: see `AmendmentView.look_up`."""

    label: int  # 0: there is none
    forgotten: bool


class AmendmentView(Tables):
    """That, as of one moment."""

    def identity(self, label: int) -> Identity:
        """Return what a record is known by."""
        data = self._t.intact(encode_u64(label), db=self._db["identities"])
        return unpack(data, Identity) if data is not None else Identity()

    def amended(self, record_id: str) -> Amended:
        """Return what was written of a record by hand."""
        data = self._t.intact(digest(record_id), db=self._db["amended"])
        return unpack(data, Amended) if data is not None else NOTHING

    def own_amendments(self, after: int) -> Iterator[tuple[int, Amendments]]:
        """Yield what this machine wrote by hand after a revision, each with that of its commit."""
        for key, data in self._t.entries(self._db["amendments"], encode_u64(after + 1)):
            yield decode_u64(key[:_REVISION]), unpack(data, Amendments)

    def own_work(self, after: int) -> Iterator[tuple[int, Work]]:
        """Yield what else was changed after a revision, each with that of its commit."""
        for key, data in self._t.entries(self._db["work"], encode_u64(after + 1)):
            yield decode_u64(key[:_REVISION]), unpack(data, Work)

    def work_since(self) -> int:
        """Return the revision after which `own_work` is known: an older version kept none."""
        first = next(self._t.entries(self._db["work"]), None)
        return decode_u64(first[0][:_REVISION]) if first is not None else 1 << 63

    def look_up(self, named: Named) -> Lookup:
        """Return the label of a record, by any of its ids and keys, and whether it is forgotten."""
        for record_id in named.ids:
            data = self._t.intact(record_id.encode(), db=self._db["by_id"])
            if data is not None:
                return Lookup(decode_u64(data), forgotten=False)
            if self.amended(record_id).forgotten:
                return Lookup(0, forgotten=True)
        for key in named.keys:
            data = self._t.intact(key, db=self._db["by_key"])
            if data is not None:
                there = self._t.has(data, db=self._db["records"])
                return Lookup(decode_u64(data) if there else 0, forgotten=not there)
        return Lookup(0, forgotten=False)


class AmendmentChange(AmendmentView):
    """That, in a transaction of the writer."""

    def note_amended(self, record_id: str, amended: Amended) -> None:
        """Keep what was written of a record."""
        self._t.put(digest(record_id), pack(amended), db=self._db["amended"])

    def identify(self, label: int, identity: Identity) -> None:
        """Keep what a record is known by, and have it be found so.

        What another record has already, that one keeps.
        """
        number = encode_u64(label)
        ids = [i.encode() for i in identity.ids]
        taken = [i for i in ids if self._t.intact(i, db=self._db["by_id"]) not in (None, number)]
        if taken:
            ids = [i for i in ids if i not in taken]
            identity = structs.replace(identity, ids=tuple(i.decode() for i in ids))
        for alias in ids:
            self._t.put(alias, number, db=self._db["by_id"])
        for key in split(identity.keys):
            if not self._t.has(key, db=self._db["by_key"]):
                self._t.put(key, number, db=self._db["by_key"])
        self.keep_identity(label, identity)

    def keep_identity(self, label: int, identity: Identity) -> None:
        """Keep what a record is known by, and is found by already."""
        self._t.put(encode_u64(label), pack(identity), db=self._db["identities"])

    def forget_identity(self, label: int) -> None:
        """Delete what a record is known by."""
        self._t.delete(encode_u64(label), db=self._db["identities"])

    def bury(self, named: Named) -> None:
        """Have a record that is not there never be stored, under any of its names."""
        waiting = [one for i in named.ids if (one := self.amended(i).named) is not None]
        for record_id in {i for one in (named, *waiting) for i in one.ids}:
            self.note_amended(record_id, FORGOTTEN)
        for key in {key for one in (named, *waiting) for key in one.keys}:
            if not self._t.has(key, db=self._db["by_key"]):
                self._t.put(key, encode_u64(0), db=self._db["by_key"])

    def keep_noted(self, before: int, revision: int, noted: Mapping[str, ProjectNotes]) -> None:
        """Keep what a transaction, from one revision to another, has done in each project."""
        if not self._t.count(self._db["work"]):
            self._t.put(encode_u64(before) + _FIRST, pack(Work("")), db=self._db["work"])
        amendments = (part for project, one in noted.items() for part in one.amendments(project))
        work = (part for project, one in noted.items() for part in one.changed(project))
        for database, parts in (("amendments", amendments), ("work", work)):
            for number, part in enumerate(parts):
                key = encode_u64(revision) + encode_u64(number)
                self._t.put(key, pack(part), db=self._db[database])


def split(digests: bytes) -> tuple[bytes, ...]:
    """Return hashes that are one after the other."""
    return tuple(digests[at : at + DIGEST] for at in range(0, len(digests), DIGEST))


def _batches(items: Sequence[T]) -> Iterator[tuple[T, ...]]:
    for at in range(0, len(items), _MOST):
        yield tuple(items[at : at + _MOST])
