"""A new generation of vectors, a slice at a time: count, build beside the one that serves, switch.

It is due when the store has doubled since the weights were counted, when a record that they were
counted over was edited or forgotten, or when another embedder was chosen. So the vectors depend
only on the records as they are now.
"""

from collections.abc import Callable, Iterable
from itertools import takewhile

from iai.embedders.generations import Census, Weights, counted_through
from iai.embedders.vector_generations import VectorGenerations
from iai.model.record import Record
from iai.protocol.embedding import GenerationBegun, GenerationServing, VectorsCommitted
from iai.protocol.message import Event
from iai.store.record_view import RecordView
from iai.store.vectors import Generation

MOST = 256  # records in a slice
COUNTED_PER_MS = 5_000  # characters

Cost = Callable[[str], float]  # milliseconds for a text


class Rebuild:
    """Decides when a new generation is due, and makes it. Records that changed come first."""

    def __init__(self, generations: VectorGenerations) -> None:
        self._generations = generations
        self._census: Census | None = None  # of the generation that comes next

    def first(self, view: RecordView) -> Event:
        """Begin the first generation, without weights: it serves at once."""
        generation = self._generations.begin(Census(self._generations.chosen, 0), serve=True)
        return _event(GenerationServing, generation, view)

    def alters_weights(self, labels: Iterable[int]) -> bool:
        """Return whether the latest weights were counted over a record that was altered.

        A count that has already included one starts over.
        """
        oldest = min(labels, default=0)
        if not oldest:
            return False
        if self._census is not None and oldest <= self._census.counted:
            self._census = None
        latest = self._generations.latest
        return latest is not None and oldest <= latest.generation.counted_upto

    def step(self, view: RecordView, room_ms: float) -> list[Event] | None:
        """Do one slice of about `room_ms`; return what to publish, or None if nothing is due."""
        building = self._generations.building
        if building is not None:
            return self._build(view, building, room_ms)
        newest = view.watermark().max_vec_label
        due = counted_through(newest)
        serving = self._generations.serving
        if not newest or (serving is not None and self._is_current(serving.generation, due)):
            return None
        if self._census is None or self._census.through != due:
            self._census = Census(self._generations.chosen, due)
        self._count(self._census, view, room_ms)
        if not self._census.done:
            return []
        census, self._census = self._census, None
        generation = self._generations.begin(census, serve=False)
        return [_event(GenerationBegun, generation, view)]

    def _is_current(self, generation: Generation, due: int) -> bool:
        counted = (generation.fingerprint, generation.counted_upto)
        wanted = (self._generations.chosen.fingerprint, due)
        return counted == wanted and not self._generations.progress.recount

    def _count(self, census: Census, view: RecordView, room_ms: float) -> None:
        uncounted = takewhile(lambda r: r.label <= census.through, view.after(census.counted))
        batch = _batch(uncounted, room_ms, lambda text: len(text) / COUNTED_PER_MS)
        last = batch[-1].label if batch else census.through
        census.count([record.text for record in batch], last)

    def _build(self, view: RecordView, building: Weights, room_ms: float) -> list[Event]:
        generations = self._generations
        after = view.after(generations.progress.built_upto)
        batch = _batch(after, room_ms, building.cost_ms)
        if batch:
            generations.extend(batch)
            return []
        generations.switch()
        count = view.watermark().records_count
        applied = generations.progress.applied.floor
        done = VectorsCommitted(revision=applied, embedded=0, reembedded=count)
        return [done, _event(GenerationServing, building.generation, view)]


def _batch(records: Iterable[Record], room_ms: float, cost: Cost) -> list[Record]:
    """Return the first records: at most `MOST`, until the room is used up."""
    batch: list[Record] = []
    spent = 0.0
    for record in records:
        if len(batch) == MOST or spent >= room_ms:
            break
        batch.append(record)
        spent += cost(record.text)
    return batch


def _event(
    kind: type[GenerationBegun | GenerationServing], generation: Generation, view: RecordView
) -> Event:
    return kind(
        generation=generation.number,
        embedder=generation.fingerprint,
        records=view.watermark().records_count,
        counted_upto=generation.counted_upto,
    )
