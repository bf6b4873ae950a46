"""Composes the payloads to write, from the records and the topics of the graph."""

from contextlib import suppress

from iai.errors import StoreError
from iai.freshness.target import Target
from iai.model.topic import Topic
from iai.payload.compose import render
from iai.payload.material import Memo, gather
from iai.store.readers import Readers

WITHOUT_GRAPH = "the graph is not ready yet; what it would add is missing here"


class Composer:
    """Remembers, for each project, the selection that costs the most to make."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._memo: Memo = {}

    def compose(self, target: Target, wall: int, *, with_graph: bool) -> str:
        """Return the text of a payload; "" if there is nothing to say.

        Raises StoreError if the records cannot be read.
        """
        topics = self._topics(target.project) if with_graph else ()
        with self._readers.records.view() as view:
            material = gather(
                view, target.project, target.name, topics, self._memo, checkout=target.checkout
            )
        return render(material, wall, "" if with_graph else WITHOUT_GRAPH)

    def prepare(self, target: Target) -> None:
        """Select now what a payload will show, so that composing it later is quick.

        An error is ignored here; composing will raise it.
        """
        with suppress(StoreError), self._readers.records.view() as view:
            gather(
                view,
                target.project,
                target.name,
                self._topics(target.project),
                self._memo,
                checkout=target.checkout,
            )

    def _topics(self, project: str) -> tuple[Topic, ...]:
        try:
            with self._readers.graph.view() as view:
                return view.topics(project)
        except StoreError:  # its owner repairs the graph; the payload does without it
            return ()
