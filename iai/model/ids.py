"""Identifiers: ULIDs of records, the same each time a turn is read, and session ids."""

import hashlib
import re

_MS = 1_000_000  # nanoseconds
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's, of five bits each
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_LARGEST_MS = (1 << 48) - 1
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")  # as in the hook


def record_id(key: str, created_at: int) -> str:
    """Return the ULID of a record: its time in milliseconds, then a hash of its idempotency key.

    Layout: https://github.com/ulid/spec (48 bits of time, then 80 bits).
    """
    milliseconds = max(0, min(created_at // _MS, _LARGEST_MS))
    digest = hashlib.blake2b(key.encode(), digest_size=10).digest()
    bits = milliseconds << 80 | int.from_bytes(digest, "big")
    return "".join([_PAIRS[bits >> shift & 0x3FF] for shift in range(120, -1, -10)])


def is_file_name(session: str) -> bool:
    """Can this session id be the name of a file?"""
    return _FILE_NAME.fullmatch(session) is not None
