"""Skipped refreshes as events: reported once, then counted (SEED S1)."""

from iai.freshness.skips import REPORT_S, Skips
from iai.protocol.cache_writer import CacheWriteSkipped, Reason, Trigger


def skip(reason: Reason, trigger: Trigger = "periodic_wake") -> CacheWriteSkipped:
    return CacheWriteSkipped(trigger=trigger, cache_path="/s", reason=reason, wanted=None)


def test_a_refresh_with_nothing_to_do_is_counted_and_reported_once_an_hour() -> None:
    skips = Skips()
    reported = []
    for second in range(0, int(2 * REPORT_S) + 10, 5):
        reported += skips.add(skip(Reason.NO_NEW_RECORDS), second)
        reported += skips.drain(second)
    assert [event.count for event in reported] == [721, 721]
    assert reported[0].span_s == REPORT_S


def test_a_meaningful_skip_is_reported_at_once_and_its_repeats_later() -> None:
    skips = Skips()
    cold = skip(Reason.RUNTIME_GRAPH_CACHE_COLD)
    assert skips.add(cold, 0.0) == [cold]
    assert [skips.add(cold, second) for second in (1.0, 2.0, 3.0)] == [[], [], []]
    (repeats,) = skips.drain(REPORT_S)
    assert (repeats.count, repeats.span_s, repeats.reason) == (3, 3.0, cold.reason)
    assert skips.add(cold, REPORT_S + 1) == [cold]


def test_a_manual_request_leaves_an_event_even_with_nothing_to_do() -> None:
    asked = skip(Reason.NO_NEW_RECORDS, "manual")
    assert Skips().add(asked, 0.0) == [asked]


def test_a_forced_drain_reports_everything() -> None:
    skips = Skips()
    for second in range(3):
        skips.add(skip(Reason.NO_NEW_RECORDS), second)
        skips.add(skip(Reason.MIN_INTERVAL_NOT_ELAPSED), second)
    assert sorted(e.count for e in skips.drain(3.0, force=True)) == [3, 3]
    assert skips.drain(4.0, force=True) == []
