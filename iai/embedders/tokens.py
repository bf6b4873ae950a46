"""The tokens of texts, for embedders that ignore their order."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, normalizers

from iai.model.memo import Memo

Tokens = NDArray[np.int32]
Tokenize = Callable[[Sequence[str]], list[Tokens]]

_SPACE = "\u2581"  # a space in the vocabularies of sentencepiece
_WORDS = 1 << 15  # kept with their tokens, some 5 MB: a few words are most of all text
_LONGEST_WORD = 32  # characters; longer ones seldom come twice


def whole(tokenizer: Tokenizer) -> Tokenize:
    """Return a function that gives each text to a tokenizer as it is."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return partial(_encode, tokenizer)


class WordByWord:
    """Caches the tokens of plain words, and encodes the rest of each text.

    For sentencepiece tokenizers that split at spaces: no token spans two words, so a word has the
    same tokens by itself. On prose this takes a third of the time.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._encode = whole(tokenizer)
        # Theirs is of whole texts, which seldom come twice: 10,000 of them take up to 76 MB.
        tokenizer.model._resize_cache(0)  # noqa: SLF001  the only way to it
        # Such tokenizers put a space before a text; here every word brings its own.
        tokenizer.normalizer = normalizers.Replace(" ", _SPACE)
        self._known = Memo(self._plain, _WORDS).__getitem__

    def __call__(self, texts: Sequence[str]) -> list[Tokens]:
        split = [self._split(text) for text in texts]
        encoded = iter(self._encode([rest for _, rest in split if rest]))
        plain = [np.frombuffer(own, np.int32) for own, _ in split]
        return [
            np.concatenate([own, next(encoded)]) if rest else own
            for own, (_, rest) in zip(plain, split, strict=True)
        ]

    def _split(self, text: str) -> tuple[bytes, str]:
        """Return the tokens of the plain words that follow a single space, and all else."""
        words = text.split(" ") if text else []
        spaced = "  " in text or text[:1] == " " or text[-1:] == " "
        if spaced:  # there are empty words; else each follows a single space
            pairs = zip(words, (text[:1], *words), strict=False)
            found = [self._known(word) if before else None for word, before in pairs]
        else:
            found = [*map(self._known, words)]
        own = b"".join(filter(None, found))
        if None not in found:
            return own, ""
        return own, "".join([" " + w for w, one in zip(words, found, strict=True) if one is None])

    def _plain(self, word: str) -> bytes | None:
        """Return the tokens of a word of letters."""
        if word.isalpha() and len(word) <= _LONGEST_WORD:
            return self._encode([" " + word])[0].tobytes()
        return None


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Tokens]:
    encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [np.array(one.ids, np.int32) for one in encoded]
