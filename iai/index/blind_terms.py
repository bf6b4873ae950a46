"""A blind index: the terms of an encrypted store are keyed hashes, in the index and in queries.

BM25 and filters ask only whether terms are equal and how often they occur, so what is found, and in
which order, is the same. The files still show how often each hash occurs and together with which
others, but no word, and words cannot be tried without the key.
"""

from collections.abc import Callable

from iai.encryption.cipher import Cipher
from iai.model.memo import Memo

Spell = Callable[[str], str]  # from a term to what stands for it in the index

_SIZE = 8  # bytes of a hash: of a million words no two share one
_MOST = 1 << 15  # terms whose hashes are remembered
_PURPOSE = "term"  # not that of any other hash with the same key


def spelling(cipher: Cipher | None) -> Spell:
    """Return how terms are spelled in the index: as they are without a cipher."""
    if cipher is None:
        return str
    token = cipher.token

    def spell(term: str) -> str:
        """A term with spaces is several terms to the index: it stays as many."""
        words = term.encode("utf-8", "surrogateescape").split()
        return " ".join([token(_PURPOSE, word, _SIZE).hex() for word in words])

    return Memo(spell, _MOST).__getitem__


def spelling_of_all(cipher: Cipher | None, spell: Spell) -> Spell:
    """Return how many terms are spelled at once, separated by spaces."""
    return str if cipher is None else lambda text: " ".join(map(spell, text.split()))


def form(cipher: Cipher | None) -> str:
    """Return what tells an index that is spelled so from others: another key, or none."""
    return "" if cipher is None else f"-{cipher.token('lexical index', b'', _SIZE).hex()}"
