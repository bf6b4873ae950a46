"""The control messages of a team: who is in it, and who has which key. No I/O.

Each is a statement of one machine, signed. Together they are a grow-only set: what they amount to
does not depend on the order in which they arrive (see `membership`). Of an unknown kind, they are
from a newer version, and skipped; a new field needs a default.
"""

import hashlib
from functools import lru_cache
from typing import TypeAlias

import msgspec
from msgspec import Struct

from iai.errors import Forged
from iai.team.identity import SIGNATURE, Identity, PublicKeys, is_signed, public_half

VERSION = 1
LARGEST = 256 << 10  # bytes of a message; a key for 1,000 members takes 110 kB
_PURPOSE = b"iai control\0"  # what is signed begins with it: see `envelope`
_PROOF = b"iai invitation\0"


class Statement(Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    """Base of what a machine can say to its team."""

    clock: int  # greater than that of all statements that the machine knew of (Lamport, 1978)


class Found(Statement, frozen=True):
    """The founder begins the team. Its id is a hash of this: see `team_id`."""

    founder: PublicKeys
    nonce: bytes


class Invite(Statement, frozen=True):
    """A member lets somebody in who has the private half of this key. That is never sent."""

    invitation: bytes  # public signing key, used once
    expires_at: int  # UTC nanoseconds
    own: bool | None = None  # for a machine of the same user; None: an older version did not say


class Candidate(Struct, frozen=True):
    """A machine with an invitation, and the proof that it has it."""

    keys: PublicKeys
    invitation: bytes
    proof: bytes  # signature of the invitation's key, over the team and `keys`

    def is_proven(self, team: str) -> bool:
        """Does the machine have the invitation, and keys that can be used?"""
        return _is_proven(team, self)


class Join(Statement, frozen=True):
    """A machine asks to be let in."""

    candidate: Candidate
    own: bool | None = None  # it is of the user who invited it; None: an older version did not say


class Admit(Statement, frozen=True):
    """A member lets a candidate in, and gives it the secret of the team."""

    candidate: Candidate
    at: int  # UTC nanoseconds, by the clock of the member
    secret: bytes  # of the team, wrapped


class Profile(Statement, frozen=True):
    """The names of a machine and its user, sealed."""

    names: bytes
    key: bytes = b""  # id of the key that they are sealed with; b"": the secret of the team


class Key(Statement, frozen=True):
    """A new key of a project; the one with the highest `epoch` is current."""

    project: str  # hash
    key: bytes  # its id
    epoch: int
    wrapped: dict[str, bytes]  # for each member


class Grant(Statement, frozen=True):
    """A member hands keys to one that joined after they were made."""

    machine: str
    keys: dict[str, list[bytes]]  # their ids, by project
    wrapped: bytes  # the keys themselves, in that order


class Personal(Statement, frozen=True):
    """The keys to what is one user's own, for the machines of that user; the last is current."""

    keys: list[bytes]  # their ids
    wrapped: dict[str, bytes]  # for each machine: the keys themselves, in that order


class Appoint(Statement, frozen=True):
    """The founder makes a machine an admin, which can remove others, too: see `may_remove`."""

    machine: str


class Leave(Statement, frozen=True):
    """A machine leaves, or is removed by the founder or an admin.

    Nothing counts of what it states besides `counted`: so it can say nothing more, not even with
    an earlier clock.
    """

    machine: str
    counted: list[bytes]  # digests


AnyStatement: TypeAlias = (
    Found | Invite | Join | Admit | Profile | Key | Grant | Personal | Appoint | Leave
)


class Signed(Struct, frozen=True):
    """A statement as it travels."""

    machine: str
    statement: AnyStatement
    data: bytes  # the whole message
    digest: bytes  # what names it

    def __hash__(self) -> int:
        """By its digest: a statement can hold lists."""
        return hash(self.digest)

    def is_by(self, keys: PublicKeys) -> bool:
        """Is it signed by the machine with these keys?"""
        return self.machine == keys.machine and _is_signed(self, keys.signing)


class _Body(Struct, frozen=True, array_like=True):
    team: str
    machine: str
    statement: msgspec.Raw


_statements = msgspec.msgpack.Decoder(AnyStatement)


def sign(identity: Identity, team: str, statement: AnyStatement) -> bytes:
    """Return the message: a version (1 byte), a msgpack array, and an Ed25519 signature."""
    raw = msgspec.Raw(msgspec.msgpack.encode(statement))
    body = bytes([VERSION]) + msgspec.msgpack.encode(_Body(team, identity.machine, raw))
    return body + identity.sign(_PURPOSE + body)


def read(team: str, data: bytes) -> Signed:
    """Return a message, whose signature is not verified yet.

    Raises Forged if it is none, of another team, or of a kind that this iai does not know.
    """
    if not SIGNATURE < len(data) <= LARGEST or data[0] != VERSION:
        raise Forged(f"not a control message of version {VERSION}")
    try:
        body = msgspec.msgpack.decode(data[1:-SIGNATURE], type=_Body)
        statement = _statements.decode(body.statement)
    except (ValueError, RecursionError) as error:
        raise Forged(f"not a control message that this iai knows: {error}") from None
    if body.team != team:
        raise Forged("a control message of another team")
    digest = hashlib.blake2b(data, digest_size=16).digest()
    return Signed(body.machine, statement, data, digest)


def candidate(team: str, keys: PublicKeys, invitation: bytes) -> Candidate:
    """Return a machine with the proof that it has the private key of an invitation."""
    one_time = Identity(invitation, invitation)
    return Candidate(keys, public_half(invitation), one_time.sign(_proven(team, keys)))


def team_id(founder: PublicKeys, nonce: bytes) -> str:
    """Return the id of a team: 16 hexadecimal digits that nobody else can begin a team with."""
    content = founder.signing + founder.exchange + nonce
    return hashlib.blake2b(content, digest_size=8, person=b"iai team").hexdigest()


# The roster is evaluated again with each message, and each signature was verified before.
@lru_cache(maxsize=16_384)
def _is_signed(signed: Signed, signing: bytes) -> bool:
    return is_signed(signing, _PURPOSE + signed.data[:-SIGNATURE], signed.data[-SIGNATURE:])


@lru_cache(maxsize=4_096)
def _is_proven(team: str, candidate: Candidate) -> bool:
    proven = is_signed(candidate.invitation, _proven(team, candidate.keys), candidate.proof)
    return proven and candidate.keys.are_usable()


def _proven(team: str, keys: PublicKeys) -> bytes:
    return _PROOF + team.encode() + keys.signing + keys.exchange
