"""What an embedder is."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # one row for each text, of length 1
Frequencies = NDArray[np.uint32]  # for each token of the vocabulary: in how many texts it occurs


class Embedder(Protocol):
    """Turns texts into vectors whose inner product is the similarity of the texts."""

    name: str  # what the setting calls it
    fingerprint: str  # changes whenever the same text would get another vector
    parts: tuple[int, ...]  # the dimensions of a vector's parts, each made in another way, in order

    def cost_ms(self, text: str) -> float:
        """About how long a core takes to embed a text, in milliseconds."""

    def frequencies(self, texts: Sequence[str]) -> Frequencies:
        """Count in how many of the texts each token occurs. Such counts can be added."""

    def embed(
        self,
        texts: Sequence[str],
        frequencies: Frequencies,
        documents: int,
        known: Vectors | None = None,
    ) -> Vectors:
        """Return the vectors of the texts, weighted by frequencies counted over `documents`.

        `known` are this embedder's vectors of the same texts under other weights, zeros for a text
        without one: parts that do not depend on the weights may be copied from there.
        """
