"""Replicas of a team: the same records, actions and marks on all, whatever comes when."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.iai.ingest.replicas import Replica, exchange

A, B, C = "aa" * 8, "bb" * 8, "cc" * 8


@pytest.fixture
def team(tmp_path: Path) -> Iterator[tuple[Replica, Replica, Replica]]:
    replicas = tuple(Replica(tmp_path / one, one) for one in (A, B, C))
    yield replicas  # type: ignore[misc]
    for one in replicas:
        assert one.problems() == []
        one.records.close()


def test_a_turn_of_one_is_on_the_others(team: tuple[Replica, Replica, Replica]) -> None:
    a, b, c = team
    a.say("one", text="fix the pump")
    a.do("did")
    a.say("two", text="it is fixed", role="assistant")
    exchange(a, b, c)
    for other in (b, c):
        record = other.get("fix the pump")
        assert record is not None
        assert (record.machine, record.cwd) == (A, "")
        with other.records.view() as view:
            found = view.exchange(record)
        assert found.answer is not None
        assert found.answer.text == "it is fixed"
        assert [one.key for one in found.actions] == ["did"]
        assert other.publish() == []
