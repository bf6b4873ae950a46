"""The part of a text that fits a question best. Pure."""

import re
from bisect import bisect_left
from collections.abc import Collection, Mapping
from itertools import accumulate

from iai.index.terms import LONGEST_TEXT, terms

PASSAGE = 240  # characters
_DECIMALS = 9
_CHANGED = ("e", "i")  # what a stem may end with that its word does not have: cry, cries -> cri
_PIECE = re.compile(r"[^\n]*?(?:[.!?](?=\s)|\n|$)\s*")


def passage(text: str, rarity: Mapping[str, float], limit: int = PASSAGE) -> str:
    """Return the stretch of whole sentences or lines with most of the terms, on one line.

    The earlier of two that are as good; the beginning of the text if it has none of the terms.
    """
    flat = " ".join(text.split())
    if len(flat) <= limit:
        return flat
    pieces = [piece for piece in _PIECE.findall(text[:LONGEST_TEXT]) if piece.strip()]
    lines = [" ".join(piece.split()) for piece in pieces]
    stems = _stems(text, rarity)
    found = [_found(line, stems) for line in lines]
    best, gain = 0, 0.0
    for first in (at for at, there in enumerate(found) if there):
        has = _worth(set().union(*found[first : _end(lines, first, limit)]), rarity)
        if has > gain:
            best, gain = first, has
    if gain == 0:
        return _cut(flat, limit)
    stretch = " ".join(lines[best : _end(lines, best, limit)])
    if len(stretch) > limit:
        stretch = _around(stretch, stems, rarity, limit)
    before, after = best > 0, _end(lines, best, limit) < len(lines)
    return f"{'… ' if before else ''}{_cut(stretch, limit)}{' …' if after else ''}"


def _stems(text: str, rarity: Mapping[str, float]) -> dict[str, str]:
    """Return the terms that a text may have, each with the letters that its words begin with."""
    lower = text.lower()
    stems = {term: term[:-1] if term.endswith(_CHANGED) else term for term in rarity}
    return {term: stem for term, stem in stems.items() if stem in lower}


def _found(line: str, stems: Mapping[str, str]) -> set[str]:
    """Return the terms that a line has."""
    likely = _likely(line, stems)
    return stems.keys() & set(terms(" ".join(likely.values()))) if likely else set()


def _likely(line: str, stems: Mapping[str, str]) -> dict[int, str]:
    """Return the words that may be one of the terms, as their letters say, by where they begin."""
    lower = line.lower()
    words: dict[int, str] = {}
    for stem in stems.values():
        at = lower.find(stem)
        while at >= 0:
            start, end = line.rfind(" ", 0, at) + 1, line.find(" ", at)
            end = end if end >= 0 else len(line)
            words[start] = line[start:end]
            at = lower.find(stem, max(at + 1, end))
    return words


def _end(lines: list[str], first: int, limit: int) -> int:
    """Return the end of the lines from `first` on that fit; one is always taken."""
    room, end = limit - len(lines[first]), first + 1
    while end < len(lines) and len(lines[end]) < room:
        room -= len(lines[end]) + 1
        end += 1
    return end


def _around(line: str, stems: Mapping[str, str], rarity: Mapping[str, float], limit: int) -> str:
    """Return a long line from a little before the part with most of the terms."""
    starts = [0, *(space + 1 for space, letter in enumerate(line) if letter == " ")]
    likely = dict(sorted(_likely(line, stems).items()))
    worth = (_worth(stems.keys() & set(terms(word)), rarity) for word in likely.values())
    places, before = [*likely], [0.0, *accumulate(worth)]  # what is in the words before each place

    def gain(start: int) -> float:
        first, end = bisect_left(places, start), bisect_left(places, start + limit)
        return round(before[end] - before[first], _DECIMALS)  # so that equal ones are equal

    best = max(starts[::4], key=gain)
    return line[best:] if not best else "… " + line[best:]


def _worth(found: Collection[str], rarity: Mapping[str, float]) -> float:
    return sum(rarity[term] for term in found)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0] + " …"
