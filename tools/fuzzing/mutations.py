"""Valid inputs, broken in one place or several: bytes, or the structure of JSON."""

import ast
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec

_WORD = 40  # characters
MOST = 1 << 16  # bytes of an input; longer ones find little more, slowly

# What parsers of numbers, texts and nested values get wrong.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 255, 256, 1 << 31, 1 << 63, (1 << 64) - 1, -(1 << 63), 10**30, 1e308,
    -1e-308, 0.5, "", " ", "\n", "\0", "a\0b", "\ud800", "\udce9", "\ufeff", "\u2028", "e\u0301",
    "\U0001f9e0", "/", "..", "../../../etc/passwd", "/" + "d/" * 600, "n" * 300, "0" * 5_000,
    "2026-11-20T10:00:00.000Z", "9999-12-31T23:59:59Z", "0000-00-00", "<!-- /iai -->", [], {}, [[]],
    [None], {"": None}, {"type": "text", "text": "x"}, [{"type": "text", "text": "x"}],
)  # fmt: skip
SNIPPETS = (
    b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r\n", b"\n", b'"', b"\\", b"\\u0000",
    b"\\ud800", b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"-", b"9" * 400,
    b"//", b"/*", b"=", b"'", b"\xc1", b"\xdf\xff\xff\xff\xff",
)  # fmt: skip
DEEP = (b"[" * 3_000, b'{"a":' * 3_000)  # a thousand times dearer than the others, so rare
_DEEP_ONE_IN = 200


def words_in(directories: Iterable[Path]) -> list[str]:
    """Return the short texts in the source of some rooms: the words that their parsers look for."""
    trees = (
        ast.parse(path.read_text())
        for directory in directories
        for path in sorted(directory.glob("*.py"))
    )
    constants = {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return sorted(word for word in constants if 0 < len(word) <= _WORD and "\n" not in word)


class Mutator:
    """Breaks inputs, the same way for the same seed."""

    def __init__(self, words: Sequence[str] = ()) -> None:
        self._words = words or [""]

    def broken_bytes(self, random: Random, data: bytes, other: bytes) -> bytes:
        """Return some bytes changed in one to four places; `other` is another valid input."""
        for _ in range(random.randint(1, 4)):
            data = random.choice(_EDITS)(random, data, other)
        return data[:MOST]

    def broken_lines(self, random: Random, data: bytes, other: bytes) -> bytes:
        """Return JSON lines with some values changed, or some bytes."""
        if not random.randrange(3):
            return self.broken_bytes(random, data, other)
        lines = data.split(b"\n")
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(lines))
            lines[at] = self.broken_json(random, lines[at], random.choice(other.split(b"\n")))
        if not random.randrange(10):
            random.shuffle(lines)
        return b"\n".join(lines)[:MOST]

    def broken_json(self, random: Random, data: bytes, other: bytes) -> bytes:
        """Return JSON with some of its values changed, or some bytes."""
        if not random.randrange(5):
            return self.broken_bytes(random, data, other)
        try:
            value = msgspec.json.decode(data)
        except (ValueError, RecursionError):
            return self.broken_bytes(random, data, other)
        for _ in range(random.randint(1, 3)):
            value = self.changed(random, value)
        try:
            return json.dumps(value, ensure_ascii=bool(random.randrange(10))).encode(
                "utf-8", "replace"
            )
        except RecursionError:
            return data

    def changed(self, random: Random, value: Any) -> Any:
        """Return plain data with one part of it replaced, removed, renamed, repeated or nested."""
        holders: list[tuple[Any, Any]] = []
        left = [value]
        while left:
            at = left.pop()
            for key, item in _inside(at):
                holders.append((at, key))
                left.append(item)
        if not holders or not random.randrange(50):
            return self.fresh(random, value)
        holder, key = random.choice(holders)
        match random.randrange(6):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[random.choice(self._words)] = holder.pop(key)
            case 2 if isinstance(holder, list):
                holder.insert(key, holder[key])
            case 3:
                other, place = random.choice(holders)
                holder[key] = self.copied(other[place])
            case _:
                holder[key] = self.fresh(random, holder[key])
        return value

    def fresh(self, random: Random, old: Any) -> Any:
        """Return a value for the place of an old one."""
        match random.randrange(5):
            case 0:
                return random.choice(self._words)
            case 1:
                return [self.copied(old)]
            case 2:
                return {random.choice(self._words): self.copied(old)}
            case 3 if isinstance(old, str):
                at = random.randrange(len(old) + 1)
                piece = random.choice(VALUES)
                return old[:at] + (piece if isinstance(piece, str) else str(piece)) + old[at:]
            case _:
                return self.copied(random.choice(VALUES))

    def copied(self, value: Any) -> Any:
        """Return a copy, so that no value contains itself."""
        match value:
            case dict():
                return {key: self.copied(item) for key, item in value.items()}
            case list():
                return [self.copied(item) for item in value]
            case _:
                return value


def _inside(value: Any) -> list[tuple[Any, Any]]:
    match value:
        case dict():
            return list(value.items())
        case list():
            return list(enumerate(value))
        case _:
            return []


Edit = Callable[[Random, bytes, bytes], bytes]


def _flip(random: Random, data: bytes, _: bytes) -> bytes:
    if not data:
        return b"\0"
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _cut(random: Random, data: bytes, _: bytes) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + data[start + random.randrange(64) :]


def _end(random: Random, data: bytes, _: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _insert(random: Random, data: bytes, _: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    pieces = SNIPPETS if random.randrange(_DEEP_ONE_IN) else DEEP
    return data[:at] + random.choice(pieces) + data[at:]


def _noise(random: Random, data: bytes, _: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.randbytes(random.randrange(16)) + data[at:]


def _repeat(random: Random, data: bytes, _: bytes) -> bytes:
    start = random.randrange(len(data) + 1)
    piece = data[start : start + random.randrange(200)]
    return data[:start] + piece * random.randrange(1, 4) + data[start:]


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


_EDITS: tuple[Edit, ...] = (_flip, _cut, _end, _insert, _noise, _repeat, _splice)
