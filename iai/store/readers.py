"""All environments that other processes write, each opened for reading on first use."""

from functools import cached_property

from iai.store.graph import GraphStore
from iai.store.payload_readers import PayloadReaders
from iai.store.vectors import VectorStore


class Readers(PayloadReaders):
    """The topics are in the environment of the graph, which must not be opened twice."""

    @cached_property
    def vectors(self) -> VectorStore:
        return VectorStore(self._layout.vectors)

    @cached_property
    def graph(self) -> GraphStore:
        return GraphStore(self._layout.index)

    @property
    def topics(self) -> GraphStore:
        return self.graph
