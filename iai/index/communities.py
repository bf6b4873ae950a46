"""Topics of a project: communities of its records, with a label and the most central of each.

The records are taken in windows, in the order in which they were said. A window is computed again
only when its records have changed, so the cost grows linearly with the store, and that of a slice
not at all. Communities by Leiden (Traag and others, From Louvain to Leiden, 2019), centrality by
PageRank within a community; what they are called is in `iai.index.topic_names`.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
from msgspec import Struct

from iai.errors import StoreAbsent
from iai.index.topic_names import FORM, Name, named, request_of, written
from iai.model.topic import Topic
from iai.store.graph import GraphChange, GraphStore, GraphView
from iai.store.links import MOST, Edge
from iai.store.readers import Readers
from iai.store.record_view import RecordView
from iai.store.topics import MOST_TOPICS, Window
from iai.store.turn_blocks import AROUND

WINDOW = 2_048  # records; the last window of a project has up to twice as many
BLOCK = 128  # records whose similarity to all others is computed at a time: 30 ms
LEAST_SIMILAR = 0.6  # cosine
SMALLEST = 3  # records of a topic
_MEMBERS = 8
_READ = 16  # texts that a label is taken from

# What each link adds to the weight between two records.
_SHARED = 0.25  # for each rare term, four at most
_ADJACENT = 0.25  # for turns next to each other


class WindowRecords(Struct, frozen=True):
    """The records of one window, and what is read of them."""

    project: str
    place: int
    labels: list[int]
    term_vectors: list[bytes]
    fingerprint: int


def find(readers: Readers, store: GraphStore, generation: int) -> Iterator[int]:
    """Find the topics of all windows that have changed. Yields records done after each slice."""
    with readers.records.view() as view:
        projects = sorted(project.id for project in view.projects())
    for project in projects:
        place, after = 0, None
        while True:
            with readers.records.view() as view, store.view() as links:
                places = view.places(project, after, 2 * WINDOW)
                taken = places if len(places) < 2 * WINDOW else places[:WINDOW]
                stored = links.windows(project)
                window = _read_window(
                    links, project, place, [label for _, label in taken], generation
                )
            if not taken:
                _drop(store, project, [number for number in stored if number >= place])
                break
            yield 0
            if place not in stored or stored[place].fingerprint != window.fingerprint:
                yield from _look(window, readers, store, generation)
            place, after = place + 1, taken[-1]


def _look(
    window: WindowRecords, readers: Readers, store: GraphStore, generation: int
) -> Iterator[int]:
    yield from _similar(window, readers, store, generation)
    with store.view() as links:
        edges = _edges(links, window.labels)
    yield 0
    communities = _communities(len(window.labels), edges)
    yield 0
    names = named(window.term_vectors, communities[:MOST_TOPICS], len(communities))
    yield 0
    topics: list[Topic] = []
    for members, name in zip(communities[:MOST_TOPICS], names, strict=True):
        ranks = _central(members, edges)
        labels = [window.labels[row] for row in members]
        with readers.records.view() as view:
            topics.append(_topic(view, labels, ranks, name, window))
        yield 0
    with readers.records.view() as view:
        revision = view.watermark().revision
    result = Window(fingerprint=window.fingerprint, revision=revision, topics=tuple(topics))
    store.commit(lambda unit: unit.put_window(window.project, window.place, result))
    yield len(window.labels)


def _read_window(
    links: GraphView, project: str, place: int, labels: list[int], generation: int
) -> WindowRecords:
    kept = links.term_vectors(labels)
    there = [label for label in labels if label in kept]
    term_vectors = [kept[label] for label in there]
    seen = np.asarray([generation, FORM, *there], np.int64).tobytes() + b"".join(term_vectors)
    return WindowRecords(project, place, there, term_vectors, crc32(seen))


def _drop(store: GraphStore, project: str, places: Sequence[int]) -> None:
    def change(unit: GraphChange) -> None:
        for place in places:
            unit.put_window(project, place, None)

    if places:
        store.commit(change)


def _similar(
    window: WindowRecords, readers: Readers, store: GraphStore, generation: int
) -> Iterator[int]:
    """Link the most similar records: exactly, and within the window only, to keep it linear."""
    try:
        with readers.vectors.view() as stored:
            there, vectors = stored.find(generation, window.labels)
    except StoreAbsent:
        return
    labels = np.asarray(there, np.int64)
    for start in range(0, len(labels), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(labels)))
        similarity = vectors[block] @ vectors.T
        similarity[np.arange(len(block)), block] = -1.0
        many = min(MOST, len(labels) - 1)
        nearest = np.argpartition(-similarity, max(many - 1, 0), axis=1)[:, :many]
        rows = {
            int(labels[row]): [
                Edge(int(labels[other]), "similar", round(float(similarity[at, other]), 4))
                for other in sorted(others, key=lambda o: (-similarity[at, o], o))
                if similarity[at, other] >= LEAST_SIMILAR
            ]
            for at, (row, others) in enumerate(zip(block, nearest, strict=True))
        }
        store.commit(lambda unit: unit.keep_similar(rows))  # noqa: B023  used at once
        yield 0


def _edges(links: GraphView, labels: list[int]) -> dict[tuple[int, int], float]:
    """Return what connects the rows of a window, the lower row first, with its weight."""
    row = {label: place for place, label in enumerate(labels)}
    weights: defaultdict[tuple[int, int], float] = defaultdict(float)
    for rows in (links.kept(labels), links.kept_similar(labels)):
        for label, edges in rows.items():
            for edge in edges:
                if edge.to in row:
                    ends = sorted((row[label], row[edge.to]))
                    shared = min(_SHARED * edge.weight, 1.0)
                    weight = shared if edge.relation == "shares" else edge.weight
                    weights[ends[0], ends[1]] += weight / 2  # most links are kept at both ends
    following = links.neighbours(labels)[:, AROUND].tolist()
    for place, label in enumerate(following):
        if label in row:
            ends = sorted((place, row[label]))
            weights[ends[0], ends[1]] += _ADJACENT
    return dict(weights)


def _communities(count: int, edges: dict[tuple[int, int], float]) -> list[list[int]]:
    """Return the rows of each community, the largest first."""
    import igraph  # noqa: PLC0415  a restart should not wait for what only a SLEEP needs

    igraph.set_random_number_generator(random.Random(0))  # noqa: S311  deterministic
    every = igraph.Graph(n=count, edges=list(edges)).community_leiden(
        objective_function="modularity", weights=list(edges.values()), n_iterations=3
    )
    large = [sorted(rows) for rows in every if len(rows) >= SMALLEST]
    return sorted(large, key=lambda rows: (-len(rows), rows))


def _central(members: list[int], edges: dict[tuple[int, int], float]) -> list[float]:
    """Return how central each of these rows is among them; 1 is the average."""
    import igraph  # noqa: PLC0415  as above

    place = {row: number for number, row in enumerate(members)}
    inside = {ends: w for ends, w in edges.items() if ends[0] in place and ends[1] in place}
    own = igraph.Graph(n=len(members), edges=[(place[a], place[b]) for a, b in inside])
    ranks = own.pagerank(directed=False, weights=list(inside.values()))
    return [round(rank * len(members), 4) for rank in ranks]


def _topic(
    view: RecordView, labels: list[int], ranks: list[float], name: Name, of: WindowRecords
) -> Topic:
    order = sorted(range(len(labels)), key=lambda row: (-ranks[row], labels[row]))
    central = [labels[row] for row in order]
    read = [record for label in central[:_READ] if (record := view.get(label))]
    requests = [record for row in name.requests if (record := view.get(of.labels[row]))]
    # They come in the order in which they were said.
    latest = next((record for label in reversed(labels) if (record := view.get(label))), None)
    return Topic(
        id=f"{of.project}/{central[0]}",
        label=", ".join(written([record.text for record in read], name.terms)),
        request=request_of(requests, name.weights),
        size=len(labels),
        members=tuple(central[:_MEMBERS]),
        said=latest.created_at if latest else 0,
        revision=view.watermark().revision,
    )
