"""The part of a text that fits a question best. Pure."""

import re
from bisect import bisect_left
from collections.abc import Collection, Mapping
from functools import cache
from itertools import accumulate
from math import fsum

from iai.index.terms import LONGEST_TEXT, terms

PASSAGE = 240  # characters
_DECIMALS = 9
_CHANGED = ("e", "i")  # what a stem may end with that its word does not have: cry, cries -> cri
_PIECE = re.compile(r"[^\n]*?(?:[.!?](?=\s)|\n|$)\s*")


class Passages:
    """Finds in texts what fits one question. `rarity` has its terms, and how rare each is."""

    def __init__(self, rarity: Mapping[str, float]) -> None:
        self._rarity = rarity
        self._stems = {term: term[:-1] if term.endswith(_CHANGED) else term for term in rarity}
        self._terms = cache(self._terms_of)  # the same few words come in text after text

    def passage(self, text: str, limit: int = PASSAGE) -> str:
        """Return the stretch of whole sentences or lines with most of the terms, on one line.

        The earlier of two that are as good; the beginning of the text if it has none of the terms.
        """
        flat = " ".join(text.split())
        if len(flat) <= limit:
            return flat
        pieces = _PIECE.findall(text[:LONGEST_TEXT])
        lines = [line for piece in pieces if (line := " ".join(piece.split()))]
        stems = self._stems_in(text)
        words = [_likely(line, stems) for line in lines]
        found = [self._found(likely.values(), stems) for likely in words]
        best, gain = 0, 0.0
        for first in (at for at, there in enumerate(found) if there):
            has = self._worth(set().union(*found[first : _end(lines, first, limit)]))
            if has > gain:
                best, gain = first, has
        if gain == 0:
            return _cut(flat, limit)
        end = _end(lines, best, limit)
        stretch = " ".join(lines[best:end])
        if len(stretch) > limit:  # it is one line
            stretch = self._around(stretch, words[best], stems, limit)
        before, after = best > 0, end < len(lines)
        return f"{'… ' if before else ''}{_cut(stretch, limit)}{' …' if after else ''}"

    def _stems_in(self, text: str) -> dict[str, str]:
        """Return the terms that a text may have, each with the letters its words begin with."""
        lower = text.lower()
        return {term: stem for term, stem in self._stems.items() if stem in lower}

    def _found(self, words: Collection[str], stems: Mapping[str, str]) -> set[str]:
        """Return the terms that any of these words has."""
        return stems.keys() & set().union(*map(self._terms, words)) if words else set()

    def _around(
        self, line: str, likely: Mapping[int, str], stems: Mapping[str, str], limit: int
    ) -> str:
        """Return a long line from a little before the part with most of the terms."""
        starts = [0, *accumulate(len(word) + 1 for word in line.split(" ")[:-1])]
        places = sorted(likely)
        worth = (self._worth(self._found((likely[at],), stems)) for at in places)
        before = [0.0, *accumulate(worth)]  # what is in the words before each place

        def gain(start: int) -> float:
            first, end = bisect_left(places, start), bisect_left(places, start + limit)
            return round(before[end] - before[first], _DECIMALS)  # so that equal ones are equal

        best = max(starts[::4], key=gain)
        return line[best:] if not best else "… " + line[best:]

    def _terms_of(self, word: str) -> frozenset[str]:
        return frozenset(self._rarity.keys() & terms(word))

    def _worth(self, found: Collection[str]) -> float:
        return fsum(self._rarity[term] for term in found)  # the same in any order


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


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0] + " …"
