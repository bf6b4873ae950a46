"""What an embedder is."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # one row for each text, of length 1
Frequencies = NDArray[np.uint32]  # for each token of the vocabulary: in how many texts it stands


class Embedder(Protocol):
    """Makes vectors of which the inner product says how alike two texts are."""

    name: str  # what the setting calls it
    fingerprint: str  # changes when the same text would give another vector
    parts: tuple[int, ...]  # how many numbers of a vector come from each way to embed, in order

    def cost_ms(self, text: str) -> float:
        """About how long a core takes for the vector of a text, in milliseconds."""

    def frequencies(self, texts: Sequence[str]) -> Frequencies:
        """Count in how many of the texts each token stands. Such counts add up."""

    def embed(
        self,
        texts: Sequence[str],
        frequencies: Frequencies,
        documents: int,
        known: Vectors | None = None,
    ) -> Vectors:
        """Return the vectors of the texts, weighted by frequencies counted over `documents`.

        `known` are this embedder's vectors of the same texts under other weights, zeros for a text
        that has none: what does not depend on the weights may be taken from there.
        """
