"""The environments that a payload is composed from, each opened for reading on first use."""

from iai.config.layout import Layout
from iai.store import topics
from iai.store.records import Records
from iai.store.topics import TopicStore


class PayloadReaders:
    """Each property raises StoreAbsent until its writer has created the environment.

    Unlike `Readers` it needs no numpy, which takes as long to load as the rest of the cache-writer.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._records: Records | None = None
        self._topics: TopicStore | None = None

    @property
    def records(self) -> Records:
        if self._records is None:
            self._records = Records(self._layout.records)
        return self._records

    @property
    def topics(self) -> TopicStore:
        if self._topics is None:
            self._topics = topics.reader(self._layout.index)
        return self._topics

    def close(self) -> None:
        """Close those that were opened."""
        for opened in (self._records, self._topics):
            if opened is not None:
                opened.close()
        self._records = self._topics = None
