"""What a message between machines holds besides changes: each begins as no msgpack does.

So none of them can pass for a change, or for one of another kind, wherever a server puts it.
"""

import msgspec

RESERVED = b"\xc1"  # never used by msgpack
FILLER = b"\xc1fill"  # nothing is left of what the machine had published there
_ASK = b"\xc1ask"
_ALIVE = b"\xc1alive"


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
