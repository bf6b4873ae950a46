"""The environments that other processes write, each opened for reading on first use."""

from iai.config.layout import Layout
from iai.store.graph import GraphStore
from iai.store.records import Records
from iai.store.vectors import VectorStore


class Readers:
    """Each property raises StoreAbsent until its writer has created the environment."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._records: Records | None = None
        self._vectors: VectorStore | None = None
        self._graph: GraphStore | None = None

    @property
    def records(self) -> Records:
        if self._records is None:
            self._records = Records(self._layout.records)
        return self._records

    @property
    def vectors(self) -> VectorStore:
        if self._vectors is None:
            self._vectors = VectorStore(self._layout.vectors)
        return self._vectors

    @property
    def graph(self) -> GraphStore:
        if self._graph is None:
            self._graph = GraphStore(self._layout.index)
        return self._graph

    def close(self) -> None:
        """Close those that were opened."""
        for opened in (self._records, self._vectors, self._graph):
            if opened is not None:
                opened.close()
        self._records = self._vectors = self._graph = None
