"""Topics: what the records of a project are about, as found in the last SLEEP.

They are found in windows of a project's records (`iai.index.communities`). The topics of a window
stay until its records change, so each carries the revision that it was found at.
"""

from pathlib import Path

from msgspec import Struct

from iai.errors import StoreError
from iai.model.topic import Topic
from iai.store.codec import decode_u64, encode_u64, pack, unpack
from iai.store.environment import Environment, Tables

MOST_TOPICS = 12  # of a project, as they are shown
DATABASES = ("topics",)  # project, number of the window -> Window
SCHEMA = 2  # of the environment in `index/`, in which they are
_FOUND = b"topics_found"


class Window(Struct, frozen=True, kw_only=True):
    """The topics of one window of a project's records."""

    fingerprint: int  # of the records that were in it
    revision: int
    topics: tuple[Topic, ...] = ()


class TopicView(Tables):
    """The topics as of one moment."""

    def topics(self, project: str) -> tuple[Topic, ...]:
        """Return the topics of a project, the recently active first, at most `MOST_TOPICS`.

        The latest window comes first; within one, the larger topics. Empty until the first SLEEP.
        Reads and decodes one value for each window, some 2,000 records; computes nothing.
        """
        found: list[Topic] = []
        for window in reversed(self.windows(project).values()):
            found += window.topics
            if len(found) >= MOST_TOPICS:
                break
        return tuple(found[:MOST_TOPICS])

    def has_topics(self) -> bool:
        """Was any window looked at since topics were last forgotten?"""
        return self._t.count(self._db["topics"]) > 0

    def found(self) -> int:
        """Return how often topics were found, in any window: another number means other topics."""
        data = self._t.get(_FOUND, db=self._db["meta"])
        return decode_u64(data) if data is not None else 0

    def windows(self, project: str) -> dict[int, Window]:
        """Return the windows of a project by number, the earliest first."""
        prefix = _prefix(project)
        return {
            decode_u64(key[len(prefix) :]): unpack(data, Window)
            for key, data in self._t.prefixed(self._db["topics"], prefix)
        }


class TopicChange(TopicView):
    """The topics, in a transaction of the writer."""

    def forget_topics(self) -> None:
        """Delete all topics: they are named with words of records. The next SLEEP finds others."""
        self._t.put(_FOUND, encode_u64(self.found() + 1), db=self._db["meta"])
        self._t.drop(self._db["topics"], delete=False)

    def put_window(self, project: str, place: int, window: Window | None) -> None:
        """Set the topics of a window; None deletes it."""
        self._t.put(_FOUND, encode_u64(self.found() + 1), db=self._db["meta"])
        key = _prefix(project) + encode_u64(place)
        if window is None:
            self._t.delete(key, db=self._db["topics"])
        else:
            self._t.put(key, pack(window), db=self._db["topics"])


def read(index: Path, project: str) -> tuple[Topic, ...]:
    """Return a project's topics from the files in `index/`; empty if they cannot be read.

    For callers that need nothing else from there: it takes a millisecond, and no numpy.
    """
    try:
        environment = Environment(index, DATABASES, schema=SCHEMA, writer=False, name="index")
    except StoreError:
        return ()
    try:
        with environment.read() as transaction:
            return TopicView(environment, transaction).topics(project)
    except StoreError:
        return ()
    finally:
        environment.close()


def _prefix(project: str) -> bytes:
    return project.encode() + b"\0"
