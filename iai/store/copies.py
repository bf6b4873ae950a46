"""Copies of what other machines have published, sealed and signed by them.

A machine that is gone for good cannot publish again what a stream has lost. Any other one can, with
these: only their author could have signed them. A copy goes when anything in it is forgotten, or
when its author has published another text for what is in it. Where there is more in it, of which
nobody else may have a copy, it stays until its author publishes that again, at the same position.
"""

from collections.abc import Iterator, Mapping

from iai.model.record import DIGEST, digest
from iai.store.codec import decode_u64, encode_u64
from iai.store.environment import Tables

_WHOLE = b"copies"  # in `meta`
_OF = 32  # bytes of a key in `copies` that say whose it is: two ids in hexadecimal
_MARK = 8  # bytes
_NO_TEXT = b"\0"
_MORE = b"+"  # after a mark: there is more in the message


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
        self,
        project: str,
        machine: str,
        position: int,
        data: bytes,
        about: Mapping[str, bytes],
        *,
        several: bool,
    ) -> None:
        """Keep a message, and none of its machine that only has a text that a later one replaces.

        `about`: what it is about, each with the mark of the text that it gives that, or b"". None
        of it must be forgotten. `several`: are there several changes in it?
        """
        key = _key(project, machine, position)
        digests = {digest(subject): mark for subject, mark in about.items()}
        others = [one for at in digests.items() for one in self._with_other_text(*at, key)]
        replaced = any(other > key for other, _ in others)
        if replaced and (not several or self._t.get(key, db=self._db["copies"]) is not None):
            return
        for other, alone in others:
            if alone and other < key:
                self._drop(other)
        self._drop(key)
        self._t.put(key, data, db=self._db["copies"])
        self._t.put(key, b"".join(digests), db=self._db["copy_subjects"])
        for subject, mark in digests.items():
            known = mark + _MORE if mark and several else mark or _NO_TEXT
            self._t.put(subject + key, known, db=self._db["copies_about"])

    def drop_copies(self, subject: str) -> None:
        """Delete all copies that are about something."""
        found = [key for key, _ in self._t.prefixed(self._db["copies_about"], digest(subject))]
        for key in found:
            self._drop(key[DIGEST:])
            self._t.delete(key, db=self._db["copies_about"])  # older versions kept no subjects

    def _with_other_text(
        self, subject: bytes, mark: bytes, key: bytes
    ) -> Iterator[tuple[bytes, bool]]:
        """Yield the keys of a machine's copies with another text for something; is it all there?"""
        if mark:
            for at, known in self._t.prefixed(self._db["copies_about"], subject + key[:_OF]):
                if known != _NO_TEXT and known[:_MARK] != mark:
                    yield at[DIGEST:], not known.endswith(_MORE, _MARK)

    def _drop(self, key: bytes) -> None:
        self._t.delete(key, db=self._db["copies"])
        subjects = self._t.get(key, db=self._db["copy_subjects"]) or b""
        for at in range(0, len(subjects), DIGEST):
            self._t.delete(subjects[at : at + DIGEST] + key, db=self._db["copies_about"])
        self._t.delete(key, db=self._db["copy_subjects"])


def text_mark(text: str) -> bytes:
    """Return what tells a text from others of the same record."""
    return digest(text)[:_MARK]


def _key(project: str, machine: str, position: int) -> bytes:
    return f"{project}{machine}".encode() + encode_u64(position)
