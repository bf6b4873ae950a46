"""Topics: what the records of a project are about, as the last SLEEP found them.

A project's records are looked at in windows (see `iai.index.communities`). What was found in one
stays until its records change, so each topic carries the revision that it follows from.
"""

from pathlib import Path

from msgspec import Struct

from iai.errors import StoreError
from iai.model.topic import Topic
from iai.store.codec import decode_u64, encode_u64, pack, unpack
from iai.store.environment import Environment, Tables

MOST_TOPICS = 12  # of a project, as they are shown
DATABASES = ("topics",)  # project, number of the window -> Window
SCHEMA = 1  # of the environment in `index/`, in which they are
_FOUND = b"topics_found"


class Window(Struct, frozen=True, kw_only=True):
    """What was found in one stretch of a project."""

    fingerprint: int  # of the records that were in it
    revision: int
    topics: tuple[Topic, ...] = ()


class TopicView(Tables):
    """The topics as of one moment."""

    def topics(self, project: str) -> tuple[Topic, ...]:
        """Return the topics of a project, the lately active first, at most `MOST_TOPICS`.

        Those of the latest window go before those of earlier ones; within one, the larger first.
        Empty until the first SLEEP after there was something to find. Each call reads and decodes
        one value for each window, some 2,000 records; nothing is computed.
        """
        found: list[Topic] = []
        for window in reversed(self.windows(project).values()):
            found += window.topics
            if len(found) >= MOST_TOPICS:
                break
        return tuple(found[:MOST_TOPICS])

    def found(self) -> int:
        """How often topics were found anew, in any window: another number means other topics."""
        data = self._t.get(_FOUND, db=self._db["meta"])
        return decode_u64(data) if data is not None else 0

    def windows(self, project: str) -> dict[int, Window]:
        """Return what was found in each window of a project, the earliest first."""
        prefix = _prefix(project)
        found: dict[int, Window] = {}
        with self._t.cursor(self._db["topics"]) as cursor:
            if cursor.set_range(prefix):
                for key, data in cursor:
                    if not key.startswith(prefix):
                        break
                    found[decode_u64(key[len(prefix) :])] = unpack(data, Window)
        return found


class TopicChange(TopicView):
    """The topics, in a transaction of the writer."""

    def put_window(self, project: str, place: int, window: Window | None) -> None:
        """Keep what was found in a window; None if there is no such window any more."""
        self._t.put(_FOUND, encode_u64(self.found() + 1), db=self._db["meta"])
        key = _prefix(project) + encode_u64(place)
        if window is None:
            self._t.delete(key, db=self._db["topics"])
        else:
            self._t.put(key, pack(window), db=self._db["topics"])


def read(index: Path, project: str) -> tuple[Topic, ...]:
    """Return a project's topics from the files below `index/`; none where they cannot be read.

    For who needs nothing else of it: it takes a millisecond, and no numpy.
    """
    try:
        environment = Environment(index, DATABASES, schema=SCHEMA, writer=False)
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
