"""Invitation codes: one line with all that a new machine needs. No I/O.

A code is `iai1-` and, in URL-safe base64 (RFC 4648), the first bytes of a hash and the content
(msgpack, compressed with zlib). The hash finds typing and pasting errors; it protects from nothing
else. Who has the code can join, once, until it expires.
"""

import base64
import hashlib
import zlib

import msgspec
from msgspec import Struct

from iai.errors import BadUsage
from iai.model.clock import NS
from iai.team.stream import Server

PREFIX = "iai1-"
_ANY_VERSION = "iai"
LIFETIME_NS = 7 * 86_400 * NS
_CHECK = 4  # bytes
_LONGEST = 8_192  # characters
_LARGEST = 16_384  # bytes of the content


class Invitation(Struct, frozen=True, kw_only=True):
    """The content of a code."""

    team: str  # id
    name: str  # of the team
    founder: bytes  # public signing key
    server: Server
    secret: bytes  # private key of the invitation
    expires_at: int  # UTC nanoseconds
    own: bool = False  # for another machine of the user who made it

    def __repr__(self) -> str:
        """Name the team, and show no secret."""
        return f"Invitation({self.team})"


def encode(invitation: Invitation) -> str:
    """Return the code."""
    content = zlib.compress(msgspec.msgpack.encode(invitation), 9)
    return PREFIX + base64.urlsafe_b64encode(_check(content) + content).decode().rstrip("=")


def decode(code: str, now: int) -> Invitation:
    """Return what is in a code, which may have spaces and line breaks from pasting.

    `now` is UTC nanoseconds. Raises BadUsage if it is not one, is incomplete, or has expired.
    """
    text = "".join(code.split())
    if not text.startswith(PREFIX):
        if text.startswith(_ANY_VERSION) and "-" in text[:8]:
            raise BadUsage("the invitation is from a newer iai: upgrade iai here")
        raise BadUsage(f"this is not an invitation: one starts with {PREFIX}")
    encoded = text[len(PREFIX) :]
    try:
        whole = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
    except ValueError:
        whole = b""
    content = whole[_CHECK:]
    if len(text) > _LONGEST or whole[:_CHECK] != _check(content):
        raise BadUsage("the invitation is incomplete or was changed: copy the whole line")
    try:
        inflated = zlib.decompressobj().decompress(content, _LARGEST)
        invitation = msgspec.msgpack.decode(inflated, type=Invitation)
    except (ValueError, RecursionError, zlib.error) as error:
        raise BadUsage(f"the invitation cannot be read: {error}") from None
    if now > invitation.expires_at:
        raise BadUsage(
            f"the invitation to {invitation.name} has expired: ask for another (`iai team invite`)"
        )
    return invitation


def _check(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_CHECK, person=b"iai code").digest()
