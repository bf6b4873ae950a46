"""Whether to write the payload: every reason, and the whole matrix (SEED T2, T4, T5)."""

import itertools

import pytest
from msgspec import structs

from iai.freshness.decide import (
    LONGEST_BACKOFF_S,
    Attempt,
    Graph,
    Hold,
    Situation,
    Write,
    backoff_s,
    decide,
)
from iai.messages import Reason
from iai.store.records import Watermark

OLD = Watermark(5, 5, 5, 50, 50)
NOW_S, INTERVAL_S = 1_000.0, 60.0
READY = Situation(
    now_s=NOW_S, min_interval_s=INTERVAL_S, live=OLD, claimed=OLD, cache_present=True, graph="warm"
)


def at(**changes: object) -> Situation:
    return structs.replace(READY, **changes)


def test_nothing_changed_means_no_new_records() -> None:
    assert decide(READY) == Hold(Reason.NO_NEW_RECORDS)


def test_no_payload_is_written_at_once_though_the_interval_has_not_elapsed() -> None:
    recent = Attempt(NOW_S - 1, 0)
    assert decide(at(cache_present=False, last=recent)) == Write(
        Reason.CACHE_ABSENT, with_graph=True
    )


def test_no_sidecar_is_a_reason_to_write() -> None:
    assert decide(at(claimed=None)) == Write(Reason.META_ABSENT, with_graph=True)


@pytest.mark.parametrize("field", Watermark.__struct_fields__)
def test_each_part_of_the_watermark_alone_is_a_reason_to_write(field: str) -> None:
    live = structs.replace(OLD, **{field: getattr(OLD, field) + 1})
    assert decide(at(live=live)) == Write(Reason.WATERMARK_CHANGED, with_graph=True)


def test_a_smaller_count_is_a_change_too() -> None:
    live = structs.replace(OLD, records_count=4)
    assert decide(at(live=live)) == Write(Reason.WATERMARK_CHANGED, with_graph=True)


def test_a_change_within_the_interval_is_held_until_it_ends() -> None:
    live = structs.replace(OLD, revision=6)
    held = decide(at(live=live, last=Attempt(NOW_S - 20, 0)))
    assert held == Hold(
        Reason.MIN_INTERVAL_NOT_ELAPSED, Reason.WATERMARK_CHANGED, NOW_S - 20 + INTERVAL_S
    )
    assert isinstance(decide(at(live=live, last=Attempt(NOW_S - INTERVAL_S, 0))), Write)


def test_records_that_cannot_be_looked_at_are_never_a_reason_to_write() -> None:
    for force in (False, True):
        assert decide(at(live=None, force=force)) == Hold(Reason.PROBE_FAILED)


def test_a_cold_graph_holds_a_refresh_back() -> None:
    live = structs.replace(OLD, revision=6)
    assert decide(at(live=live, graph="cold")) == Hold(
        Reason.RUNTIME_GRAPH_CACHE_COLD, Reason.WATERMARK_CHANGED
    )


def test_a_graph_that_stays_cold_is_left_out() -> None:
    live = structs.replace(OLD, revision=6)
    assert decide(at(live=live, graph="cold_too_long")) == Write(
        Reason.WATERMARK_CHANGED, with_graph=False
    )


@pytest.mark.parametrize("graph", ["warm", "cold", "cold_too_long"])
def test_force_passes_interval_watermark_and_cold_graph(graph: Graph) -> None:
    forced = decide(at(force=True, graph=graph, last=Attempt(NOW_S, 3)))
    assert forced == Write(Reason.FORCED, with_graph=graph == "warm")


def test_a_store_without_records_has_nothing_to_write() -> None:
    nothing = decide(at(live=Watermark(), claimed=None, cache_present=False))
    assert nothing == Hold(Reason.EMPTY_RENDER, Reason.CACHE_ABSENT)


def test_a_payload_of_records_that_are_all_forgotten_is_not_left_standing() -> None:
    live = Watermark(revision=10, max_vec_label=5)
    assert decide(at(live=live)) == Write(Reason.WATERMARK_CHANGED, with_graph=True)


def test_attempts_that_come_to_nothing_back_off_up_to_ten_minutes() -> None:
    waits = [backoff_s(failures) for failures in range(1, 40)]
    assert waits == sorted(waits)
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST_BACKOFF_S


@pytest.mark.parametrize("reason", [None, Reason.EMPTY_RENDER, Reason.RUNTIME_GRAPH_CACHE_COLD])
@pytest.mark.parametrize("failures", [1, 2, 9, 50])
def test_no_attempt_that_came_to_nothing_is_repeated_at_every_tick(
    reason: Reason | None, failures: int
) -> None:
    live = structs.replace(OLD, revision=6)
    last = Attempt(NOW_S, failures, reason, live)
    situation = at(live=live, graph="cold", last=last)
    until = NOW_S + backoff_s(failures)
    held = decide(situation)
    assert isinstance(held, Hold)
    assert held.until_s == until
    assert decide(structs.replace(situation, now_s=until)) != held


def test_an_empty_attempt_does_not_delay_the_first_memory() -> None:
    last = Attempt(NOW_S, 7, Reason.EMPTY_RENDER, Watermark())
    assert isinstance(decide(at(claimed=None, cache_present=False, last=last)), Write)


def test_a_graph_that_has_become_warm_is_not_waited_for() -> None:
    live = structs.replace(OLD, revision=6)
    last = Attempt(NOW_S, 7, Reason.RUNTIME_GRAPH_CACHE_COLD, live)
    assert isinstance(decide(at(live=live, last=last)), Write)


MATRIX = list(
    itertools.product(
        (False, True),  # cache present
        ("none", "equal", "moved"),  # sidecar
        (None, 10.0, 100.0),  # seconds since the last attempt
        (0, 1, 20),  # failures in a row
        ("warm", "cold", "cold_too_long"),
        (False, True),  # force
        (False, True),  # probe failed
    )
)


@pytest.mark.parametrize(
    ("present", "sidecar", "ago_s", "failures", "graph", "force", "probe_failed"), MATRIX
)
def test_the_whole_matrix(
    present: bool,  # noqa: FBT001
    sidecar: str,
    ago_s: float | None,
    failures: int,
    graph: Graph,
    force: bool,  # noqa: FBT001
    probe_failed: bool,  # noqa: FBT001
) -> None:
    """Every combination, against the gates written down a second time, one after the other."""
    live = structs.replace(OLD, revision=6 if sidecar == "moved" else 5)
    last = None if ago_s is None else Attempt(NOW_S - ago_s, failures, None, live)
    decision = decide(
        at(
            live=None if probe_failed else live,
            claimed=None if sidecar == "none" else OLD,
            cache_present=present,
            graph=graph,
            force=force,
            last=last,
        )
    )
    wanted = (
        Reason.CACHE_ABSENT if not present
        else Reason.META_ABSENT if sidecar == "none"
        else Reason.WATERMARK_CHANGED if sidecar == "moved"
        else None
    )  # fmt: skip
    pause = 0.0
    if last is not None and failures:
        pause = min(2.0 ** (failures - 1), 600.0)
    elif last is not None and wanted is not Reason.CACHE_ABSENT:
        pause = INTERVAL_S
    if probe_failed:
        assert decision == Hold(Reason.PROBE_FAILED)
    elif force:
        assert decision == Write(Reason.FORCED, with_graph=graph == "warm")
    elif wanted is None:
        assert decision == Hold(Reason.NO_NEW_RECORDS)
    elif ago_s is not None and ago_s < pause:
        assert decision == Hold(Reason.MIN_INTERVAL_NOT_ELAPSED, wanted, NOW_S - ago_s + pause)
    elif graph == "cold":
        assert decision == Hold(Reason.RUNTIME_GRAPH_CACHE_COLD, wanted)
    else:
        assert decision == Write(wanted, with_graph=graph == "warm")
