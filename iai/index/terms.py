"""The terms of a text: its words, stemmed, and names in code both whole and in their parts.

`parse_config` is found by `parse_config`, `parse` and `configs`; `src/app/LoginForm.tsx:42` by the
path, by `LoginForm.tsx`, by `login` and `42`. Words that every question has ("what did we") are not
terms: on LoCoMo that list was worth 0.06 any@10 over the 33 stop words of tantivy.
"""

import re
from collections.abc import Callable, Sequence
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
_LINE = re.compile(r"(?::\d+)+$")  # where in a file
_BETWEEN = re.compile(r"[/\\:@]+")  # the steps of a path, each a name that may be joined itself
_AROUND = ".,;:!?()[]\"'`*"  # signs around a word that are not part of any name
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Extracted(NamedTuple):
    """The terms of a text in the forms that the indexes keep, in no particular order."""

    words: str  # separated by spaces, each as often as it occurs
    ids: bytes  # `term_id` of each, in four bytes, the low one first


_NOTHING = Extracted("", b"")


def terms(text: str) -> list[str]:
    """Return the terms of a text, each as often as it occurs, in no particular order."""
    return extract(text).words.split()


def extract(text: str) -> Extracted:
    """Return the terms of a text for the indexes; most of it comes from a table of pieces."""
    pieces = text[:LONGEST_TEXT].split()
    found = [
        own or _of_code(piece) for piece, own in zip(pieces, map(_of_word, pieces), strict=True)
    ]
    if not found:
        return _NOTHING
    words, ids = zip(*found, strict=True)
    return Extracted(" ".join(filter(None, words)), b"".join(ids))


def _extracted(found: Sequence[str]) -> Extracted:
    return Extracted(
        " ".join(found), b"".join([term_id(term).to_bytes(4, "little") for term in found])
    )


def _plain(piece: str) -> Extracted | None:
    """Return the terms of a word of letters, whatever the signs around it; None for all else.

    None also where a capital in it may begin a part.
    """
    word = piece.strip(_AROUND)
    plain = word.isalpha() and (word[1:].islower() or len(word) == 1)
    return _extracted(_ANALYZER.analyze(word)) if plain and len(piece) <= LONGEST else None


def _of_code(piece: str) -> Extracted:
    return _of_name(piece) if len(piece) <= LONGEST else _analyzed(piece)


def _analyzed(piece: str) -> Extracted:
    """Return the terms of a piece of anything: of names, whole and in parts, and of the rest."""
    whole: list[str] = []
    humps: list[str] = []
    for joined in _JOINED.findall(piece):
        name = _LINE.sub("", joined) if ":" in joined else joined
        steps = _BETWEEN.split(name)
        if not name.islower():  # else there is no capital
            humps += [_HUMP.sub(" ", step) for step in steps if _HUMP.search(step)]
        names = dict.fromkeys((name, *steps))
        whole += [n.lower() for n in names if len(n) <= LONGEST and not n.isalnum()]
    return _extracted(_ANALYZER.analyze(" ".join((piece, *humps))) + whole)


def _number(term: str) -> int:
    return crc32(term.encode("utf-8", "surrogateescape"))


# A few words are most of all text, and the same names come again and again.
_of_word: Callable[[str], Extracted | None] = Memo(_plain, 1 << 15).__getitem__
_of_name: Callable[[str], Extracted] = Memo(_analyzed, 1 << 13).__getitem__
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
