"""The real group: processes, sockets, signals, kills.

Tests have stores of their own, but for those that leave a group as they found it: they share one.
"""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgpack
import psutil
import pytest
import zmq
from harness.corpus import coding_session
from harness.group import (
    CHECKOUT,
    PATIENCE_S,
    Group,
    alive,
    wait_until,
)

from iai.errors import GroupNotRunning, IaiError, NoAnswer, Refused
from iai.lifecycle.supervision import STOP_LIMIT_S
from iai.process import lock, logs
from iai.process.client import DEADLINE_S
from iai.protocol.cache_writer import Refresh, RefreshOutcome
from iai.protocol.ingest import Import, ImportProgress
from iai.protocol.lifecycle import LifecycleReport, LifecycleStatus, RequestState
from iai.protocol.message import (
    PIPELINE,
    Actor,
    Ping,
    Pong,
    State,
)
from iai.protocol.supervisor import Accepted, Restart
from iai.protocol.wire import MAX_FRAME
from iai.session_start.payload_files import read_sidecar
from iai.store.codec import encode_u64
from iai.store.environment import Environment
from iai.store.records import SCHEMA, Records
from tests.actors.real import capture, events, recalled, texts
from tests.iai.store.builders import new_record, put

pytestmark = pytest.mark.slow
Make = Callable[..., Group]
PARSER = "the parser fails"  # kept by the group that tests share
TURNS = 600  # of a history that is being read while an actor is killed


@pytest.fixture(scope="module")
def shared(group_of_module: Make) -> Group:
    """Return a running group. Tests leave all its processes at work, and may add records."""
    shared = group_of_module(session_cache_refresh_min_sec="0", tick_sec="0.2")
    shared.up()
    capture(shared, PARSER)
    return shared


def dealer(group: Group, context: "zmq.Context[zmq.SyncSocket]", actor: Actor) -> "zmq.SyncSocket":
    connection = context.socket(zmq.DEALER)
    connection.set(zmq.LINGER, 0)
    connection.connect(group.layout.inbox(actor))
    return connection


# --- starting and stopping -----------------------------------------------------------------------


def test_the_group_starts_answers_and_stops_without_a_trace(group: Make) -> None:
    g = group()
    g.up()
    assert [a.state for a in g.report().actors] == ["ready"] * 5
    with g.client() as client:
        for actor in (Actor.SUPERVISOR, *PIPELINE):
            assert client.call(actor, Ping(), Pong).actor is actor
    pids = [process.pid for process in g.processes()]
    g.down()
    wait_until(lambda: not any(alive(pid) for pid in pids), "all have gone")
    assert not lock.held(g.layout.lease)
    assert [e["actor"] for e in events(g, "actor-down")] == list(PIPELINE)
    assert g.iai("down").stdout == f"iai is not running on {g.layout.root}\n"


def test_a_second_start_says_that_it_runs_and_that_is_no_failure(shared: Group) -> None:
    pid = shared.pid(Actor.SUPERVISOR)
    for args in (("up", "--detach"), ("up",)):
        again = shared.iai(*args)
        assert again.returncode == 0
        assert again.stdout == f"iai is already running on {shared.layout.root} (pid {pid})\n"


def test_many_starts_at_once_are_one_group(group: Make) -> None:
    g = group()
    command = [sys.executable, "-m", "actors"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen(command, env=g.environment, **quiet) for _ in range(20)]  # type: ignore[call-overload]
    wait_until(g.all_ready, "one group is ready")
    wait_until(lambda: sum(p.poll() is None for p in started) == 1, "all others have gone")
    assert sorted(p.returncode for p in started if p.poll() is not None) == [0] * 19
    (supervisor,) = [p for p in started if p.poll() is None]
    assert supervisor.pid == g.pid(Actor.SUPERVISOR)
    supervisor.terminate()
    assert supervisor.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_it_stops_in_pipeline_order_when_told_to(
    group: Make, number: signal.Signals
) -> None:
    g = group()
    process = subprocess.Popen(
        [sys.executable, "-m", "iai", "up"], env=g.environment, stderr=subprocess.PIPE, text=True
    )
    wait_until(g.all_ready, "the group is ready")
    assert g.pid(Actor.SUPERVISOR) == process.pid  # no second process: whoever manages it sees it
    process.send_signal(number)
    log = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 0
    ended = [line.split()[4] for line in log.splitlines() if " ended: " in line]
    assert ended == list(PIPELINE)


def test_a_service_manager_hears_of_the_start_of_life_and_of_the_end(group: Make) -> None:
    g = group()
    g.layout.create()
    g.layout.create_sockets()  # whose path is short enough, wherever temporary files are
    address = str(g.layout.sockets / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(PATIENCE_S)
        g.environment |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000000"}
        process = subprocess.Popen(
            [sys.executable, "-m", "iai", "up"], env=g.environment, stderr=subprocess.DEVNULL
        )
        heard = hear(manager, b"READY=1")
        assert g.all_ready()
        assert b"WATCHDOG=1" in heard, "also while it starts"
        assert b"STATUS=5 of 5 processes ready" in hear(manager, b"STATUS=5 of 5 processes ready")
        hear(manager, b"WATCHDOG=1")
        process.terminate()
        hear(manager, b"STOPPING=1")
        assert process.wait(PATIENCE_S) == 0


def hear(manager: socket.socket, wanted: bytes) -> list[bytes]:
    """Return what the manager is told up to and with what is wanted."""
    heard = [manager.recv(1_000)]
    while heard[-1] != wanted:
        heard.append(manager.recv(1_000))
    return heard


def test_a_group_of_another_version_is_left_alone_and_said_to_be_there(shared: Group) -> None:
    g = shared
    pid, lease = g.pid(Actor.SUPERVISOR), g.layout.lease.read_text()
    g.layout.lease.write_text(f"{pid}\n0.0.1")
    other = g.iai("up")
    g.layout.lease.write_text(lease)
    assert other.returncode == 1
    assert f"iai 0.0.1 is running on {g.layout.root}" in other.stderr
    assert "`iai down` first" in other.stderr
    assert g.pid(Actor.SUPERVISOR) == pid


def test_a_group_whose_code_is_replaced_is_told_of_and_never_runs_two_versions(
    group: Make, tmp_path: Path
) -> None:
    for package in ("iai", "actors", "hooks"):
        shutil.copytree(CHECKOUT / package, tmp_path / package)
    g = group()
    g.environment["PYTHONPATH"] = str(tmp_path)
    g.up()
    before = g.report()
    assert "version" not in g.iai("status").stdout
    capture(g, "kept by the old code")
    with (tmp_path / "actors" / "ingest.py").open("a") as file:
        file.write("\n# of tomorrow\n")
    new = g.json("status")["group"]["own_version"]
    assert new != before.version
    said = f"{before.version} is running, but this is {new}; restart it: `iai down`"
    assert said in g.iai("status").stdout
    refused = g.iai("up")
    assert refused.returncode == 1
    assert "`iai down` first" in refused.stderr
    now = g.report()
    assert (now.pid, now.version) == (before.pid, before.version), "it runs on"

    g.kill(Actor.INGEST)  # what is started in its place would be of the new code
    wait_until(lambda: version_of(g) == new and g.all_ready(), "all are of the new code")
    assert g.pid(Actor.SUPERVISOR) == before.pid
    assert {a.pid for a in g.report().actors}.isdisjoint({a.pid for a in before.actors})
    assert capture(g, "kept by the new code").added == 1
    assert "the code was replaced by iai" in g.log()
    g.down()


def version_of(group: Group) -> str:
    """Return which code the supervisor is of; "" while it is not there.

    Not for long: what is asked of one that is just ending is lost.
    """
    try:
        return group.report(DEADLINE_S).version
    except IaiError:
        return ""


def test_when_the_supervisor_is_killed_no_process_is_left(group: Make) -> None:
    g = group()
    g.up()
    pids = [process.pid for process in g.processes()]
    assert len(pids) == 8  # with the template, and the resource tracker of multiprocessing
    g.kill(Actor.SUPERVISOR)
    wait_until(lambda: not any(alive(pid) for pid in pids), "all have gone")
    g.up()
    assert capture(g, "it works again").added == 1


def test_a_hung_process_does_not_outlive_a_killed_supervisor(group: Make) -> None:
    g = group()
    g.up()
    pids = [process.pid for process in g.processes()]
    actors = [a.pid or 0 for a in g.report().actors]
    hung = g.kill(Actor.LIFECYCLE, signal.SIGSTOP)
    g.kill(Actor.SUPERVISOR)
    wait_until(lambda: [pid for pid in actors if alive(pid)] == [hung], "all others have gone")
    os.kill(hung, signal.SIGCONT)
    wait_until(lambda: not any(alive(pid) for pid in pids), "it has gone, too")


def test_a_store_with_a_very_long_path_works_and_says_where_its_sockets_are(group: Make) -> None:
    g = group()
    root = g.work / ("a-very-long-name-" * 8)
    g.environment["IAI_MCP_STORE"] = str(root)
    g.layout = type(g.layout)(root)
    g.up()
    assert capture(g, "hello").added == 1
    assert f"they are in {g.layout.sockets}" in g.log()
    g.down()
    assert not g.layout.sockets.exists()


def test_a_group_whose_lease_was_removed_makes_way_before_another_could_write(group: Make) -> None:
    g = group()
    g.up()
    pids = [process.pid for process in g.processes()]
    g.layout.lease.unlink()
    wait_until(lambda: not any(alive(pid) for pid in pids), "it has stopped")
    assert "was removed" in g.log()
    g.up()
    assert capture(g, "hello").added == 1


def test_a_group_whose_store_is_deleted_says_so_and_ends_as_soon_as_it_is_told_to(
    group: Make,
) -> None:
    g = group()
    g.up()
    pids = [process.pid for process in g.processes()]
    supervisor = g.pid(Actor.SUPERVISOR)
    with (g.layout.logs / "group.log").open() as log:  # it is read after it was deleted
        log.read()
        while g.layout.root.exists():  # a process may just have been writing
            shutil.rmtree(g.layout.root, ignore_errors=True)
        os.kill(supervisor, signal.SIGTERM)
        gone = lambda: not any(alive(pid) for pid in pids)  # noqa: E731
        wait_until(gone, "all have gone", patience_s=STOP_LIMIT_S)
        said = log.read()
    assert f"{g.layout.root} was deleted or moved" in said
    assert "Traceback" not in said
    assert "cache-writer ended: done (0)" in said
    assert not g.layout.root.exists()


# --- kills and hangs -----------------------------------------------------------------------------


def back(group: Group, actor: Actor, killed: int) -> None:
    """Wait until there is another process of a killed actor, and all are ready."""
    another = lambda: group.all_ready() and group.pid(actor) not in (0, killed)  # noqa: E731
    wait_until(another, f"{actor} is back")


def test_each_actor_killed_in_mid_work_comes_back_and_nothing_is_lost_or_doubled(
    group: Make,
) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    histories = g.work / "histories"
    histories.mkdir()
    acknowledged: list[str] = []
    for number, actor in enumerate(PIPELINE):
        history = histories / f"{actor}.jsonl"
        history.write_text(coding_session(f"h{number}", "/p", turns=TURNS, seed=number))
        said = acknowledged_while_killed(g, actor, history)
        assert said, actor
        acknowledged += said
    again = g.iai("import", str(histories), "--wait")  # ingest forgets an import when it is killed
    assert again.returncode == 0, again.stderr
    g.settle()
    kept = texts(g)
    assert len(kept) == len(set(kept))
    assert set(acknowledged) <= set(kept)
    assert len([text for text in kept if not text.startswith("marker")]) == TURNS * len(PIPELINE)
    ended = [(e["actor"], e["reason"]) for e in events(g, "actor-down")]
    assert ended == [(actor, "killed by signal 9") for actor in PIPELINE for _ in range(2)]
    hits = g.json("recall", acknowledged[-1].split()[0])["hits"]
    assert hits[0]["text"] == acknowledged[-1]


def acknowledged_while_killed(group: Group, actor: Actor, history: Path) -> list[str]:
    """Kill an actor twice during an import; return the texts that were taken meanwhile."""
    taken: list[str] = []
    with group.client() as client:
        client.call(Actor.INGEST, Import(paths=(str(history),)), ImportProgress)
    killed = group.kill(actor)
    for number in range(40):
        word = f"marker{actor[0]}{'abcdefghij'[number % 10] * (1 + number // 10)}"
        text = f"{word} said while it was down"
        with suppress(NoAnswer, Refused):  # a killed process leaves what it was asked
            if capture(group, text, deadline_s=5.0).added:
                taken.append(text)
        if number == 20:
            back(group, actor, killed)
            killed = group.kill(actor)
    back(group, actor, killed)
    return taken


def test_a_loop_that_stands_still_is_ended_and_started_again(group: Make) -> None:
    g = group(hang_after_sec="1")
    g.up()
    stuck = g.kill(Actor.GRAPH_CACHE, signal.SIGSTOP)
    wait_until(lambda: g.pid(Actor.GRAPH_CACHE) not in (0, stuck), "there is another process")
    wait_until(g.all_ready, "it is ready")
    assert not alive(stuck)
    assert events(g, "actor-down")[-1]["reason"] == "killed by signal 9"


def test_the_template_has_all_code_and_nothing_that_must_not_be_forked(shared: Group) -> None:
    template = shared.template()
    assert {"lmdb", "zmq", "faiss", "tantivy"} <= _libraries(template)
    assert template.num_threads() == 1
    opened = {f.path for f in template.open_files() if f.path.startswith(str(shared.work))}
    assert opened == {str(shared.layout.group_log)}, "its output"


def _libraries(process: psutil.Process) -> set[str]:
    """Return the packages of which a process has loaded machine code."""
    parts = [Path(one.path).parts for one in process.memory_maps()]
    return {part for path in parts if "site-packages" in path for part in path}


def test_actors_live_on_without_the_template_and_there_is_another_for_the_next_start(
    shared: Group,
) -> None:
    g = shared
    before = {a.actor: a.pid for a in g.report().actors}
    template = g.template()
    template.kill()
    wait_until(lambda: not psutil.pid_exists(template.pid), "it is gone, and is no zombie")
    assert capture(g, "said without a template").added == 1
    assert {a.actor: a.pid for a in g.report().actors} == before
    back(g, Actor.LIFECYCLE, g.kill(Actor.LIFECYCLE))
    assert events(g, "actor-down")[-1]["reason"] == "lost (8)", "nobody saw how it ended"
    back(g, Actor.LIFECYCLE, g.kill(Actor.LIFECYCLE))
    assert events(g, "actor-down")[-1]["reason"] == "killed by signal 9"


def test_a_template_that_hangs_keeps_no_actor_away(group: Make) -> None:
    g = group(hang_after_sec="1")
    g.up()
    template = g.template()
    template.suspend()
    back(g, Actor.INGEST, g.kill(Actor.INGEST))
    assert not alive(template.pid)
    assert capture(g, "said by a new one").added == 1


def test_one_actor_can_be_restarted(shared: Group) -> None:
    g = shared
    before = g.pid(Actor.EMBEDDING)
    with g.client() as client:
        client.call(Actor.SUPERVISOR, Restart(actor=Actor.EMBEDDING), Accepted)
    wait_until(lambda: g.pid(Actor.EMBEDDING) not in (0, before) and g.all_ready(), "it is back")
    with g.client() as client, pytest.raises(Refused, match="only the actors"):
        client.call(Actor.SUPERVISOR, Restart(actor=Actor.SUPERVISOR), Accepted)


def test_the_cache_writer_is_current_again_soon_after_a_kill(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="3600")
    g.up()
    wait_until(lambda: not g.health().stages["graph"].note, "the graph is warm")
    capture(g, "one")
    wait_until(lambda: g.health().stages["payload"].revision == 1, "the first payload")
    g.kill(Actor.CACHE_WRITER)
    capture(g, "two")
    wait_until(lambda: g.health().stages["payload"].revision == 2, "it waits for no interval")


# --- damage --------------------------------------------------------------------------------------


def test_a_derived_store_that_is_damaged_is_made_again(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    capture(g, *(f"the parser fails {n}" for n in range(100)))
    g.settle()
    before = [hit["id"] for hit in recalled(g, "parser")["hits"]]
    for path in (g.layout.vectors, g.layout.index):
        g.down()
        with (path / "data.mdb").open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(2 * 4_096)  # behind the two pages that LMDB looks at when it opens a file
            file.write(b"\xff" * (size - 2 * 4_096))
        g.iai("up", "--detach")
        wait_until(lambda: g.all_ready() and g.health().caught_up, "all has been made again")
        assert [hit["id"] for hit in recalled(g, "parser")["hits"]] == before, path.name
        assert f"rebuilding {path} from the records" in g.log()


def test_damaged_records_are_not_touched_and_the_rest_says_so(group: Make) -> None:
    g = group()
    g.layout.create()
    with closing(Records(g.layout.records, writer=True)) as records:
        put(records, new_record("one"))
    path = g.layout.records / "data.mdb"
    os.truncate(path, 8_192)
    started = g.iai("up", "--detach")
    assert started.returncode == 1
    assert "ingest failed: store corrupt (4)" in started.stderr
    assert path.stat().st_size == 8_192
    status = g.json("status")
    assert status["actors"]["ingest"]["state"] == "failed"
    assert g.layout.lease.read_text().split()[1] == "incomplete"  # the hook trusts no payload of it
    assert "is damaged" in status["problem"]


def test_a_store_of_a_newer_version_is_refused_in_a_clear_sentence(group: Make) -> None:
    g = group()
    g.layout.create()
    Records(g.layout.records, writer=True).close()
    with closing(Environment(g.layout.records, (), schema=SCHEMA, writer=True)) as records:
        records.write(lambda t: t.put(b"schema", encode_u64(99), db=records.db["meta"]))
    started = g.iai("up", "--detach")
    assert started.returncode == 1
    assert "ingest failed: cannot start (3)" in started.stderr
    assert "was written by a newer iai (schema 99" in g.log()
    assert "newer iai" in g.iai("show", "#1").stderr


# --- the wire ------------------------------------------------------------------------------------


def test_no_frame_whatever_takes_an_actor_down(shared: Group) -> None:
    g = shared
    ping = {"v": 1, "id": "i", "kind": "ping"}
    frames = {
        b"": "bad-message",
        b"\xc1garbage": "bad-message",
        msgpack.packb(ping)[:-3]: "bad-message",
        msgpack.packb([1]): "bad-message",
        msgpack.packb({**ping, "kind": "no-such"}): "unknown-kind",
        msgpack.packb({**ping, "v": 9}): "bad-version",
        b"\0" * (MAX_FRAME + 1): "too-large",
    }
    context: zmq.Context[zmq.SyncSocket] = zmq.Context()
    before = {a.actor: a.pid for a in g.report().actors}
    for actor in (Actor.SUPERVISOR, *PIPELINE):
        connection = dealer(g, context, actor)
        for frame, code in frames.items():
            connection.send(frame)
            assert connection.poll(int(PATIENCE_S * 1_000)), (actor, frame[:20])
            assert msgpack.unpackb(connection.recv())["code"] == code
        connection.send(b"\0" * (5 * MAX_FRAME))  # so large that the connection is dropped
        connection.send_multipart([b"more", b"frames", msgpack.packb(ping)])
        connection.close()
        with g.client() as client:
            assert client.call(actor, Ping(), Pong).actor is actor
    context.term()
    assert {a.actor: a.pid for a in g.report().actors} == before


def test_garbage_on_a_feed_is_counted_and_dropped(group: Make) -> None:
    """Somebody else binds the socket of a feed: the listeners live on."""
    g = group()
    g.up()
    context: zmq.Context[zmq.SyncSocket] = zmq.Context()
    feed = context.socket(zmq.PUB)
    feed.set(zmq.LINGER, 0)
    pid, ingest = g.pid(Actor.LIFECYCLE), g.pid(Actor.INGEST)
    supervisor = g.kill(Actor.SUPERVISOR, signal.SIGSTOP)  # so that nobody starts it again
    os.kill(ingest, signal.SIGKILL)
    feed.bind(g.layout.feed(Actor.INGEST))

    def dropped() -> int:
        feed.send_multipart([b"x", b"garbage"])
        feed.send(b"")
        with g.client() as client:
            return client.call(Actor.LIFECYCLE, Ping(), Pong).dropped_frames

    wait_until(lambda: dropped() > 10, "the listener counts what it drops")
    feed.close()
    context.term()
    os.kill(supervisor, signal.SIGCONT)
    assert g.pid(Actor.LIFECYCLE) == pid


def test_a_full_actor_says_busy_and_answers_again(shared: Group) -> None:
    """Every request of a flood has its answer; that one is `busy` depends on how fast they come."""
    g = shared
    context: zmq.Context[zmq.SyncSocket] = zmq.Context()
    connection = dealer(g, context, Actor.LIFECYCLE)

    def flood() -> set[str]:
        g.kill(Actor.LIFECYCLE, signal.SIGSTOP)
        for number in range(900):
            request = {"v": 1, "id": str(number), "kind": "lifecycle-status"}
            connection.send(msgpack.packb(request))
        g.kill(Actor.LIFECYCLE, signal.SIGCONT)
        return {answered() for _ in range(900)}

    def answered() -> str:
        assert connection.poll(int(PATIENCE_S * 1_000))
        answer = msgpack.unpackb(connection.recv())
        return str(answer.get("code", answer["kind"]))

    wait_until(lambda: flood() == {"busy", "lifecycle-report"}, "some are told that it is busy")
    connection.close()
    context.term()
    with g.client() as client:
        client.call(Actor.LIFECYCLE, LifecycleStatus(), LifecycleReport)


def test_every_request_has_a_deadline(shared: Group) -> None:
    g = shared
    g.kill(Actor.LIFECYCLE, signal.SIGSTOP)
    with g.client() as client:
        began = time.monotonic()
        with pytest.raises(NoAnswer, match=r"lifecycle did not answer within 0\.2 s"):
            client.call(Actor.LIFECYCLE, LifecycleStatus(), LifecycleReport, deadline_s=0.2)
        assert time.monotonic() - began >= 0.2
        g.kill(Actor.LIFECYCLE, signal.SIGCONT)
        report = client.call(Actor.LIFECYCLE, RequestState(state=State.WAKE), LifecycleReport)
    assert report.state is State.WAKE


def test_without_a_group_a_client_says_so_at_once(group: Make) -> None:
    g = group()
    with g.client() as client, pytest.raises(GroupNotRunning, match="iai up"):
        client.call(Actor.INGEST, Ping(), Pong)
    for command in (("recall", "x"), ("remember", "x"), ("refresh",), ("probe", "ingest")):
        done = g.iai(*command)
        assert (done.returncode, done.stdout) == (3, ""), command
        assert "iai is not running" in done.stderr
    assert probed(g, "ingest", "--timeout", "0.2").returncode == 1


# --- freshness, with real processes --------------------------------------------------------------


def test_ten_callers_at_once_are_exactly_one_write(group: Make) -> None:
    """That all are there before the one write is over depends on the machine: until they are."""
    g = group(session_cache_refresh_min_sec="3600")
    g.up()
    capture(g, "one")
    g.iai("refresh", "--force")
    g.settle()

    def ask() -> RefreshOutcome:
        with g.client() as client:
            return client.call(Actor.CACHE_WRITER, Refresh(force=True), RefreshOutcome, PATIENCE_S)

    def writes() -> int:
        """Have ten ask at once; return how often there was written for them."""
        before = asked_for(g)
        g.kill(Actor.CACHE_WRITER, signal.SIGSTOP)
        with ThreadPoolExecutor(10) as pool:
            asked = [pool.submit(ask) for _ in range(10)]
            queue = g.layout.sockets / "cache-writer.sock"
            wait_until(lambda: connections(queue) >= 10, "all have connected")
            g.kill(Actor.CACHE_WRITER, signal.SIGCONT)
            outcomes = [one.result() for one in asked]
        assert {o.outcome for o in outcomes} <= {"written", "skipped"}
        assert all(o.reason in ("forced", "refresh_in_progress") for o in outcomes)
        return asked_for(g) - before

    wait_until(lambda: writes() == 1, "ten are one")


def asked_for(group: Group) -> int:
    """How often the payload was written because somebody asked."""
    written = events(group, "session_start_cache_write_success")
    return [event["trigger"] for event in written].count("manual")


def connections(path: Path) -> int:
    """How many clients have connected to a socket, as the kernel has it."""
    listening = Path("/proc/self/net/unix")
    if not listening.exists():  # not Linux: nothing to count by, so do not wait for it
        return 10**6
    return sum(line.endswith(str(path)) for line in listening.read_text().splitlines())


def test_an_import_of_old_turns_moves_the_watermark_and_the_payload(shared: Group) -> None:
    g = shared
    capture(g, "something new")
    g.settle()
    before = read_sidecar(g.layout.payload)
    old = g.work / "old.jsonl"
    then = datetime(2020, 1, 1, tzinfo=UTC)
    old.write_text(coding_session("old", "/p", turns=4, seed=1, start=then))
    document = g.json("import", str(old), "--wait")
    after = read_sidecar(g.layout.payload)
    assert before is not None
    assert after is not None
    assert document["records_added"] == 4
    assert after.max_created_at == before.max_created_at
    assert after.max_vec_label == before.max_vec_label + 4
    assert after.revision == before.revision + 4


def test_a_full_disk_is_survived_and_nothing_that_was_spooled_is_lost(group: Make) -> None:
    """A limit on the size of files stands in for the disk; the spool keeps what ingest cannot."""
    import resource  # noqa: PLC0415

    g = group(session_cache_refresh_min_sec="0")
    g.up()
    capture(g, "before")
    g.settle()
    pid = g.pid(Actor.INGEST)
    size = (g.layout.records / "data.mdb").stat().st_size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    g.hook("turn-capture", {"session_id": "s", "cwd": "/p", "prompt": "while full " * 5_000})
    wait_until(lambda: "retrying in" in g.log(), "ingest reports it")
    assert g.pid(Actor.INGEST) == pid
    assert len(list(g.layout.spool_new.iterdir())) == 1
    infinity = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, infinity)
    wait_until(lambda: "while full " * 5_000 in texts(g), "it is kept")
    assert texts(g)[0] == "before"


def test_a_large_backlog_does_not_delay_an_answer_or_the_payload(group: Make) -> None:
    """How large is large depends on the machine: until what is behind is more than it can do."""
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    times = itertools.count()

    def found_before_the_rest() -> bool:
        name = next(times)
        history = g.work / f"{name}.jsonl"
        history.write_text(coding_session(str(name), "/elsewhere", turns=8_000, seed=name))
        with g.client() as client:
            client.call(Actor.INGEST, Import(paths=(str(history),)), ImportProgress, PATIENCE_S)
        needle = f"needle{'abcdefghij'[name]} in between"
        capture(g, needle)

        def found() -> bool:
            hits = g.json("recall", needle, "--limit", "1")["hits"]
            return bool(hits) and hits[0]["text"] == needle

        wait_until(found, "the newest turn is found")
        return g.health().stages["graph"].lag_records > 0

    wait_until(found_before_the_rest, "it does not wait for those that were there before")


# --- the commands --------------------------------------------------------------------------------


@pytest.fixture
def hung_embedder(shared: Group) -> Iterator[Group]:
    """Return a group whose embedder does nothing any longer, though all that was said has a vector.

    Afterwards it goes on.
    """
    shared.settle()
    shared.kill(Actor.EMBEDDING, signal.SIGSTOP)
    yield shared
    shared.kill(Actor.EMBEDDING, signal.SIGCONT)


def test_status_is_one_document_with_every_stage_also_of_a_stopped_group(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    capture(g, "one", "two")
    g.settle()
    status = g.json("status")
    assert status["group"]["state"] == "running"
    assert status["lifecycle"]["state"] == "wake"
    assert set(status["actors"]) == set(PIPELINE)
    for actor in status["actors"].values():
        assert actor["state"] == "ready"
        assert actor["restarts"] == 0
        assert actor["rss_bytes"] > 10_000_000
        assert 1_000_000 < actor["memory_bytes"] <= actor["rss_bytes"], "without what others share"
        assert alive(actor["pid"])
    for name in ("records", "vectors", "graph", "payload"):
        stage = status["stages"][name]
        assert (stage["revision"], stage["lag_records"], stage["lag_s"]) == (2, 0, 0.0), name
    assert status["watermark"]["records_count"] == 2
    assert status["payload"]["path"] == str(g.layout.payload)
    assert status["payload"]["revision"] == 2
    assert status["payload"]["age_s"] >= 0
    assert status["payload"]["generated_at"]
    g.down()
    done = g.iai("status", "--json")
    assert done.returncode == 3
    later = json.loads(done.stdout)
    assert (later["group"]["state"], later["actors"]) == ("stopped", {})
    for name, stage in later["stages"].items():
        assert stage["revision"] == 2, name


def test_status_tells_the_truth_about_a_stage_that_has_stopped(hung_embedder: Group) -> None:
    g = hung_embedder
    before = g.health().stages["vectors"].revision
    revision = capture(g, f"said after {before}").revision
    wait_until(lambda: g.health().stages["payload"].revision == revision, "the payload has it")
    stages = g.json("status")["stages"]
    behind = (stages["vectors"]["revision"], stages["vectors"]["lag_records"])
    assert behind == (before, revision - before)
    assert stages["vectors"]["lag_s"] > 0
    assert stages["records"]["lag_records"] == 0


def test_what_is_remembered_is_recalled_shown_pinned_and_forgotten(
    group_in_process: Make,
) -> None:
    g = group_in_process(session_cache_refresh_min_sec="0")
    g.up()
    said = g.json("remember", "Deploy with make release", "--project", "/p")
    g.settle()
    document = recalled(g, "how to deploy", "--limit", "1")
    (hit,) = document["hits"]
    assert hit["id"] == said["ids"][0]
    assert set(hit) >= {
        "id", "score", "text", "role", "session_id", "project", "created_at", "why",
    }  # fmt: skip
    assert document["degraded"] == []
    assert document["took_ms"] > 0
    assert "Deploy with make release" in g.iai("show", hit["id"]).stdout
    assert g.iai("pin", hit["id"]).stdout == "pinned\n"
    assert "## Pinned" in g.iai("session-start", "--cwd", "/p").stdout
    assert g.iai("forget", "#1").stdout == "forgot 1 record\n"
    assert g.iai("show", "#1").returncode == 1
    assert g.iai("session-start", "--cwd", "/p").stdout == ""
    again = g.iai("remember", "Deploy with make release", "--project", "/p").stdout
    assert "you have forgotten this text before" in again


def test_recall_without_an_embedder_says_what_is_missing(hung_embedder: Group) -> None:
    document = hung_embedder.json("recall", "parser")
    assert document["hits"][0]["text"] == PARSER
    assert document["degraded"] == ["vectors: the embedder gave no vector for the query"]


def test_an_import_reports_what_it_did(shared: Group) -> None:
    g = shared
    samples = CHECKOUT / "tests" / "samples"
    document = g.json("import", str(samples), "--wait")
    assert (document["files"], document["turns_read"], document["records_added"]) == (4, 19, 19)
    assert document["duplicates"] == 0
    assert document["skipped"]["tool"] == 14
    assert document["actions_added"] == 20
    assert document["seconds"] > 0
    assert g.health().caught_up
    failed = g.iai("import", "/nowhere")
    assert failed.returncode == 1
    assert "there is no such file" in failed.stderr


def probed(group: Group, *args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(CHECKOUT / "tools" / "probe"), *args], env=group.environment,
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip


def test_the_stand_alone_probe_speaks_to_any_actor(shared: Group) -> None:
    run = partial(probed, shared)
    assert json.loads(run("ingest").stdout)["kind"] == "pong"
    turn = '{"turns": [{"text": "by probe", "cwd": "/p"}]}'
    assert json.loads(run("ingest", "capture", turn).stdout)["added"] == 1
    refused = run("ingest", "no-such")
    assert (refused.returncode, json.loads(refused.stdout)["code"]) == (2, "unknown-kind")
    misfit = run("cache-writer", "refresh", '{"force": "x"}')
    assert (misfit.returncode, json.loads(misfit.stdout)["code"]) == (2, "bad-message")
    assert misfit.stderr == "cache-writer cannot read that refresh\n"
    refused = run("ingest", "import-status", '{"job": "none"}')
    assert (refused.returncode, json.loads(refused.stdout)["code"]) == (1, "not-found")
    assert json.loads(run("ingest", "ping", '{"id": 5}').stdout)["kind"] == "pong"
    measured = json.loads(run("lifecycle", "--bench", "20").stdout)
    assert measured["pings"] == 20
    assert run("ingest", "ping", "{").returncode == 2
    heard: list[str] = []

    def listened() -> bool:
        heard.extend(run("lifecycle", "--listen", "--seconds", "1").stdout.splitlines())
        return bool(heard)

    wait_until(listened, "it is there at a tick")
    assert {json.loads(line)["kind"] for line in heard} == {"tick"}


def test_a_long_log_is_put_aside_and_the_group_goes_on_in_a_new_one(group: Make) -> None:
    g = group()
    g.layout.create()
    for path in (g.layout.group_log, g.layout.recall_log):
        path.write_text("x" * logs.LIMIT + "\n")
    g.up()
    for path in (g.layout.group_log, g.layout.recall_log):
        wait_until(logs.rotated(path, 1).exists, f"{path} is put aside")
    g.kill(Actor.LIFECYCLE)
    wait_until(lambda: "lifecycle ended: killed by signal 9" in g.log(), "a line in the new file")
    g.kill(Actor.INGEST, signal.SIGUSR1)  # its stack, which is written without the log
    both = (g.layout.group_log, logs.rotated(g.layout.group_log, 1))
    wait_until(lambda: any("Current thread" in p.read_text() for p in both), "it is in one of them")
    assert g.layout.group_log.stat().st_size < logs.LIMIT
