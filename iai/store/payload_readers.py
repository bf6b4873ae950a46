"""The environments that other processes write, each opened for reading on first use."""

from functools import cached_property

from iai.config.layout import Layout
from iai.store import topics
from iai.store.records import Records
from iai.store.topics import TopicStore


class PayloadReaders:
    """Those that a payload is composed from.

    Each property raises StoreAbsent until its writer has created the environment. It needs no
    numpy, which takes as long to load as the rest of the cache-writer; `Readers` has the others.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @cached_property
    def records(self) -> Records:
        return Records(self._layout.records)

    @cached_property
    def topics(self) -> TopicStore:
        return topics.reader(self._layout.index)

    def close(self) -> None:
        """Close those that were opened."""
        for name in ("records", "topics", "vectors", "graph"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
