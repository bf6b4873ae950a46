"""The default embedder: the mean of a text's token vectors, each weighted by its token's rarity.

The token vectors come with the `wordllama` package (MIT; the l2_supercat model, 256 dimensions), of
which only two data files are opened: its code would look for the tokenizer on the network. Rarity
is counted in the user's own store: weights from other people's texts gained nothing.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from tokenizers import Tokenizer

from iai.embedders.embedder import Frequencies, Vectors
from iai.embedders.packages import directory_of
from iai.embedders.tokens import Tokenize, Tokens, WordByWord
from iai.errors import EmbedderUnavailable

LONGEST_TEXT = 8_000  # characters that are embedded; the rest of a longer text is found lexically
_CHARACTERS_PER_MS = 5_000
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_TENSOR = "embedding.weight"
_METHOD = "idf-mean-1"  # part of the fingerprint: change it when the computation changes


class StaticEmbedder:
    """See `Embedder`."""

    def __init__(self, name: str, model: str, table: NDArray[Any], tokenize: Tokenize) -> None:
        """`table` has a row for each token, often in half precision, which is kept.

        `model` is its name in the fingerprint.
        """
        self._table = np.ascontiguousarray(table)
        self._tokenize = tokenize
        self.name = name
        self.parts: tuple[int, ...] = (int(table.shape[1]),)
        digest = hashlib.blake2b(self._table.data, digest_size=8).hexdigest()
        self.fingerprint = f"{model}-{digest}-{_METHOD}"

    def cost_ms(self, text: str) -> float:
        """See `Embedder`."""
        return min(len(text), LONGEST_TEXT) / _CHARACTERS_PER_MS

    def frequencies(self, texts: Sequence[str]) -> Frequencies:
        """See `Embedder`."""
        tokens, size = self._tokens(texts), len(self._table)
        every = np.concatenate([*tokens, np.empty(0, np.int32)])
        text = np.repeat(np.arange(len(tokens)), [*map(len, tokens)])
        pairs = np.sort(text * size + every)
        once = pairs[np.diff(pairs, prepend=-1) > 0]  # each token of each text
        return np.bincount(once % size, minlength=size).astype(np.uint32)

    def embed(
        self,
        texts: Sequence[str],
        frequencies: Frequencies,
        documents: int,
        known: Vectors | None = None,
    ) -> Vectors:
        """See `Embedder`. A text without tokens gives a vector of zeros, similar to nothing."""
        vectors = np.zeros((len(texts), *self.parts), np.float32)
        tokens = self._tokens(texts)
        every = np.concatenate([*tokens, np.empty(0, np.int32)])
        place = np.zeros(len(self._table), np.int32)  # row of each token among the different ones
        place[every] = 1
        different = np.flatnonzero(place)
        place[different] = np.arange(len(different))
        rows = self._table[different].astype(np.float32)
        used = place[every]
        rarity = _inverse_frequency(frequencies[different], documents)[used]
        ends = np.cumsum([*map(len, tokens)]).tolist()
        for number, (start, end) in enumerate(pairwise([0, *ends])):
            vectors[number] = rarity[start:end] @ rows.take(used[start:end], axis=0)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return vectors

    def _tokens(self, texts: Sequence[str]) -> list[Tokens]:
        return self._tokenize([text[:LONGEST_TEXT] for text in texts])


def bundled() -> StaticEmbedder:
    """Return the default embedder, from the files of the installed package.

    Raises EmbedderUnavailable if they are not there or cannot be read.
    """
    directory = directory_of("wordllama")
    if directory is None:
        raise EmbedderUnavailable("the package wordllama is not installed; reinstall iai")
    try:
        with safe_open(str(directory / _WEIGHTS), "numpy") as file:
            table = file.get_tensor(_TENSOR)
        tokenizer = Tokenizer.from_file(str(directory / _TOKENIZER))
    except Exception as error:  # tokenizers raises bare ones
        raise EmbedderUnavailable(f"cannot read the embedder's data: {error}") from error
    return StaticEmbedder("static", "wordllama-l2_supercat_256", table, WordByWord(tokenizer))


def _inverse_frequency(frequencies: Frequencies, documents: int) -> Vectors:
    """BM25's idf, never negative (Robertson and Zaragoza 2009, section 3.2; the 1 is Lucene's)."""
    df = frequencies.astype(np.float32)
    return np.log1p((documents - df + 0.5) / (df + 0.5)).astype(np.float32)
