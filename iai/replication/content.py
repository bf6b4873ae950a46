"""What a message between machines holds: a change, several of them, or none; or others' messages.

All but a single change begin with a byte that msgpack never uses, and with a word of their own. So
none can pass for one of another kind, wherever a server puts it.
"""

from typing import TypeVar

import msgspec
from msgspec import Struct

from iai.errors import Forged
from iai.team.personal import Sealed

T = TypeVar("T")

RESERVED = b"\xc1"  # never used by msgpack
_SEVERAL = b"\xc1many"
FILLER = b"\xc1fill"  # nothing is left of what the machine had published there
_ASK = b"\xc1ask"
_ALIVE = b"\xc1alive"
_RELAY = b"\xc1relay"
_OWN = b"\xc1own"


class Relayed(Struct, frozen=True, array_like=True):
    """Messages of another machine, as that one has sealed and signed them."""

    machine: str  # that one
    after: int  # position after which, and
    through: int  # up to which nothing else is left of it; the same: that is not known
    messages: tuple[bytes, ...]


_changes = msgspec.msgpack.Decoder(list[bytes])
_relayed = msgspec.msgpack.Decoder(Relayed)
_sealed = msgspec.msgpack.Decoder(Sealed)


def join(changes: list[bytes]) -> bytes:
    """Return the content of a message with these changes, of which there is at least one."""
    return changes[0] if len(changes) == 1 else _SEVERAL + msgspec.msgpack.encode(changes)


def split(plain: bytes) -> list[bytes]:
    """Return the changes in a message. Raises Forged if it is not what `join` returns."""
    if not plain.startswith(RESERVED):
        return [plain]
    if not plain.startswith(_SEVERAL):
        return []
    return _decoded(_changes, plain[len(_SEVERAL) :], "a list of changes")


def own(sealed: Sealed) -> bytes:
    """Return the content of a message for the machines of one user."""
    return _OWN + msgspec.msgpack.encode(sealed)


def owned(plain: bytes) -> Sealed | None:
    """Return what is for the machines of one user; None if it is for all. Raises Forged."""
    if not plain.startswith(_OWN):
        return None
    return _decoded(_sealed, plain[len(_OWN) :], "what is one's own")


def relay(relayed: Relayed) -> bytes:
    """Return the content of a message with those of another machine."""
    return _RELAY + msgspec.msgpack.encode(relayed)


def relayed(plain: bytes) -> Relayed | None:
    """Return the messages of another machine; None if it holds none. Raises Forged."""
    if not plain.startswith(_RELAY):
        return None
    return _decoded(_relayed, plain[len(_RELAY) :], "what relays messages")


def ask(machine: str) -> bytes:
    """Return what asks for the messages of a machine to be published again."""
    return _ASK + machine.encode()


def asked_for(plain: bytes) -> str | None:
    """Return whose messages are asked for; None if it asks for none."""
    if not plain.startswith(_ASK):
        return None
    return plain[len(_ASK) :].decode("ascii", "replace")


def is_signal(plain: bytes) -> bool:
    """Is it what is never kept in the stream: a question, or a heartbeat?"""
    return plain.startswith((_ASK, _ALIVE))


def alive(at: int) -> bytes:
    """Return what says that the sender was there at a time, in UTC nanoseconds by its own clock."""
    return _ALIVE + msgspec.msgpack.encode(at)


def alive_at(plain: bytes) -> int | None:
    """Return when the sender was there; None if it does not say that."""
    if not plain.startswith(_ALIVE):
        return None
    try:
        return msgspec.msgpack.decode(plain[len(_ALIVE) :], type=int)
    except ValueError:
        return None


def _decoded(decoder: msgspec.msgpack.Decoder[T], data: bytes, what: str) -> T:
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError) as error:
        raise Forged(f"its content is not {what}: {error}") from None
