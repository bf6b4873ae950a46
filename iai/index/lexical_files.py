"""Checks the files of a lexical index: tantivy writes a checksum into each, but reads none.

The end of a file is a JSON object with `crc`, the CRC-32 of all before it, then the length of that
object and a magic number, both u32 little-endian (tantivy, src/directory/footer.rs).
"""

import json
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from zlib import crc32

_END = struct.Struct("<II")
_MAGIC = 1337
_BLOCK = 1 << 20  # bytes read at a time


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
    except (ValueError, KeyError, TypeError):
        yield "meta.json is not what was written"
        return
    for prefix in prefixes:
        if not any(path.glob(f"{prefix}.*")) and listed.exists():
            yield f"no file of segment {prefix} is there"
    for file in sorted(path.iterdir()):
        with suppress(FileNotFoundError):
            if file.name.startswith(prefixes or ("-",)) and not _intact(file):
                yield f"{file.name} is not what was written"


def _intact(file: Path) -> bool:
    with file.open("rb") as data:
        size = data.seek(0, 2)
        if size < _END.size:
            return False
        data.seek(size - _END.size)
        length, magic = _END.unpack(data.read())
        body = size - _END.size - length
        if magic != _MAGIC or body < 0:
            return False
        data.seek(body)
        try:
            noted = json.loads(data.read(length))["crc"]
        except (ValueError, KeyError, TypeError):
            return False
        data.seek(0)
        found = 0
        while body:
            block = data.read(min(body, _BLOCK))
            found, body = crc32(block, found), body - len(block)
        return bool(found == noted)
