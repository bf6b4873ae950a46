"""The generations of vectors on disk: which one serves, which is being built, and their weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import structs

from iai.embedders.embedder import Vectors
from iai.embedders.generations import Census, Weights
from iai.embedders.registry import Embedders
from iai.model.record import Record
from iai.model.revisions import Revisions
from iai.store.scrubber import Scrubber
from iai.store.vectors import Generation, Progress, VectorChange, VectorStore


class VectorGenerations:
    """The one writer of the vectors. A generation whose embedder cannot be loaded has no weights.

    `progress` is what is on disk, and moves with every commit.
    """

    def __init__(self, store: VectorStore, embedders: Embedders) -> None:
        self.chosen = embedders.chosen
        self.progress = Progress()
        self._store = store
        self._embedders = embedders
        self._weights: dict[int, Weights] = {}  # by the number of their generation
        self._stale: list[int] = []  # generations whose vectors nothing needs

    def open(self) -> None:
        """Read what is on disk; give up what was begun for another embedder than the chosen one."""
        self._reload()
        chosen = self.chosen.fingerprint
        if chosen != self.progress.embedder:
            self._advance(embedder=chosen, building=0, built_upto=0)
            self._reload()

    @property
    def serving(self) -> Weights | None:
        """The weights of the vectors that readers use."""
        return self._weights.get(self.progress.serving)

    @property
    def building(self) -> Weights | None:
        """The weights of the vectors that are to replace them."""
        return self._weights.get(self.progress.building)

    @property
    def latest(self) -> Weights | None:
        """The weights being built, or else those that serve."""
        return self._weights.get(self.progress.building or self.progress.serving)

    def since(self, number: int) -> list[Weights]:
        """Return the weights of this generation and of all later ones."""
        return [weights for n, weights in self._weights.items() if n >= number]

    def begin(self, census: Census, *, serve: bool) -> Generation:
        """Keep the weights of a new generation; it serves at once, or is to be built first."""
        with self._store.view() as stored:
            number = max(stored.generations(), default=0) + 1
        generation = census.generation(number)
        progress = structs.replace(self.progress, recount=False)
        if serve:
            progress = structs.replace(progress, serving=number)
        else:
            progress = structs.replace(progress, building=number, built_upto=0)

        def change(unit: VectorChange) -> None:
            unit.begin(generation)
            unit.advance(progress)

        self._commit(change, progress)
        self._weights[number] = Weights(self.chosen, generation)
        return generation

    def apply(
        self, taken: Revisions, changed: Mapping[int, Record | None], *, recount: bool
    ) -> None:
        """Bring the vectors in step with these changes; None stands for a forgotten record.

        What is being built follows for the records that it already holds.
        """
        records = [record for record in changed.values() if record is not None]
        gone = [label for label, record in changed.items() if record is None]
        built = [record for record in records if record.label <= self.progress.built_upto]
        rows = [
            (
                weights.generation.number,
                [r.label for r in own],
                weights.embed([r.text for r in own]),
            )
            for weights, own in ((self.serving, records), (self.building, built))
            if weights is not None
        ]
        progress = structs.replace(
            self.progress,
            applied=self.progress.applied.union(taken),
            recount=self.progress.recount or recount,
        )

        def change(unit: VectorChange) -> None:
            for number, labels, made in rows:
                unit.put(number, labels, made)
                for label in gone:
                    unit.delete(number, label)
            unit.advance(progress)

        self._commit(change, progress)

    def extend(self, records: Sequence[Record]) -> None:
        """Embed the next records, in the order of their labels, under the weights being built."""
        building = self._weights[self.progress.building]
        labels = [record.label for record in records]
        rows = building.embed([record.text for record in records], self._reusable(labels))
        progress = structs.replace(self.progress, built_upto=labels[-1])

        def change(unit: VectorChange) -> None:
            unit.put(building.generation.number, labels, rows)
            unit.advance(progress)

        self._commit(change, progress)

    def switch(self) -> None:
        """Let the generation that was built serve."""
        self._advance(serving=self.progress.building, building=0, built_upto=0)
        self._reload()

    def tidy(self, most: int) -> bool:
        """Delete up to `most` vectors that nothing needs; return whether there are more."""
        if not self._stale:
            return False
        number = self._stale[0]
        if self._store.commit(lambda unit: unit.clear(number, most)):
            self._stale.pop(0)
            # Its weights stay until the next switch: an index may still hold such vectors.
            if number != self._previous():
                self._store.commit(lambda unit: unit.drop(number))
                self._weights.pop(number, None)
        return bool(self._stale)

    def check_entries(self) -> Iterator[int]:
        """See `Environment.check_entries`."""
        return self._store.check_entries()

    def scrubber(self) -> Scrubber:
        """Return what scrubs the store."""
        with self._store.view() as view:
            return Scrubber(self._store, view.scrubbed())

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _reusable(self, labels: list[int]) -> Vectors | None:
        """Return the vectors that the same embedder made of these records, which have not changed.

        A record that changed was embedded before a rebuild goes on: see `Embedding.work`.
        """
        serving = self.serving
        if serving is None or serving.generation.fingerprint != self.chosen.fingerprint:
            return None
        with self._store.view() as stored:
            return stored.of(serving.generation.number, labels, serving.generation.dimension)

    def _previous(self) -> int:
        with self._store.view() as view:
            older = [n for n in view.generations() if n < self.progress.serving]
        return max(older, default=0)

    def _advance(self, **changes: int | str) -> None:
        progress = structs.replace(self.progress, **changes)
        self._commit(lambda unit: unit.advance(progress), progress)

    def _commit(self, change: Callable[[VectorChange], None], progress: Progress) -> None:
        self._store.commit(change)
        self.progress = progress

    def _reload(self) -> None:
        with self._store.view() as view:
            self.progress = view.progress()
            stored = [view.generation(number) for number in view.generations()]
        generations = {g.number: g for g in stored if g is not None}
        serving = generations.get(self.progress.serving)
        if serving is not None:
            self._embedders.find(serving.embedder, serving.fingerprint)
        self._weights = {
            number: Weights(embedder, generation)
            for number, generation in generations.items()
            if (embedder := self._embedders.loaded(generation.fingerprint))
        }
        current = (self.progress.serving, self.progress.building)
        self._stale = [number for number in generations if number not in current]
