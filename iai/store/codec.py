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


def encode_u64(value: int) -> bytes:
    """Eight bytes that sort as the number does (0 to 2**64 - 1)."""
    return value.to_bytes(8, "big")


def encode_time(ns: int) -> bytes:
    """Eight bytes that sort as the time does, before 1970 too."""
    return struct.pack(">Q", max(0, min(ns + _SIGN, (1 << 64) - 1)))


def decode_u64(data: bytes) -> int:
    """Inverse of `encode_u64`."""
    return int.from_bytes(data, "big")


def decode_time(data: bytes) -> int:
    """Inverse of `encode_time`."""
    return decode_u64(data) - _SIGN
