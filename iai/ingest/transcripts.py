"""Reads a file that somebody else still writes: whole lines from a given byte, slice by slice.

It holds no plain file open between two slices, and never reads a line before it is complete. A host
may compress a file and delete the plain one: it keeps the plain name here, and its offsets.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

import zstandard
from msgspec import Struct

from iai.ingest import json_line
from iai.model.record import Transcript
from iai.process.files import open_regular

SLICE = 512 * 1024  # bytes read at a time: about 10 ms of parsing
LONGEST_LINE = 32 * 1024 * 1024  # bytes; images are kept in lines of some megabytes
LONGEST_PASSED = 256 * 1024 * 1024  # bytes passed over in search of its end: about a second
COMPRESSED = ".zst"
_HEAD = 256  # bytes by which a file is recognised
_TAIL = 1_024  # bytes before the offset, by which it is seen that they were not rewritten
_LONGEST_OPENING = 64  # bytes of a line with nothing but the brace that opens a record
_AROUND_RECORDS = (b"[", b"]", b",", b"],")  # lines of a file that is one JSON array
_WINDOW = 1 << 27  # bytes of memory that a compressed file may need; the limit of zstd's own tool


class Mark(NamedTuple):
    """Up to where a file has been read, and by what it is known to be the same file."""

    offset: int = 0
    inode: int = 0  # negative if what was read was compressed
    head: bytes = b""
    tail: bytes = b""


class RawLine(Struct, frozen=True):
    """One line of a file, or a record on several, and where it starts.

    `data` is None where the line is too long.
    """

    offset: int
    data: bytes | None


class Slice(NamedTuple):
    """Some lines, and the mark behind them."""

    lines: list[RawLine]
    mark: Mark
    more: bool  # is there more to read at once?
    restarted: bool = False  # what was read before is not what is there now


class Found(NamedTuple):
    """A transcript that could be read."""

    path: Path
    bytes: int
    written_at: int  # wall nanoseconds


class Status(NamedTuple):
    """What changes of a file with each write, and with its permissions. All 0 if it is gone."""

    size: int
    inode: int
    changed_at: int


def mark(transcript: Transcript) -> Mark:
    """Up to where a transcript has been read."""
    return Mark(transcript.offset, transcript.inode, transcript.head, transcript.tail)


def there(path: str) -> bool:
    """Is there a transcript by the name that an event has for it?

    False for a name that no transcript has: one that is not absolute, or of another kind of file.
    What an event says is not proof, and that file would be read to its end.
    """
    named = path.startswith("/") and path.removesuffix(COMPRESSED).endswith(".jsonl")
    return named and os.path.isfile(_on_disk(path))  # noqa: PTH113  which raises for names that are too long


def grown(path: str, mark: Mark) -> bool:
    """Is there anything that was not read? One stat call. A compressed file does not grow."""
    try:
        status = os.stat(path)  # noqa: PTH116  a third of the cost, some times a second for each file
    except OSError:
        try:
            return -Path(path + COMPRESSED).stat().st_ino != mark.inode
        except (OSError, ValueError):
            return False
    return status.st_size != mark.offset or status.st_ino != mark.inode


def status(path: str) -> Status:
    """Return the status of a transcript, compressed or not."""
    try:
        found = Path(_on_disk(path)).stat()
    except (OSError, ValueError):
        return Status(0, 0, 0)
    return Status(found.st_size, found.st_ino, found.st_ctime_ns)


def size(path: str) -> int:
    """Return the size of a plain file in bytes; 0 if it is gone. One stat call."""
    try:
        return os.stat(path).st_size  # noqa: PTH116  as in `grown`
    except (OSError, ValueError):
        return 0


def written_at(path: str) -> int:
    """Return when a file was last written, in wall nanoseconds; 0 if it is gone."""
    try:
        return Path(_on_disk(path)).stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def read(path: str, mark: Mark, most: int = SLICE) -> Slice:
    """Return the next lines after `mark`; from the start if what was read is not there any more.

    `most` is how many bytes; a line that is longer is read whole, up to the longest.

    Raises OSError if the file cannot be read.
    """
    with _opened(path) as file:
        first, before = file.around(mark.offset)
        restarted = mark.offset > 0 and not _same(first, before, mark)
        if restarted:
            mark = Mark()
            first, before = file.around(0)
        data, is_end = _some(file, most)
        lines, consumed = _split(data, mark.offset)
        while not consumed and not is_end and len(data) <= LONGEST_LINE:  # a record on many lines
            piece, is_end = _some(file, len(data))
            data += piece
            lines, consumed = _split(data, mark.offset)
        end, before = mark.offset + consumed, _tail(before, data[:consumed])
        if not consumed and len(data) > LONGEST_LINE and (rest := _rest_of_line(file)):
            lines, is_end = [RawLine(mark.offset, None)], False
            end, before = mark.offset + len(data) + rest.length, rest.tail
        elif not is_end:
            file.goes_back(data[consumed:], before)
        head = (first[: mark.offset] + data)[: min(_HEAD, end)]
        after = Mark(end, file.inode, _digest(head), _digest(before))
    return Slice(lines, after, more=end > mark.offset and not is_end, restarted=restarted)


def near_end(path: str, mark: Mark, most: int) -> Mark:
    """Return a mark at the first line that starts in the last `most` bytes.

    The given one if at most that much is left to read, or the file is compressed. Raises OSError if
    the file cannot be read.
    """
    if not os.path.isfile(path):  # noqa: PTH113
        return mark
    with _Plain(path) as file:
        first, before = file.around(mark.offset)
        start = file.size - most
        if start <= mark.offset or not (mark.offset == 0 or _same(first, before, mark)):
            return mark
        file.around(start - 1)
        rest = _rest_of_line(file)
        offset = start - 1 + rest.length if rest else file.size
        first, before = file.around(offset)
    return Mark(offset, file.inode, _digest(first[:offset]), _digest(before))


def below(path: Path) -> Iterator[Found]:
    """Yield a transcript, or all below a directory; what vanishes meanwhile is left out.

    A compressed one is yielded under the plain name that it had, unless that one is there as well:
    it is the one that is read.
    """
    directory = os.path.isdir(path)  # noqa: PTH112  as above
    for named in _transcripts(path) if directory else (path,):
        plain = Path(str(named).removesuffix(COMPRESSED))
        twice = plain != named and plain.is_file()
        if twice and directory:  # it is yielded anyway
            continue
        file = plain if twice else named
        try:
            status = file.stat()
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(status.st_mode):
            yield Found(plain, status.st_size, status.st_mtime_ns)


def _transcripts(directory: Path) -> Iterator[Path]:
    """Yield what is named as a transcript, through links too, and no directory twice."""
    seen: set[tuple[int, int]] = set()
    for root, directories, names in os.walk(directory, followlinks=True):
        try:
            status = Path(root).stat()
        except OSError:
            directories.clear()
            continue
        if (status.st_dev, status.st_ino) in seen:
            directories.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in names:
            if name.endswith((".jsonl", f".jsonl{COMPRESSED}")):
                yield Path(root, name)


class _Rest(NamedTuple):
    """What is left of a line that is passed over."""

    length: int
    tail: bytes


class _Plain:
    """A file as it is."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO = open_regular(path)  # closed by __exit__
        status = os.fstat(self._file.fileno())
        self.inode, self.size = status.st_ino, status.st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def around(self, offset: int) -> tuple[bytes, bytes]:
        """Go to an offset; return the first bytes of the file, and those before the offset."""
        self._file.seek(0)
        first = self._file.read(_HEAD)
        self._file.seek(max(0, offset - _TAIL))
        return first, self._file.read(min(_TAIL, offset))

    def read(self, most: int) -> bytes:
        return self._file.read(most)

    def goes_back(self, unread: bytes, before: bytes) -> None:
        """Do nothing: the next slice opens the file itself."""


class _Compressed:
    """A compressed file, which can be read forwards only, and so is kept until its end is read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: BinaryIO = open_regular(path)  # closed by `close`
        # Negative, for the number of the plain file may have been given to this one.
        self.inode = -os.fstat(self._file.fileno()).st_ino
        self._begin()

    def _begin(self) -> None:
        self._file.seek(0)
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._stream = decompressor.stream_reader(
            self._file, read_across_frames=True, closefd=False
        )
        self._first, self._before, self._unread, self._at = b"", b"", b"", 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stay open, for the next slice."""

    def close(self) -> None:
        self._file.close()

    def around(self, offset: int) -> tuple[bytes, bytes]:
        """Go to an offset; return the first bytes of the file, and those before the offset."""
        if offset < self._at:
            self._begin()
        while self._at < offset and self.read(min(SLICE, offset - self._at)):
            pass
        return self._first, self._before

    def read(self, most: int) -> bytes:
        data = self._unread[:most]
        self._unread = self._unread[most:]
        try:
            while len(data) < most and (more := self._stream.read(most - len(data))):
                data += more
        except zstandard.ZstdError as error:
            self._begin()  # who knows how far it came: the next slice looks for its place again
            raise OSError(errno.EIO, f"damaged: {error}") from error
        if len(self._first) < _HEAD:
            self._first = (self._first[: self._at] + data)[:_HEAD]
        self._before, self._at = _tail(self._before, data), self._at + len(data)
        return data

    def goes_back(self, unread: bytes, before: bytes) -> None:
        """Have the next read begin with these bytes again."""
        self._unread, self._before = unread + self._unread, before
        self._at -= len(unread)


_compressed: list[_Compressed] = []  # the last one read, at most


def _opened(path: str) -> _Plain | _Compressed:
    on_disk = _on_disk(path)
    if not on_disk.endswith(COMPRESSED):
        return _Plain(on_disk)
    inode = -os.stat(on_disk).st_ino  # noqa: PTH116
    if not _compressed or (_compressed[0].path, _compressed[0].inode) != (on_disk, inode):
        for other in _compressed:
            other.close()
        _compressed[:] = [_Compressed(on_disk)]
    return _compressed[0]


def _on_disk(path: str) -> str:
    """Return the name under which a file is there: compressed, if the plain one is gone."""
    if os.path.isfile(path) or not os.path.isfile(path + COMPRESSED):  # noqa: PTH113
        return path
    return path + COMPRESSED


def _same(first: bytes, before: bytes, mark: Mark) -> bool:
    """Is what was read still there? Where it cannot be known, the answer is no."""
    whole = len(before) == min(_TAIL, mark.offset)  # else cut, or replaced by a shorter one
    return (
        whole
        and _digest(first[: min(_HEAD, mark.offset)]) == mark.head
        and _digest(before) == mark.tail
    )


def _some(file: _Plain | _Compressed, most: int) -> tuple[bytes, bool]:
    """Read so many bytes, and on to the end of a line unless it is too long; was that the end?"""
    data = file.read(most)
    if len(data) < most or b"\n" in data or b"\r" in data:
        return data, len(data) < most
    pieces, length = [data], len(data)
    while length <= LONGEST_LINE:
        piece = file.read(most)
        pieces.append(piece)
        length += len(piece)
        if len(piece) < most or b"\n" in piece or b"\r" in piece:
            break
    return b"".join(pieces), len(pieces[-1]) < most


def _split(data: bytes, start: int) -> tuple[list[RawLine], int]:
    """Cut off the complete lines. A last line without its end counts if it is whole JSON."""
    lines: list[RawLine] = []
    position = 0
    line_end = _line_end(data)
    wide = b"\0" in data  # as in UTF-16
    while (end := data.find(line_end, position)) >= 0:
        behind = end + 1
        if wide and (encoding := json_line.encoding(data[position : position + 6])) != "utf-8":
            end = _wide_end(data, position, "\n".encode(encoding))
            behind = end + 2
            if end < 0:
                break
        line = data[position:end]
        if len(line) < _LONGEST_OPENING and (short := line.strip()) in (
            b"{",
            *_AROUND_RECORDS,
            b"",
        ):
            if short == b"{":
                last = _end_of_record(data, position, end)
                if last < 0:
                    return lines, position
                if last:
                    lines.append(RawLine(start + position, data[position:last]))
                    end_of_line = data.find(b"\n", last)
                    position = end_of_line + 1 if end_of_line >= 0 else len(data)
                    continue
                lines.append(RawLine(start + position, line))
        else:
            lines.append(RawLine(start + position, line))
        position = behind
    rest = data[position:]
    record = rest.rstrip(b"\0 \t\r")  # a crash may have left zeros behind it
    narrow = json_line.encoding(rest[:6]) == "utf-8"  # else they may be half of a line end
    if record.endswith((b"}", b"]")) and json_line.is_whole(record if narrow else rest):
        lines.append(RawLine(start + position, rest))
        position = len(data)
    return lines, position


def _line_end(data: bytes) -> bytes:
    """Return what ends the lines: a program may have written carriage returns only."""
    first, ended, _ = data.lstrip(b"\r").partition(b"\r")
    alone = ended and b"\n" not in data and json_line.is_whole(first)
    return b"\r" if alone else b"\n"


def _wide_end(data: bytes, start: int, line_end: bytes) -> int:
    """Return where a line of two bytes a character ends; negative if it does not.

    Two characters may have the bytes of a line end between them.
    """
    end = data.find(line_end, start)
    while end >= 0 and (end - start) % 2:
        end = data.find(line_end, end + 1)
    return end


def _end_of_record(data: bytes, start: int, end: int) -> int:
    """Return where a record ends whose opening brace has the line from `start` to `end` for itself.

    Its other lines are further to the right, but for the last, which begins with the other brace. 0
    if they are not; negative if that line is not there yet.
    """
    margin = end - start - len(data[start:end].lstrip())
    next_left = re.compile(rb"\n[ \t]{0,%d}(?![ \t\r\n])" % margin).search(data, end)
    if next_left is None or next_left.end() == len(data):
        return -1
    return next_left.end() + 1 if data[next_left.end()] == ord("}") else 0


def _rest_of_line(file: _Plain | _Compressed) -> _Rest | None:
    """Pass over what is left of the line that the file is at; None if it is not complete.

    Raises OSError if that is so long that the file is no transcript: a hole of gigabytes in it, or
    what decompresses to them, would keep everything else waiting.
    """
    length, before = 0, b""
    while data := file.read(SLICE):
        if (end := data.find(b"\n")) >= 0:
            file.goes_back(data[end + 1 :], _tail(before, data[: end + 1]))
            return _Rest(length + end + 1, _tail(before, data[: end + 1]))
        length, before = length + len(data), _tail(before, data)
        if length > LONGEST_PASSED:
            raise OSError(errno.EFBIG, f"one of its lines has more than {LONGEST_PASSED:,} bytes")
    return None


def _tail(before: bytes, data: bytes) -> bytes:
    return (before + data[-_TAIL:])[-_TAIL:]


def _digest(head: bytes) -> bytes:
    return hashlib.blake2b(head, digest_size=8).digest()
