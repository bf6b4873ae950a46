"""What the replicator keeps in `team/`: the inbox, and how far it has come with its team.

All of it can be had again from the records and the stream, but which projects this machine shares,
and copies of what the stream has lost: where the directory is lost, nothing is shared until
somebody says so.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeAlias, TypeVar

from msgspec import Struct

from iai.model.record import digest
from iai.store.codec import decode_u64, encode_u64, pack, unpack
from iai.store.copies import CopyChange, CopyView
from iai.store.environment import MAP_SIZE, Environment
from iai.store.inbox import DATABASES, SCHEMA, Arrived, InboxChange, InboxView, Mark
from iai.store.store import Store
from iai.store.transaction import Transaction
from iai.team.chain import Chain, Span

T = TypeVar("T")

_TAKEN = b"taken"  # in `meta`, as are the next two
_INBOX = b"inbox"
_NUMBERED = b"numbered"
_SEQUENCE = 8  # bytes
_OURS, _THEIRS = b"\1", b"\0"  # who has had something forgotten


class Shared(Struct, frozen=True, kw_only=True):
    """A project that this machine shares, and how far it has published it."""

    project: str  # id
    hash: str  # that stands for it in the team
    through: int = 0  # revision of the records up to which the stream has acknowledged everything
    position: int = 0  # of the last message that it has acknowledged
    sequence: int = 0  # in the stream, of that message; 0: it may have been lost since
    since: int = 0  # when the project was first shared, UTC nanoseconds
    own: bool = False  # was what is one's own published, too, for other machines of this user?


class Peer(Struct, frozen=True, kw_only=True):
    """Another machine in one project: what has arrived, and when it was last heard of."""

    project: str  # hash
    machine: str
    tip: int = 0
    islands: tuple[tuple[int, int], ...] = ()
    announced: int = 0
    heard_at: int = 0  # UTC nanoseconds, by its own clock and not after ours
    beat: bytes = b""  # its last heartbeat, as it has signed it

    @property
    def chain(self) -> Chain:
        """What has arrived."""
        return Chain(self.tip, tuple(Span(*one) for one in self.islands), self.announced)


class Control(Struct, frozen=True):
    """A message about the team itself."""

    sequence: int  # 0: of an earlier stream
    data: bytes


class Unsent(Struct, frozen=True):
    """A message about the team itself that the stream has not acknowledged."""

    id: str  # see `iai.team.membership.Publication`
    data: bytes


class Unopened(Struct, frozen=True):
    """A message that was sealed with a key that this machine does not have yet."""

    subject: str
    data: bytes


class About(Struct, frozen=True):
    """A message about something that may be forgotten."""

    sequence: int
    ours: Span | None  # positions that it covers, if this machine published it
    mark: bytes  # of the text that it gives that; b"": it gives none, or there is no more in it


class TeamView(InboxView, CopyView):
    """`team/` as of one moment."""

    def taken(self) -> Mark:
        """Return up to where the stream was taken in."""
        data = self._t.get(_TAKEN, db=self._db["meta"])
        return unpack(data, Mark) if data is not None else Mark()

    def shared(self) -> list[Shared]:
        """Return the projects that this machine shares."""
        return [unpack(data, Shared) for _, data in self._t.entries(self._db["shared"])]

    def peers(self) -> list[Peer]:
        """Return every other machine, once for each project."""
        return [unpack(data, Peer) for _, data in self._t.entries(self._db["peers"])]

    def control(self) -> list[Control]:
        """Return all messages about the team itself."""
        return [unpack(data, Control) for _, data in self._t.entries(self._db["control"])]

    def unsent(self) -> list[Unsent]:
        """Return what this machine has to say about the team, in the order of its ids."""
        return [unpack(data, Unsent) for _, data in self._t.entries(self._db["unsent"])]

    def waiting_for_ingest(self, most: int) -> dict[str, int]:
        """Count the changes of each machine in the inbox, among the first ones."""
        found = islice(self._t.entries(self._db["inbox"]), most)
        return dict(Counter(unpack(data, Arrived).machine for _, data in found))

    def unopened(self, after: int, limit: int) -> list[tuple[int, Unopened]]:
        """Return messages that wait for a key, by sequence."""
        found = self._t.entries(self._db["unopened"], encode_u64(after + 1))
        return [(decode_u64(key), unpack(data, Unopened)) for key, data in islice(found, limit)]

    def erasures(self, limit: int) -> list[int]:
        """Return the sequences of messages that are to be deleted from the stream."""
        found = self._t.entries(self._db["erasures"])
        return [decode_u64(key) for key, _ in islice(found, limit)]

    def about(self, subject: str) -> list[About]:
        """Return the messages of the stream that are about this."""
        found = self._t.prefixed(self._db["about"], digest(subject))
        return [_about(decode_u64(key[-_SEQUENCE:]), data) for key, data in found]

    def forgotten(self, subject: str) -> bool | None:
        """Has this machine had it forgotten (True), or another one (False)? None: nobody has."""
        data = self._t.intact(digest(subject), db=self._db["forgotten"])
        return None if data is None else data == _OURS

    def waiting(self) -> int:
        """Return how many messages wait for a key."""
        return self._t.count(self._db["unopened"])


class TeamChange(TeamView, InboxChange, CopyChange):
    """One transaction of the replicator."""

    def take(self, mark: Mark) -> None:
        """Note up to where the stream was taken in."""
        self._t.put(_TAKEN, pack(mark), db=self._db["meta"])

    def arrive(self, changes: Iterable[tuple[str, bytes]], now: int) -> None:
        """Put changes into the inbox, each with the machine that signed it.

        They are numbered in the order in which they can be applied, which is not quite that of the
        stream: what had to wait for a key comes later. To ingest, the inbox is the stream: its id
        is the time, in UTC nanoseconds, at which it was created.
        """
        known = self._t.get(_INBOX, db=self._db["meta"])
        inbox = known or str(now).encode()
        last = self._t.get(_NUMBERED, db=self._db["meta"]) if known else None
        start = decode_u64(last) + 1 if last is not None else 1
        rows = [(start + at, machine, data) for at, (machine, data) in enumerate(changes)]
        self.put(inbox.decode(), rows)
        self._t.put(_INBOX, inbox, db=self._db["meta"])
        self._t.put(_NUMBERED, encode_u64(start + len(rows) - 1), db=self._db["meta"])

    def begin_stream(self, stream: str) -> None:
        """Start over with another stream: what was known by sequence is void."""
        for name in ("unopened", "erasures", "about"):
            self._t.drop(self._db[name], delete=False)
        for key, data in list(self._t.entries(self._db["control"])):
            control = Control(0, unpack(data, Control).data)
            self._t.put(key, pack(control), db=self._db["control"])
        self.take(Mark(stream, 0))

    def share(self, shared: Shared) -> None:
        """Note that a project is shared, and how far it was published."""
        self._t.put(shared.hash.encode(), pack(shared), db=self._db["shared"])

    def unshare(self, hashed: str) -> None:
        """Note that a project is not shared any more."""
        self._t.delete(hashed.encode(), db=self._db["shared"])

    def put_peer(self, peer: Peer) -> None:
        """Note what has arrived of another machine."""
        key = f"{peer.project}{peer.machine}".encode()
        self._t.put(key, pack(peer), db=self._db["peers"])

    def put_control(self, key: bytes, control: Control) -> None:
        """Keep a message about the team itself. `key` is its digest."""
        self._t.put(key, pack(control), db=self._db["control"])

    def put_unsent(self, unsent: Unsent) -> None:
        """Have something said about the team, if need be after a restart."""
        self._t.put(digest(unsent.id), pack(unsent), db=self._db["unsent"])

    def sent(self, id_: str) -> None:
        """Note that it was said."""
        self._t.delete(digest(id_), db=self._db["unsent"])

    def put_unopened(self, sequence: int, message: Unopened) -> None:
        """Keep a message until its key comes."""
        self._t.put(encode_u64(sequence), pack(message), db=self._db["unopened"])

    def drop_unopened(self, sequence: int) -> None:
        """Forget a message that was opened, or is not worth keeping."""
        self._t.delete(encode_u64(sequence), db=self._db["unopened"])

    def note_about(self, about: Mapping[str, bytes], sequence: int, ours: Span | None) -> None:
        """Note what a message is about; have it deleted if that was forgotten already.

        `about` has the mark of each subject: see `About`, also for `ours`.
        """
        for subject, mark in about.items():
            key = digest(subject) + encode_u64(sequence)
            known = encode_u64(ours.after) + encode_u64(ours.through) + mark if ours else _THEIRS
            self._t.put(key, known, db=self._db["about"])
            forgotten = self.forgotten(subject)
            if forgotten or (forgotten is not None and ours):
                self.erase(sequence)

    def forget(self, subjects: Iterable[str], *, ours: bool) -> None:
        """Have the messages about this deleted: all, or those of this machine.

        Who has something forgotten deletes all that there is about it, and every author what is
        his: so it is gone even if one of them is never heard of again.
        """
        for subject in subjects:
            if ours or self.forgotten(subject) is None:
                mark = _OURS if ours else _THEIRS
                self._t.put(digest(subject), mark, db=self._db["forgotten"])
            for one in self.about(subject):
                if ours or one.ours:
                    self.erase(one.sequence)
            self.drop_copies(subject)

    def copy(
        self,
        project: str,
        machine: str,
        position: int,
        data: bytes,
        about: Mapping[str, bytes],
        *,
        several: bool = False,
    ) -> None:
        """Keep a copy of a message, if nothing in it was forgotten. See `keep_copy`."""
        if all(self.forgotten(subject) is None for subject in about):
            self.keep_copy(project, machine, position, data, about, several=several)

    def erase(self, sequence: int) -> None:
        """Have a message deleted from the stream."""
        self._t.put(encode_u64(sequence), b"\0", db=self._db["erasures"])

    def erased(self, sequence: int) -> None:
        """Note that a message was deleted."""
        self._t.delete(encode_u64(sequence), db=self._db["erasures"])


def _about(sequence: int, data: bytes) -> About:
    if data == _THEIRS:
        return About(sequence, None, b"")
    return About(sequence, Span(decode_u64(data[:8]), decode_u64(data[8:16])), data[16:])


Write: TypeAlias = Callable[[TeamChange], object]  # what is to be done in a transaction


class TeamStore(Store):
    """The environment, as its writer has it."""

    def __init__(self, path: Path, *, map_size: int = MAP_SIZE) -> None:
        super().__init__(
            Environment(path, DATABASES, schema=SCHEMA, writer=True, name="team", map_size=map_size)
        )

    @contextmanager
    def view(self) -> Iterator[TeamView]:
        """Open a view of it as of now."""
        with self._environment.read() as transaction:
            yield TeamView(self._environment, transaction)

    def commit(self, change: Callable[[TeamChange], T]) -> T:
        """Run one change, make it durable, and return what it returned.

        `change` may run more than once (see `Environment.write`).
        """

        def run(transaction: Transaction) -> T:
            return change(TeamChange(self._environment, transaction))

        return self._environment.write(run)
