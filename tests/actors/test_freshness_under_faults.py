"""The real group stays fresh under faults: clock jumps, slow writes, a cold graph."""

import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
import zmq
from harness.group import PATIENCE_S, Group, wait_until

from actors import runtime
from actors.supervisor import MODULES
from iai.config.settings import Settings
from iai.lifecycle.supervision import Exit
from iai.process import files
from iai.protocol.message import Actor
from iai.session_start.composer import WITHOUT_GRAPH
from iai.store.codec import encode_u64
from iai.store.environment import Environment
from tests.actors.real import capture, events, with_faults

pytestmark = pytest.mark.slow
Make = Callable[..., Group]

YEAR_S = 365 * 86_400
CALLERS, REQUESTS = 20, 10


def shows(group: Group, text: str) -> bool:
    """Does the payload of the project show this text as the last thing said?"""
    link = group.layout.payload_link("/p")
    payload = link.read_text() if link and link.exists() else ""
    return f"Asked: {text} (" in payload or f"Asked last: {text} (" in payload


def current(group: Group) -> bool:
    return group.health().stages["payload"].lag_records == 0 and group.layout.payload.exists()


# --- clocks ---------------------------------------------------------------------------------------


def test_a_running_group_survives_jumps_of_the_wall_clock(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0", tick_sec="0.2")
    clock = g.work / "clock"
    files.replace(clock, b"0")
    with_faults(g, wall=str(clock))
    g.up()
    pids = {a.pid for a in g.report().actors}
    capture(g, "at first")
    wait_until(lambda: shows(g, "at first"), "the first payload")
    for offset, text in ((YEAR_S, "a year ahead"), (-YEAR_S, "a year back"), (0, "as it was")):
        files.replace(clock, str(offset).encode())
        capture(g, text)
        wait_until(lambda: shows(g, text), text)  # noqa: B023  used at once
        assert g.iai("recall", text).returncode == 0
    report = g.report()
    assert {a.pid for a in report.actors} == pids
    assert [a.restarts for a in report.actors] == [0] * len(pids)
    assert g.json("status")["lifecycle"]["state"] == "wake"
    starts = [e["reason"] for e in events(g, "session_start_cache_write_started")]
    assert len(starts) < 20, starts


@pytest.fixture(scope="module")
def shared(group_of_module: Make) -> Group:
    """Return a running group with a payload. Tests leave all its processes at work."""
    shared = group_of_module(session_cache_refresh_min_sec="0", tick_sec="0.2")
    shared.up()
    capture(shared, "one")
    return shared


def test_the_real_group_rewrites_a_payload_dated_in_the_future(shared: Group) -> None:
    g = shared
    wait_until(lambda: current(g), "the payload")
    ahead = g.layout.payload.stat().st_mtime + YEAR_S
    os.utime(g.layout.payload, (ahead, ahead))
    wait_until(lambda: g.layout.payload.stat().st_mtime < ahead, "it is rewritten")


# --- single flight --------------------------------------------------------------------------------


def test_two_hundred_requests_during_a_slow_write_cause_at_most_one_more(group: Make) -> None:
    """Whether all arrive during the write depends on the machine: repeat until they do."""
    g = with_faults(group(session_cache_refresh_min_sec="0", tick_sec="600"), compose="1.0")
    g.up()
    capture(g, "one")
    g.settle()
    wait_until(lambda: current(g), "the first payload")
    wait_until(lambda: one_more_at_most(g), "all are answered by this write or one more")
    in_order = writes(events(g))
    assert in_order == (["started", "success"] * len(in_order))[: len(in_order)]


def one_more_at_most(group: Group) -> bool:
    """Have many ask during a write; was there at most one more for all of them?"""
    context: zmq.Context[zmq.SyncSocket] = zmq.Context()
    callers = [context.socket(zmq.DEALER) for _ in range(CALLERS)]
    for caller in callers:
        caller.connect(group.layout.inbox(Actor.CACHE_WRITER))
    before = len(events(group))
    first = subprocess.Popen(
        [sys.executable, "-m", "iai", "refresh", "--force"], env=group.environment,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: started(events(group)[before:]), "a slow write is under way")
    for number in range(REQUESTS):
        request = {"v": 1, "id": str(number), "kind": "refresh", "force": number % 2 == 0}
        for caller in callers:
            caller.send(msgpack.packb(request))
    answers = []
    for caller in callers * REQUESTS:
        assert caller.poll(int(PATIENCE_S * 1_000))
        answers.append(msgpack.unpackb(caller.recv()))
    context.destroy(linger=0)
    first.wait()
    outcomes = {(a["kind"], a["outcome"], a["reason"]) for a in answers}
    wait_until(lambda: writes(events(group)[before:])[-1:] == ["success"], "all are written")
    manual = [e for e in events(group)[before:] if e.get("trigger") == "manual"]
    return outcomes <= {
        ("refresh-outcome", "skipped", "refresh_in_progress"),
        ("refresh-outcome", "written", "forced"),
    } and writes(manual) in (["started", "success"], ["started", "success"] * 2)


def started(some: list[dict[str, Any]]) -> bool:
    return "started" in writes(some)


def writes(some: list[dict[str, Any]]) -> list[str]:
    """Return the starts and ends of writes among some events."""
    ends = ("started", "success", "failed")
    return [e["kind"].rpartition("_")[2] for e in some if e["kind"].rpartition("_")[2] in ends]


def test_a_second_cache_writer_on_one_store_never_writes(shared: Group) -> None:
    g = shared
    wait_until(lambda: current(g), "the payload")
    g.layout.payload.unlink()
    spawn = multiprocessing.get_context("spawn")
    supervisor, ours = spawn.Pipe()
    order = runtime.Order(
        Actor.CACHE_WRITER, MODULES[Actor.CACHE_WRITER], Settings(store=g.layout.root)
    )
    second = spawn.Process(target=runtime.main, args=(order, ours))
    before = g.pid(Actor.CACHE_WRITER)
    second.start()
    second.join()
    supervisor.close()
    assert second.exitcode == Exit.TRY_AGAIN
    assert g.pid(Actor.CACHE_WRITER) == before
    wait_until(lambda: current(g), "the first one has written")


# --- the graph ------------------------------------------------------------------------------------


def test_a_group_that_starts_with_a_cold_graph_warms_it_and_is_current(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    capture(g, "before")
    g.settle()
    g.down()
    shutil.rmtree(g.layout.index)
    g.layout.payload.unlink()
    g.up()
    wait_until(lambda: current(g) and shows(g, "before"), "the payload is current")
    wait_until(lambda: g.health().stages["graph"].note == "", "the graph is warm")
    wait_until(lambda: WITHOUT_GRAPH not in g.layout.payload.read_text(), "the payload has it")


def test_without_a_graph_cache_the_payload_is_current_and_says_what_is_missing(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.layout.create()
    index = Environment(g.layout.index, (), schema=99, writer=True)
    index.write(lambda t: t.put(b"schema", encode_u64(99), db=index.db["meta"]))
    index.close()
    assert g.iai("up", "--detach").returncode == 1
    assert {a.actor for a in g.report().actors if a.state == "failed"} == {Actor.GRAPH_CACHE}
    for text in ("one", "two"):
        capture(g, text)
        wait_until(lambda: shows(g, text) and current(g), text)  # noqa: B023  used at once
        assert WITHOUT_GRAPH in g.layout.payload.read_text()
