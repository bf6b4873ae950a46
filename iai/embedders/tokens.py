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


def word_by_word(tokenizer: Tokenizer) -> Tokenize:
    """Return a function that caches the tokens of plain words, and encodes the rest of a text.

    For sentencepiece tokenizers that split at spaces: no token spans two words, so a word has the
    same tokens by itself. On prose this takes a third of the time.
    """
    encode = whole(tokenizer)
    # Such tokenizers put a space before a text; here every word brings its own.
    tokenizer.normalizer = normalizers.Replace(" ", _SPACE)

    def plain(word: str) -> bytes | None:
        """Return the tokens of a word of letters."""
        if word.isalpha() and len(word) <= _LONGEST_WORD:
            return encode([" " + word])[0].tobytes()
        return None

    known = Memo(plain, _WORDS).__getitem__

    def words_of(text: str) -> tuple[bytes, str]:
        """Return the tokens of the plain words that follow a single space, and all else."""
        words = text.split(" ") if text else []
        spaced = "  " in text or text[:1] == " " or text[-1:] == " "
        if spaced:  # there are empty words; else each follows a single space
            before = (text[:1], *words)
            pairs = zip(words, before, strict=False)
            found = [known(word) if after else None for word, after in pairs]
        else:
            found = [*map(known, words)]
        own = b"".join(filter(None, found))
        if None not in found:
            return own, ""
        return own, "".join([" " + w for w, one in zip(words, found, strict=True) if one is None])

    def tokenize(texts: Sequence[str]) -> list[Tokens]:
        split = [words_of(text) for text in texts]
        encoded = iter(encode([rest for _, rest in split if rest]))
        plain = [np.frombuffer(own, np.int32) for own, _ in split]
        return [
            np.concatenate([own, next(encoded)]) if rest else own
            for own, (_, rest) in zip(plain, split, strict=True)
        ]

    return tokenize


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Tokens]:
    encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [np.array(one.ids, np.int32) for one in encoded]
