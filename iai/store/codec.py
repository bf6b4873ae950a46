"""Values and keys as the store writes them: msgpack maps, and big-endian keys that sort."""

import struct
from typing import TypeVar

import msgspec

from iai.errors import StoreCorrupt

T = TypeVar("T")

_SIGN = 1 << 63


def pack(value: msgspec.Struct) -> bytes:
    """One value as a msgpack map."""
    return msgspec.msgpack.encode(value)


def unpack(data: bytes, type_: type[T]) -> T:
    """Return the value in `data`. Fields added since it was written take their defaults.

    Raises StoreCorrupt if the bytes are no such value.
    """
    try:
        return msgspec.msgpack.decode(data, type=type_)
    except (ValueError, RecursionError) as error:
        raise StoreCorrupt(f"a stored {type_.__name__} cannot be read: {error}") from error


def number(value: int) -> bytes:
    """Eight bytes that sort as the number does (0 to 2**64 - 1)."""
    return value.to_bytes(8, "big")


def moment(ns: int) -> bytes:
    """Eight bytes that sort as the time does, before 1970 too."""
    return struct.pack(">Q", max(0, min(ns + _SIGN, (1 << 64) - 1)))


def to_number(data: bytes) -> int:
    """Inverse of `number`."""
    return int.from_bytes(data, "big")


def to_moment(data: bytes) -> int:
    """Inverse of `moment`."""
    return to_number(data) - _SIGN
