"""Reads a file that somebody else still writes: whole lines from a given byte, slice by slice.

It holds no file open between two slices, and never reads a line before it is complete.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

SLICE = 512 * 1024  # bytes read at a time: about 10 ms of parsing
LONGEST_LINE = 32 * 1024 * 1024  # bytes; images are kept in lines of some megabytes
_HEAD = 256  # bytes by which a file is recognised


class Mark(NamedTuple):
    """Up to where a file has been read, and by what it is known to be the same file."""

    offset: int = 0
    inode: int = 0
    head: bytes = b""


class RawLine(NamedTuple):
    """One line of a file and where it starts. `data` is None where the line is too long."""

    offset: int
    data: bytes | None


class Slice(NamedTuple):
    """Some lines, and the mark behind them."""

    lines: list[RawLine]
    mark: Mark
    more: bool  # is there more to read at once?


class Found(NamedTuple):
    """A transcript that could be read."""

    path: Path
    bytes: int
    written_at: int  # wall nanoseconds


def there(path: str) -> bool:
    """Is there such a file? A name that cannot be one, or that is out of reach, is none."""
    return os.path.isfile(path)  # noqa: PTH113  which raises for names that are too long


def grown(path: str, mark: Mark) -> bool:
    """Is there anything that was not read? One stat, no more."""
    try:
        status = os.stat(path)  # noqa: PTH116  a third of the cost, some times a second for each file
    except OSError:
        return False
    return status.st_size != mark.offset or status.st_ino != mark.inode


def written_at(path: str) -> int:
    """Return when a file was last written, in wall nanoseconds; 0 if it is gone."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


def read(path: str, mark: Mark, most: int = SLICE) -> Slice:
    """Return the next lines after `mark`; from the start if the file there is another one.

    `most` is how many bytes; a line that is longer is read whole.

    Raises OSError if the file cannot be read.
    """
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        if not _same(file.read(_HEAD), status, mark):
            mark = Mark()
        file.seek(mark.offset)
        data = file.read(most)
        if b"\n" not in data:
            data += file.read(LONGEST_LINE)
        lines, consumed = _split(data, mark.offset)
        end = mark.offset + consumed
        if not consumed and len(data) > LONGEST_LINE and (next_line := _next_line(file)):
            lines, end = [RawLine(mark.offset, None)], next_line
        file.seek(0)
        head = file.read(min(_HEAD, end))
    after = Mark(end, status.st_ino, _digest(head))
    return Slice(lines, after, more=end > mark.offset and end < status.st_size)


def near_end(path: str, mark: Mark, most: int) -> Mark:
    """Return a mark at the first line that starts in the last `most` bytes.

    The given one if no more than that is left to read. Raises OSError if the file cannot be read.
    """
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        head = file.read(_HEAD)
        start = status.st_size - most
        if start <= mark.offset or not _same(head, status, mark):
            return mark
        file.seek(start - 1)
        offset = _next_line(file) or status.st_size
    return Mark(offset, status.st_ino, _digest(head[:offset]))


def decode(data: bytes) -> object:
    """Return the JSON of a line.

    Raises ValueError if it is none. Half a character, as hosts write them where they cut a text, is
    replaced and does not cost the line.
    """
    try:
        try:
            return msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _repaired(json.loads(data.decode("utf-8", "replace")))
    except RecursionError:
        raise ValueError("nested too deep") from None


def below(path: Path) -> Iterator[Found]:
    """Yield a transcript, or all below a directory; what vanishes meanwhile is left out."""
    for file in path.rglob("*.jsonl") if path.is_dir() else (path,):
        try:
            status = file.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            yield Found(file, status.st_size, status.st_mtime_ns)


def _same(head: bytes, status: os.stat_result, mark: Mark) -> bool:
    if status.st_size < mark.offset:  # cut, or replaced by a shorter one
        return False
    return _digest(head[: min(_HEAD, mark.offset)]) == mark.head if mark.offset else True


def _split(data: bytes, start: int) -> tuple[list[RawLine], int]:
    """Cut off the complete lines. A last line without its end counts if it is whole JSON."""
    lines: list[RawLine] = []
    position = 0
    while (end := data.find(b"\n", position)) >= 0:
        if data[position:end].strip():
            lines.append(RawLine(start + position, data[position:end]))
        position = end + 1
    rest = data[position:]
    if rest.rstrip().endswith(b"}") and _is_json(rest):
        lines.append(RawLine(start + position, rest))
        position = len(data)
    return lines, position


def _is_json(data: bytes) -> bool:
    try:
        decode(data)
    except ValueError:
        return False
    return True


def _next_line(file: BinaryIO) -> int:
    """Offset of the line after the one that the file is at; 0 if that one is not complete."""
    while data := file.read(SLICE):
        if (end := data.find(b"\n")) >= 0:
            return file.tell() - len(data) + end + 1
    return 0


def _repaired(value: object) -> object:
    """The same JSON with every lone surrogate replaced by U+FFFD."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_repaired(item) for item in value]
        case dict():
            return {str(_repaired(key)): _repaired(item) for key, item in value.items()}
        case _:
            return value


def _digest(head: bytes) -> bytes:
    return hashlib.blake2b(head, digest_size=8).digest()
