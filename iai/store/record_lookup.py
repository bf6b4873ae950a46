"""Single records, by their label, id or key, and all of them in order."""

from collections.abc import Collection, Iterator

from iai.model.exchange import is_aside
from iai.model.record import Record, key_digest
from iai.store.codec import decode_u64, encode_each, encode_u64, unpack
from iai.store.environment import Tables


class RecordLookup(Tables):
    """Finds records, as of one moment."""

    def get(self, label: int) -> Record | None:
        """Return a record by its label; None if it was forgotten, never was, or is damaged."""
        data = self._t.intact(encode_u64(label), db=self._db["records"])
        return unpack(data, Record) if data is not None else None

    def get_each(self, labels: Collection[int]) -> dict[int, Record | None]:
        """Return what `get` does of each label, in half the time."""
        stored = self._t.getmulti(encode_each(labels), db=self._db["records"])
        return {
            label: unpack(data, Record) if data is not None else None
            for label, data in zip(labels, stored, strict=True)
        }

    def find(self, ref: str) -> Record | None:
        """Return a record by its id, or by `#` and its label, or by that number alone.

        Raises EntryCorrupt if it is damaged.
        """
        digits = ref.removeprefix("#")
        if digits.isascii() and digits.isdigit() and len(digits) < len(str(1 << 63)):
            return self._named(encode_u64(int(digits)))
        if not ref or not ref.isascii() or len(ref) > 64:  # noqa: PLR2004  a ULID has 26
            return None
        label = self._t.get(ref.upper().encode(), db=self._db["by_id"])
        return self._named(label) if label is not None else None

    def _named(self, key: bytes) -> Record | None:
        data = self._t.get(key, db=self._db["records"])
        return unpack(data, Record) if data is not None else None

    def known(self, key: str) -> int | None:
        """Return the label that this idempotency key was given, even if it was forgotten since.

        0, which no record has, if that is damaged: the text was stored, so it is not stored again.
        """
        hashed, database = key_digest(key), self._db["by_key"]
        if not self._t.has(hashed, db=database):
            return None
        label = self._t.intact(hashed, db=database)
        return decode_u64(label) if label is not None else 0

    def after(self, label: int) -> Iterator[Record]:
        """Yield all records with a higher label that are indexed, ascending."""
        for _, data in self._t.entries(self._db["records"], encode_u64(label + 1)):
            record = unpack(data, Record)
            if not is_aside(record):
                yield record

    def every(self, start: int = 0) -> Iterator[Record]:
        """Yield all records from a label on, narration and what was taken back included."""
        for _, data in self._t.entries(self._db["records"], encode_u64(start)):
            yield unpack(data, Record)

    def _records(self, database: str, prefix: bytes, *, newest_first: bool) -> Iterator[Record]:
        for key, _ in self._t.prefixed(self._db[database], prefix, back=newest_first):
            record = self.get(decode_u64(key[-8:]))
            if record is not None:
                yield record
