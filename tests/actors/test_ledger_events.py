"""The events of a real group's ledger, field by field."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from harness.group import PATIENCE_S, Group, wait_until

from iai.model import clock
from iai.model.clock import NS
from iai.protocol.message import Actor
from tests.actors.real import capture, events

pytestmark = pytest.mark.slow
Make = Callable[..., Group]

STARTED, SUCCESS, SKIPPED, FAILED = (
    f"session_start_cache_write_{name}" for name in ("started", "success", "skipped", "failed")
)
HEAD = {"at", "at_ns", "by", "severity", "kind", "trigger", "cache_path"}
FIELDS = {  # SEED R15 to R18, and what is ours
    STARTED: HEAD | {"force_rebuild", "reason"},
    SUCCESS: HEAD
    | {
        "rendered_chars", "records_count", "max_vec_label", "max_record_created_at",
        "max_updated_at", "duration_ms", "revision", "payloads",
    },
    SKIPPED: HEAD | {"reason", "wanted", "count", "span_s"},
    FAILED: HEAD | {"reason", "error", "duration_ms"},
}  # fmt: skip


def written(group: Group) -> list[dict[str, Any]]:
    """Return the raw events of the cache-writer's own file."""
    files = sorted(group.layout.ledger.glob("*.cache-writer.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def forced_by_us(group: Group) -> "subprocess.CompletedProcess[str]":
    """Ask until a refresh is made for us: the group may be busy with one of its own."""
    done: list[subprocess.CompletedProcess[str]] = []

    def ours() -> bool:
        done.append(group.iai("refresh", "--force"))
        return "refresh_in_progress" not in done[-1].stdout

    wait_until(ours, "no other refresh is under way")
    return done[-1]


def test_every_attempt_is_in_the_ledger_with_every_field(group_in_process: Make) -> None:
    g = group_in_process(tick_sec="600", session_cache_refresh_min_sec="3600")
    g.up()
    capture(g, "one")
    wait_until(lambda: g.health().payload.behind == 0, "the first payload")
    capture(g, "two")
    for _ in range(4):
        held = g.json("refresh")
        assert (held["outcome"], held["reason"]) == ("skipped", "min_interval_not_elapsed")
    assert g.json("refresh", "--force")["outcome"] == "written"
    g.layout.payload.unlink()
    g.layout.payload.mkdir()
    failed = forced_by_us(g)
    assert failed.returncode == 1
    assert failed.stdout.startswith("failed (IsADirectoryError): ")
    g.layout.payload.rmdir()
    g.down()

    events = written(g)
    for event in events:
        assert set(event) == FIELDS[event["kind"]], event["kind"]
        assert event["cache_path"] == str(g.layout.payload)
        assert event["by"] == "cache-writer"
        assert event["severity"] == ("warning" if event["kind"] == FAILED else "info")
        assert event["at"] == clock.iso(event["at_ns"])
    of = {kind: [event for event in events if event["kind"] == kind] for kind in FIELDS}

    began = [e for e in of[STARTED] if not e["force_rebuild"]]
    forced = [e for e in of[STARTED] if e["force_rebuild"]]
    assert began[0]["reason"] == "cache_absent"
    assert began[0]["trigger"] in ("wake_sequence", "periodic_wake")
    assert [(e["reason"], e["trigger"]) for e in forced] == [("forced", "manual")] * 2
    (ended,) = [e for e in of[SUCCESS] if e["trigger"] == "manual"]
    assert (ended["records_count"], ended["max_vec_label"], ended["revision"]) == (2, 2, 2)
    assert ended["rendered_chars"] > 100
    assert ended["max_record_created_at"] == ended["max_updated_at"] > 0
    (failure,) = [e for e in of[FAILED] if e["trigger"] == "manual"]  # others: tried again since
    assert (failure["reason"], failure["trigger"]) == ("IsADirectoryError", "manual")
    assert "Is a directory" in failure["error"]
    assert len(failure["error"]) <= 200
    assert failure["duration_ms"] >= 0

    asked = [
        event
        for event in of[SKIPPED]
        if event["trigger"] == "manual" and event["reason"] != "refresh_in_progress"
    ]
    assert {(event["reason"], event["wanted"]) for event in asked} == {
        ("min_interval_not_elapsed", "watermark_changed")
    }
    assert [event["count"] for event in asked] == [1, 3], "repeats are one line"
    assert asked[0]["span_s"] == 0.0
    assert asked[1]["span_s"] > 0.0
    assert " count=3 span_s=" in g.iai("events", "--kind", SKIPPED).stdout


def test_follow_prints_events_as_they_happen(group_in_process: Make) -> None:
    g = group_in_process(session_cache_refresh_min_sec="3600")
    g.up()
    capture(g, "one")
    wait_until(lambda: g.health().payload.behind == 0, "the first payload")
    wait_until(lambda: events(g, SUCCESS), "the first payload, and it is told")
    since = clock.iso(time.time_ns() + NS)  # of what was before, nothing
    follower = subprocess.Popen(
        [sys.executable, "-m", "iai", "events", "--follow", "--kind", SUCCESS, "--since", since],
        env=g.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert follower.stdout is not None
    wait_until(lambda: clock.iso(time.time_ns()) > since, "a second has passed")
    g.iai("refresh", "--force")
    assert f"cache-writer {SUCCESS} trigger=manual" in follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    _, complaints = follower.communicate(timeout=PATIENCE_S)
    assert (follower.returncode, complaints) == (0, "")


def every_file(group: Group) -> None:
    """Put a directory where each file of each actor would be."""
    for day in range(-1, 3):
        name = clock.iso(time.time_ns() + day * 86_400 * NS)[:10]
        for actor in Actor:
            (group.layout.ledger / f"{name}.{actor}.jsonl").mkdir(parents=True)


def the_directory(group: Group) -> None:
    group.layout.ledger.write_text("a file")


@pytest.mark.parametrize("unwritable", [every_file, the_directory])
def test_an_unwritable_ledger_changes_nothing_else(
    group_in_process: Make, unwritable: Callable[[Group], None]
) -> None:
    g = group_in_process(session_cache_refresh_min_sec="0")
    g.layout.create()
    unwritable(g)
    g.up()
    capture(g, "the parser fails")
    g.settle()
    assert g.json("status")["payload"]["behind"] == 0
    assert "the parser fails" in g.layout.payload.read_text()
    assert g.json("recall", "parser")["hits"][0]["text"] == "the parser fails"
    assert g.json("refresh", "--force")["outcome"] == "written"
    assert g.json("events") == []
    log = g.log()
    for lost in (f'"kind": "{STARTED}"', f'"kind": "{SUCCESS}"', '"kind": "actor-up"'):
        assert any("lost an event" in line and lost in line for line in log.splitlines()), lost
    assert [a.restarts for a in g.report().actors] == [0] * 5
    g.down()
