"""Which files each process opens: those that `iai.config.access` gives it. And no network."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from harness.corpus import coding_session
from harness.group import CHECKOUT, Group, wait_until

from iai.config import access
from iai.config.access import ACCESS
from iai.install import scripts
from iai.protocol.lifecycle import LifecycleReport, RequestState
from iai.protocol.message import PIPELINE, Actor, State
from iai.store import auto_backups
from tests.actors.real import capture, recalled, with_faults

Make = Callable[..., Group]
Opened = set[tuple[str, str]]  # `r` or `w`, and the path, below the store without the store's own

LOCK_FILES = {"lock.mdb"}  # in which a reader of LMDB has to announce itself
OF_A_TEAM = {"team/", "team.json"}
# MiniLM; settings; encryption
NOT_USED_HERE = {"models/", "config.toml", "crypto.json", *OF_A_TEAM}
OF_THE_HOOKS = {"ledger/*.hook.jsonl"}


def test_nothing_in_the_store_has_two_owners() -> None:
    for actor in Actor:
        for pattern in ACCESS[actor].writes + access.own(actor)[:2]:
            name = pattern.replace("*", "x") + ("x" if pattern.endswith("/") else "")
            assert [one for one in Actor if access.may_write(one, name)] == [actor], pattern


def test_what_a_process_reads_is_written_by_another_or_by_the_user() -> None:
    for actor in Actor:
        for pattern in set(ACCESS[actor].reads) - NOT_USED_HERE - OF_THE_HOOKS:
            name = pattern.replace("*", "ingest") + ("x" if pattern.endswith("/") else "")
            assert [one for one in Actor if access.may_write(one, name)] not in ([], [actor])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc")
def test_each_process_opens_the_files_that_it_owns_or_reads_and_no_network(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0", tick_sec="0.2", file_history="1")
    audit = g.work / "audit"
    audit.mkdir()
    with_faults(g, audit=str(audit)).up()
    _use_everything(g)
    opened = {actor: _opened(g, audit, actor) for actor in (Actor.SUPERVISOR, *PIPELINE)}
    assert [p.name() for p in g.processes() if p.net_connections("inet")] == []
    g.down()
    assert [line for path in audit.iterdir() for line in _networked(path)] == []
    for actor, files in opened.items():
        outside = {name for _, name in files if name.startswith("/") and Path(name).exists()}
        written = {name for how, name in files if how == "w" and not name.startswith("/")}
        read = {name for _, name in files if not name.startswith("/")}
        assert bool(outside) == bool(ACCESS[actor].outside), (actor, outside)
        assert [n for n in written if not access.may_write(actor, n)] == [], actor
        readable = ACCESS[actor].reads
        foreign = [n for n in read if not access.may_write(actor, n)]
        assert [n for n in foreign if not access.matches(n, readable)] == [], actor
        assert _unmatched(ACCESS[actor].writes, written) == set(), actor
        assert _unmatched(readable, read) == set(), actor


def test_the_use_of_a_network_is_seen(tmp_path: Path) -> None:
    code = (
        "import socket\n"
        "a, b = socket.socketpair()\n"
        "with socket.socket() as sock: sock.bind(('127.0.0.1', 0))\n"
        "try: socket.getaddrinfo('localhost.invalid', 80)\n"
        "except OSError: pass\n"
    )
    environment = {
        "PYTHONPATH": str(CHECKOUT / "tests" / "faults"), "IAI_FAULT_AUDIT": str(tmp_path),
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    (log,) = tmp_path.iterdir()
    assert _networked(log) == ["n socket.__new__", "n socket.bind", "n socket.getaddrinfo"]


def _networked(log: Path) -> list[str]:
    """Return what a process did that was not about files or Unix sockets."""
    return [line for line in log.read_text().splitlines() if line.startswith("n ")]


def _unmatched(patterns: tuple[str, ...], names: set[str]) -> set[str]:
    return {
        pattern
        for pattern in set(patterns) - NOT_USED_HERE
        if not any(access.matches(name, (pattern,)) for name in names)
    }


def _use_everything(g: Group) -> None:
    """Have every actor do all kinds of its work."""
    scripts.install(g.layout, status_line_too=True)
    g.hook("session-recall", {"session_id": "s", "cwd": "/p", "source": "startup"})
    checkout = g.work / "checkout"
    (checkout / ".git").mkdir(parents=True)
    (checkout / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    transcript = g.work / "s.jsonl"
    transcript.write_text(coding_session("s", str(checkout), 4, 1))
    (g.layout.spool_new / "bad.json").write_text("not an event")
    g.hook("turn-capture", {
        "session_id": "s", "transcript_path": str(transcript), "cwd": str(checkout),
        "hook_event_name": "SessionEnd",
    })  # fmt: skip
    wait_until(lambda: not any(g.layout.spool_new.iterdir()), "the spool is empty")
    capture(g, "the harbour opens at five")
    g.settle()
    recalled(g, "harbour")
    assert g.iai("refresh", "--force").returncode == 0
    with g.client() as client:
        client.call(Actor.LIFECYCLE, RequestState(state=State.SLEEP), LifecycleReport)
    wait_until(lambda: auto_backups.found(g.layout), "the records are backed up")
    (g.layout.deliveries / "s.files").write_text("/p/never/recorded.py\n")
    assert g.iai("forget", "--session", "s", "--yes").returncode == 0


def _opened(g: Group, audit: Path, actor: Actor) -> Opened:
    """Return what a process has opened below the test's directory, from Python or otherwise."""
    pid = g.pid(actor)
    found = {(line[0], line[2:]) for line in (audit / str(pid)).read_text().splitlines()}
    process = psutil.Process(pid)
    found |= {("r" if f.mode == "r" else "w", f.path) for f in process.open_files()}
    for area in process.memory_maps(grouped=False):
        found.add(("w" if "w" in area.perms and "s" in area.perms else "r", area.path))
    return {
        (how, _name(path).removeprefix(f"{g.layout.root}/"))
        for how, path in found
        if path.startswith(f"{g.work}/") and Path(path).parent != audit
        if Path(path).name not in LOCK_FILES
    }


def _name(path: str) -> str:
    """Return the path that a temporary file is renamed to; any other as it is."""
    return re.sub(r"/\.([^/]+)\.\d+\.tmp$", r"/\1", path)
