"""The page of the map: what a project is about, and what its topics have to do with each other.

One picture for the eye, in which one walks with the mouse or the arrow keys, and the same as a list
below it. Both are bounded: `MOST_NODES` topics and records, those of the latest records first.
"""

import math
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import combinations
from typing import TypeAlias

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from iai.errors import StoreError
from iai.index.topic_names import NAME
from iai.model.record import Record
from iai.model.topic import Topic
from iai.payload import phrases
from iai.store.readers import Readers
from iai.store.record_view import RecordView
from iai.ui.page_request import Document, PageRequest, choices, chosen

MOST_NODES = 2_000  # topics and records in the picture
LINKS = 4  # of a topic: the strongest
SHOWN = 40  # topics on a page of the list
LINE = 24  # characters of a line in the picture
WIDTH, HEIGHT = 1_000.0, 620.0  # of the picture, in its own units
_MARGIN = 60.0
_SMALLEST, _LARGEST = 0.08, 0.26  # radius of a topic, by its number of records: see `_room`
_WIDEST = 90.0  # room of a topic where there are few
_BEYOND = 8.0  # how far its records are from its edge
_LETTER, _LINE, _BASE = 7.0, 15.0, 12.0  # width, height and baseline of words in the picture
_ROUNDS = 60  # of moving the topics apart and together
_PULL = 0.06  # towards the middle, so that none drifts away

Points = NDArray[np.float64]
Box: TypeAlias = tuple[float, float, float, float]  # left, right, top, end


class Dot(Struct, frozen=True):
    """A record beside its topic."""

    record: Record
    x: float
    y: float


class Neighbour(Struct, frozen=True):
    """A topic that another is linked with."""

    id: str
    name: str
    shared: int  # records that are among, or linked with, the central records of both


class Node(Struct, frozen=True, kw_only=True):
    """A topic in the picture, and what the list says of it."""

    topic: Topic
    name: str  # the request that says the most of it; its words, where there is none
    x: float
    y: float
    radius: float
    dots: list[Dot]
    caption: "Caption | None"  # None: there is no room for it
    neighbours: list[Neighbour]


class Caption(Struct, frozen=True):
    """The name of a topic in the picture."""

    lines: list[str]
    x: float  # of their middle
    y: float  # baseline of the first


class Line(Struct, frozen=True):
    """A link between two topics in the picture."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: float


def show(request: PageRequest) -> Document:
    """Return the topics of a project as found in the last SLEEP, and one that was chosen.

    Raises BadUsage.
    """
    start, wanted = request.offset(), request.text("topic")
    with request.records() as view:
        projects = choices(view)
        project = chosen(request, projects) or (projects[0] if projects else None)
        found, links = _read(request, view.belongs(project.id)) if project else ([], Counter())
        nodes = _drawn(view, found, links)
    return {
        "projects": projects,
        "project": project,
        "nodes": nodes,
        "lines": _lines(nodes),
        "one": next((node for node in nodes if node.topic.id == wanted), None),
        "listed": nodes[start : start + SHOWN],
        "start": start,
        "shown": SHOWN,
        "more": len(nodes) > start + SHOWN,
        "size": (WIDTH, HEIGHT),
        "line_height": _LINE,
    }


def _read(request: PageRequest, project: str) -> tuple[list[Topic], Counter[tuple[int, int]]]:
    """Return the topics of a project, the latest window first, and how they are linked."""
    topics: list[Topic] = []
    nodes = 0
    try:
        with closing(Readers(request.layout)) as readers, readers.graph.view() as graph:
            for window in reversed(graph.windows(project).values()):
                for topic in window.topics:
                    nodes += 1 + len(topic.members)
                    if nodes <= MOST_NODES:
                        topics.append(topic)
            topics.sort(key=lambda topic: -topic.said)
            labels = [label for topic in topics for label in topic.members]
            kept, similar = graph.kept(labels), graph.kept_similar(labels)
    except StoreError:  # its owner rebuilds it
        return [], Counter()
    linked = {
        label: {label, *(edge.to for edge in (*kept.get(label, ()), *similar.get(label, ())))}
        for label in labels
    }
    return topics, shared(topics, linked)


def shared(topics: Sequence[Topic], linked: dict[int, set[int]]) -> Counter[tuple[int, int]]:
    """Return of how many records two topics both know, by their places in the list.

    `linked` has for each central record itself and those that it is linked with.
    """
    knowing: dict[int, set[int]] = defaultdict(set)  # record -> topics
    for place, topic in enumerate(topics):
        for label in topic.members:
            for other in linked.get(label, ()):
                knowing[other].add(place)
    return Counter(pair for places in knowing.values() for pair in combinations(sorted(places), 2))


def _drawn(
    view: RecordView, topics: Sequence[Topic], links: Counter[tuple[int, int]]
) -> list[Node]:
    names = [_name(view, topic) for topic in topics]
    near: dict[int, list[Neighbour]] = defaultdict(list)
    strongest: Counter[tuple[int, int]] = Counter()
    for (one, other), count in sorted(links.items(), key=lambda pair: (-pair[1], pair[0])):
        for here, there in ((one, other), (other, one)):
            if len(near[here]) < LINKS:
                near[here].append(Neighbour(topics[there].id, names[there], count))
                strongest[one, other] = count
    points = placed(len(topics), strongest)
    most = max((topic.size for topic in topics), default=1)
    room = _room(len(topics))
    nodes = []
    for place, topic in enumerate(topics):
        x, y = (round(float(value), 1) for value in points[place])
        radius = room * (_SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(topic.size / most))
        dots = _dots(view, topic, x, y, radius + _BEYOND)
        nodes.append(Node(topic=topic, name=names[place], x=x, y=y, radius=round(radius, 1),
                          dots=dots, caption=None, neighbours=near[place]))  # fmt: skip
    return _named(nodes)


def _name(view: RecordView, topic: Topic) -> str:
    """Return what a topic is called."""
    request = view.get(topic.request) if topic.request else None
    return phrases.said(request, NAME) if request else topic.label


def _room(count: int) -> float:
    """Return how wide the part of the picture is that each of so many topics has."""
    return min(_WIDEST, math.sqrt(WIDTH * HEIGHT / max(1, count)))


def _named(nodes: Sequence[Node]) -> list[Node]:
    """Show the names of topics, those of the larger first, below or above where nothing else is."""
    x, y, radius = np.array([(node.x, node.y, node.radius) for node in nodes]).reshape(-1, 3).T
    taken = np.stack([x - radius, x + radius, y - radius, y + radius], 1)  # left, right, top, end
    captions: dict[str, Caption] = {}
    for node in sorted(nodes, key=lambda node: -node.topic.size):
        for caption, box in _captions(node):
            over = (taken[:, ::2] < (box[1], box[3])) & (taken[:, 1::2] > (box[0], box[2]))
            if not over.all(1).any():
                taken = np.concatenate([taken, [box]])
                captions[node.topic.id] = caption
                break
    return [structs.replace(node, caption=captions.get(node.topic.id)) for node in nodes]


def _captions(node: Node) -> Iterator[tuple[Caption, Box]]:
    """Yield where the name of a topic can be, and the box that it takes: the best first."""
    away = node.radius + _BEYOND + _LINE / 4
    for name, most in ((node.name, 3), (node.name, 2), (node.topic.label, 1)):
        every = textwrap.wrap(name, LINE)
        lines = every if len(every) <= most else [*every[: most - 1], f"{every[most - 1]} ..."]
        half = max(map(len, lines), default=0) * _LETTER / 2
        height = _LINE * len(lines)
        middle = min(max(node.x, half), WIDTH - half)
        for top in (node.y + away, node.y - away - height):
            if top >= 0 and top + height <= HEIGHT:
                caption = Caption(lines, round(middle, 1), round(top + _BASE, 1))
                box = (middle - half, middle + half, top - _LINE / 4, top + height + _LINE / 4)
                yield caption, box


def _dots(view: RecordView, topic: Topic, x: float, y: float, reach: float) -> list[Dot]:
    """Place the records that are left of a topic around it, the most central on top."""
    records = [record for label in topic.members if (record := view.get(label)) is not None]
    turns = [2 * math.pi * number / len(records) for number in range(len(records))]
    return [
        Dot(record, round(x + reach * math.sin(turn), 1), round(y - reach * math.cos(turn), 1))
        for record, turn in zip(records, turns, strict=True)
    ]


def placed(count: int, links: Counter[tuple[int, int]]) -> Points:
    """Return a place in the picture for each topic: linked ones near each other, none on another.

    Always the same for the same topics. (Fruchterman and Reingold, Graph Drawing by Force-directed
    Placement, 1991, with a pull to the middle.)
    """
    middle = np.array([WIDTH, HEIGHT]) / 2
    numbers = np.arange(count)
    turns, reach = numbers * math.pi * (3 - math.sqrt(5)), np.sqrt((numbers + 0.5) / max(1, count))
    points = middle + np.stack([np.cos(turns), np.sin(turns)], 1) * reach[:, None] * middle * 0.8
    if count <= 1:
        return np.repeat(middle[None], count, 0)
    pairs = np.array([*links], np.intp).reshape(-1, 2)
    here, there = np.concatenate([pairs, pairs[:, ::-1]]).T
    weights = np.tile(np.array([*links.values()], np.float64) / max(links.values(), default=1), 2)
    apart = 0.7 * math.sqrt(WIDTH * HEIGHT / count)  # of two topics without a link
    for number in range(_ROUNDS):
        x, y = points.T.astype(np.float32)
        dx, dy = x[:, None] - x, y[:, None] - y
        push = dx * dx  # for each unit of distance; in place, as it is by far the most work
        push += dy * dy
        np.maximum(push, 0.01, out=push)
        np.divide(apart * apart, push, out=push)
        moved = (middle - points) * _PULL
        drawn = points[there] - points[here]
        drawn *= (weights * np.linalg.norm(drawn, axis=1) / apart)[:, None]
        for axis, distance in enumerate((dx, dy)):
            moved[:, axis] += np.einsum("ij,ij->i", push, distance)  # no threads, as `@` has
            moved[:, axis] += np.bincount(here, drawn[:, axis], count)
        longest = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 0.1)
        step = WIDTH / 10 * (1 - number / _ROUNDS)
        points = points + moved / longest * np.minimum(longest, step)
    low, high = points.min(0), points.max(0)
    scale = 2 * (middle - _MARGIN) / np.maximum(high - low, 1.0)  # they fill the picture
    return np.asarray((points - (low + high) / 2) * scale + middle)


def _lines(nodes: Sequence[Node]) -> list[Line]:
    """Return a line for each link of the strongest of some topic."""
    by_topic = {node.topic.id: node for node in nodes}
    pairs = {
        tuple(sorted((node.topic.id, near.id))): near.shared
        for node in nodes
        for near in node.neighbours
    }
    widest = _room(len(nodes)) / _WIDEST
    return [
        Line(one.x, one.y, other.x, other.y, round(widest * (0.8 + math.log1p(count)), 1))
        for (first, second), count in pairs.items()
        for one, other in ((by_topic[first], by_topic[second]),)
    ]
