"""The refresh of the payload, as SEED.md specifies it: which test covers which demand.

====  ==================================================================================
T1    iai/store/test_records.py: ...with_an_old_time_moves_the_watermark; and here
T2    iai/freshness/test_decide.py, the whole matrix
T3    test_each_event_has_the_fields_of_the_contract
T4    test_a_cold_graph_is_waited_for_and_then_left_out
T5    test_force_bypasses_the_interval_the_watermark_and_a_cold_graph
T6    test_ten_callers_at_once_are_one_write; with real processes,
      actors/test_freshness_under_faults.py:
      test_two_hundred_requests_during_a_slow_write_cause_at_most_one_more
T7    test_an_hour_of_work_without_sleep_and_the_payload_is_never_behind
T8    hooks/test_recall_hook.py
T9    iai/freshness/test_sidecar.py, iai/session_start/test_payload_files.py
D1    test_a_record_committed_while_the_payload_is_composed_is_not_claimed
D2    test_a_write_that_fails_backs_off_and_recovers
D3    test_a_payload_dated_in_the_future_is_rewritten; and with real processes
D4    test_a_cold_graph_is_waited_for_and_then_left_out
D5    test_a_request_during_a_write_is_answered_at_once
D6    test_a_pin_is_in_the_payload_though_no_record_was_added; and of graph and program
      iai/freshness/test_decide.py: test_a_rebuilt_graph_or_another_program_is_a_reason_to_write
D7    iai/store/test_records.py: test_the_watermark_is_read_as_one_value_not_counted
D8    hooks/test_recall_hook.py
D1-6  each guard removed once, in a simulated group: actors/test_simulation.py
D9    test_every_file_written_is_private_and_inside_the_store
D10   the same
====  ==================================================================================
"""

import os
from collections.abc import Callable
from typing import TypeGuard
from unittest.mock import Mock

import pytest
from msgspec import structs
from simulation.world import World

from iai.freshness.claude_file import claude_path
from iai.freshness.mailbox import SLEEP_PATIENCE_S
from iai.freshness.sidecar import sidecar_path
from iai.freshness.skips import REPORT_S
from iai.freshness.timers import QUIET_S
from iai.model import framing
from iai.model.clock import NS, Now, iso
from iai.payload import sessions
from iai.payload.summary import summarise
from iai.projects.identity import identify
from iai.protocol.behaviour import Answer, Caller, Effect, ReplaceFile
from iai.protocol.cache_writer import (
    CacheWriteFailed,
    CacheWriteSkipped,
    CacheWriteStarted,
    CacheWriteSuccess,
    Reason,
    RebuildWanted,
    Refresh,
    RefreshOutcome,
)
from iai.protocol.graph_cache import SleepFinished
from iai.protocol.ingest import (
    Capture,
    CapturedTurn,
    Forget,
    Import,
    Pin,
    SessionEnded,
)
from iai.protocol.lifecycle import RequestState
from iai.protocol.message import Actor, State
from iai.session_start import capture_watch
from iai.session_start.payload_files import read_sidecar
from iai.session_start.snapshot import STALLED_S, WATCH_S
from tests.simulation.stories import (
    capture,
    events,
    revision,
    shown,
    spool,
    transcript_line,
)

Make = Callable[..., World]
INTERVAL_S = 60.0


def refresh(world: World, **fields: bool) -> RefreshOutcome:
    reply = world.answer(Actor.CACHE_WRITER, Refresh(**fields))
    assert isinstance(reply, RefreshOutcome)
    return reply


def behind_for_s(world: World, seconds: int) -> float:
    """Let time pass; return the longest time that a change was missing from the payload."""
    longest, since = 0.0, None
    for _ in range(seconds):
        world.run(1.0)
        if shown(world) == revision(world):
            since = None
            continue
        with world.records.view() as view:
            oldest = view.entry(shown(world) + 1)
        assert oldest is not None
        since = oldest.at
        longest = max(longest, (world.now.wall - since) / NS)
    return longest


def test_a_first_memory_is_in_the_payload_at_once(world: Make) -> None:
    w = world()
    w.run(600)
    capture(w, "remember the milk")
    w.run(1.0)
    assert ': "remember the milk" (#1) -> not answered\n' in w.layout.payload.read_text()
    assert shown(w) == 1


def test_work_without_sleep_and_the_payload_is_never_behind(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S, drowsy_after_s=120.0, sleep_after_s=300.0)
    longest = 0.0
    for turn in range(14):  # twice as long as SLEEP waits for, and 10 times all that recurs
        capture(w, f"turn {turn}")
        longest = max(longest, behind_for_s(w, 45))
    states = {event.state for event in w.events if hasattr(event, "state")}
    assert states == {State.WAKE}
    assert longest <= INTERVAL_S + 1
    assert longest > 0


def test_a_change_held_back_by_the_interval_lands_when_it_ends(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S, tick_s=1_000.0)
    capture(w, "one")
    w.run(10.0)
    assert shown(w) == 1
    began = events(w, CacheWriteSuccess)[-1]
    capture(w, "two")
    w.run(INTERVAL_S - 11.0)
    assert shown(w) == 1
    w.run(2.0)
    assert shown(w) == 2
    assert events(w, CacheWriteSuccess)[-1].revision == began.revision + 1


def test_what_the_interval_holds_back_lands_when_its_session_ends(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S, tick_s=1_000.0)
    path = w.layout.root / "s1.jsonl"

    def goes_on(number: int, text: str) -> None:
        with path.open("a") as file:
            file.write(transcript_line(number, text, w))
        w.run(2.0)

    def payload() -> str:
        (written,) = w.layout.session_start.glob("*.md")
        return written.read_text()

    path.touch()
    spool(w, "a", transcript_path=str(path), hook_event_name="UserPromptSubmit")
    goes_on(0, "why?")
    assert "\nAsked: why? (#1)\n" in payload()
    goes_on(1, "because")
    assert "because" not in payload()
    spool(w, "b", transcript_path=str(path), hook_event_name="SessionEnd")
    w.run(1.0)
    assert "\nAnswer: because (#2)\n" in payload()
    goes_on(2, "written late")
    assert "\nAsked last: written late (#3)\n" in payload()
    spool(w, "c", transcript_path=str(path), hook_event_name="UserPromptSubmit")  # it is resumed
    goes_on(3, "one more")
    assert "one more" not in payload()


def payloads_written(world: World) -> list[str]:
    """Names of the projects whose payloads were written, in order."""
    written = [e.path for a, e in world.effects if a is Actor.CACHE_WRITER and is_payload(e)]
    names = {world.layout.project_payload(identify(f"/{name}").id): name for name in "abc"}
    return [names.get(path, "all") for path in written]


def is_payload(effect: Effect) -> TypeGuard[ReplaceFile]:
    return isinstance(effect, ReplaceFile) and effect.path.suffix == ".md"


def test_where_a_session_has_ended_the_payload_is_written_first(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S, tick_s=1_000.0)
    for name in "abc":
        capture(w, f"said in {name}", cwd=f"/{name}", session=name)
    w.run(INTERVAL_S + 1.0)
    for name in "abc":
        capture(w, f"said again in {name}", cwd=f"/{name}", session=name)
        w.run(2.0)
    w.effects.clear()
    spool(w, "e", session_id="b", cwd="/b", hook_event_name="SessionEnd")
    w.run(2.0)
    assert payloads_written(w) == ["b", "c", "a", "all"]
    text = w.layout.project_payload(identify("/b").id).read_text()
    assert "\nAsked last: said again in b (#5)\n" in text


def test_where_a_session_ends_during_a_refresh_its_payload_is_written_next(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    for name in "abc":
        capture(w, f"said in {name}", cwd=f"/{name}", session=name)
    w.run(5.0)
    w.effects.clear()
    capture(w, "said again", cwd="/c", session="c")
    w.run(2.0, until=lambda: bool(payloads_written(w)))
    event = SessionEnded(revision=revision(w), project=identify("/a").id)
    list(w.actors[Actor.CACHE_WRITER].on_event(event, w.now))
    w.run(5.0)
    assert payloads_written(w)[:4] == ["c", "a", "b", "all"]


def choosing(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Count how often a session is summarised for a payload."""
    chosen = Mock(wraps=summarise)
    monkeypatch.setattr(sessions, "summarise", chosen)
    return chosen


def test_a_held_back_payload_is_prepared_before_its_session_ends(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world(refresh_min_s=INTERVAL_S, tick_s=1_000.0)
    capture(w, "one", session="s1")
    w.run(2.0)
    capture(w, "two", session="s1")
    w.run(2.0)
    chosen = choosing(monkeypatch)
    spool(w, "e", hook_event_name="SessionEnd")
    w.run(2.0)
    assert shown(w) == revision(w) == 2
    chosen.assert_not_called()


def test_nothing_is_prepared_while_changes_keep_coming(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world(refresh_min_s=INTERVAL_S, tick_s=1_000.0)
    capture(w, "one", session="s")
    w.run(2.0)
    chosen = choosing(monkeypatch)
    for number in range(40):  # as an import does
        capture(w, f"two {number}", session="s")
        w.run(QUIET_S / 2)
    chosen.assert_not_called()
    w.run(2.0)
    chosen.assert_called_once()


def test_a_hook_finds_the_news_of_a_project_beside_its_payload(
    world: Make,
) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "one", session="s")
    w.run(2.0)
    link = w.layout.news_link("/p")
    assert link is not None
    assert link.read_text() == "0 0 s\n"


def test_an_import_of_old_turns_refreshes_the_payload(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "something new")
    w.run(5.0)
    old = w.layout.root / "old.jsonl"
    old.write_text(transcript_line(0, "asked in 2001", w, timestamp="2001-09-09T01:46:40Z"))
    before = read_sidecar(w.layout.payload)
    w.answer(Actor.INGEST, Import(paths=(str(old),)))
    w.run(5.0)
    after = read_sidecar(w.layout.payload)
    assert before is not None
    assert after is not None
    assert after.max_created_at == before.max_created_at
    assert after.revision == before.revision + 1 == revision(w)


def test_a_pin_is_in_the_payload_though_no_record_was_added(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "always use tabs")
    w.run(2.0)
    w.answer(Actor.INGEST, Pin(ref="#1"))
    w.run(2.0)
    (payload,) = w.layout.session_start.glob("*.md")
    assert "## Pinned" in payload.read_text()


def test_what_was_forgotten_leaves_every_payload(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "my secret")
    w.run(2.0)
    w.answer(Actor.INGEST, Forget(refs=("#1",)))
    w.run(2.0)
    assert not w.layout.payload.exists()
    assert list(w.layout.session_start.rglob("*.*")) == []


def test_what_was_forgotten_leaves_a_payload_too_old_to_be_shown(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "my secret")
    w.run(2.0)
    w.now = Now(w.now.wall + 2 * 86_400 * NS, w.now.mono)  # as after days with iai down
    w.answer(Actor.INGEST, Forget(refs=("#1",)))
    w.run(2.0)
    assert not w.layout.payload.exists()
    assert not sidecar_path(w.layout.payload).exists()


def test_each_event_has_the_fields_of_the_contract(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S)
    capture(w, "one")
    w.run(2.0)
    capture(w, "two")
    refresh(w)
    w.layout.payload.unlink()
    w.layout.payload.mkdir()
    refresh(w, force=True)
    path = str(w.layout.payload)
    assert events(w, CacheWriteStarted)[0] == CacheWriteStarted(
        trigger="wake_sequence", cache_path=path, force_rebuild=False, reason=Reason.CACHE_ABSENT
    )
    success = events(w, CacheWriteSuccess)[0]
    sidecar = CacheWriteSuccess.__struct_fields__
    assert {
        "rendered_chars", "records_count", "max_vec_label", "max_record_created_at",
        "max_updated_at", "duration_ms", "trigger", "cache_path",
    } <= set(sidecar)  # fmt: skip
    assert (success.records_count, success.max_vec_label, success.revision) == (1, 1, 1)
    assert success.rendered_chars > 100
    assert success.payloads == 2
    skipped = [e for e in events(w, CacheWriteSkipped) if e.trigger == "manual"]
    assert [(e.reason, e.wanted, e.cache_path) for e in skipped] == [
        (Reason.MIN_INTERVAL_NOT_ELAPSED, Reason.WATERMARK_CHANGED, path)
    ]
    (failed,) = events(w, CacheWriteFailed)
    assert (failed.trigger, failed.cache_path, failed.reason) == (
        "manual",
        path,
        "IsADirectoryError",
    )
    assert "directory" in failed.error


def test_the_sidecar_says_what_the_payload_holds(world: Make) -> None:
    w = world()
    capture(w, "one", "two")
    w.run(2.0)
    sidecar = read_sidecar(w.layout.payload)
    assert sidecar is not None
    text = w.layout.payload.read_text()
    assert sidecar.rendered_chars == len(text)
    assert text.startswith(
        f"<!-- iai revision={sidecar.revision} generated_at={sidecar.generated_at} "
    )
    assert (sidecar.revision, sidecar.records_count, sidecar.max_vec_label) == (2, 2, 2)
    assert sidecar.trigger == "wake_sequence"


def test_a_record_committed_while_the_payload_is_composed_is_not_claimed(world: Make) -> None:
    """What is committed between the watermark and the text causes one more refresh."""
    w = world(refresh_min_s=0.0)
    capture(w, "one")
    w.run(2.0)
    late: list[int] = []

    def insert_once() -> None:
        effect = w.effects[-1][1]
        if isinstance(effect, ReplaceFile) and effect.path.suffix == ".md" and not late:
            late.append(0)
            late[0] = int(w.ask(Actor.INGEST, _capture("three")))

    capture(w, "two")
    w.after_effect = insert_once
    w.run(2.0)
    assert late
    assert shown(w) == revision(w) == 3
    claims = [e.revision for e in events(w, CacheWriteSuccess)]
    assert claims == [1, 2, 3]


def _capture(text: str) -> Capture:
    return Capture(turns=(CapturedTurn(text=text, cwd="/p", session="s"),))


def test_ten_callers_at_once_are_one_write(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    w.run(1.0)
    capture(w, "one")
    w.run(5.0)
    asked = [w.ask(Actor.CACHE_WRITER, Refresh(force=True)) for _ in range(10)]
    w.run(5.0)
    assert [e.trigger for e in events(w, CacheWriteSuccess)].count("manual") == 1
    outcomes = [w.replies[one] for one in asked]
    assert all(o == outcomes[0] for o in outcomes)
    assert isinstance(outcomes[0], RefreshOutcome)
    assert outcomes[0].outcome == "written"


def test_a_caller_is_answered_though_the_refresh_after_sleep_has_expired(world: Make) -> None:
    w = world()
    writer, answered = w.actors[Actor.CACHE_WRITER], Caller(b"test", "late")
    list(writer.on_event(SleepFinished(revision=0), w.now))
    list(writer.receive(Refresh(), answered, w.now))
    effects = list(writer.work(w.now.later(SLEEP_PATIENCE_S + 1)))
    outcome = RefreshOutcome(outcome="skipped", reason=Reason.REFRESH_IN_PROGRESS)
    assert Answer(answered, outcome) in effects


def test_a_request_during_a_write_is_answered_at_once(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "one")
    w.run(5.0)
    before = len(events(w, CacheWriteSuccess))
    w.ask(Actor.CACHE_WRITER, Refresh(force=True))
    w.run(1.0, until=lambda: len(events(w, CacheWriteStarted)) > before)
    during = w.ask(Actor.CACHE_WRITER, Refresh(force=True))
    reply = w.replies[during]
    assert isinstance(reply, RefreshOutcome)
    assert (reply.outcome, reply.reason) == ("skipped", Reason.REFRESH_IN_PROGRESS)
    w.run(5.0)
    assert [e.trigger for e in events(w, CacheWriteSuccess)].count("manual") == 1


def half_written(world: World) -> None:
    """Start a refresh and stop after it has written the payload of the project alone."""
    (payload,) = world.layout.session_start.glob("*.md")

    def written() -> bool:
        sidecars = [read_sidecar(path) for path in (payload, world.layout.payload)]
        return [s.trigger == "manual" for s in sidecars if s] == [True, False]

    world.ask(Actor.CACHE_WRITER, Refresh(force=True))
    world.run(1.0, until=written)
    assert written()


def test_a_pin_during_a_refresh_bypasses_the_interval(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S, tick_s=1_000.0)
    capture(w, "one")
    w.run(10.0)
    half_written(w)
    w.ask(Actor.INGEST, Pin(ref="#1"))
    w.run(5.0)
    assert shown(w) == revision(w) == 2


def test_a_record_forgotten_during_a_refresh_is_in_no_payload_after_it(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S, tick_s=1_000.0)
    capture(w, "a secret")
    w.run(10.0)
    half_written(w)
    w.ask(Actor.INGEST, Forget(refs=("#1",)))
    w.run(5.0)
    assert [*w.layout.session_start.glob("*.md")] == []
    assert not w.layout.payload.exists()


def test_a_caller_is_answered_though_a_leftover_cannot_be_removed(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    stays = w.layout.session_start / "stays.md"
    stays.mkdir(parents=True)  # no file: it cannot be removed as one
    w.run(5.0)
    outcome = refresh(w)
    assert (outcome.outcome, outcome.reason) == ("skipped", Reason.EMPTY_RENDER)
    assert stays.exists()


def test_a_forced_refresh_rebuilds_the_graph_which_causes_one_more(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "one")
    w.run(5.0)
    before = len(events(w, CacheWriteStarted))
    refresh(w, force=True)
    w.run(5.0)
    forced, more = events(w, CacheWriteStarted)[before:]
    assert (forced.trigger, forced.reason) == ("manual", Reason.FORCED)
    assert (more.trigger, more.reason) == ("wake_sequence", Reason.WATERMARK_CHANGED)
    sidecar = read_sidecar(w.layout.payload)
    assert sidecar is not None
    assert sidecar.graph == 1


def test_a_request_not_covered_by_the_write_in_progress_causes_exactly_one_more(
    world: Make,
) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "one")
    w.run(5.0)
    before = len(events(w, CacheWriteSuccess))
    w.ask(Actor.CACHE_WRITER, Refresh(force=True))
    w.run(1.0, until=lambda: len(events(w, CacheWriteStarted)) > before)
    w.ask(Actor.INGEST, _capture("two"))
    during = [w.ask(Actor.CACHE_WRITER, Refresh()) for _ in range(5)]
    # The graph may follow after that, and then is one more.
    w.run(5.0, until=lambda: all(one in w.replies for one in during))
    assert len(events(w, CacheWriteSuccess)) == before + 2
    for one in during:
        reply = w.replies[one]
        assert isinstance(reply, RefreshOutcome)
        assert (reply.outcome, reply.revision) == ("written", 2)


def test_a_cold_graph_is_waited_for_and_then_left_out(world: Make) -> None:
    w = world()
    w.actors.pop(Actor.GRAPH_CACHE)  # it cannot start at all
    capture(w, "one")
    w.run(2.0)
    assert not w.layout.payload.exists()
    assert events(w, CacheWriteSkipped)[-1].reason is Reason.RUNTIME_GRAPH_CACHE_COLD
    w.run(3.0)
    assert "the graph is not ready yet" in w.layout.payload.read_text()
    w.start(Actor.GRAPH_CACHE)
    w.run(INTERVAL_S + 1)
    assert "the graph is not ready yet" not in w.layout.payload.read_text()


def test_a_graph_that_warms_up_holds_nothing_back(world: Make) -> None:
    w = world()
    w.crash(Actor.GRAPH_CACHE, for_s=1.5)
    capture(w, "one")
    w.run(1.0)
    assert shown(w) == 0
    w.run(1.6)
    assert shown(w) == 1
    assert "not ready" not in w.layout.payload.read_text()


def test_force_bypasses_the_interval_the_watermark_and_a_cold_graph(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S)
    w.actors.pop(Actor.GRAPH_CACHE)
    capture(w, "one")
    for _ in range(3):
        outcome = refresh(w, force=True)
        assert (outcome.outcome, outcome.reason) == ("written", "forced")
        w.run(0.5)
    assert len(events(w, RebuildWanted)) == 3
    assert all(event.force_rebuild for event in events(w, CacheWriteStarted))


def test_after_sleep_there_is_one_forced_refresh(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S)
    capture(w, "one")
    w.run(5.0)
    w.answer(Actor.LIFECYCLE, RequestState(state=State.SLEEP))
    w.run(5.0)
    assert len(events(w, SleepFinished)) == 1
    forced = [e for e in events(w, CacheWriteStarted) if e.trigger == "sleep_pipeline"]
    assert [(e.reason, e.force_rebuild) for e in forced] == [(Reason.FORCED, True)]
    assert events(w, CacheWriteSuccess)[-1].trigger == "sleep_pipeline"


def test_a_write_that_fails_backs_off_and_recovers(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    w.layout.payload.mkdir(parents=True)
    capture(w, "one")
    w.run(1_200.0)
    failures = len(events(w, CacheWriteFailed))
    assert 5 < failures < 12
    w.layout.payload.rmdir()
    w.run(601.0)
    assert shown(w) == 1
    capture(w, "two")
    w.run(1.0)
    assert shown(w) == 2


def test_an_idle_group_tries_nothing_and_fills_no_ledger(world: Make) -> None:
    w = world()
    capture(w, "one")
    w.run(5.0)
    before = len(w.events)
    w.run(REPORT_S + 60.0)
    reported = [
        e for e in w.events[before:] if isinstance(e, CacheWriteSkipped | CacheWriteStarted)
    ]
    periodic = [e for e in reported if getattr(e, "trigger", "") != "sleep_pipeline"]
    assert len(periodic) <= 3
    counted = sum(e.count for e in reported if isinstance(e, CacheWriteSkipped))
    assert counted > 50


def test_a_payload_dated_in_the_future_is_rewritten(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "one")
    w.run(5.0)
    ahead = w.now.wall + 365 * 86_400 * NS
    os.utime(w.layout.payload, ns=(ahead, ahead))
    w.run(5.0)
    assert w.layout.payload.stat().st_mtime_ns <= w.now.wall
    assert events(w, CacheWriteStarted)[-1].reason is Reason.CACHE_ABSENT


def test_a_payload_too_old_for_the_hook_is_rewritten(world: Make) -> None:
    w = world(refresh_min_s=0.0, max_age_s=300.0)
    capture(w, "one")
    w.run(400.0)
    assert w.now.wall - w.layout.payload.stat().st_mtime_ns < 300 * NS


def test_a_deleted_payload_or_sidecar_comes_back(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "one")
    w.run(5.0)
    (project,) = w.layout.session_start.glob("*.md")
    for path in (w.layout.payload, sidecar_path(w.layout.payload), project, sidecar_path(project)):
        path.unlink()
        w.run(10.0)
        assert path.exists(), path


@pytest.mark.parametrize("spoilt", [b"garbage", b"\xff", None])
def test_a_corrupt_or_cut_payload_is_rewritten(world: Make, spoilt: bytes | None) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "one")
    w.run(5.0)
    (project,) = w.layout.session_start.glob("*.md")
    for path in (w.layout.payload, project):
        whole = path.read_bytes()
        path.write_bytes(whole[:-20] if spoilt is None else spoilt)
        os.utime(path, ns=(w.now.wall, w.now.wall))
        w.run(5.0)
        assert path.read_text().endswith(framing.CLOSING + "\n"), path


def test_a_new_process_is_current_at_once_whatever_the_interval(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S)
    capture(w, "one")
    w.run(5.0)
    w.crash(Actor.CACHE_WRITER, for_s=1.0)
    capture(w, "two")
    w.run(3.0)
    assert shown(w) == 2


def test_stopping_leaves_a_current_payload_behind(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S)
    capture(w, "one")
    w.run(5.0)
    capture(w, "two")
    w.stop(Actor.CACHE_WRITER)
    assert shown(w) == 2


def test_a_dry_run_reports_the_decision_and_writes_nothing(world: Make) -> None:
    w = world(refresh_min_s=INTERVAL_S)
    capture(w, "one")
    w.run(5.0)
    writes = len(events(w, CacheWriteStarted))
    assert refresh(w, dry_run=True).reason == "no_new_records"
    capture(w, "two")
    held = refresh(w, dry_run=True)
    assert (held.outcome, held.reason, held.wanted) == (
        "skipped", "min_interval_not_elapsed", "watermark_changed",
    )  # fmt: skip
    assert refresh(w, dry_run=True, force=True).outcome == "would_write"
    assert len(events(w, CacheWriteStarted)) == writes


def test_every_project_has_its_payload_and_every_directory_finds_it(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "in one", cwd="/one", session="a")
    capture(w, "in two", cwd="/two dir", session="b")
    w.run(5.0)
    for cwd, own in (("/one", "in one"), ("/two dir", "in two")):
        link = w.layout.payload_link(cwd)
        assert link is not None
        assert f"Asked: {own} (" in link.read_text()
        sidecar = read_sidecar(link.resolve())
        assert sidecar is not None
        assert sidecar.revision == 2


def test_only_the_most_recent_projects_keep_a_payload(world: Make) -> None:
    w = world(refresh_min_s=0.0, payload_projects=2)
    for number in range(4):
        capture(w, f"in {number}", cwd=f"/{number}", session=str(number))
        w.run(5.0)
    links = sorted(path.name for path in w.layout.by_cwd.iterdir())
    assert links == [
        f"%2F{number}.{kind}" for number in (2, 3) for kind in ("claude", "md", "news")
    ]
    assert len(list(w.layout.session_start.glob("*.md"))) == 2
    assert len(list(w.layout.session_start.glob("*.json"))) == 2


def test_notes_on_files_are_kept_only_where_they_are_asked_for(world: Make) -> None:
    for asked_for in (False, True):
        w = world(refresh_min_s=0.0, file_history=int(asked_for))
        capture(w, "in one", cwd="/one", session="a")
        w.run(5.0)
        link = w.layout.files_link("/one")
        assert link is not None
        assert link.exists() == asked_for
        assert len(list(w.layout.session_start.glob("*.files"))) == asked_for
        assert not asked_for or link.read_text().startswith("<!-- iai revision=1 ")


def test_a_payload_kept_off_the_disk_leaves_only_its_revision_there(world: Make) -> None:
    w = world(refresh_min_s=0.0, file_history=1)
    capture(w, "in one", cwd="/one", session="a")
    w.run(5.0)
    assert "in one" in w.layout.project_payload(identify("/one").id).read_text()
    w.settings = structs.replace(w.settings, payload="live")
    w.stop(Actor.CACHE_WRITER)
    w.start(Actor.CACHE_WRITER)
    w.run(5.0)
    capture(w, "in one again", cwd="/one", session="b")
    w.run(5.0)
    left = [path for path in w.layout.session_start.rglob("*") if path.is_file()]
    assert [path for path in left if path.parent != w.layout.news] == []
    lines = w.layout.payload.read_text().splitlines()
    assert lines[1:] == ["composed at each start", framing.CLOSING]
    assert shown(w) == 2
    writes = len(events(w, CacheWriteSuccess))
    w.run(INTERVAL_S)
    assert len(events(w, CacheWriteSuccess)) == writes, "it is current, and not written again"


def test_every_file_written_is_private_and_inside_the_store(world: Make) -> None:
    w = world(refresh_min_s=0.0)
    capture(w, "one")
    w.run(5.0)
    written = [effect.path for _, effect in w.effects if isinstance(effect, ReplaceFile)]
    assert written
    for path in written:
        assert path.is_relative_to(w.layout.root)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o077 == 0 or path.parent == w.layout.root.parent


@pytest.mark.parametrize("days", [365, -365])
def test_a_jump_of_the_wall_clock_stops_nothing(world: Make, days: int) -> None:
    w = world(refresh_min_s=INTERVAL_S)
    capture(w, "one")
    w.run(5.0)
    w.now = w.now._replace(wall=w.now.wall + days * 86_400 * NS)
    capture(w, "two")
    w.run(INTERVAL_S + 2)
    assert shown(w) == 2
    first = w.layout.payload.read_text().splitlines()[0]
    assert iso(w.now.wall)[:7] in first


def test_the_status_line_is_kept_only_where_one_is_shown(world: Make) -> None:
    w = world()
    capture(w, "remember the milk")
    w.run(1.0)
    assert not w.layout.status_line.exists()
    w.layout.hooks.mkdir(exist_ok=True)
    w.layout.status_line_script.write_text("#!/bin/sh\n")
    capture(w, "and the bread")
    w.run(10.0)
    assert w.layout.status_line.read_text() == "-\tup to date\n"


def test_a_payload_says_that_capture_has_stalled_and_no_longer_once_it_has_not(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world()
    capture(w, "remember the milk")
    w.run(1.0)
    monkeypatch.setattr(capture_watch, "silent_hooks", lambda *_: "the hooks are silent")
    w.run(WATCH_S + INTERVAL_S)
    assert "\n(the hooks are silent)\n" in w.layout.payload.read_text()
    w.layout.hooks.mkdir(exist_ok=True)
    w.layout.status_line_script.write_text("#!/bin/sh\n")
    w.run(STALLED_S)
    assert "! the hooks are silent" in w.layout.status_line.read_text()
    monkeypatch.setattr(capture_watch, "silent_hooks", lambda *_: "")
    w.run(STALLED_S * 2)
    assert w.layout.status_line.read_text() == "-\tup to date\n", "a warning is soon taken back"
    w.run(INTERVAL_S)
    assert "silent" not in w.layout.payload.read_text()


def test_the_line_for_the_person_comes_with_the_payload_unless_it_is_turned_off(
    world: Make,
) -> None:
    w = world()
    capture(w, "remember the milk", cwd="/p")
    w.run(1.0)
    (payload,) = w.layout.session_start.glob("*.md")
    shown = claude_path(payload)
    assert "iai: 1 session of this project" in shown.read_text()
    assert w.layout.shown_link("/p").read_text() == shown.read_text()  # type: ignore[union-attr]
    shown.write_text("by another hand")
    w.run(INTERVAL_S + 10)
    assert "iai: 1 session of this project" in shown.read_text()
    w.settings = structs.replace(w.settings, start_message=0)
    w.crash(Actor.CACHE_WRITER, for_s=1.0)
    w.run(INTERVAL_S + 10)
    assert not shown.exists()
    assert payload.exists()
