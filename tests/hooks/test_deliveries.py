"""What a session gets: everything, only what is new to it, or nothing; and the record of that."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from harness.group import CHECKOUT, Group, wait_until

from iai.ingest import spool
from iai.model import clock, framing
from iai.model.clock import NS
from iai.model.record import Project, Record
from iai.process import ledger
from iai.projects.identity import identify
from iai.session_start import deliveries
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.hooks.test_recall_hook import LATE, Store
from tests.iai.store.builders import NOW, new_record

Make = Callable[..., Group]
REVISION = 5
WRITTEN = clock.iso(time.time_ns())


@pytest.fixture
def store(group: Make, in_process: Callable[[Group], Group]) -> Store:
    return Store(in_process(group()))


def payload(revision: int, tokens: int = 40) -> str:
    head = framing.opening(revision, WRITTEN, "p", tokens)
    return f"{head}\nwhat was said\n{framing.CLOSING}\n"


def starts(source: str, session: str = "s", cwd: str = "/p", **more: Any) -> str:
    event = {"session_id": session, "source": source, "cwd": cwd, **more}
    return json.dumps(event, ensure_ascii=False)


def said(store: Store, text: str, session: str = "other", cwd: str = "/p", **fields: Any) -> int:
    """Store a turn; return its revision."""
    project = identify(cwd)
    records = Records(store.layout.records, writer=True)

    def change(unit: RecordChange) -> None:
        unit.projects.place(Project(id=project.id, name=project.name, root=project.root), cwd)
        unit.records.insert(
            new_record(text, text=text, project=project.id, cwd=cwd, session=session, **fields)
        )

    _, mark = records.commit(change, NOW)
    records.close()
    return mark.revision


def change(store: Store, do: Callable[[RecordChange, Record], None], label: int) -> None:
    records = Records(store.layout.records, writer=True)

    def run(unit: RecordChange) -> None:
        record = unit.view.get(label)
        assert record is not None
        do(unit, record)

    records.commit(run, NOW)
    records.close()


def recorded(store: Store) -> list[deliveries.Delivery]:
    """The deliveries in the ledger, except those that a busy machine was too late for."""
    found = deliveries.read(store.layout)
    return [one for one in found if not one.reason.endswith("took longer than 0.9 s")]


# --- the full text, or only what is new -----------------------------------------------------------


@pytest.mark.parametrize("source", ["startup", "clear", "fork", "", "of a host to come"])
def test_a_new_session_always_gets_the_full_text(store: Store, source: str) -> None:
    store.payload("/p", payload(REVISION))
    assert store.call(starts(source)) == payload(REVISION)
    assert store.call(starts(source)) == payload(REVISION)
    assert [one.outcome for one in recorded(store)] == ["cache-hit", "cache-hit"]


def test_a_resumed_session_that_was_given_nothing_gets_the_text_without_its_own_words(
    store: Store,
) -> None:
    said(store, "said long ago")
    store.payload("/p", payload(said(store, "my own words", session="s")))
    printed = store.call(starts("resume"))
    assert "\nAsked: said long ago (#1)\n" in printed
    assert "my own words" not in printed
    assert recorded(store)[0].reason == "resumed"


@pytest.mark.parametrize("session", ["", "../evil"])
def test_a_resumed_session_without_a_usable_id_gets_the_full_text(
    store: Store, session: str
) -> None:
    store.payload("/p", payload(REVISION))
    assert store.call(starts("resume", session=session)) == payload(REVISION)


def test_a_resumed_session_with_nothing_new_gets_nothing_and_that_is_logged(store: Store) -> None:
    revision = said(store, "said long ago")
    store.payload("/p", payload(revision))
    store.call(starts("startup"))
    assert store.call(starts("resume")) == ""
    assert "\nAsked: said long ago (#1)\n" in store.call(starts("resume", session="another"))
    assert store.log()[1] == f"given-before -> nothing-new revision={revision}"
    second = recorded(store)[1]
    assert (second.outcome, second.reason) == ("nothing-new", "given-before")
    assert (second.revision, second.tokens, second.bytes) == (revision, 0, 0)


def test_after_a_compaction_a_session_gets_everything_again_and_where_it_stood(
    store: Store,
) -> None:
    pinned = said(store, "never log card numbers")
    change(store, lambda unit, record: unit.edits.pin(record, pinned=True), pinned)
    store.payload("/p", payload(said(store, "my own words", session="s")))
    store.call(starts("startup"))
    printed = store.call(starts("compact"))
    assert "\n> never log card numbers\n" in printed
    stood = "## This session, up to where its context was compacted\nAsked: my own words (#2)\n"
    assert stood in printed
    assert recorded(store)[-1].reason == "compacted"


@pytest.mark.parametrize("source", ["startup", "clear", "fork"])
def test_a_session_is_not_told_of_its_own_first_prompt(store: Store, source: str) -> None:
    said(store, "said long ago")
    revision = said(store, "my own words", session="s")
    store.payload("/p", payload(revision))
    store.required_revision("/p", "0 1 s\n")
    printed = store.call(starts(source))
    assert "\nAsked: said long ago (#1)\n" in printed
    assert "my own words" not in printed
    assert recorded(store)[0].reason == "own-words"
    assert store.call(starts(source, session="t")) == payload(revision)


FOREIGN: tuple[dict[str, Any], ...] = (
    {"hookEventName": "session_start", "sessionId": "s", "cwd": "/p", "source": "new"},
    {"sessionId": "s", "cwd": "/p", "timestamp": 1, "source": "startup"},
    {"hook_event_name": "SessionStart", "session_id": "s", "cwd": "/p", "timestamp": "2026"},
    {"hook_event_name": "SessionStart", "session_id": "able-heron", "source": "startup"},
    {"hook_event_name": "sessionStart", "conversation_id": "s", "workspace_roots": ["/p"]},
    {"session_id": "s", "cwd": "/p", "transcript_path": "/home/x/.copilot/session-state/s/e"},
    {"hook_event_name": "agentSpawn", "cwd": "/p"},
    {"hook_event_name": "SessionStart", "cwd": "/p", "transcript_path": "", "timestamp": "2026"},
    {"hookName": "TaskStart", "taskId": "t", "workspaceRoots": ["/p"]},
    {"session_id": "s", "cwd": "/p", "transcript_path": "C:\\Users\\x\\.qwen\\tmp\\s.json"},
    {"event": "SessionStart", "session_id": "20261120_1", "working_dir": "/p"},
    {"hook_event_name": "SessionStart", "session_id": "s", "cwd": "/p"},
    {"conversationId": "c", "workspacePaths": ["/p"], "invocationNum": 0},
    {"type": "session_start", "sessionFile": "/home/x/.pi/s.jsonl", "cwd": "/p"},
    {"hook_event_name": "SessionStart", "cwd": "/p", "transcript_path": "/home/x/.kimi/s.jsonl"},
)


@pytest.mark.parametrize("event", FOREIGN)
def test_another_programs_session_gets_nothing_and_the_ledger_says_why(
    store: Store, event: dict[str, Any]
) -> None:
    for cwd in ("", "/p"):
        store.payload(cwd, payload(REVISION))
    assert store.call(json.dumps(event)) == ""
    (delivery,) = recorded(store)
    assert (delivery.outcome, delivery.reason) == ("nothing", "another program's event")
    with pytest.raises(spool.OtherProgram):
        spool.event_in(json.dumps(event).encode())


def test_a_resumed_session_gets_what_others_said_since_and_not_its_own_words(
    store: Store,
) -> None:
    first = said(store, "said long ago")
    store.payload("/p", payload(first))
    store.call(starts("startup"))
    said(store, "my own words", session="s")
    said(store, "in another project", cwd="/q")
    latest = said(store, "what another session found")
    store.payload("/p", payload(latest))
    printed = store.call(starts("resume"))
    assert "\nAsked: what another session found (#4)\n" in printed
    for left_out in ("said long ago", "my own words", "in another project"):
        assert left_out not in printed
    assert store.call(starts("resume")) == ""
    assert [one.outcome for one in recorded(store)] == ["cache-hit", "live-cli", "nothing-new"]
    assert recorded(store)[1].reason == "given-before"
    assert recorded(store)[1].tokens > 0


def test_a_resumed_session_with_only_its_own_words_new_gets_nothing(store: Store) -> None:
    first = said(store, "said long ago")
    store.payload("/p", payload(first))
    store.call(starts("startup"))
    store.payload("/p", payload(said(store, "my own words", session="s")))
    assert store.call(starts("resume")) == ""
    assert recorded(store)[-1].outcome == "nothing-new"
    assert recorded(store)[-1].tokens == 0


def test_records_pinned_added_or_edited_since_are_new(store: Store) -> None:
    revisions = [said(store, text) for text in ("to be pinned", "to be corrected", "to be left")]
    store.payload("/p", payload(revisions[-1]))
    store.call(starts("startup"))
    change(store, lambda unit, record: unit.edits.pin(record, pinned=True), 1)
    change(store, lambda unit, record: unit.edits.set_text(record, "corrected"), 2)
    latest = said(store, "a fact", tier="semantic", session="")
    store.payload("/p", payload(latest))
    printed = store.call(starts("resume"))
    pinned, remembered = printed.split("## Pinned\n")[1].split("## Remembered\n")
    assert pinned.startswith("#1, ")
    assert pinned.endswith("\n> to be pinned\n\n")
    assert remembered.startswith("#4, ")
    assert "\n> a fact\n" in remembered
    assert "\nAsked: corrected (#2)\n" in printed
    assert "to be left" not in printed


def test_another_sessions_turn_in_the_spool_is_new(store: Store) -> None:
    first = said(store, "said long ago")
    store.payload("/p", payload(first))
    store.call(starts("startup"))
    store.capture(cwd="/p", session_id="other", prompt="said a second ago", prompt_id="1")
    store.capture(cwd="/p", session_id="s", prompt="my own words", prompt_id="2")
    printed = store.call(starts("resume"))
    assert "\nAsked: said a second ago (not indexed yet)\n" in printed
    assert "my own words" not in printed


def test_a_revision_this_store_never_had_is_ignored(store: Store) -> None:
    store.payload("/p", payload(1_000))
    store.call(starts("startup"))
    store.payload("/p", payload(said(store, "all that there is")))
    printed = store.call(starts("resume"))
    assert "\nAsked: all that there is (#1)\n" in printed
    assert "Only what is new" not in printed


def test_text_that_could_not_be_composed_is_given_the_next_time(store: Store) -> None:
    first = said(store, "said long ago")
    store.payload("/p", payload(first))
    store.call(starts("startup"))
    store.payload("/p", payload(said(store, "what is new")))
    command = (store.layout.run / "command").read_text()
    (store.layout.run / "command").write_text("/bin/false")
    assert store.call(starts("resume")) == ""
    assert recorded(store)[-1].outcome == "nothing"
    (store.layout.run / "command").write_text(command)
    assert "\nAsked: what is new (#2)\n" in store.call(starts("resume"))


def test_a_sub_agent_gets_nothing_unless_enabled(store: Store) -> None:
    said(store, "said long ago")
    store.payload("/p", payload(REVISION))
    agent = starts("startup", agent_id="a1", agent_type="Explore")
    assert store.call(agent) == ""
    assert (recorded(store)[0].outcome, recorded(store)[0].reason) == ("nothing", "sub-agent")
    assert store.call(agent, IAI_MCP_SUBAGENTS="1") == payload(REVISION)
    # `claude --agent NAME` is not a sub-agent, and its session wasn't given the sub-agent's text.
    printed = store.call(starts("resume", agent_type="reviewer"))
    assert "\nAsked: said long ago (#1)\n" in printed


# --- the record -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "environment", "host"),
    [
        ({"transcript_path": "/home/x/.claude/projects/p/s.jsonl"}, {}, "claude"),
        ({"transcript_path": "/home/x/.codex/sessions/rollout-1.jsonl"}, {}, "codex"),
        ({"transcript_path": None}, {"PLUGIN_ROOT": "/x"}, "codex"),
        ({}, {"CLAUDE_PROJECT_DIR": "/p"}, "claude"),
        ({}, {}, ""),
    ],
)
def test_the_ledger_has_every_start(
    store: Store, fields: dict[str, Any], environment: dict[str, str], host: str
) -> None:
    store.payload("/p", payload(REVISION, tokens=40))
    store.call(starts("startup", **fields), **environment)
    (event,) = ledger.read(store.layout.ledger)
    assert event.pop("at_ns") > 1_700_000_000 * NS
    assert event.pop("at").endswith("Z")
    assert event.pop("reason").startswith("age=")
    assert event == {
        "by": "hook", "severity": "info", "kind": "injected", "host": host, "session": "s",
        "source": "startup", "project": "p", "revision": REVISION, "bytes": len(payload(REVISION)),
        "tokens": 40, "outcome": "cache-hit",
    }  # fmt: skip


def test_no_event_makes_the_ledger_unreadable(store: Store) -> None:
    head = framing.opening(1, WRITTEN, 'my "own" \\ project', 3)
    store.payload("/p", f"{head}\n{framing.CLOSING}\n")
    for session in ('a"b', "a\\u0022", "a/b", "..", "x" * 5_000, "\u00e9"):
        store.call(starts("startup", session=session))
    store.call(starts('"', session="s"))
    broken = store.group.work / "broken"
    broken.write_text("#!/bin/sh\nprintf 'it said \"no\" \\\\ \\303\\251' >&2; exit 7")
    broken.chmod(0o700)
    (store.layout.run / "command").write_text(str(broken))
    store.call(starts("startup", cwd="/elsewhere"))
    found = recorded(store)
    assert len(found) == 8
    assert {one.session for one in found[:6]} == {""}
    assert found[-1].reason.startswith("cache-absent: exit 7: it said  no ")


def test_the_hooks_ledger_is_kept_as_long_as_the_others(store: Store) -> None:
    store.payload("/p", payload(REVISION))
    store.call(starts("startup"))
    (new,) = store.layout.ledger.iterdir()
    old = store.layout.ledger / "2020-01-01.hook.jsonl"
    old.touch()
    mark = store.layout.deliveries / "s"
    assert mark.read_text() == f"{REVISION}\n"
    wall = mark.stat().st_mtime_ns
    assert deliveries.outdated(store.layout, wall, 30) == [old]
    assert deliveries.outdated(store.layout, wall + 31 * 86_400 * NS, 30)[-1] == mark
    assert all(path.stat().st_mode & 0o077 == 0 for path in (new, mark))


def test_what_old_sessions_were_given_is_deleted_once_a_day_also_while_iai_is_down(
    store: Store,
) -> None:
    store.payload("/p", payload(REVISION))
    store.layout.deliveries.mkdir(parents=True)
    outside = store.layout.root.parent / "outside"
    ages = {"old": 500, "old.files": 500, "recent": 300}
    for path in (outside, *(store.layout.deliveries / name for name in ages)):
        path.write_text("1\n")
        then = time.time() - ages.get(path.name, 500) * 86_400
        os.utime(path, (then, then))
    (store.layout.deliveries / "link").symlink_to(outside)
    store.call(starts("startup", "new"))
    assert {path.name for path in store.layout.deliveries.iterdir()} == {"recent", "link", "new"}
    assert outside.exists()
    os.utime(store.layout.deliveries / "recent", (0, 0))
    store.call(starts("startup", "newer"))  # the same day
    assert (store.layout.deliveries / "recent").exists()


def test_injections_lists_what_each_session_was_given_and_its_cost(store: Store) -> None:
    store.payload("/p", payload(said(store, "said long ago"), tokens=40))
    store.call(starts("startup", transcript_path="/x/.claude/a.jsonl"))
    store.call(starts("resume", transcript_path="/x/.claude/a.jsonl"))
    store.call(starts("startup", session="t", transcript_path="/x/.codex/a.jsonl"))
    document = store.group.json("injections")
    assert [one["session"] for one in document["injections"]] == ["s", "s", "t"]
    totals = document["totals"]
    assert (totals["times"], totals["sessions"], totals["tokens"]) == (3, 2, 80)
    assert totals["mean_tokens"] == 40.0
    assert totals["tokens_by_host"] == {"claude": 40, "codex": 40}
    assert totals["tokens_by_source"] == {"startup": 80}
    lines = store.group.iai("injections", "--session", "s", "--project", "p").stdout.splitlines()
    assert len(lines) == 3
    assert "claude s startup  p  40 tokens  cache-hit (age=" in lines[0]
    assert "claude s resume  p  nothing  nothing-new (given-before)" in lines[1]
    assert lines[2].startswith("2 injections in 1 session; 40 tokens in total, 40 per non-empty")
    assert store.group.iai("injections", "--project", "none").returncode == 2
    assert len(store.group.json("events", "--kind", "injected")) == 3


# --- preview --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "before"),
    [
        *product(["startup", "resume", "compact"], ["nothing", "all", "less"]),
        ("clear", "less"),  # as at a startup
        ("fork", "less"),
    ],
)
def test_a_preview_equals_what_the_hook_prints_next(store: Store, source: str, before: str) -> None:
    cwd = store.group.work / "p r\u00f6ject"
    cwd.mkdir()
    first = said(store, "said long ago", cwd=str(cwd))
    store.payload(str(cwd), payload(first))
    if before != "nothing":
        store.call(starts("startup", cwd=str(cwd)))
    if before == "less":
        store.payload(str(cwd), payload(said(store, "what is new", cwd=str(cwd))))
    trace = _traces(store)
    shown = _preview(store.group, "--cwd", str(cwd), "--source", source, "--session", "s")
    assert _traces(store) == trace
    printed = store.call(starts(source, cwd=str(cwd)))
    assert _timeless(shown.stdout) == _timeless(printed)
    assert shown.stderr.split(" tokens=")[0].split(" ")[-1] == store.log()[-1].split(" ")[-1]
    assert shown.stderr.rstrip().endswith(f" tokens={recorded(store)[-1].tokens}")


def _preview(group: Group, *args: str) -> "subprocess.CompletedProcess[str]":
    """Ask for a preview; retry while the machine is too busy to compose it in time."""
    shown = [group.iai("preview", *args)]

    def in_time() -> bool:
        late = LATE in shown[-1].stderr or shown[-1].returncode != 0  # or it exceeded its own limit
        if late:
            shown.append(group.iai("preview", *args))
        return not late

    wait_until(in_time, "the preview is composed in time")
    return shown[-1]


def _timeless(text: str) -> str:
    """Return a text without its time and the ages that may change within a second."""
    head, _, rest = re.sub(r"\b\d+ d ago", "N d ago", text).partition("\n")
    return " ".join(word for word in head.split(" ") if not word.startswith("generated")) + rest


def _traces(store: Store) -> list[tuple[Path, int]]:
    kept = [store.layout.logs, store.layout.ledger, store.layout.session_start]
    return sorted(
        (path, path.stat().st_size) for top in kept for path in top.rglob("*") if path.is_file()
    )


@pytest.mark.slow
def test_pinning_and_forgetting_change_the_next_session_at_once(
    group: Make, in_process: Callable[[Group], Group]
) -> None:
    g = group(session_cache_refresh_min_sec="3600")
    g.up()
    in_process(g)
    (g.work / "p").mkdir()
    cwd = str(g.work / "p")

    def preview() -> str:
        return _preview(g, "--cwd", cwd).stdout

    assert g.iai("remember", "keep me", "--project", cwd).returncode == 0
    wait_until(lambda: "\n> keep me\n" in preview(), "it is in what the next session gets")
    assert "## Pinned" not in preview()
    assert g.iai("pin", "#1").returncode == 0
    wait_until(lambda: "## Pinned\n#1, " in preview(), "it is pinned there")
    assert g.iai("forget", "#1").returncode == 0
    wait_until(lambda: "keep me" not in preview(), "it is gone")


def test_the_hook_and_the_library_use_the_same_names() -> None:
    hook = (CHECKOUT / "hooks" / "iai-mcp-session-recall.sh").read_text()
    assert '"$store/session-start/given"' in hook
    assert f'"kind":"{deliveries.KIND}"' in hook
    assert os.access(CHECKOUT / "hooks" / "iai-mcp-session-recall.sh", os.X_OK)
