"""The page of the map: a picture of topics with their links, and the same as a list."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model.record import Project
from iai.model.topic import Topic
from iai.store.graph import GraphChange, GraphStore
from iai.store.links import Edge
from iai.store.records import Records
from iai.store.topics import Window
from iai.ui import topic_map
from iai.ui.topic_map import HEIGHT, MOST_NODES, WIDTH, placed
from tests.iai.store.builders import NOW, PROJECT, new_record, put
from tests.iai.ui.browser import Browser, Parsed

EVIL = "<script>alert(1)</script>'\"> \u202egnp"
Fill = Callable[..., Browser]


def topic(number: int, members: Sequence[int], size: int = 9, label: str = "") -> Topic:
    return Topic(
        id=f"t{number}", label=label or f"topic {number}", size=size, members=tuple(members),
        said=NOW.wall, revision=1,
    )  # fmt: skip


@pytest.fixture
def fill(layout: Layout) -> Fill:
    """Return a function that stores records, topics of them and their links, and opens the page."""

    def fill(
        records: int, windows: Sequence[Sequence[Topic]], links: Sequence[tuple[int, int]] = ()
    ) -> Browser:
        writer = Records(layout.records, writer=True)
        place = Project(id=PROJECT, name="mine", root="/p")
        writer.commit(lambda unit: unit.projects.place(place, "/p"), NOW)
        put(writer, *(new_record(f"{n}", text=f"said {n} {EVIL}") for n in range(1, records + 1)))
        writer.close()

        def change(unit: GraphChange) -> None:
            for number, topics in enumerate(windows):
                window = Window(fingerprint=1, revision=1, topics=tuple(topics))
                unit.put_window(PROJECT, number, window)
            for one, other in links:
                unit.keep(one, [Edge(other, "shares", 1.0)])

        index = GraphStore(layout.index, writer=True)
        index.commit(change)
        index.close()
        browser = Browser(Settings(store=layout.root))
        browser.enter()
        return browser

    return fill


def drawn(page: Parsed) -> list[str]:
    """Return the topics in the picture, as a screen reader names them."""
    return [one["aria-label"] for one in page.all("a") if "data-x" in one]


def test_topics_are_joined_by_the_records_that_both_know() -> None:
    topics = [topic(1, [1, 2]), topic(2, [3]), topic(3, [4])]
    linked = {1: {1, 3}, 2: {2, 9}, 3: {3, 9}, 4: {4}}
    assert topic_map.shared(topics, linked) == {(0, 1): 2}


def test_the_picture_and_the_list_have_the_same_topics_links_and_records(fill: Fill) -> None:
    topics = [topic(1, [1, 2], 40, EVIL), topic(2, [3, 4, 99]), topic(3, [5])]
    inside = fill(5, [topics], [(1, 3)])
    html = inside.get("map").text
    page = Parsed(html)
    assert "<script>alert" not in html
    assert [one.rpartition(", ")[2] for one in drawn(page)] == [
        "40 records", "9 records", "9 records",
    ]  # fmt: skip
    assert len(page.all("line")) == 1
    dots = [one["href"] for one in page.all("a", tabindex="-1", **{"aria-hidden": "true"})]
    assert dots == [f"record?ref={label}" for label in range(1, 6)], "#99 was forgotten"
    links = re.findall(r'href="(map\?[^"]*topic=t\d#topic)"', html)
    assert links[:3] == links[3:], "the same in the list"
    one = Parsed(inside.get(links[1].replace("&amp;", "&").partition("#")[0]).text)
    assert "Linked with" in one.text
    assert "by 1 record" in one.text
    assert "said 3" in one.text
    assert len(one.all("a", **{"aria-current": "true"})) == 1
    assert one.all("section", id="topic")


def test_a_topic_has_the_words_of_its_request_for_a_name_until_that_is_forgotten(
    fill: Fill,
) -> None:
    called = structs.replace(topic(1, [1, 2], label="retry, backoff"), request=2)
    gone = structs.replace(topic(2, [3], label="csv, export"), request=99)
    page = Parsed(fill(3, [[called, gone]]).get("map").text)
    first, second = drawn(page)
    assert first.startswith("said 2 <script>")
    assert second == "csv, export, 9 records"
    assert "retry, backoff" in page.text, "its words are beside it"


def test_one_stop_of_the_tab_key_is_enough_for_the_picture(fill: Fill) -> None:
    inside = fill(5, [[topic(1, [1]), topic(2, [2]), topic(3, [3])]])
    for address, stop in (("map", 0), ("map?topic=t2", 1)):
        page = Parsed(inside.get(address).text)
        stops = [one["tabindex"] for one in page.all("a") if "data-x" in one]
        assert stops.index("0") == stop
        assert sorted(stops) == ["-1", "-1", "0"]


def test_what_is_drawn_is_bounded_and_the_latest_is(fill: Fill) -> None:
    windows = [[topic(w * 12 + n, range(1, 9)) for n in range(12)] for w in range(20)]
    inside = fill(8, windows)
    page = Parsed(inside.get("map").text)
    names = drawn(page)
    assert len(names) == MOST_NODES // 9
    assert len(names) + len(page.all("a", **{"aria-hidden": "true"})) <= MOST_NODES
    assert names[0] == "topic 228, 9 records"
    seen: list[str] = []
    following = "map"
    while following:
        page = Parsed(inside.get(following).text)
        rows = [one["href"] for one in page.all("a", dir="auto")]
        seen += [re.findall(r"topic=(t\d+)", row)[0] for row in rows]
        following = next((one["href"] for one in page.all("a", rel="next")), "")
    assert len(seen) == len(set(seen)) == len(names)


def test_topics_are_listed_by_when_their_records_were_said(fill: Fill) -> None:
    said = [
        structs.replace(topic(n, [n]), said=NOW.wall + at) for n, at in ((1, 2), (2, 3), (3, 1))
    ]
    page = fill(3, [said[:1], said[1:]]).get("map").text
    listed = page[page.index("Topics, the latest first") :]
    assert re.findall(r"topic=(t\d)#", listed) == ["t2", "t1", "t3"]


def test_the_words_of_a_topic_are_on_no_topic_and_apart_from_other_words(fill: Fill) -> None:
    near = [(n, n + 1) for n in range(1, 20)]
    page = Parsed(fill(100, [[topic(n, [n]) for n in range(1, 101)]], near).get("map").text)
    baselines = page.all("text", **{"class": "name"})
    names = [
        {**line, "y": one["y"]} for line, one in zip(page.all("tspan"), baselines, strict=True)
    ]
    assert len(names) > 15
    half, height = len("topic 10") * 7 / 2, 15  # a little more than they take
    boxes = [(float(one["x"]) - half, float(one["y"]) - 12) for one in names]
    for left, top in boxes:
        on = [b for b in boxes if abs(b[0] - left) < 2 * half and abs(b[1] - top) < 1.5 * height]
        assert on == [(left, top)]
        for circle in page.all("circle", **{"class": "bar"}):
            x, y, r = (float(circle[name]) for name in ("cx", "cy", "r"))
            assert not (left - r < x < left + 2 * half + r and top - r < y < top + height + r)


@settings(max_examples=20)  # one is some ten milliseconds of arithmetic, and few can differ
@given(
    st.integers(0, 30),
    st.dictionaries(st.tuples(st.integers(0, 29), st.integers(0, 29)), st.integers(1, 50)),
)
def test_every_topic_has_a_place_of_its_own_in_the_picture(
    count: int, pairs: dict[tuple[int, int], int]
) -> None:
    links = Counter({(a, b): n for (a, b), n in pairs.items() if a < b < count})
    points = placed(count, links)
    assert points.shape == (count, 2)
    assert ((points > 0) & (points < (WIDTH, HEIGHT))).all()
    assert np.array_equal(points, placed(count, links)), "and always the same"
    assert len({tuple(point) for point in points.tolist()}) == count


def test_linked_topics_are_nearer_than_others() -> None:
    groups = [range(start, start + 5) for start in range(0, 20, 5)]
    links = Counter({(a, b): 9 for group in groups for a in group for b in group if a < b})
    points = placed(20, links)

    def far(one: int, other: int) -> float:
        return math.dist(points[one], points[other])

    inside = [far(a, b) for a, b in links]
    across = [far(a, b) for a in range(5) for b in range(5, 20)]
    assert np.mean(inside) < np.mean(across) / 2
