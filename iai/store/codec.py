"""Values and keys on disk: msgpack maps, and big-endian keys that sort."""

from collections.abc import Iterable
from struct import Struct
from typing import TypeVar

import msgspec

from iai.errors import StoreCorrupt

T = TypeVar("T")

_SIGN = 1 << 63
_u64 = Struct(">Q").pack


def pack(value: msgspec.Struct | dict[str, int]) -> bytes:
    """Encode one value as a msgpack map."""
    return msgspec.msgpack.encode(value)


def unpack(data: bytes, type_: type[T]) -> T:
    """Decode one value. Missing fields take their defaults; unknown ones are ignored.

    Raises StoreCorrupt if the bytes are not such a value.
    """
    try:
        return msgspec.msgpack.decode(data, type=type_)
    except (ValueError, RecursionError) as error:
        raise StoreCorrupt(f"a stored {type_.__name__} cannot be read: {error}") from error


def encode_u64(value: int) -> bytes:
    """Encode a number (0 to 2**64 - 1) in eight bytes that sort as it does."""
    return value.to_bytes(8, "big")


def encode_each(values: Iterable[int]) -> list[bytes]:
    """Return `encode_u64` of each value, at half the cost."""
    return list(map(_u64, values))


def encode_time(ns: int) -> bytes:
    """Encode a time in eight bytes that sort as it does, also before 1970."""
    try:
        return (ns + _SIGN).to_bytes(8, "big")
    except OverflowError:
        return bytes(8) if ns < 0 else b"\xff" * 8


def decode_u64(data: bytes) -> int:
    """Inverse of `encode_u64`."""
    return int.from_bytes(data, "big")


def decode_time(data: bytes) -> int:
    """Inverse of `encode_time`."""
    return decode_u64(data) - _SIGN
