"""Checks the files of a lexical index: tantivy writes a checksum into each, but reads none.

The end of a file is a JSON object, the `Footer`, then its length and a magic number, both u32
little-endian (tantivy, src/directory/footer.rs).
"""

import json
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec
from msgspec import Struct

_END = struct.Struct("<II")
_MAGIC = 1337
_BLOCK = 1 << 20  # bytes read at a time


class Version(Struct, frozen=True):
    """Of tantivy, which refuses a file without any of these, or of another format."""

    major: int
    minor: int
    patch: int
    index_format_version: int


class Footer(Struct, frozen=True):
    """What the end of a file says of it."""

    version: Version
    crc: int  # CRC-32 of all before it


def problems(path: Path) -> Iterator[str]:
    """Yield in words which files of an index are damaged. An empty directory is intact.

    May run beside the writer: a file that it deletes meanwhile is left out.
    """
    listed = path / "meta.json"
    if not listed.exists():
        return
    try:
        segments = [one["segment_id"] for one in json.loads(listed.read_bytes())["segments"]]
        prefixes = tuple(str(segment).replace("-", "") for segment in segments)
    except (ValueError, RecursionError, KeyError, TypeError):
        yield "meta.json is not what was written"
        return
    for prefix in prefixes:
        if not any(path.glob(f"{prefix}.*")) and listed.exists():
            yield f"no file of segment {prefix} is there"
    formats = set()
    for file in sorted(path.iterdir()):
        with suppress(FileNotFoundError):
            if not file.name.startswith(prefixes or ("-",)):
                continue
            if (noted := _intact(file)) is None:
                yield f"{file.name} is not what was written"
            else:
                formats.add(noted.version.index_format_version)
    if len(formats) > 1:
        yield f"its files are of different formats: {sorted(formats)}"


def _intact(file: Path) -> Footer | None:
    """Return what the end of a file says; None unless all of the file is what was written."""
    with file.open("rb") as data:
        size = data.seek(0, 2)
        if size < _END.size:
            return None
        data.seek(size - _END.size)
        length, magic = _END.unpack(data.read())
        body = size - _END.size - length
        if magic != _MAGIC or body < 0:
            return None
        data.seek(body)
        try:
            noted = msgspec.json.decode(data.read(length), type=Footer)
        except (ValueError, RecursionError):
            return None
        data.seek(0)
        found = 0
        while body:
            block = data.read(min(body, _BLOCK))
            found, body = crc32(block, found), body - len(block)
        return noted if found == noted.crc else None
