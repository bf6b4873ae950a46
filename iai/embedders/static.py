"""The default embedder: the mean of its tokens' vectors, each weighted by how rare the token is.

The token vectors come with the `wordllama` package (MIT; the l2_supercat model, 256 dimensions), of
which only two data files are opened: its code would look for the tokenizer on the network. What is
rare is counted in the user's own store: weights from other people's texts gained nothing.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from tokenizers import Tokenizer

from iai.embedders.embedder import Frequencies, Vectors
from iai.embedders.packages import directory_of
from iai.errors import EmbedderUnavailable

LONGEST_TEXT = 8_000  # characters that are embedded; the rest of a longer text is found lexically
_CHARACTERS_PER_MS = 5_000
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_TENSOR = "embedding.weight"
_METHOD = "idf-mean-1"  # part of the fingerprint: change it when the computation changes


class StaticEmbedder:
    """See `Embedder`."""

    def __init__(self, name: str, model: str, table: NDArray[Any], tokenizer: Tokenizer) -> None:
        """`table` has a row for each token of the tokenizer. It is kept as it is, often in halves.

        `model` is what the fingerprint calls it.
        """
        self._table = np.ascontiguousarray(table)
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.name = name
        self.dimension = int(table.shape[1])
        digest = hashlib.blake2b(self._table.data, digest_size=8).hexdigest()
        self.fingerprint = f"{model}-{digest}-{_METHOD}"

    def cost_ms(self, text: str) -> float:
        """See `Embedder`."""
        return min(len(text), LONGEST_TEXT) / _CHARACTERS_PER_MS

    def frequencies(self, texts: Sequence[str]) -> Frequencies:
        """See `Embedder`."""
        counts = np.zeros(len(self._table), np.uint32)
        for tokens in self._tokens(texts):
            counts[np.unique(tokens)] += 1
        return counts

    def embed(
        self,
        texts: Sequence[str],
        frequencies: Frequencies,
        documents: int,
        known: Vectors | None = None,
    ) -> Vectors:
        """See `Embedder`. A text without tokens gives a vector of zeros, like to nothing."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        tokens = self._tokens(texts)
        lengths = [len(one) for one in tokens]
        if not any(lengths):
            return vectors
        different, places = np.unique(np.concatenate(tokens), return_inverse=True)
        rarity = _inverse_frequency(frequencies[different], documents)
        rows = self._table[different].astype(np.float32)
        for number, own in enumerate(np.split(places, np.cumsum(lengths)[:-1])):
            if len(own):
                total = rarity[own] @ rows[own]
                vectors[number] = total / max(float(np.linalg.norm(total)), 1e-9)
        return vectors

    def _tokens(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        encoded = self._tokenizer.encode_batch_fast(
            [text[:LONGEST_TEXT] for text in texts], add_special_tokens=False
        )
        return [np.asarray(one.ids, np.int64) for one in encoded]


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
    return StaticEmbedder("static", "wordllama-l2_supercat_256", table, tokenizer)


def _inverse_frequency(frequencies: Frequencies, documents: int) -> Vectors:
    """BM25's idf, never negative (Robertson and Zaragoza 2009, section 3.2; the 1 is Lucene's)."""
    df = frequencies.astype(np.float32)
    return np.log1p((documents - df + 0.5) / (df + 0.5)).astype(np.float32)
