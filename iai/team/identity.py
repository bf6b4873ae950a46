"""The key pairs of a machine, and what is addressed to one. No I/O.

Ed25519 signs (RFC 8032). For one recipient a secret is wrapped with a key of its own: X25519 (RFC
7748) with an ephemeral key pair, HKDF-SHA256 (RFC 5869), AES-256-GCM.
"""

import hashlib
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Struct

from iai.errors import Forged

KEY = 32  # bytes of every key, public or private
SIGNATURE = 64  # bytes
_ONE_NONCE = bytes(12)  # a wrapping key seals once


class PublicKeys(Struct, frozen=True):
    """What others know of a machine."""

    signing: bytes
    exchange: bytes

    @property
    def machine(self) -> str:
        """The id of the machine: 16 hexadecimal digits."""
        return hashlib.blake2b(self.signing, digest_size=8, person=b"iai machine").hexdigest()

    def are_usable(self) -> bool:
        """Can anything be wrapped for the machine? Not if the point is of low order (RFC 7748)."""
        try:
            X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(self.exchange))
        except ValueError:
            return False
        return True


class Identity(Struct, frozen=True):
    """The private keys of a machine."""

    signing: bytes
    exchange: bytes

    def __repr__(self) -> str:
        """Name the machine, and show no key."""
        return f"Identity({self.machine})"

    @property
    def public(self) -> PublicKeys:
        """The public halves."""
        return _public(self.signing, self.exchange)

    @property
    def machine(self) -> str:
        """The id of the machine."""
        return self.public.machine

    def sign(self, data: bytes) -> bytes:
        """Return a signature, which is the same each time."""
        return _signer(self.signing).sign(data)

    def unwrap(self, context: bytes, wrapped: bytes) -> bytes:
        """Return what `wrap` wrapped for this machine. Raises Forged if it is not that."""
        peer, sealed = wrapped[:KEY], wrapped[KEY:]
        try:
            shared = _exchanger(self.exchange).exchange(X25519PublicKey.from_public_bytes(peer))
            key = _wrapping_key(shared, peer, self.public.exchange)
            return AESGCM(key).decrypt(_ONE_NONCE, sealed, context)
        except (ValueError, InvalidTag):
            raise Forged("a key was not wrapped for this machine, or was changed") from None


def new_identity() -> Identity:
    """Make the keys of a new machine."""
    return Identity(secrets.token_bytes(KEY), secrets.token_bytes(KEY))


def wrap(recipient: PublicKeys, context: bytes, secret: bytes) -> bytes:
    """Encrypt a secret so that only this machine can read it, and only in this context."""
    ephemeral = X25519PrivateKey.generate()
    peer = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient.exchange))
    key = _wrapping_key(shared, peer, recipient.exchange)
    return peer + AESGCM(key).encrypt(_ONE_NONCE, secret, context)


def is_signed(signing: bytes, data: bytes, signature: bytes) -> bool:
    """Is it the signature of this public key?"""
    try:
        _verifier(signing).verify(signature, data)
    except (ValueError, InvalidSignature):
        return False
    return True


def public_half(signing: bytes) -> bytes:
    """Return the public half of a private signing key."""
    return _signer(signing).public_key().public_bytes_raw()


def _wrapping_key(shared: bytes, peer: bytes, recipient: bytes) -> bytes:
    return HKDF(SHA256(), KEY, None, b"iai wrap 1\0" + peer + recipient).derive(shared)


@lru_cache(maxsize=16)
def _signer(private: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(private)


@lru_cache(maxsize=16)
def _exchanger(private: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(private)


@lru_cache(maxsize=1_024)
def _verifier(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


@lru_cache(maxsize=16)
def _public(signing: bytes, exchange: bytes) -> PublicKeys:
    return PublicKeys(public_half(signing), _exchanger(exchange).public_key().public_bytes_raw())
