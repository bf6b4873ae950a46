"""The inbox of a machine in a team: others' changes, verified and opened, until they are applied.

Written by the replicator, read by ingest. Entries are in the order of the stream. A stream that was
created again counts from 1: it is another stream, and its entries come after those of the former.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from msgspec import Struct

from iai.store.codec import decode_u64, encode_u64, pack, unpack
from iai.store.environment import Environment, Tables
from iai.store.store import Store
from iai.store.transaction import BEYOND

SCHEMA = 1
DATABASES = (
    "inbox",  # number of the stream, sequence -> Arrived
    "streams",  # number of the stream -> its id
    # The rest is of the replicator alone: see `iai.store.team_store`.
    "control",  # digest -> Control
    "unsent",  # digest of its id -> Statement
    "shared",  # hash of the project -> Shared
    "peers",  # hash of the project, machine -> Peer
    "unopened",  # sequence -> Unopened
    "about",  # digest of a subject, sequence -> positions and mark, where this machine published it
    "forgotten",  # digest of a subject -> whether this machine had it forgotten
    "erasures",  # sequence of a message that is to be deleted from the stream
    "copies",  # hash of the project, machine, position -> envelope: see `iai.store.copies`
    "copies_about",  # digest of a subject, key in `copies` -> mark of its text, is there more
    "copy_subjects",  # key in `copies` -> digests of its subjects, one after the other
)


_OWNER = b"owner"  # in `meta`


class Mark(Struct, frozen=True, order=True):
    """Up to where a stream was applied."""

    stream: str = ""  # its id; "": none
    sequence: int = 0


class Arrived(Struct, frozen=True):
    """A change of another machine, verified and decrypted. See `iai.model.change`."""

    machine: str  # that signed it
    change: bytes


class _Stream(Struct, frozen=True):
    id: str


Batch = list[tuple[int, str, bytes]]  # sequence, machine, change


class InboxView(Tables):
    """The inbox as of one moment."""

    def after(self, mark: Mark, limit: int) -> tuple[str, Batch]:
        """Return the next entries after a mark, in order: those of one stream, and its id.

        After a stream that is not known any more, all come.
        """
        number = self._number(mark.stream)
        start = _key(number, mark.sequence + 1) if number else b""
        found = list(islice(self._t.entries(self._db["inbox"], start), limit))
        if not found:
            return mark.stream, []
        first = found[0][0][:8]
        ours = [(key, data) for key, data in found if key.startswith(first)]
        arrived = [(decode_u64(key[8:]), unpack(data, Arrived)) for key, data in ours]
        batch = [(sequence, one.machine, one.change) for sequence, one in arrived]
        return self._stream(first), batch

    def last(self) -> Mark:
        """Return where the last entry was; an empty mark if there never was one."""
        latest = next(self._t.entries_back(self._db["streams"], BEYOND), None)
        if latest is None:
            return Mark()
        number, stream = latest[0], unpack(latest[1], _Stream).id
        newest = next(self._t.entries_back(self._db["inbox"], number + BEYOND), None)
        ours = newest is not None and newest[0].startswith(number)
        return Mark(stream, decode_u64(newest[0][8:]) if newest is not None and ours else 0)

    def owner(self) -> str:
        """Return the id of the machine whose inbox it is; "" where nobody has noted that."""
        data = self._t.get(_OWNER, db=self._db["meta"])
        return data.decode() if data is not None else ""

    def count(self) -> int:
        """Return how many changes wait."""
        return self._t.count(self._db["inbox"])

    def _number(self, stream: str) -> int:
        numbered = ((decode_u64(k), unpack(v, _Stream).id) for k, v in self._streams())
        return next((number for number, known in numbered if known == stream), 0)

    def _stream(self, number: bytes) -> str:
        data = self._t.intact(number, db=self._db["streams"])
        return unpack(data, _Stream).id if data is not None else ""

    def _streams(self) -> Iterator[tuple[bytes, bytes]]:
        return self._t.entries(self._db["streams"])


class InboxChange(InboxView):
    """One transaction of the replicator."""

    def claim(self, machine: str) -> None:
        """Note whose inbox it is: ingest has to know by which id others name this machine."""
        self._t.put(_OWNER, machine.encode(), db=self._db["meta"])

    def put(self, stream: str, entries: Iterable[tuple[int, str, bytes]]) -> None:
        """Add entries of a stream, each with its sequence and the machine that signed it."""
        number = self._number(stream)
        if not number:
            latest = next(self._t.entries_back(self._db["streams"], BEYOND), None)
            number = decode_u64(latest[0]) + 1 if latest is not None else 1
            self._t.put(encode_u64(number), pack(_Stream(stream)), db=self._db["streams"])
        rows = [(_key(number, at), pack(Arrived(machine, data))) for at, machine, data in entries]
        self._t.putmulti(sorted(rows), db=self._db["inbox"])

    def delete_through(self, mark: Mark) -> None:
        """Delete what was applied: up to a mark, and all of the streams before."""
        number = self._number(mark.stream)
        if number:
            self._t.delete_range(self._db["inbox"], _key(0, 1), _key(number, mark.sequence + 1))
            self._t.delete_range(self._db["streams"], encode_u64(1), encode_u64(number))


class Inbox(Store):
    """The environment of the inbox, for reading; its writer is `TeamStore`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Environment(path, DATABASES, schema=SCHEMA, writer=False, name="team"))

    @contextmanager
    def view(self) -> Iterator[InboxView]:
        """Open a view of it as of now."""
        with self._environment.read() as transaction:
            yield InboxView(self._environment, transaction)


def _key(number: int, sequence: int) -> bytes:
    return encode_u64(number) + encode_u64(sequence)
