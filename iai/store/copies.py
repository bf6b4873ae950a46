"""Copies of what other machines have published, sealed and signed by them.

A machine that is gone for good cannot publish again what a stream has lost. Any other one can, with
these: only their author could have signed them. A copy goes when anything in it is forgotten.
"""

from collections.abc import Iterable, Iterator

from iai.model.record import digest
from iai.store.codec import decode_u64, encode_u64
from iai.store.environment import Tables

_WHOLE = b"copies"  # in `meta`
_PLACE = 40  # bytes of a key in `copies`: two ids in hexadecimal, and a number
_OF = 32  # of these, what says whose it is


class CopyView(Tables):
    """The copies, as of one moment."""

    def copies_since(self) -> bool | None:
        """Has this machine kept a copy of all that it ever took in? None: of nothing yet."""
        data = self._t.get(_WHOLE, db=self._db["meta"])
        return None if data is None else data == b"\1"

    def copies(
        self, project: str, machine: str, after: int, through: int
    ) -> Iterator[tuple[int, bytes]]:
        """Yield the copies of a machine's messages in a project, by position, ascending."""
        first, end = _key(project, machine, after + 1), _key(project, machine, through + 1)
        for key, data in self._t.entries(self._db["copies"], first, end):
            yield decode_u64(key[_OF:]), data


class CopyChange(CopyView):
    """That, in a transaction of the replicator."""

    def begin_copies(self, *, whole: bool) -> None:
        """Note that copies are kept from now on; `whole`: nothing was taken in before."""
        self._t.put(_WHOLE, b"\1" if whole else b"\0", db=self._db["meta"])

    def keep_copy(
        self, project: str, machine: str, position: int, data: bytes, about: Iterable[str]
    ) -> None:
        """Keep a message. What it is about must not be forgotten."""
        key = _key(project, machine, position)
        self._t.put(key, data, db=self._db["copies"])
        for subject in about:
            self._t.put(digest(subject) + key, b"\0", db=self._db["copies_about"])

    def drop_copies(self, subject: str) -> None:
        """Delete all copies that are about something."""
        found = [key for key, _ in self._t.prefixed(self._db["copies_about"], digest(subject))]
        for key in found:
            self._t.delete(key[-_PLACE:], db=self._db["copies"])
            self._t.delete(key, db=self._db["copies_about"])


def _key(project: str, machine: str, position: int) -> bytes:
    return f"{project}{machine}".encode() + encode_u64(position)
