"""What `iai freshness` reports of a store, its event log and its deliveries."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iai.admin import freshness
from iai.admin.health import Stage
from iai.cli import freshness as command
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, StoreAbsent
from iai.model import clock
from iai.model.clock import NS
from iai.process.ledger import Ledger
from iai.protocol.cache_writer import CacheWriteSuccess
from iai.protocol.message import Actor
from iai.session_start import deliveries
from iai.session_start.deliveries import Delivery
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record, put

HOUR = 3_600
Write = Callable[..., None]


@pytest.fixture
def records(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Return a store with a change at 0 s, at 100 s and at 200 s; it is one hour later now."""
    writer = Records(layout.records, writer=True)
    for number in range(3):
        put(writer, new_record(str(number)), now=NOW.later(100.0 * number))
    writer.close()
    monkeypatch.setattr("time.time_ns", lambda: NOW.wall + HOUR * NS)
    return layout


@pytest.fixture
def write(records: Layout) -> Write:
    """Return a function that logs that the payload was written."""
    ledger = Ledger(records.ledger, Actor.CACHE_WRITER, 30)

    def written(after_s: float, revision: int) -> None:
        event = CacheWriteSuccess(
            trigger="wake_sequence", cache_path="", rendered_chars=1, records_count=1,
            max_vec_label=1, max_record_created_at=1, max_updated_at=1, duration_ms=1.0,
            revision=revision, payloads=1,
        )  # fmt: skip
        ledger.write(event, NOW.wall + int(after_s * NS))

    return written


def shares(found: freshness.Freshness) -> dict[float, float]:
    """Return for how many seconds it was behind for longer than each time."""
    return {one.longer_than_s: round(one.share * found.seconds, 3) for one in found.behind}


def test_the_past_is_computed_from_the_event_log_and_the_changes(
    records: Layout, write: Write
) -> None:
    for after_s, revision in ((3.0, 1), (160.0, 2), (200.5, 3)):
        write(after_s, revision)
    found = freshness.measure(records, 1)
    assert (found.since, found.seconds) == (clock.iso(NOW.wall), HOUR)
    assert (found.writes, found.changes_behind) == (3, False)
    assert shares(found) == {0: 63.5, 1: 61.0, 10: 50.0, 60: 0, 300: 0, 3_600: 0, 86_400: 0}
    assert (found.lag.p50_s, found.lag.max_s) == (0.0, 60.0)
    assert (found.reaction.p50_s, found.reaction.max_s) == (3.0, 60.0)
    assert max(one.longest_s for one in found.history) == 60.0
    late = freshness.measure(records, NOW.wall + 150 * NS)
    assert late.lag.max_s == 60.0, "the gap began before the period"
    assert shares(late)[0] == 10.5


def test_a_text_that_is_no_longer_written_is_behind_and_more_so_if_it_never_was(
    records: Layout, write: Write
) -> None:
    never = freshness.measure(records, 1)
    assert (never.changes_behind, never.lag.max_s) == (True, HOUR)
    write(3.0, 1)
    frozen = freshness.measure(records, 1)
    assert (frozen.changes_behind, frozen.lag.max_s) == (True, HOUR - 100)


def test_a_write_of_long_ago_is_found_whenever_that_was(records: Layout, write: Write) -> None:
    write(-3 * 86_400.0, 1)  # the clock was set
    assert freshness.measure(records, NOW.wall + 10 * NS).lag.max_s == HOUR - 100


def test_sessions_that_started_are_judged_by_what_was_stored_then(
    records: Layout, write: Write
) -> None:
    write(3.0, 3)
    for after_s, revision, source in (
        (50, 1, "startup"), (130, 1, "resume"), (150, 2, "clear"), (500, 1, "prompt"),
        (500, 0, "startup"),
    ):  # fmt: skip
        wall = NOW.wall + after_s * NS
        given = Delivery(at=clock.iso(wall), at_ns=wall, source=source, revision=revision, tokens=9)
        deliveries.record(records, given, ())
    starts = freshness.measure(records, 1).starts
    assert (starts.count, starts.current, starts.longest_lag_s) == (3, 2, 30.0)


def test_a_store_without_changes_was_never_behind(layout: Layout) -> None:
    with pytest.raises(StoreAbsent):
        freshness.measure(layout, 1)
    Records(layout.records, writer=True).close()
    found = freshness.measure(layout, 1)
    assert (found.seconds, found.lag.max_s, found.writes) == (0.0, 0.0, 0)


def test_lag_is_local_against_the_stage_before_and_global_against_what_hosts_wrote() -> None:
    def stage(changes: int, seconds: float) -> Stage:
        return Stage(revision=1, lag_records=changes, lag_s=seconds)

    stages = {
        "records": stage(1, 7.0), "vectors": stage(5, 4.0), "graph": stage(5, 4.0),
        "payload": stage(2, 9.0),
    }  # fmt: skip
    found = freshness.lags(stages)
    assert {name: lag.local_changes for name, lag in found.items()} == {
        "records": 1, "vectors": 5, "graph": 0, "payload": 2,
    }  # fmt: skip
    assert {name: lag.global_s for name, lag in found.items()} == {
        "records": 7.0, "vectors": 7.0, "graph": 7.0, "payload": 9.0,
    }  # fmt: skip
    assert (found["graph"].local_s, found["payload"].local_s) == (0.0, 9.0)


def test_the_command_prints_the_same_as_words_and_as_json(
    records: Layout, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(160.0, 2)

    def run(*, as_json: bool) -> str:
        args: Any = type("Args", (), {"since": "7d", "json": as_json, "plot": None})
        assert command.run(args, Settings(store=records.root)) == 0
        return capsys.readouterr().out

    words = run(as_json=False)
    assert "p95 " in words
    assert "behind     longer than 1 min " in words
    document = json.loads(run(as_json=True))
    assert document["now"].keys() == {"records", "vectors", "graph", "payload"}
    assert document["lag"]["max_s"] == HOUR - 200


def plotted(layout: Layout, path: Path) -> int:
    args: Any = type("Args", (), {"since": "7d", "json": False, "plot": path})
    return command.run(args, Settings(store=layout.root))


def test_a_plot_without_what_draws_it_says_how_to_add_it(
    records: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    with pytest.raises(command.NoPlot, match="pipx inject iai-memory matplotlib"):
        plotted(records, tmp_path / "lag.png")


@pytest.mark.parametrize("suffix", ["png", "svg", "PDF"])
def test_what_was_measured_is_drawn_without_a_display(
    records: Layout, write: Write, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `plot`")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    write(160.0, 2)
    path = tmp_path / f"lag.{suffix}"
    assert plotted(records, path) == 0
    drawn = path.read_bytes()
    assert drawn.startswith((b"\x89PNG", b"<?xml", b"%PDF"))
    with pytest.raises(BadUsage, match=r"must end in .*\.png"):
        plotted(records, tmp_path / "lag.txt")
    assert list(tmp_path.iterdir()) == [path]
