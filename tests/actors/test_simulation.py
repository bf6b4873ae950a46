"""Simulated days: no fault breaks an invariant, and the invariants catch broken code.

Each guard against a fault of the old system (SEED D1 to D6) is taken out once; one of the first
hundred scenarios must then fail.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.simulate import run_scenario, shortest_failing
from msgspec import structs
from simulation.scenarios import generate

from actors import cache_writer
from actors.cache_writer import CacheWriter
from iai.freshness import decide
from iai.freshness.decide import Basis, Situation
from iai.freshness.refresh import Round
from iai.freshness.target import Target
from iai.model.clock import NS, Now
from iai.protocol.behaviour import Steps
from iai.protocol.cache_writer import Reason

SCENARIOS = 100

Patch = pytest.MonkeyPatch


@pytest.mark.parametrize("seed", range(12))
def test_a_day_full_of_faults_breaks_no_invariant(seed: int) -> None:
    assert run_scenario(generate(seed, days=1)).broken == ""


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert run_scenario(generate(3, days=1)) == run_scenario(generate(3, days=1))


def watermark_taken_after_composing(patch: Patch) -> None:
    write = CacheWriter._write

    def late(self: CacheWriter, round_: Round, target: Target) -> Steps:
        steps = write(self, round_, target)
        yield next(steps)  # the payload
        look = self._look(round_.began)
        assert look is not None
        round_.basis = look.basis
        yield from steps

    patch.setattr(CacheWriter, "_write", late)


def only_success_moves_the_interval(patch: Patch) -> None:
    patch.setattr(CacheWriter, "_came_to_nothing", lambda *_: None)


def a_future_file_is_fresh(patch: Patch) -> None:
    def young(path: Path, wall: int, max_age_s: float) -> bool:
        return path.exists() and (wall - path.stat().st_mtime_ns) / NS <= max_age_s

    patch.setattr(cache_writer, "servable", young)


def a_cold_graph_is_awaited_forever(patch: Patch) -> None:
    patch.setattr(cache_writer, "COLD_BOUND_S", 1e9)


def two_refreshes_may_run_at_once(patch: Patch) -> None:
    def work(self: CacheWriter, now: Now) -> Steps:
        yield from self._consider(now)
        if self._round is not None:
            yield from self._continue(self._round, now)

    patch.setattr(CacheWriter, "work", work)


def only_count_and_label_are_compared(patch: Patch) -> None:
    def wanted(at: Situation, live: Basis) -> Reason | None:
        if not at.cache_present:
            return Reason.CACHE_ABSENT
        if at.claimed is None:
            return Reason.META_ABSENT
        old, new = at.claimed.watermark, live.watermark
        same = (old.records_count, old.max_vec_label) == (new.records_count, new.max_vec_label)
        return None if same else Reason.WATERMARK_CHANGED

    patch.setattr(decide, "_wanted", wanted)


@pytest.mark.parametrize(
    ("without", "invariants"),
    [
        (watermark_taken_after_composing, "bc"),
        (only_success_moves_the_interval, "e"),
        (a_future_file_is_fresh, "c"),
        (a_cold_graph_is_awaited_forever, "f"),
        (two_refreshes_may_run_at_once, "d"),
        (only_count_and_label_are_compared, "cf"),
    ],
    ids=[f"D{number}" for number in range(1, 7)],
)
def test_without_a_guard_a_scenario_fails(
    without: Callable[[Patch], None], invariants: str, monkeypatch: Patch
) -> None:
    without(monkeypatch)
    outcomes = (run_scenario(generate(seed, days=1)).broken for seed in range(SCENARIOS))
    broken = next(filter(None, outcomes), "")
    assert broken
    assert broken[1] in invariants


def test_a_failing_scenario_is_shrunk_to_a_minimum(monkeypatch: Patch) -> None:
    a_cold_graph_is_awaited_forever(monkeypatch)
    failing = next(
        s for s in (generate(n, days=1) for n in range(SCENARIOS)) if run_scenario(s).broken
    )
    short = shortest_failing(failing)
    assert run_scenario(short).broken
    assert len(short.acts) <= 4
    for left_out in range(len(short.acts)):
        acts = short.acts[:left_out] + short.acts[left_out + 1 :]
        assert not run_scenario(structs.replace(short, acts=acts)).broken
