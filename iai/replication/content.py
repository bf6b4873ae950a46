"""What a message between machines holds: a change, several of them, or none.

All but a single change begin with a byte that msgpack never uses, and with a word of their own. So
none can pass for one of another kind, wherever a server puts it.
"""

import msgspec

from iai.errors import Forged

RESERVED = b"\xc1"  # never used by msgpack
_SEVERAL = b"\xc1many"
FILLER = b"\xc1fill"  # nothing is left of what the machine had published there
_ASK = b"\xc1ask"
_ALIVE = b"\xc1alive"


_changes = msgspec.msgpack.Decoder(list[bytes])


def join(changes: list[bytes]) -> bytes:
    """Return the content of a message with these changes, of which there is at least one."""
    return changes[0] if len(changes) == 1 else _SEVERAL + msgspec.msgpack.encode(changes)


def split(plain: bytes) -> list[bytes]:
    """Return the changes in a message. Raises Forged if it is not what `join` returns."""
    if not plain.startswith(RESERVED):
        return [plain]
    if not plain.startswith(_SEVERAL):
        return []
    try:
        return _changes.decode(plain[len(_SEVERAL) :])
    except (ValueError, RecursionError) as error:
        raise Forged(f"its content is not a list of changes: {error}") from None


def ask(machine: str) -> bytes:
    """Return what asks a machine to publish again."""
    return _ASK + machine.encode()


def is_ask(plain: bytes, machine: str) -> bool:
    """Is this machine asked?"""
    return plain == ask(machine)


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
