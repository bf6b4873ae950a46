"""The terms of a text: its words, stemmed, and names in code both whole and in their parts.

`parse_config` is found by `parse_config`, `parse` and `configs`; `src/app/LoginForm.tsx:42` by the
path, by `LoginForm.tsx`, by `login` and `42`. Words that every question has ("what did we") are not
terms: on LoCoMo that list was worth 0.06 any@10 over the 33 stop words of tantivy.
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import tantivy

from iai.model.memo import Memo

LONGEST = 64  # characters of a term
LONGEST_TEXT = 20_000  # characters of a text that are read: longer texts are pasted data

_STOP = """
a about above after again against all am an and any are aren as at be because been before being
below between both but by can cannot could couldn d did didn do does doesn doing don down during
each few for from further had hadn has hasn have haven having he her here hers herself him himself
his how i if in into is isn it its itself let ll m me more most mustn my myself no nor not of off on
once only or other ought our ours ourselves out over own re s same shan she should shouldn so some
such t than that the their theirs them themselves then there these they this those through to too
under until up ve very was wasn we were weren what when where which while who whom why will with won
would wouldn you your yours yourself yourselves
""".split()  # noqa: SIM905  thirty lines of quotes otherwise

# Names joined by signs, or by a capital inside: snake_case, a path, a version, camelCase.
_JOINED = re.compile(
    r"(?<![^\W_])(?:[^\W_]++(?:[-./\\:_@]++[^\W_]++)+|[a-zA-Z0-9]*?[a-z0-9][A-Z][^\W_]*)"
)
_AROUND = ".,;:!?()[]\"'`*"  # signs around a word that are not part of any name
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SIGNS_TO_SPACES = bytes(c if chr(c).isalnum() else ord(" ") for c in range(128)) + bytes(128)


class Extracted(NamedTuple):
    """The terms of a text in the forms that the indexes keep, in no particular order."""

    words: str  # each followed by a space, as often as it occurs
    ids: bytes  # `term_id` of each, in four bytes, the low one first


_Terms = tuple[str, bytes]  # the same of a piece of a text
_words: Callable[[_Terms], str] = itemgetter(0)
_ids: Callable[[_Terms], bytes] = itemgetter(1)
_four = Struct("<I").pack


def terms(text: str) -> list[str]:
    """Return the terms of a text, each as often as it occurs, in no particular order."""
    return extract(text).words.split()


def extract(text: str) -> Extracted:
    """Return the terms of a text for the indexes; most of it comes from a table of pieces."""
    return Extracted(*_together([*map(_of_piece, text[:LONGEST_TEXT].split())]))


def _together(found: Sequence[_Terms]) -> _Terms:
    return "".join(map(_words, found)), b"".join(map(_ids, found))


def _term(term: str) -> _Terms:
    return f"{term} ", _four(term_id(term))


def _in_piece(piece: str) -> _Terms:
    """Return the terms of a piece of a text without spaces, whatever the signs around it."""
    word = piece.strip(_AROUND)
    plain = word.isalpha() and (word[1:].islower() or len(word) == 1)  # no part begins inside
    return _of_part(word) if plain else _in_code(word)


def _in_code(piece: str) -> _Terms:
    """Return the terms of a piece of anything: of names, whole and in parts, and of the rest."""
    whole: list[str] = []
    humps: list[str] = []
    for joined in _JOINED.findall(piece):
        name = _without_line(joined) if ":" in joined else joined
        steps = _steps(name)
        if not name.islower():  # else there is no capital
            humps += [_HUMP.sub(" ", step) for step in steps if _HUMP.search(step)]
        names = dict.fromkeys((name, *steps))
        whole += [n.lower() for n in names if len(n) <= LONGEST and not n.isalnum()]
    parts = _parts(" ".join((piece, *humps)))
    return _together([*map(_of_part, parts), *map(_term, whole)])


def _without_line(name: str) -> str:
    """Return a path without where in the file: the numbers after the colons at its end."""
    while (at := name.rfind(":")) > 0 and name[at + 1 :].isdecimal():
        name = name[:at]
    return name


def _steps(name: str) -> list[str]:
    """Return the steps of a path, each a name that may be joined itself."""
    return [s for s in name.replace("\\", "/").replace(":", "/").replace("@", "/").split("/") if s]


def _parts(text: str) -> list[str]:
    """Split a text where the analyzer does, if it is in ASCII: at all but letters and digits."""
    return text.encode().translate(_SIGNS_TO_SPACES).decode().split() if text.isascii() else [text]


def _in_part(part: str) -> _Terms:
    return _together([*map(_term, _ANALYZER.analyze(part))])


def _number(term: str) -> int:
    return crc32(term.encode("utf-8", "surrogateescape"))


class _OfPieces(Memo[str, _Terms]):
    """What short pieces of text hold: a long one is pasted data, and seldom comes twice."""

    def __missing__(self, piece: str) -> _Terms:
        return super().__missing__(piece) if len(piece) <= LONGEST else self._function(piece)


# A few words are most of all text, and the same names come again and again.
_of_piece: Callable[[str], _Terms] = _OfPieces(_in_piece, 1 << 15).__getitem__
_of_part: Callable[[str], _Terms] = _OfPieces(_in_part, 1 << 15).__getitem__
# The number of a term on disk. That two terms may share one does no harm.
term_id: Callable[[str], int] = Memo(_number, 1 << 15).__getitem__


def _analyzer() -> tantivy.TextAnalyzer:
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(LONGEST))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.custom_stopword(_STOP))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


_ANALYZER = _analyzer()
