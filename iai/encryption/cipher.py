"""AES-256-GCM for entries and files, and keyed stand-ins for what has to be found again.

Sealed bytes are the number of a data key (1 byte), a random nonce (12), the ciphertext, and the tag
(16). The context is authenticated with them but not stored: sealed bytes are opened only where they
were put. One data key may seal 2**32 times with random nonces (NIST SP 800-38D, section 8.3):
`iai crypto rotate` makes another.

Where there is nothing to hide, a `tag` authenticates at half the cost: BLAKE2b with a key.

Stand-ins (`token`, `mask`, `mask_number`) are deterministic, since they are looked up: so the disk
shows which of them are equal, but not what they stand for.
"""

import hashlib
import os
import secrets
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from struct import unpack

from iai.errors import EncryptionUnavailable, Tampered

KEY = 32  # bytes of every key
BLOCK = 16  # bytes that `mask` takes: a block of AES
LAST_GENERATION = 255
MAGIC = b"iai sealed 1\n"  # the start of a sealed file
_CONTEXT = b"file\0"  # of a sealed file, before what it is bound to
_SIZE = 2  # bytes of the length of that
_NONCE, TAG = 12, 16
_BODY = 1 + _NONCE  # where the ciphertext begins
_NONCES = 256  # drawn at once
# The parts of sealed bytes.
_generation, _nonce, _body = map(itemgetter, (0, slice(1, _BODY), slice(_BODY, None)))
_HALF = 16  # bits
_ROUNDS = 4  # of the Feistel network; see `mask_number`


class Cipher:
    """Seals with the current data key, and opens what any of its data keys has sealed."""

    def __init__(self, keys: Mapping[int, bytes], current: int, words: bytes) -> None:
        """`keys` are the data keys by generation, 1 to 255, of which `current` seals.

        Raises EncryptionUnavailable if the package `cryptography` is not installed.
        """
        try:
            from cryptography.exceptions import InvalidTag  # noqa: PLC0415  an extra
            from cryptography.hazmat.primitives import ciphers  # noqa: PLC0415
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        except ImportError as error:
            raise EncryptionUnavailable from error
        self.current = current
        self._nonces = deque[bytes]()
        self._process = 0  # that drew them
        self._invalid = InvalidTag
        self._decrypt = {number: AESGCM(key).decrypt for number, key in keys.items()}
        self._seal = AESGCM(keys[current]).encrypt
        self._head = bytes([current])
        self._words = words
        self._mac = hashlib.blake2b(key=words, person=b"tags", digest_size=TAG)
        blocks = ciphers.Cipher(
            ciphers.algorithms.AES(self._derived(b"blocks")),
            ciphers.modes.ECB(),  # noqa: S305  a permutation of single blocks, not of a text
        )
        self._mask, self._unmask = blocks.encryptor().update, blocks.decryptor().update
        self._rounds: list[tuple[int, ...]] = []  # of `mask_number`, made when it is first asked

    def seal(self, context: bytes, plain: bytes) -> bytes:
        """Encrypt and authenticate. What is sealed twice looks different each time."""
        if self._process != os.getpid():  # a fork must not use what its parent uses
            self._nonces.clear()
            self._process = os.getpid()
        try:
            nonce = self._nonces.popleft()
        except IndexError:
            nonce = self._draw()
        return self._head + nonce + self._seal(nonce, plain, context)

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """Return what was sealed in this context.

        Raises Tampered if any byte of it or of the context differs, or its key is gone.
        """
        try:
            return self._decrypt[sealed[0]](sealed[1:_BODY], sealed[_BODY:], context)
        except (self._invalid, LookupError, ValueError):  # no such key, or empty; cut short
            raise Tampered("it is not what was sealed there") from None

    def open_each(self, contexts: Iterable[bytes], sealed: Sequence[bytes]) -> list[bytes]:
        """Return what was sealed in each of these contexts, with the current key.

        It takes three quarters of the time of `open`, since no code of Python's runs between two of
        them. Raises Tampered if that fails for any.
        """
        try:
            if set(map(_generation, sealed)) <= {self.current}:
                decrypt = self._decrypt[self.current]
                return list(map(decrypt, map(_nonce, sealed), map(_body, sealed), contexts))
        except (self._invalid, LookupError, ValueError):
            pass
        raise Tampered("one is not what was sealed there with the current key")

    def token(self, purpose: str, word: bytes, size: int) -> bytes:
        """Return `size` bytes (1 to 64) that take the place of a word, one way.

        Equal words have equal tokens for one purpose (at most 16 ASCII characters). It is BLAKE2b
        with a key and a personalisation (RFC 7693).
        """
        person = purpose.encode("ascii")
        return hashlib.blake2b(word, digest_size=size, key=self._words, person=person).digest()

    def tag(self, context: bytes) -> bytes:
        """Return `TAG` bytes that authenticate a context in which nothing is to be sealed."""
        mac = self._mac.copy()
        mac.update(context)
        return mac.digest()

    def mask(self, block: bytes) -> bytes:
        """Replace `BLOCK` bytes, such as a digest, by as many others that `unmask` undoes."""
        return self._mask(block)

    def unmask(self, block: bytes) -> bytes:
        """Inverse of `mask`."""
        return self._unmask(block)

    def mask_number(self, number: int) -> int:
        """Replace a number below 2**32 by another, one to one.

        It is a Feistel network over its two halves, whose rounds are pseudorandom functions (Luby
        and Rackoff, 1988), here tables filled with the key stream of AES-256-CTR.
        """
        left, right = number >> _HALF, number & 0xFFFF
        for table in self._rounds or self._fill_rounds():
            left, right = right, left ^ table[right]
        return left << _HALF | right

    def unmask_number(self, number: int) -> int:
        """Inverse of `mask_number`."""
        left, right = number >> _HALF, number & 0xFFFF
        for table in reversed(self._rounds or self._fill_rounds()):
            left, right = right ^ table[left], left
        return left << _HALF | right

    def seal_file(self, name: str, plain: bytes) -> bytes:
        """Return the content of a small file as it is on disk.

        `name` is what it is bound to, such as its path in the store. It is in the file, in the
        clear, after `MAGIC` and its length in two bytes: so `reseal_file` needs nothing else.
        """
        bound = name.encode("utf-8", "surrogateescape")
        return _head(bound) + self.seal(_CONTEXT + bound, plain)

    def open_file(self, name: str, data: bytes) -> bytes:
        """Inverse of `seal_file`. Raises Tampered, also for a file that is not sealed."""
        bound = name.encode("utf-8", "surrogateescape")
        head = _head(bound)
        if not data.startswith(head):
            raise Tampered("it is not sealed under its name")
        return self.open(_CONTEXT + bound, data[len(head) :])

    def reseal_file(self, data: bytes) -> bytes:
        """Return the content of a sealed file, sealed with the current key. Raises Tampered."""
        name = sealed_name(data)
        return self.seal_file(name, self.open_file(name, data))

    def _draw(self) -> bytes:
        """Return a random nonce, and keep more: a call of the kernel costs as much as sealing."""
        drawn = secrets.token_bytes(_NONCES * _NONCE)
        self._nonces.extend(drawn[at : at + _NONCE] for at in range(_NONCE, len(drawn), _NONCE))
        return drawn[:_NONCE]

    def _fill_rounds(self) -> list[tuple[int, ...]]:
        size = 2 << _HALF  # bytes of a table
        stream = _stream(self._derived(b"numbers"), _ROUNDS * size)
        parts = (stream[at : at + size] for at in range(0, len(stream), size))
        self._rounds = [unpack(f"<{1 << _HALF}H", part) for part in parts]
        return self._rounds

    def _derived(self, purpose: bytes) -> bytes:
        return hashlib.blake2b(key=self._words, person=purpose, digest_size=KEY).digest()


def is_sealed(data: bytes) -> bool:
    """Does this begin as `Cipher.seal_file` has it?"""
    return data.startswith(MAGIC)


def sealed_name(data: bytes) -> str:
    """Return what a sealed file is bound to."""
    start = len(MAGIC) + _SIZE
    end = start + int.from_bytes(data[len(MAGIC) : start], "big")
    return data[start:end].decode("utf-8", "surrogateescape")


def _head(bound: bytes) -> bytes:
    return MAGIC + len(bound).to_bytes(_SIZE, "big") + bound


def _stream(key: bytes, size: int) -> bytes:
    from cryptography.hazmat.primitives import ciphers  # noqa: PLC0415  an extra

    counter = ciphers.modes.CTR(bytes(BLOCK))  # each key has a single stream
    return ciphers.Cipher(ciphers.algorithms.AES(key), counter).encryptor().update(bytes(size))
