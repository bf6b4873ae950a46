"""Identifiers: ULIDs of records, the same each time a turn is read, and session ids."""

import hashlib
import re
from base64 import b32encode

_MS = 1_000_000  # nanoseconds
_TO_CROCKFORD = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)  # from the digits of RFC 4648 to those of a ULID
_LARGEST_MS = (1 << 48) - 1
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")  # as in the hook


def record_id(key: str, created_at: int) -> str:
    """Return the ULID of a record: its time in milliseconds, then a hash of its idempotency key.

    Layout: https://github.com/ulid/spec (48 bits of time, then 80 bits).
    """
    milliseconds = max(0, min(created_at // _MS, _LARGEST_MS))
    digest = hashlib.blake2b(key.encode(), digest_size=10).digest()
    encoded = b32encode(bytes(4) + milliseconds.to_bytes(6, "big") + digest)  # 20 bytes: no padding
    return encoded[6:].translate(_TO_CROCKFORD).decode()


def is_file_name(session: str) -> bool:
    """Can this session id be the name of a file?"""
    return _FILE_NAME.fullmatch(session) is not None
