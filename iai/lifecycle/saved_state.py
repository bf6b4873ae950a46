"""The content of `lifecycle.json`. Pure."""

from zlib import crc32

import msgspec
from msgspec import Struct, structs

from iai.protocol.message import State


class Saved(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state of the group. Times are UTC nanoseconds."""

    state: State
    since: int  # when this state began
    last_activity_at: int
    checksum: int | None = None  # CRC-32 of the object without it; None: an earlier iai wrote it


def encode(saved: Saved) -> bytes:
    """Return the content of the file."""
    return msgspec.json.encode(_sealed(saved)) + b"\n"


def decode(data: bytes) -> Saved | None:
    """Return the saved state; None if it is missing, unreadable, or not what was written."""
    try:
        saved = msgspec.json.decode(data, type=Saved)
    except (ValueError, RecursionError):
        return None
    return saved if saved.checksum is None or _sealed(saved) == saved else None


def _sealed(saved: Saved) -> Saved:
    bare = structs.replace(saved, checksum=None)
    return structs.replace(bare, checksum=crc32(msgspec.json.encode(bare)))
