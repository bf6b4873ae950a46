"""A store whose stages run in one process, as those that test several of them need."""

from pathlib import Path

from iai.config.layout import Layout
from iai.store.graph import GraphStore
from iai.store.readers import Readers
from iai.store.records import Records
from iai.store.vectors import VectorStore

MAP = 64 << 20


class Store(Readers):
    """Records and graph. Readers share the environments of the writers, which LMDB requires."""

    def __init__(self, path: Path) -> None:
        super().__init__(Layout(path))
        self.records = Records(self._layout.records, writer=True, map_size=MAP)
        self.graph = GraphStore(self._layout.index, writer=True, map_size=MAP)

    def write_vectors(self) -> VectorStore:
        """Open the vectors, which are absent until then."""
        self.vectors = VectorStore(self._layout.vectors, writer=True, map_size=MAP)
        return self.vectors
