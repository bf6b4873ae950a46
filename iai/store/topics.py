"""Topics: what the records of a project are about, as found in the last SLEEP.

They are found in windows of a project's records (`iai.index.communities`). The topics of a window
stay until its records change, so each carries the revision that it was found at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from iai.errors import StoreError
from iai.model.topic import Topic
from iai.store.codec import decode_u64, encode_u64, pack, unpack
from iai.store.environment import Environment, Tables
from iai.store.store import Store

MOST_TOPICS = 12  # of a project, as they are shown
DATABASES = ("topics",)  # project, number of the window -> Window
SCHEMA = 2  # of the environment in `index/`, in which they are
_FOUND = b"topics_found"


class Window(Struct, frozen=True, kw_only=True):
    """The topics of one window of a project's records."""

    fingerprint: int  # of the records that were in it
    revision: int
    topics: tuple[Topic, ...] = ()


class _Progress(Struct, frozen=True):
    """What a payload depends on of `iai.store.graph.Progress`, which has the meaning of it."""

    warm: bool = False
    rebuilt: int = 0


class TopicView(Tables):
    """The topics as of one moment."""

    def version(self) -> int | None:
        """Return a number that grows whenever the topics may be others; None until all is there."""
        data = self._t.get(b"progress", db=self._db["meta"])
        progress = unpack(data, _Progress) if data is not None else _Progress()
        return progress.rebuilt + self.found() if progress.warm else None

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


class TopicStore(Store):
    """The environment below `index/`, for readers of the topics in it. It needs no numpy."""

    @contextmanager
    def view(self) -> Iterator[TopicView]:
        """Look at the topics as of now."""
        with self._environment.read() as transaction:
            yield TopicView(self._environment, transaction)


def reader(index: Path) -> TopicStore:
    """Open the topics in `index/`. Raises what `Environment` raises."""
    return TopicStore(Environment(index, DATABASES, schema=SCHEMA, writer=False, name="index"))


def read(index: Path, project: str) -> tuple[Topic, ...]:
    """Return a project's topics from the files in `index/`; empty if they cannot be read.

    For callers that need nothing else from there: it takes a millisecond.
    """
    try:
        store = reader(index)
    except StoreError:
        return ()
    try:
        with store.view() as view:
            return view.topics(project)
    except StoreError:
        return ()
    finally:
        store.close()


def _prefix(project: str) -> bytes:
    return project.encode() + b"\0"
