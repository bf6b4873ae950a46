"""The tokens of texts, for embedders that ignore their order."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain

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


class WordByWord:
    """Keeps the tokens of plain words, and encodes the rest of each text.

    For sentencepiece tokenizers that split at spaces: no token spans two words, so a word has the
    same tokens by itself. On prose this takes a third of the time.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._encode = whole(tokenizer)
        # Theirs is of whole texts, which seldom come twice: 10,000 of them take up to 76 MB.
        tokenizer.model._resize_cache(0)  # noqa: SLF001  the only way to it
        # Such tokenizers put a space before a text; here every word brings its own.
        tokenizer.normalizer = normalizers.Replace(" ", _SPACE)
        self._known: dict[str, bytes] = {}
        vocabulary = tokenizer.get_vocab()
        self._begins = np.zeros(max(vocabulary.values()) + 1, np.bool_)  # a token begins a word
        self._begins[[n for token, n in vocabulary.items() if token.startswith(_SPACE)]] = True

    def __call__(self, texts: Sequence[str]) -> list[Tokens]:
        words = [text.split(" ") if text else [] for text in texts]
        self._learn({*chain.from_iterable(words)})
        split = [*map(self._split, texts, words)]
        encoded = iter(self._encode([rest for _, rest in split if rest]))
        plain = [np.frombuffer(own, np.int32) for own, _ in split]
        return [
            np.concatenate([own, next(encoded)]) if rest else own
            for own, (_, rest) in zip(plain, split, strict=True)
        ]

    def _learn(self, words: set[str]) -> None:
        """Encode the plain words that are not known, all in one go: a call for each took longer."""
        new = [*filter(_is_plain, words.difference(self._known))]
        if len(self._known) + len(new) > _WORDS:
            self._known.clear()
            new = [*filter(_is_plain, words)]
        if new:
            tokens = self._encode(["".join([" " + word for word in new])])[0]
            starts = np.flatnonzero(self._begins[tokens])
            each = np.split(tokens, starts[1:])
            self._known.update(zip(new, [one.tobytes() for one in each], strict=True))

    def _split(self, text: str, words: Sequence[str]) -> tuple[bytes, str]:
        """Return the tokens of the plain words that follow a single space, and all else."""
        spaced = "  " in text or text[:1] == " " or text[-1:] == " "
        if spaced:  # there are empty words; else each follows a single space
            pairs = zip(words, (text[:1], *words), strict=False)
            found = [self._known.get(word) if before else None for word, before in pairs]
        else:
            found = [*map(self._known.get, words)]
        own = b"".join(filter(None, found))
        if None not in found:
            return own, ""
        return own, "".join([" " + w for w, one in zip(words, found, strict=True) if one is None])


def _is_plain(word: str) -> bool:
    return word.isalpha() and len(word) <= _LONGEST_WORD


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Tokens]:
    encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [np.array(one.ids, np.int32) for one in encoded]
