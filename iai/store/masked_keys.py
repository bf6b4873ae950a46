"""Keys of an encrypted store: what each database's key says, and what takes its place on disk.

Entries are found by their keys, so these are not encrypted but masked: equal parts stay equal, and
nothing else about them can be read. Numbers (labels, revisions, positions) and times stay as they
are, since the order of both is needed.

=================  ==========================================  ====================================
database           key                                         on disk
=================  ==========================================  ====================================
records/
`records`          label                                       as it is
`log`, `live`      revision                                    as it is
`erased`           revision                                    as it is
`by_created`       time, label                                 as it is
`by_updated`       time, label                                 as it is
`by_id`            ULID                                        token
`by_key`           hash of the idempotency key                 mask
`action_keys`      hash of the idempotency key                 mask
`transcripts`      hash of the path                            mask
`rereading`        hash of the path                            mask
`by_session`       session, time, label                        mask, time, label
`narration`        session, time, label                        mask, time, label
`actions`          session, time, number                       mask, time, number
`session_info`     session                                     mask
`session_changed`  session                                     mask
`by_project`       project, time, label                        mask, time, label
`by_project`       `~`, project, project, label                `~`, mask, mask, label
`facts`            project, time, label                        mask, time, label
`pinned`           project, label                              mask, label
`projects`         project                                     mask
`members`          machine                                     mask
`identities`       label                                       as it is
`amended`          hash of a record's id                       mask
`amendments`       revision, number                            as it is
`work`             revision, number                            as it is
`changed`          project                                     mask
`voices`           project                                     mask
`sessions`         project, session                            mask, mask
`by_activity`      project, time, session                      mask, time, mask
`by_file`          name, NUL, time, session, number            token, NUL, time, mask, number
`by_commit`        hash, NUL, time, session, number            token of its first four digits, NUL,
                                                               time, mask, number
`meta`             `not_recorded`, NUL, hash of a session      `not_recorded`, NUL, mask
`meta`             a name that is the same in each store       as it is
team/
`inbox`            number of a stream, sequence                as it is
`streams`          number of a stream                          as it is
`control`          digest of a message                         mask
`unsent`           digest of an id                             mask
`shared`           hash of a project                           mask
`peers`            hash of a project, machine                  mask, mask
`unopened`         sequence                                    as it is
`about`            digest, sequence                            mask, sequence
`forgotten`        digest                                      mask
`erasures`         sequence                                    as it is
`copies`           hash of a project, machine, position        mask, mask, position
`copies_about`     digest, and a key of `copies`               mask, and as in `copies`
`copy_subjects`    as in `copies`                              as in `copies`
vectors/
`vectors`          generation, label                           as it is
`generations`      generation                                  as it is
index/
`chunks`           number of a vector index, position          as it is
`facets`           position                                    as it is
`machines`         position                                    as it is
`turns`            number of a block                           as it is
`links`            label                                       as it is
`similar`          label                                       as it is
`linked`           label                                       as it is
`uncounted`        label                                       as it is
`counts`           CRC-32 of a term                            masked number
`holders`          CRC-32 of a term -> labels                  masked number -> labels
`topics`           project, NUL, number of the window          mask, NUL, number of the window
=================  ==========================================  ====================================

A *mask* (`Cipher.mask`) can be undone. A *token* (`Cipher.token`) cannot, so what it replaces is
kept in the sealed value.
"""

from collections.abc import Callable

from iai.encryption.cipher import BLOCK, Cipher
from iai.model.memo import Memo
from iai.store.codec import decode_u64, encode_u64

_BOUND = b"\xff" * BLOCK  # in a key that is a bound of a range: beyond all keys, so never masked
_NUL = b"\0"
_MASKS = 1 << 12  # remembered for each database
_WORDS = 1 << 14  # likewise
_TOKEN = 16  # bytes
_ABBREVIATION = 4  # digits of a commit's hash: git takes no fewer
_SIZE = 2  # bytes of the length of what a token takes the place of

Entry = tuple[bytes, bytes]  # key and value


class Plain:
    """Keys that stay as they are: numbers, times, names that are the same in each store."""

    def mask(self, key: bytes) -> bytes:
        """Return a key, or the beginning of one, as it is on disk."""
        return key

    def unmask(self, key: bytes) -> bytes:
        """Return the key of what is on disk."""
        return key

    def wrap(self, key: bytes, value: bytes) -> bytes:
        """Return what is sealed as the value of a key."""
        return value

    def unwrap(self, key: bytes, value: bytes) -> Entry:
        """Return the key and the value of what is on disk, once that is unsealed."""
        return self.unmask(key), value


class Blocks(Plain):
    """Keys with digests or projects' ids, of `BLOCK` bytes, from these places on."""

    def __init__(self, cipher: Cipher, *places: int) -> None:
        # Sessions and projects come again and again.
        self._masked = Memo(_of_blocks(cipher.mask), _MASKS)
        self._unmasked = Memo(_of_blocks(cipher.unmask), _MASKS)
        self._places = [(place, place + BLOCK) for place in places]

    def mask(self, key: bytes) -> bytes:
        for place, end in self._places:
            key = key[:place] + self._masked[key[place:end]] + key[end:]
        return key

    def unmask(self, key: bytes) -> bytes:
        for place, end in self._places:
            key = key[:place] + self._unmasked[key[place:end]] + key[end:]
        return key


def _of_blocks(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return what changes whole blocks; a part of one, and a bound, it leaves as they are."""

    def changed(block: bytes) -> bytes:
        return change(block) if len(block) == BLOCK and block != _BOUND else block

    return changed


class ByProject(Plain):
    """Keys of `by_project`, of both kinds."""

    _AWAY = b"~"  # see `record_keys.AWAY`
    _AWAY_SIZE = 1 + 2 * BLOCK + 8

    def __init__(self, cipher: Cipher) -> None:
        self._own = Blocks(cipher, 0)
        self._away = Blocks(cipher, 1, 1 + BLOCK)

    def mask(self, key: bytes) -> bytes:
        return (self._away if key.startswith(self._AWAY) else self._own).mask(key)

    def unmask(self, key: bytes) -> bytes:
        return (self._away if len(key) == self._AWAY_SIZE else self._own).unmask(key)


class Meta(Blocks):
    """Keys of `meta`: only a session that is not to be recorded has more than a fixed name."""

    _PREFIX = b"not_recorded\0"  # see `record_view.not_recorded_key`

    def __init__(self, cipher: Cipher) -> None:
        super().__init__(cipher, len(self._PREFIX))

    def mask(self, key: bytes) -> bytes:
        return super().mask(key) if key.startswith(self._PREFIX) else key

    def unmask(self, key: bytes) -> bytes:
        return super().unmask(key) if key.startswith(self._PREFIX) else key


class Numbers(Plain):
    """Keys that are CRC-32s of words: four bytes, or eight."""

    def __init__(self, cipher: Cipher) -> None:
        # Most words of a text are in many.
        self._masked = Memo(_of_numbers(cipher.mask_number), _WORDS)
        self._unmasked = Memo(_of_numbers(cipher.unmask_number), _WORDS)

    def mask(self, key: bytes) -> bytes:
        return self._masked[key]

    def unmask(self, key: bytes) -> bytes:
        return self._unmasked[key]


def _of_numbers(change: Callable[[int], int]) -> Callable[[bytes], bytes]:
    return lambda key: encode_u64(change(decode_u64(key)))[-len(key) :]


class Names(Plain):
    """Keys that are a name, or a name, NUL, time, session and number. The token is of the name.

    `first`: of that many characters of it; the beginning of a key may then end within the name.
    """

    def __init__(self, cipher: Cipher, purpose: str, first: int | None = None) -> None:
        self._cipher = cipher
        self._purpose = purpose
        self._first = first
        self._place = Blocks(cipher, 8)  # the session, after the time

    def mask(self, key: bytes) -> bytes:
        name, nul, place = key.partition(_NUL)
        if self._first and not nul and len(name) < self._first:  # too short: all may begin so
            return b""
        token = self._cipher.token(self._purpose, name[: self._first], _TOKEN)
        return token + nul + self._place.mask(place)

    def wrap(self, key: bytes, value: bytes) -> bytes:
        name = key.partition(_NUL)[0]
        return len(name).to_bytes(_SIZE, "big") + name + value

    def unwrap(self, key: bytes, value: bytes) -> Entry:
        end = _SIZE + int.from_bytes(value[:_SIZE], "big")
        nul, place = key[_TOKEN : _TOKEN + 1], key[_TOKEN + 1 :]
        return value[_SIZE:end] + nul + self._place.unmask(place), value[end:]


NUMBERED = frozenset({
    "records", "log", "live", "erased", "by_created", "by_updated", "identities", "amendments",
    "work", "vectors", "generations", "inbox", "streams", "unopened", "erasures",
    "chunks", "facets", "machines", "turns", "links", "similar", "linked", "uncounted",
})  # fmt: skip
# Databases by the places of the blocks in their keys.
_BLOCKS = {
    (0,): (
        "by_key", "action_keys", "transcripts", "rereading", "by_session", "narration", "actions",
        "session_info", "session_changed", "facts", "pinned", "projects", "changed", "voices",
        "members", "amended", "topics", "control", "unsent", "shared", "about", "forgotten",
    ),
    (0, BLOCK): ("sessions", "peers", "copies", "copy_subjects"),
    (0, BLOCK, 2 * BLOCK): ("copies_about",),
    (0, BLOCK + 8): ("by_activity",),
}  # fmt: skip


def forms(cipher: Cipher) -> dict[str, Plain]:
    """Return how the keys of each database are masked. One that is not there has no words."""
    found: dict[str, Plain] = {
        name: Blocks(cipher, *places) for places, names in _BLOCKS.items() for name in names
    }
    return found | {
        "meta": Meta(cipher),
        "by_project": ByProject(cipher),
        "by_id": Names(cipher, "by_id"),
        "by_file": Names(cipher, "by_file"),
        "by_commit": Names(cipher, "by_commit", _ABBREVIATION),
        "counts": Numbers(cipher),
        "holders": Numbers(cipher),
    }
