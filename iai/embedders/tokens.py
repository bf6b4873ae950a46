"""The tokens of texts, for embedders that ignore their order."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, normalizers

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

    @lru_cache(maxsize=_WORDS)
    def of_word(word: str) -> bytes:
        return encode([" " + word])[0].tobytes()

    def tokenize(texts: Sequence[str]) -> list[Tokens]:
        split = [_plain_words(text) for text in texts]
        words = [np.frombuffer(b"".join(map(of_word, plain)), np.int32) for plain, _ in split]
        rest = encode([rest for _, rest in split])
        return [np.concatenate(both) for both in zip(words, rest, strict=True)]

    return tokenize


def _plain_words(text: str) -> tuple[list[str], str]:
    """Return the words of letters only that follow a single space, and all else."""
    plain: list[str] = []
    rest: list[str] = []
    before = text[:1]
    for word in text.split(" ") if text else ():
        if before and word.isalpha() and len(word) <= _LONGEST_WORD:
            plain.append(word)
        else:
            rest.append(" " + word)
        before = word
    return plain, "".join(rest)


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Tokens]:
    encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [np.array(one.ids, np.int32) for one in encoded]
