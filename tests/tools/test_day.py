"""What the picture of a day is made of: the day itself, both lines, and quantiles."""

import itertools

from benchmarks.day import (
    BACKFILLS,
    BEGIN,
    END,
    HOUR,
    KILLS,
    WORK,
    Lag,
    Moment,
    after_sleep,
    lags,
    moments_of,
    outside,
    plan,
    until_current,
)
from benchmarks.stats import quantiles

from iai.protocol.message import PIPELINE


def test_a_day_is_the_same_each_time_and_another_for_another_seed() -> None:
    assert plan(0) == plan(0) != plan(1)


def test_a_day_is_in_order_and_has_all_that_it_should_show() -> None:
    for seed in range(20):
        acts = plan(seed)
        assert [act.at for act in acts] == sorted(act.at for act in acts)
        assert all(BEGIN < act.at < END for act in acts)
        killed = [act.which for act in acts if act.do == "kill"]
        assert sorted(killed) == sorted(PIPELINE)
        assert sum(act.do == "backfill" for act in acts) == len(BACKFILLS)
        assert {"capture", "hook"} <= {act.do for act in acts}


def test_somebody_is_at_work_at_every_kill() -> None:
    said = [act.at for act in plan(0) if act.do in ("capture", "hook")]
    for hour, _ in KILLS:
        kill = hour * HOUR
        assert any(kill - 60 <= at <= kill for at in said)
        assert any(kill <= at <= kill + 60 for at in said)


def test_there_is_half_an_hour_of_quiet_at_lunch_and_in_the_evening_only() -> None:
    said = [act.at for act in plan(0)]
    quiet = [a for a, b in itertools.pairwise(said) if b - a >= HOUR / 2]
    (_, lunch), (_, evening) = WORK
    assert [round(at / HOUR) for at in quiet] == [lunch, evening]


def test_the_old_system_wrote_only_when_nothing_had_happened_for_so_long() -> None:
    assert after_sleep([0.0, 10.0, 20.0, 60.0], 30.0, 100.0) == [50.0, 90.0]
    assert after_sleep([0.0, 10.0, 20.0], 30.0, 40.0) == []


def test_a_busy_day_leaves_the_old_system_frozen() -> None:
    changes = [float(at) for at in range(0, 86_400, 600)]
    moments = moments_of(after_sleep(changes, 1_800.0, 86_400.0), changes, [86_000.0])
    assert moments == [Moment(86_000.0, 144, 0)]
    assert lags(moments, changes) == [Lag(86_000.0, 144, 86_000.0)]


def test_a_payload_is_behind_since_the_oldest_change_that_it_lacks() -> None:
    moments = [Moment(5.0, 1, 1), Moment(12.0, 2, 1), Moment(25.0, 3, 1), Moment(26.0, 3, 3)]
    found = lags(moments, [0.0, 10.0, 20.0])
    assert found == [Lag(5.0, 0, 0.0), Lag(12.0, 1, 2.0), Lag(25.0, 2, 15.0), Lag(26.0, 0, 0.0)]
    assert until_current(found, 12.0) == 26.0
    assert outside(found, [(11.0, 12.0), (24.0, 25.5)]) == [found[0], found[3]]


def test_quantiles_are_never_beyond_what_was_measured() -> None:
    assert quantiles([1.0, 2.0], "s") == {
        "p50_s": 1.5, "p95_s": 1.95, "p99_s": 1.99, "max_s": 2.0
    }  # fmt: skip
    assert quantiles([3.0], "s")["p99_s"] == 3.0
