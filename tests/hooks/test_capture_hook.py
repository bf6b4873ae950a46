"""The capture hook, as a host calls it."""

import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.group import CHECKOUT, Group

from iai.ingest import spool
from iai.model import framing
from iai.process.wakeups import WakeupPipe

HOOK = CHECKOUT / "hooks" / "iai-mcp-turn-capture.sh"
MOST = int(HOOK.read_text().partition("\nmost=")[2].split()[0])  # events that may wait
Make = Callable[..., Group]


def test_an_event_is_spooled_unchanged(group: Make) -> None:
    g = group()
    event = '{"prompt": "\\u00e9 `$(x)` \\\\ \U0001f9e0",  "session_id":"s"}\n\n'
    done = g.hook("turn-capture", event)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (path,) = spool.waiting(g.layout.spool_new)
    assert path.read_bytes() == event.encode()


@pytest.mark.parametrize("recall", ["", "1"])
def test_with_capture_off_only_the_id_of_the_session_is_spooled(group: Make, recall: str) -> None:
    g = group(capture="off", prompt_recall=recall)
    prompt = 'not for the memory, "session_id":"x"'
    event = {"hook_event_name": "UserPromptSubmit", "prompt": prompt, "session_id": "s-1.2"}
    done = g.hook("turn-capture", event)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (path,) = spool.waiting(g.layout.spool_new)
    assert b"memory" not in path.read_bytes()
    spooled = spool.read(path)
    assert spooled is not None
    assert spooled.event is not None
    assert spooled.event.turns_capture_off
    assert spooled.event.session_id == "s-1.2"


def test_with_capture_off_an_event_without_a_session_leaves_nothing(group: Make) -> None:
    g = group(capture="off")
    assert g.hook("turn-capture", {"prompt": "not for the memory"}).returncode == 0
    assert list(g.layout.spool_tmp.iterdir()) == spool.waiting(g.layout.spool_new) == []


def test_a_missing_store_is_created_for_its_user_alone(group: Make) -> None:
    g = group()
    assert not g.layout.root.exists()
    g.hook("turn-capture", {"session_id": "s"})
    for path in (g.layout.root, *g.layout.root.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_empty_input_leaves_the_spool_empty(group: Make) -> None:
    g = group()
    assert g.hook("turn-capture", "").returncode == 0
    assert spool.waiting(g.layout.spool_new) == []
    assert list(g.layout.spool_tmp.iterdir()) == []


def test_a_large_event_is_complete(group: Make) -> None:
    g = group()
    g.hook("turn-capture", {"prompt": "x" * 3_000_000})
    (path,) = spool.waiting(g.layout.spool_new)
    assert len(json.loads(path.read_text())["prompt"]) == 3_000_000


def test_what_is_too_long_for_an_event_is_cut_and_refused(group: Make) -> None:
    g = group()
    g.hook("turn-capture", "x" * (spool.LONGEST_EVENT + 5_000_000))
    (path,) = spool.waiting(g.layout.spool_new)
    assert path.stat().st_size == spool.LONGEST_EVENT + 1
    read = spool.read(path)
    assert read is not None
    assert (read.event, read.why) == (None, f"{spool.LONGEST_EVENT + 1} bytes is too long")


def test_a_full_spool_takes_no_more_but_that_a_session_is_not_to_be_recorded(group: Make) -> None:
    g = group()
    g.layout.create()
    for number in range(MOST):
        (g.layout.spool_new / f"{number}.json").touch()
    done = g.hook("turn-capture", {"session_id": "s", "prompt": "x" * 1_000_000})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(list(g.layout.spool_new.iterdir())) == MOST
    g.environment["IAI_MCP_CAPTURE"] = "off"
    g.hook("turn-capture", {"session_id": "s"})
    assert len(list(g.layout.spool_new.iterdir())) == MOST + 1


def test_concurrent_events_are_all_spooled(group: Make) -> None:
    g = group()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: g.hook("turn-capture", {"prompt": str(n)}), range(200)))
    prompts = [json.loads(path.read_text())["prompt"] for path in spool.waiting(g.layout.spool_new)]
    assert sorted(prompts, key=int) == [str(n) for n in range(200)]


def test_it_wakes_ingest_and_does_not_need_it(group: Make) -> None:
    g = group()
    g.layout.create()
    pipe = WakeupPipe(g.layout.wakeup_pipe)
    assert not pipe.drain()
    assert g.hook("turn-capture", {"session_id": "s"}).returncode == 0
    assert pipe.drain()
    assert not pipe.drain()
    pipe.close()
    assert g.hook("turn-capture", {"session_id": "s"}).returncode == 0  # and does not wait
    assert len(spool.waiting(g.layout.spool_new)) == 2


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to give a directory away")
@pytest.mark.parametrize("theirs", ["", "run", "records", "spool", "spool/new", "session-start"])
def test_hooks_neither_write_to_nor_read_from_what_another_user_has_in_a_store(
    group: Make, theirs: str
) -> None:
    g = group()
    g.layout.create()
    link = g.layout.payload_link("/p")
    assert link is not None
    link.parent.mkdir(parents=True)
    link.write_text(f"{framing.opening(1, '2026-11-20T10:00:00Z', 'p', 5)}\n{framing.CLOSING}\n")
    g.layout.status_line.write_text("all is well\n")
    spy = g.work / "spy"
    spy.write_text(f"#!/bin/sh\n: >{g.layout.root}/ran\n")
    spy.chmod(0o755)
    g.layout.command.write_text(str(spy))
    (g.layout.root / "records").mkdir()
    before = {path.name for path in g.layout.root.rglob("*")}
    nobody = 65_534
    os.chown(g.layout.root / theirs, nobody, nobody)
    g.layout.root.chmod(0o777)
    event = {"session_id": "s", "cwd": "/p", "prompt": "x" * 100_000, "source": "startup"}
    hooks = ["turn-capture"] if theirs.startswith("spool/") else ["turn-capture", "session-recall"]
    for hook in hooks:
        done = g.hook(hook, event)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    if theirs in ("", "run"):
        assert "not running" in g.hook("status-line", event).stdout
    assert {path.name for path in g.layout.root.rglob("*")} == before


@pytest.mark.parametrize("trouble", ["store is a file", "no home", "spool is a file"])
def test_no_failure_disturbs_the_session(group: Make, trouble: str) -> None:
    g = group()
    match trouble:
        case "store is a file":
            g.layout.root.write_text("")
        case "no home":
            g.environment.pop("HOME")
            g.environment.pop("IAI_MCP_STORE")
        case _:
            g.layout.root.mkdir()
            (g.layout.root / "spool").write_text("")
    done = g.hook("turn-capture", {"session_id": "s"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_full_disk_leaves_no_partial_event(group: Make) -> None:
    g = group()
    g.layout.create()
    limited = f"ulimit -f 1; exec {HOOK}"  # a limit on file size stands in for a full disk
    done = subprocess.run(
        ["/bin/bash", "-c", limited], input="x" * 100_000, env=g.environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert spool.waiting(g.layout.spool_new) == []
