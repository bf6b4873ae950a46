"""A filter matches the same records in each index as on the records themselves."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.index.filters import Filter, requested
from iai.index.lexical import LexicalIndex
from iai.index.terms import extract
from iai.index.vector_filter import facets, filter_mask, machine_id
from iai.model.record import Record
from iai.protocol.graph_cache import Recall
from iai.store.graph import FACETS
from tests.iai.store.builders import kept

HERE = np.zeros(1, np.uint32)  # the machine of one record
TIMES = st.sampled_from([-(1 << 63), -5, 1, 2, 1_000, (1 << 63) - 2])
NAMES = st.sampled_from(["a", "b", "a b", "\u00e9", "x" * 300])
ROLES = st.sampled_from(["user", "assistant"])
TIERS = st.sampled_from(["episodic", "semantic", "procedural"])
MACHINES = st.sampled_from(["", "a", "b"])
FIELDS = ("project", "session", "role", "tier", "created_at", "machine")


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    nothing = st.just("")
    return Filter(
        project=draw(nothing | NAMES),
        session=draw(nothing | NAMES),
        role=draw(nothing | ROLES),
        tier=draw(nothing | TIERS),
        since=draw(st.just(0) | TIMES),
        until=draw(st.just(0) | TIMES),
        machines=draw(st.just(()) | st.lists(MACHINES, max_size=2).map(tuple)),
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[LexicalIndex, list[Record]]:
    """Return an index with one record of each kind that can be."""
    index = LexicalIndex(tmp_path_factory.mktemp("filters") / "lexical")
    records = [
        kept(1 + n, "text", **dict(zip(FIELDS, values, strict=True)))
        for n, values in enumerate(
            (project, session, role, tier, at, ("", "a", "b")[(at + len(tier)) % 3])
            for project in ("a", "b", "\u00e9")
            for session in ("a", "a b", "x" * 300)
            for role in ("user", "assistant")
            for tier in ("episodic", "semantic", "procedural")
            for at in (-(1 << 63), -5, 1, 2, 1_000, (1 << 63) - 2)
        )
    ]
    for record in records:
        index.put(record, extract(record.text))
    index.commit()
    return index, records


@given(only=filters())
def test_the_indexes_find_exactly_what_matches(
    stored: tuple[LexicalIndex, list[Record]], only: Filter
) -> None:
    index, records = stored
    expected = [r.label for r in records if only.fits(r)]
    assert sorted(label for label, _ in index.search(["text"], len(records), only)) == expected
    rows = np.frombuffer(b"".join(map(facets, records)), FACETS)
    machines = np.asarray([machine_id(r) for r in records], np.uint32)
    mask = filter_mask(rows, machines, only)
    assert [records[row].label for row in np.flatnonzero(mask)] == expected


@pytest.mark.parametrize("far", [-(1 << 64), (1 << 64) - 1])
def test_a_time_out_of_range_is_not_an_error(tmp_path: Path, far: int) -> None:
    index = LexicalIndex(tmp_path / "lexical")
    index.put(kept(1, "text", created_at=far), extract("text"))
    index.commit()
    rows = np.frombuffer(facets(kept(1, "text", created_at=far)), FACETS)
    for only in (Filter(since=far), Filter(until=far)):
        assert len(index.search(["text"], 9, only)) == int(filter_mask(rows, HERE, only).sum())


def test_the_period_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    period = Filter(since=10, until=20)
    assert [at for at in (9, 10, 19, 20) if period.fits(kept(1, "t", created_at=at))] == [10, 19]


def test_a_request_without_filters_is_open() -> None:
    assert requested(Recall(query="q", k=3)).open
    only = requested(Recall(query="q", project="p", session="s", role="user", since=1))
    assert only == Filter(project="p", session="s", role="user", since=1)
    assert not only.open
