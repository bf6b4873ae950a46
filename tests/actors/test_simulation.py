"""Simulated days: no fault breaks an invariant, and the invariants catch broken code.

Each guard against a fault of the old system (SEED D1 to D6) is taken out once, and one guard of
each invariant that those do not touch; one of the first hundred scenarios must then fail. The
search begins with a scenario that failed when the test was written.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from benchmarks.simulate import Outcome, run_scenario, shortest_failing
from msgspec import structs
from simulation.scenarios import Act, Scenario, generate
from simulation.world import Chances

from actors import cache_writer
from actors.cache_writer import CacheWriter
from iai.freshness import decide, timers
from iai.freshness.inputs import InputVersion, RefreshInputs
from iai.freshness.refresh import RefreshJob
from iai.freshness.sidecar import encode_sidecar
from iai.freshness.target import Target
from iai.freshness.timers import RefreshTimers
from iai.ingest.spool_reader import SpoolReader
from iai.model.clock import NS, Now
from iai.model.record import Record, Transcript
from iai.payload import summary
from iai.protocol.behaviour import Steps
from iai.protocol.cache_writer import Reason
from iai.session_start import snapshot
from iai.store import copying
from iai.store.actions import ActionChange
from iai.store.record_view import RecordView
from iai.store.transcript_change import TranscriptChange

SCENARIOS = 100

Patch = pytest.MonkeyPatch


@cache
def outcome(seed: int) -> Outcome:
    return run_scenario(generate(seed, days=1))


@pytest.mark.parametrize("seed", range(12))
def test_a_day_full_of_faults_breaks_no_invariant(seed: int) -> None:
    assert outcome(seed).broken == ""


def test_the_same_seed_gives_the_same_outcome_on_a_slow_machine(monkeypatch: Patch) -> None:
    ticks = itertools.count()
    slow = SimpleNamespace(monotonic=lambda: next(ticks) / 50)  # a look at the clock takes 20 ms
    monkeypatch.setattr(copying, "time", slow)
    assert run_scenario(generate(5, days=1)) == outcome(5)


def watermark_taken_after_composing(patch: Patch) -> None:
    write = CacheWriter._write

    def late(self: CacheWriter, job: RefreshJob, target: Target) -> Steps:
        steps = write(self, job, target)
        yield next(steps)  # the payload
        live = self._snapshots.read(job.began.wall).live
        assert live is not None
        job.version = live
        yield from steps

    patch.setattr(CacheWriter, "_write", late)


def only_success_moves_the_interval(patch: Patch) -> None:
    patch.setattr(RefreshTimers, "failed", lambda *_: None)


def a_future_file_is_fresh(patch: Patch) -> None:
    def young(path: Path, wall: int, max_age_s: float) -> bool:
        return path.exists() and (wall - path.stat().st_mtime_ns) / NS <= max_age_s

    patch.setattr(snapshot, "servable", young)


def a_cold_graph_is_awaited_forever(patch: Patch) -> None:
    patch.setattr(timers, "COLD_BOUND_S", 1e9)


def two_refreshes_may_run_at_once(patch: Patch) -> None:
    def work(self: CacheWriter, now: Now) -> Steps:
        yield from self._consider(now)
        if self._job is not None:
            yield from self._continue(self._job, now)

    patch.setattr(CacheWriter, "work", work)


def only_count_and_label_are_compared(patch: Patch) -> None:
    def wanted(inputs: RefreshInputs, live: InputVersion) -> Reason | None:
        if not inputs.cache_present:
            return Reason.CACHE_ABSENT
        if inputs.claimed is None:
            return Reason.META_ABSENT
        old, new = inputs.claimed.watermark, live.watermark
        same = (old.records_count, old.max_vec_label) == (new.records_count, new.max_vec_label)
        return None if same else Reason.WATERMARK_CHANGED

    patch.setattr(decide, "_wanted", wanted)


def open_calls_are_not_kept_with_the_offset(patch: Patch) -> None:
    follow = TranscriptChange.follow

    def forgetful(self: TranscriptChange, transcript: Transcript) -> None:
        follow(self, structs.replace(transcript, calls=()))

    patch.setattr(TranscriptChange, "follow", forgetful)


def a_sidecar_is_cut_off(patch: Patch) -> None:
    patch.setattr(cache_writer, "encode_sidecar", lambda sidecar: encode_sidecar(sidecar)[:-9])


def an_event_goes_before_its_transcript_is_followed(patch: Patch) -> None:
    patch.setattr(SpoolReader, "_follow", lambda *_: iter(()))


def a_text_is_not_known_by_its_key(patch: Patch) -> None:
    patch.setattr(RecordView, "known", lambda *_: None)


def narration_is_taken_for_the_answer(patch: Patch) -> None:
    turns = RecordView.session

    def session(self: RecordView, key: bytes, *, newest_first: bool = False) -> Iterator[Record]:
        narrated = (structs.replace(turn, kind="") for turn in self.narration(key))
        found = [*turns(self, key), *narrated]
        return iter(found[::-1] if newest_first else found)

    patch.setattr(RecordView, "session", session)


def a_session_is_shown_without_its_files(patch: Patch) -> None:
    patch.setattr(summary, "files_of", lambda *_: ())


def what_is_forgotten_is_still_found_by_its_file(patch: Patch) -> None:
    patch.setattr(ActionChange, "_delete_index", lambda *_: None)


@pytest.mark.parametrize(
    ("without", "invariants", "first"),
    [
        (watermark_taken_after_composing, "bc", 0),
        (only_success_moves_the_interval, "e", 12),
        (a_future_file_is_fresh, "c", 9),
        (a_cold_graph_is_awaited_forever, "f", 1),
        (two_refreshes_may_run_at_once, "d", 0),
        (only_count_and_label_are_compared, "cf", 0),
        (open_calls_are_not_kept_with_the_offset, "h", 7),
        (a_sidecar_is_cut_off, "a", 0),
        (an_event_goes_before_its_transcript_is_followed, "g", 0),
        (a_text_is_not_known_by_its_key, "g", 0),
        (narration_is_taken_for_the_answer, "i", 1),
        (a_session_is_shown_without_its_files, "j", 1),
        (what_is_forgotten_is_still_found_by_its_file, "k", 5),
    ],
    ids=[*(f"D{number}" for number in range(1, 7)), "h", "a", "g, once", "g, twice", "i", "j", "k"],
)
def test_without_a_guard_a_scenario_fails(
    without: Callable[[Patch], None], invariants: str, first: int, monkeypatch: Patch
) -> None:
    without(monkeypatch)
    seeds = (first, *range(SCENARIOS))
    outcomes = (run_scenario(generate(seed, days=1)).broken for seed in seeds)
    broken = next(filter(None, outcomes), "")
    assert broken
    assert broken[1] in invariants


def test_what_a_transcript_says_may_go_unread_with_its_whole_session() -> None:
    a_day_later = (365 + 2) << 8 | 3  # so that the transcript is not watched any more
    acts = [Act(1.0, "hook", 2), Act(5.0, "rest", a_day_later), Act(1.0, "hook", 2)]
    story = Scenario(1, 1.0, Chances(), (*acts, Act(0.0, "forget", 0)))
    assert run_scenario(story).broken == ""


def test_a_failing_scenario_is_shrunk_to_a_minimum(monkeypatch: Patch) -> None:
    a_cold_graph_is_awaited_forever(monkeypatch)
    scenarios = (generate(seed, days=1) for seed in (1, *range(SCENARIOS)))
    failing = next(one for one in scenarios if run_scenario(one).broken)
    short = shortest_failing(failing)
    assert run_scenario(short).broken
    assert len(short.acts) <= 4
    for left_out in range(len(short.acts)):
        acts = short.acts[:left_out] + short.acts[left_out + 1 :]
        assert not run_scenario(structs.replace(short, acts=acts)).broken
