"""What `iai status` says of a real group, in whatever state its processes are."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from harness.group import PATIENCE_S, Group, wait_until

from iai.protocol.message import Actor
from iai.store.records import Records
from tests.actors.real import capture

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


def _late(group: Group, actor: Actor) -> bool:
    """Is the beat of an actor late? Unknown, so False, while the supervisor does not answer."""
    return bool(group.json("status")["actors"].get(actor, {}).get("late"))


def diagnosed(group: Group) -> dict[str, dict[str, str]]:
    """Return what `iai doctor` finds wrong, by the check."""
    found = json.loads(group.iai("doctor", "--json").stdout)["checks"]
    return {one["check"]: one for one in found if one["verdict"] != "ok"}


def test_a_hung_process_shows_as_a_growing_lag_and_a_late_beat(
    group: Make, in_process: Callable[[Group], Group]
) -> None:
    g = group(session_cache_refresh_min_sec="0", hang_after_sec="600")
    g.up()
    in_process(g)
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


def test_a_held_back_payload_is_reported_behind_in_text_and_in_json(group: Make) -> None:
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


def test_a_silent_supervisor_is_not_reported_as_stopped(
    group: Make, in_process: Callable[[Group], Group]
) -> None:
    g = group()
    g.up()
    in_process(g)
    pid = g.kill(Actor.SUPERVISOR, signal.SIGSTOP)
    done = g.iai("status", "--json")
    status = json.loads(done.stdout)
    assert done.returncode == 1
    assert (status["group"]["state"], status["group"]["pid"]) == ("not answering", pid)
    assert status["lifecycle"]["state"] is None
    assert set(status["stages"]) == {"records", "vectors", "graph", "payload"}
    found = diagnosed(g)["group"]
    assert (found["verdict"], "does not answer" in found["said"]) == ("fail", True)


def test_the_status_of_a_dead_group_is_read_from_disk_alone(group: Make) -> None:
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


def test_a_process_that_cannot_start_is_reported_as_failed(
    group: Make, in_process: Callable[[Group], Group]
) -> None:
    g = group()
    g.layout.create()
    Records(g.layout.records, writer=True).close()
    os.truncate(g.layout.records / "data.mdb", 8_192)
    assert g.iai("up", "--detach").returncode == 1
    in_process(g)
    done = g.iai("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  ingest       failed    pid - " in done.stdout
    assert "last exit: store corrupt (4)" in done.stdout
    assert f"store      {g.layout.root}: cannot be read\n" in done.stdout
    assert "payload    unknown how far behind, not written yet" in done.stdout
    found = diagnosed(g)
    assert (found["ingest"]["verdict"], found["records"]["verdict"]) == ("fail", "fail")
    wait_until(lambda: "embedding" not in diagnosed(g), "no sound process is named")


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
