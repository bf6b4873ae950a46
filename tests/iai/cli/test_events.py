"""`iai events`, without a group: what it prints, and how it ends."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from harness.group import PATIENCE_S, Group

from iai.model import clock
from iai.model.clock import NS
from iai.process.ledger import Ledger
from iai.protocol.message import Actor
from iai.protocol.supervisor import ActorDown, ActorUp
from tests.shell import Shell

Make = Callable[..., Group]
Follower = subprocess.Popen[str]


def happen(group: Group | Shell, number: int, ago_s: float = 0.0) -> None:
    group.layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    ledger = Ledger(group.layout.ledger, Actor.SUPERVISOR, 30)
    ledger.write(ActorUp(actor=Actor.INGEST, pid=number), time.time_ns() - int(ago_s * NS))


def follow(group: Group, *args: str) -> Follower:
    """Start `iai events --follow`."""
    return subprocess.Popen(
        [sys.executable, "-m", "iai", "events", "--follow", *args], env=group.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def line(follower: Follower) -> str:
    assert follower.stdout is not None
    return follower.stdout.readline()


def test_a_store_without_a_ledger_has_no_events(shell: Shell) -> None:
    g = shell
    assert g.json("events") == []
    assert g.iai("events").stdout == ""


def test_a_limit_leaves_the_latest_events(shell: Shell) -> None:
    g = shell
    for number in (1, 2, 3):
        happen(g, number)
    assert [event["pid"] for event in g.json("events", "--limit", "2")] == [2, 3]
    assert [event["pid"] for event in g.json("events", "--limit", "9")] == [1, 2, 3]
    done = g.iai("events", "--limit", "0")
    assert (done.returncode, "at least 1" in done.stderr) == (2, True)


def test_garbage_in_the_ledger_is_passed_over(shell: Shell) -> None:
    g = shell
    happen(g, 1)
    (file,) = g.layout.ledger.iterdir()
    with file.open("ab") as opened:
        opened.write(b'\xff\0{"at_ns": 1\n[]\n{"at_ns": 5}\n{"half')
    (g.layout.ledger / "2026-01-01.ingest.jsonl").write_bytes(b"\0" * 100_000)
    (g.layout.ledger / "2026-01-02.ingest.jsonl").mkdir()
    (g.layout.ledger / "2026-01-03.ingest.jsonl").symlink_to("/dev/full")
    happen(g, 2)
    assert [event["pid"] for event in g.json("events")] == [1, 2]
    done = g.iai("events")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


def test_since_takes_a_length_of_time_or_a_time(shell: Shell) -> None:
    g = shell
    for number, ago_s in enumerate((3 * 86_400, 7_200, 600, 30)):
        happen(g, number, ago_s)

    def since(text: str) -> list[int]:
        return [event["pid"] for event in g.json("events", "--since", text)]

    assert since("4d") == [0, 1, 2, 3]
    assert since("3h") == [1, 2, 3]
    assert since("20m") == [2, 3]
    assert since("300s") == [3]
    an_hour_ago = clock.iso(time.time_ns() - 3_600 * NS)
    assert since(an_hour_ago) == since(an_hour_ago.rstrip("Z")) == [2, 3]
    assert since(an_hour_ago[:10]) in ([2, 3], [1, 2, 3])  # from midnight
    assert since("2999-01-01") == []
    done = g.iai("events", "--since", "yesterday")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--since yesterday: give a time like" in done.stderr


def test_kind_takes_one_that_there_is(shell: Shell) -> None:
    g = shell
    happen(g, 1)
    Ledger(g.layout.ledger, Actor.SUPERVISOR, 30).write(
        ActorDown(actor=Actor.INGEST, reason="r"), time.time_ns()
    )
    assert [e["kind"] for e in g.json("events", "--kind", "actor-down")] == ["actor-down"]
    assert g.json("events", "--kind", "session_start_cache_write_failed") == []
    for args in ((), ("--json",), ("--follow",)):
        done = g.iai("events", "--kind", "actor-gone", *args)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--kind actor-gone: unknown kind; choose from actor-down," in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_follow_prints_what_was_and_what_comes_a_line_each_until_interrupted(
    group: Make, form: tuple[str, ...]
) -> None:
    g = group()
    happen(g, 1)
    follower = follow(g, *form)
    first = line(follower)
    happen(g, 2)
    second = line(follower)
    happen(g, 3, ago_s=3_600)  # the clock was set back
    third = line(follower)
    follower.send_signal(signal.SIGINT)
    rest, complaints = follower.communicate(timeout=PATIENCE_S)
    assert (follower.returncode, rest, complaints) == (0, "", "")
    if form:
        assert [json.loads(each)["pid"] for each in (first, second, third)] == [1, 2, 3]
    else:
        assert [each.split()[-1] for each in (first, second, third)] == ["pid=1", "pid=2", "pid=3"]


@pytest.mark.slow
def test_follow_ends_when_nobody_reads_it_even_if_nothing_more_happens(group: Make) -> None:
    g = group()
    happen(g, 1)
    follower = follow(g)
    assert line(follower).endswith("pid=1\n")
    assert follower.stdout is not None
    assert follower.stderr is not None
    follower.stdout.close()
    assert follower.wait(PATIENCE_S) == 0
    assert follower.stderr.read() == ""
    follower.stderr.close()
