"""What a change is wrapped in on its way: encrypted for its project, signed by its machine. No I/O.

An envelope is a version (1 byte), the length of the header (2), the header (msgpack), a random
nonce (12), the content sealed with AES-256-GCM, and an Ed25519 signature over all of that. The
header is also authenticated by the cipher. One key may seal 2**32 times with random nonces (NIST SP
800-38D, section 8.3).

The content is padded as Padmé has it (Nikitin et al., PURBs, PETS 2019, section 4): at most 12 %
more, and the length shows only its order of magnitude and a few bits.
"""

import hashlib
import secrets
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from iai.errors import Forged, UnknownKey
from iai.team.identity import KEY, SIGNATURE, Identity, is_signed

VERSION = 1
_NONCE = 12  # bytes
_SIZE = 2  # bytes of the length of the header
_START = 1 + _SIZE  # of the header
_PURPOSE = b"iai change\0"  # what is signed begins with it, so that it is never a control message
_END = b"\x80"  # of the content, before the zeros


class Header(Struct, frozen=True, array_like=True):
    """What anybody can read of a change."""

    team: str
    project: str  # `subjects.project_hash`
    machine: str  # that says it, and signs
    revision: int  # of that machine's records
    after: int  # revision of what the machine published before it in this project; 0: nothing
    key: bytes  # id of the key that it is sealed with: see `ProjectKey`


class ProjectKey(Struct, frozen=True):
    """A key that the changes of a project are sealed with, by AES-256-GCM."""

    secret: bytes

    def __repr__(self) -> str:
        """Name the key, and don't show it."""
        return f"ProjectKey({self.id.hex()})"

    @property
    def id(self) -> bytes:
        """A hash of the key, so that no other key can be handed out under its id."""
        return hashlib.blake2b(self.secret, digest_size=8, person=b"iai key").digest()

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Return a random nonce and the sealed bytes, which open only in the same context."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + _aead(self.secret).encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Return what was sealed. Raises Forged."""
        try:
            return _aead(self.secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
        except (ValueError, InvalidTag):
            raise Forged("its content is not what was sealed") from None


def new_key() -> ProjectKey:
    """Make a key."""
    return ProjectKey(secrets.token_bytes(KEY))


def seal(identity: Identity, key: ProjectKey, header: Header, plain: bytes) -> bytes:
    """Encrypt and sign a change. The header has to name this machine and this key."""
    head = msgspec.msgpack.encode(header)
    start = bytes([VERSION]) + len(head).to_bytes(_SIZE, "big") + head
    unsigned = start + key.seal(_padded(plain), start)
    return unsigned + identity.sign(_PURPOSE + unsigned)


def read_header(data: bytes) -> Header:
    """Return the header, which is not verified yet. Raises Forged if this is no envelope."""
    if len(data) < _START or data[0] != VERSION:
        version = f"version {data[0]}; this iai knows {VERSION}" if data else "empty"
        raise Forged(f"not a change of a team: {version}")
    try:
        return msgspec.msgpack.decode(data[_START : _body(data)], type=Header)
    except (ValueError, RecursionError) as error:
        raise Forged(f"not a change of a team: {error}") from None


def verify(data: bytes, signing: bytes) -> None:
    """Raise Forged unless it is signed by the machine with this public key."""
    if not is_signed(signing, _PURPOSE + data[:-SIGNATURE], data[-SIGNATURE:]):
        raise Forged(f"it is not what machine {read_header(data).machine} has signed")


def unseal(data: bytes, key: ProjectKey) -> bytes:
    """Return the content. Raises UnknownKey if it was sealed with another key, or Forged."""
    header, body = read_header(data), _body(data)
    if header.key != key.id:
        raise UnknownKey(f"it is sealed with key {header.key.hex()}")
    return _unpadded(key.open(data[body:-SIGNATURE], data[:body]))


def _body(data: bytes) -> int:
    return _START + int.from_bytes(data[1:_START], "big")


def _padded(plain: bytes) -> bytes:
    whole = plain + _END
    return whole.ljust(_padded_size(len(whole)), b"\0")


def _unpadded(padded: bytes) -> bytes:
    whole = padded.rstrip(b"\0")
    if not whole.endswith(_END):
        raise Forged("its content has no end")
    return whole[: -len(_END)]


def _padded_size(size: int) -> int:
    """Round up so that only the highest bits of a length are left: as many as log2 of it has."""
    exponent = size.bit_length() - 1
    kept = exponent.bit_length()
    mask = (1 << max(0, exponent - kept)) - 1
    return (size + mask) & ~mask


@lru_cache(maxsize=256)
def _aead(key: bytes) -> AESGCM:
    return AESGCM(key)
