"""The steps of SLEEP: in order, a slice at a time, and none stands in another's way."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.errors import StoreCorrupt
from iai.lifecycle.maintenance import (
    QUARANTINE_S,
    TRIES,
    Sleep,
    Trouble,
)
from iai.model.clock import NS, Now
from iai.protocol.graph_cache import SleepStep
from iai.store.codec import pack, unpack
from iai.store.graph import Troubles

NOW = Now(1_700_000_000 * NS, 5 * NS)


class Steps:
    """Three steps of three slices each, of which those in `broken` raise in their second."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.slices: list[str] = []

    def step(self, name: str) -> Iterator[int]:
        for number in range(3):
            if number == 1 and name in self.broken:
                raise RuntimeError("no luck")
            self.slices.append(name)
            yield 2

    def sleep(self, troubles: dict[str, Trouble] | None = None) -> Sleep:
        return Sleep({n: lambda _, n=n: self.step(n) for n in "abc"}, troubles or {})  # type: ignore[misc]


def night(sleep: Sleep, now: Now = NOW) -> list[SleepStep]:
    """Sleep until all is done."""
    sleep.begin()
    ended = []
    while sleep.busy:
        now = now.later(0.01)
        ended.append(sleep.slice(now))
    return [one for one in ended if one]


def outcomes(ended: list[SleepStep]) -> list[tuple[str, str]]:
    return [(one.step, one.outcome) for one in ended]


def kept(sleep: Sleep) -> dict[str, Trouble]:
    """Return what the next process finds."""
    return unpack(pack(Troubles(steps=sleep.troubles)), Troubles).steps


def test_all_steps_are_done_in_order_and_told_of() -> None:
    steps = Steps()
    ended = night(steps.sleep())
    assert steps.slices == [*"aaabbbccc"]
    assert outcomes(ended) == [("a", "finished"), ("b", "finished"), ("c", "finished")]
    assert [one.items for one in ended] == [6, 6, 6]
    assert ended[0].seconds == pytest.approx(0.04)


def test_one_slice_at_a_time() -> None:
    steps = Steps()
    sleep = steps.sleep()
    sleep.begin()
    sleep.slice(NOW)
    for count in (1, 2, 3):
        sleep.slice(NOW)
        assert len(steps.slices) == count


def test_a_step_that_is_interrupted_is_begun_again_in_the_next_sleep_and_has_not_failed() -> None:
    steps = Steps()
    sleep = steps.sleep()
    sleep.begin()
    sleep.slice(NOW)
    sleep.slice(NOW)
    ended = sleep.interrupt(NOW)
    assert ended is not None
    assert (ended.step, ended.outcome, ended.items) == ("a", "interrupted", 2)
    assert not sleep.busy
    assert sleep.troubles["a"] == Trouble()
    assert outcomes(night(sleep))[0] == ("a", "finished")


def test_what_fails_stands_in_nobodys_way_and_is_left_alone_after_three_times_for_a_day() -> None:
    steps = Steps()
    steps.broken = {"b"}
    sleep = steps.sleep()
    for number in range(TRIES):
        ended = night(sleep, NOW.later(number))
        assert outcomes(ended) == [("a", "finished"), ("b", "failed"), ("c", "finished")]
        assert ended[1].error == "RuntimeError: no luck"
        sleep = steps.sleep(kept(sleep))  # in another process
    steps.broken = set()
    for seconds in (60, QUARANTINE_S - 60):
        assert ("b", "quarantined") in outcomes(night(sleep, NOW.later(seconds)))
    assert ("b", "finished") in outcomes(night(sleep, NOW.later(QUARANTINE_S + 60)))
    assert sleep.troubles["b"] == Trouble()


def test_after_its_day_a_step_has_three_tries_again() -> None:
    steps = Steps()
    steps.broken = {"b"}
    sleep = steps.sleep()
    for number in range(TRIES):
        night(sleep, NOW.later(number))
    for number in range(TRIES):
        ended = night(sleep, NOW.later(QUARANTINE_S + 60 + number))
        assert ("b", "failed") in outcomes(ended)
    assert ("b", "quarantined") in outcomes(night(sleep, NOW.later(QUARANTINE_S + 120)))


def test_a_clock_that_was_set_back_makes_no_quarantine_longer() -> None:
    steps = Steps()
    year = 365 * 86_400
    sleep = steps.sleep({"b": Trouble(failures=TRIES, until=NOW.wall + year * NS)})
    assert ("b", "finished") in outcomes(night(sleep))


def test_a_step_in_which_the_process_ended_has_failed_and_is_begun_again() -> None:
    steps = Steps()
    sleep = steps.sleep()
    sleep.begin()
    sleep.slice(NOW)
    sleep.slice(NOW)
    again = steps.sleep(kept(sleep))
    assert outcomes(night(again))[:2] == [("a", "failed"), ("a", "finished")]


def test_a_step_that_ends_the_process_three_times_is_left_alone() -> None:
    steps = Steps()
    sleep = steps.sleep()
    for _ in range(TRIES):
        sleep.begin()
        while sleep._current is None:
            sleep.slice(NOW)
        sleep = steps.sleep(kept(sleep))
    assert outcomes(night(sleep))[:2] == [("a", "failed"), ("a", "quarantined")]


def test_a_damaged_store_is_nothing_that_a_step_may_pass_over() -> None:
    def damaged(_: Now) -> Iterator[int]:
        yield 1
        raise StoreCorrupt("a page is gone")

    sleep = Sleep({"a": damaged}, {})
    with pytest.raises(StoreCorrupt):
        night(sleep)


@given(st.lists(st.sampled_from(["begin", "slice", "interrupt", "crash", "break", "mend"])))
def test_whatever_happens_no_step_is_lost_and_failures_are_bounded(events: list[str]) -> None:
    steps = Steps()
    sleep = steps.sleep()
    now = NOW
    for event in events:
        now = now.later(1.0)
        if event == "begin" and not sleep.busy:
            sleep.begin()
        elif event == "slice" and sleep.busy:
            sleep.slice(now)
        elif event == "interrupt":
            sleep.interrupt(now)
            assert not sleep.busy
        elif event == "crash":
            sleep = steps.sleep(kept(sleep))
        elif event == "break":
            steps.broken = {"b"}
        elif event == "mend":
            steps.broken = set()
        assert all(trouble.failures <= TRIES for trouble in sleep.troubles.values())
        running = [name for name, trouble in sleep.troubles.items() if trouble.running]
        assert len(running) <= 1
    steps.broken = set()
    sleep.interrupt(now)
    ended = night(sleep, now.later(2 * QUARANTINE_S))
    assert {one.step for one in ended if one.outcome == "finished"} == {"a", "b", "c"}
