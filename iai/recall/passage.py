"""The part of a text that fits a question best. Pure."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from functools import cache
from itertools import accumulate
from math import fsum

from iai.index.terms import LONGEST_TEXT, terms
from iai.payload.statements import without_emphasis

PASSAGE = 240  # characters
_DECIMALS = 9
_CHANGED = ("e", "i")  # what a stem may end with that its word does not have: cry, cries -> cri
# A sentence, a line, or an item with its number; a question stays with the answer behind its arrow.
_PIECE = re.compile(
    r"(?:\d{1,2}\.(?=\s))?+(?:[^\n.!?]++|[.!?](?!\s)|[.!?](?= \u2192))*+[.!?\n]?\s*"
)
_RULES = re.compile(r"^[ \t]*+(?:(?:```|~~~).*|[|:\-=*_+ ]{3,})$", re.MULTILINE)
_HEADINGS = re.compile(r"^[ \t]*+#{1,6}[ \t]++([^\n]*)(?=\n)", re.MULTILINE)

Found = dict[int, set[str]]  # the terms that a word has, by where it begins


class Passages:
    """Finds in texts what fits one question. `rarity` has its terms, and how rare each is."""

    def __init__(self, rarity: Mapping[str, float]) -> None:
        self._rarity = rarity
        self._stems = {term: term[:-1] if term.endswith(_CHANGED) else term for term in rarity}
        # The same few words come in text after text.
        self._terms = cache(lambda word: frozenset(rarity.keys() & terms(word)))

    def passage(self, text: str, limit: int = PASSAGE) -> str:
        """Return the stretch of whole sentences or lines with most of the terms, on one line.

        The earlier of two that are as good; the beginning of the text if it has none of the terms.
        """
        text = _unmarked(text[:LONGEST_TEXT])
        flat = " ".join(text.split())
        if len(flat) <= limit:
            return flat
        pieces = _PIECE.findall(text)
        lines = [line for piece in pieces if (line := " ".join(piece.split()))]
        starts = [0, *accumulate(len(line) + 1 for line in lines)]
        found = self._found(" ".join(lines))
        by_line: dict[int, set[str]] = {}
        for at in sorted(found):
            by_line.setdefault(bisect_right(starts, at) - 1, set()).update(found[at])
        best, gain = 0, 0.0
        for first in by_line:
            among = range(first, _end(lines, first, limit))
            has = self._worth(set().union(*(by_line[n] for n in among if n in by_line)))
            if has > gain:
                best, gain = first, has
        if gain == 0:
            return _cut(flat, limit)
        end = _end(lines, best, limit)
        stretch = " ".join(lines[best:end])
        if len(stretch) > limit:  # it is one line
            start, beyond = starts[best], starts[end]
            inside = {at - start: there for at, there in found.items() if start <= at < beyond}
            stretch = self._around(stretch, inside, limit)
        before = "… " if best > 0 and not stretch.startswith("…") else ""
        shown = _cut(stretch, limit)
        after = " …" if end < len(lines) and not shown.endswith("…") else ""
        return f"{before}{shown}{after}"

    def _found(self, line: str) -> Found:
        """Return the words of a line that have any of the terms."""
        lower = line.lower()
        stems = {term: stem for term, stem in self._stems.items() if stem in lower}
        words = _likely(line, lower, set(stems.values())) if len(lower) == len(line) else _all(line)
        found = ((at, stems.keys() & self._terms(word)) for at, word in words.items())
        return {at: there for at, there in found if there}

    def _around(self, line: str, found: Found, limit: int) -> str:
        """Return a long line from a little before the part with most of the terms."""
        starts = _starts(line.split(" "))
        places = sorted(found)
        before = [0.0, *accumulate(self._worth(found[at]) for at in places)]  # before each place

        def gain(start: int) -> float:
            first, end = bisect_left(places, start), bisect_left(places, start + limit)
            return round(before[end] - before[first], _DECIMALS)  # so that equal ones are equal

        best = max(starts[::4], key=gain)
        return line[best:] if not best else "… " + line[best:]

    def _worth(self, found: Collection[str]) -> float:
        return fsum(self._rarity[term] for term in found)  # the same in any order


def _unmarked(text: str) -> str:
    """Return Markdown without what says nothing on one line; a text of nothing else as it is."""
    ruled = _HEADINGS.sub(lambda heading: heading[1].rstrip(" \t:") + ":", _RULES.sub("", text))
    plain = without_emphasis(ruled)
    return plain if plain.strip() else text


def _likely(line: str, lower: str, stems: Collection[str]) -> dict[int, str]:
    """Return the words with letters that the words of a term begin with, by where they begin.

    These letters are where a name, or a part of one, may begin.
    """
    words: dict[int, str] = {}
    for stem in stems:
        at = lower.find(stem)
        while 0 <= at < len(line):
            if at and lower[at - 1].isalnum() and not line[at].isupper():
                at = lower.find(stem, at + 1)
                continue
            start, end = line.rfind(" ", 0, at) + 1, line.find(" ", at)
            end = end if end >= 0 else len(line)
            words[start] = line[start:end]
            at = lower.find(stem, max(at + 1, end))
    return words


def _all(line: str) -> dict[int, str]:
    """Return all words of a line by where they begin."""
    words = line.split(" ")
    return dict(zip(_starts(words), words, strict=True))


def _starts(words: list[str]) -> list[int]:
    """Return where each word of a line begins."""
    return [0, *accumulate([len(word) + 1 for word in words[:-1]])]


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
