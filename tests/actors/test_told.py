"""What a real group tells: the events of its ledger, field by field, and its status."""

import json
import os
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
    """Return the lines of the cache-writer's own file, as they are."""
    files = sorted(group.layout.ledger.glob("*.cache-writer.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def forced_by_us(group: Group) -> "subprocess.CompletedProcess[str]":
    """Ask for a refresh until it is made for us: the group may be at one of its own."""
    done: list[subprocess.CompletedProcess[str]] = []

    def ours() -> bool:
        done.append(group.iai("refresh", "--force"))
        return "refresh_in_progress" not in done[-1].stdout

    wait_until(ours, "no other refresh is under way")
    return done[-1]


# --- the ledger ----------------------------------------------------------------------------------


def test_every_attempt_is_in_the_ledger_with_every_field(group: Make) -> None:
    g = group(tick_sec="600", session_cache_refresh_min_sec="3600")
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


def test_what_happens_after_it_was_started_is_followed(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="3600")
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
def test_a_ledger_that_cannot_be_written_changes_nothing_else(
    group: Make, unwritable: Callable[[Group], None]
) -> None:
    g = group(session_cache_refresh_min_sec="0")
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


# --- status --------------------------------------------------------------------------------------


def _late(group: Group, actor: Actor) -> bool:
    """Is the beat of an actor late? It is not known while the supervisor does not answer."""
    return bool(group.json("status")["actors"].get(actor, {}).get("late"))


def test_a_stage_whose_process_hangs_lags_more_and_more_and_its_beat_is_late(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0", hang_after_sec="600")
    g.up()
    capture(g, "one")
    g.settle()
    pid = g.kill(Actor.EMBEDDING, signal.SIGSTOP)
    capture(g, "two")
    wait_until(lambda: g.health().payload.behind == 0, "the payload has it")
    wait_until(lambda: _late(g, Actor.EMBEDDING), "its beat is late")
    before, after = g.json("status"), g.json("status")
    actor = after["actors"]["embedding"]
    assert (actor["state"], actor["pid"]) == ("ready", pid), "the process is there"
    assert actor["beat_age_s"] > 4.0
    for name in ("vectors", "graph"):
        was, stage = before["stages"][name], after["stages"][name]
        assert (stage["revision"], stage["lag_records"]) == (1, 1), name
        assert stage["lag_s"] > was["lag_s"] > 0, name
    assert after["payload"]["behind"] == 0, "the payload waits for no vector"
    text = g.iai("status").stdout
    assert f"  embedding    late      pid {pid} " in text
    assert "restarts, no beat for " in text
    assert "  vectors         1    1 change, the oldest " in text
    assert "payload    current, written " in text


def test_a_payload_that_is_held_back_is_behind_in_words_and_in_numbers(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="3600")
    g.up()
    capture(g, "one")
    wait_until(lambda: g.health().payload.behind == 0, "the first payload")
    capture(g, "two")
    payload = g.json("status")["payload"]
    assert (payload["behind"], payload["revision"]) == (1, 1)
    assert payload["behind_s"] > 0
    assert "payload    behind by 1 change for " in g.iai("status").stdout
    g.iai("refresh", "--force")
    payload = g.json("status")["payload"]
    assert (payload["behind"], payload["behind_s"], payload["revision"]) == (0, 0.0, 2)


def test_a_supervisor_that_says_nothing_has_not_stopped(group: Make) -> None:
    g = group()
    g.up()
    pid = g.kill(Actor.SUPERVISOR, signal.SIGSTOP)
    done = g.iai("status", "--json")
    status = json.loads(done.stdout)
    assert done.returncode == 1
    assert (status["group"]["state"], status["group"]["pid"]) == ("not answering", pid)
    assert status["lifecycle"]["state"] is None
    assert set(status["stages"]) == {"records", "vectors", "graph", "payload"}


def test_of_a_group_that_has_died_only_what_is_on_disk_is_told(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    capture(g, "one")
    g.settle()
    g.end()
    g.hook("turn-capture", {"session_id": "s", "cwd": "/p", "prompt": "said to nobody"})
    done = g.iai("status", "--json")
    status = json.loads(done.stdout)
    assert done.returncode == 3
    assert (status["group"]["state"], status["actors"]) == ("stopped", {})
    assert status["lifecycle"]["state"] is None, "the file still says wake"
    assert status["stages"]["records"]["lag_records"] == 1
    assert status["payload"]["behind"] == 0
    assert "payload    current except for 1 unread file, written " in g.iai("status").stdout
    g.layout.payload.unlink()
    assert json.loads(g.iai("status", "--json").stdout)["payload"]["behind"] == 1


def test_a_process_that_cannot_start_is_said_to_have_failed(group: Make) -> None:
    g = group()
    g.up()
    g.down()
    os.truncate(g.layout.records / "data.mdb", 8_192)
    assert g.iai("up", "--detach").returncode == 1
    done = g.iai("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  ingest       failed    pid - " in done.stdout
    assert "last exit: store corrupt (4)" in done.stdout
    assert f"store      {g.layout.root}: cannot be read\n" in done.stdout
    assert "payload    unknown how far behind, not written yet" in done.stdout


def test_watch_shows_what_changes(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    watched = subprocess.Popen(
        [sys.executable, "-m", "iai", "status", "--watch", "0.1", "--json"], env=g.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watched.stdout is not None
    first = json.loads(watched.stdout.readline())
    assert (first["group"]["state"], first["watermark"]["records_count"]) == ("running", 0)
    assert "payload    nothing to write yet: " in g.iai("status").stdout
    capture(g, "one")
    while json.loads(watched.stdout.readline())["payload"]["revision"] != 1:
        pass
    g.down()
    while json.loads(watched.stdout.readline())["group"]["state"] != "stopped":
        pass
    watched.send_signal(signal.SIGINT)
    _, complaints = watched.communicate(timeout=PATIENCE_S)
    assert (watched.returncode, complaints) == (0, "")
