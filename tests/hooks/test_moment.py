"""What a session is given: all, only what is new, or nothing; and what is noted of it."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.group import CHECKOUT, Group, wait_until

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
def store(group: Make) -> Store:
    return Store(group())


def payload(revision: int, tokens: int = 40) -> str:
    head = framing.opening(revision, WRITTEN, "p", tokens)
    return f"{head}\nwhat was said\n{framing.CLOSING}\n"


def starts(source: str, session: str = "s", cwd: str = "/p", **more: Any) -> str:
    event = {"session_id": session, "source": source, "cwd": cwd, **more}
    return json.dumps(event, ensure_ascii=False)


def said(store: Store, text: str, session: str = "other", cwd: str = "/p", **fields: Any) -> int:
    """Keep a turn; return the revision that it made."""
    project = identify(cwd)
    records = Records(store.layout.records, writer=True)

    def change(unit: RecordChange) -> None:
        unit.place(Project(id=project.id, name=project.name, root=project.root), cwd)
        unit.insert(
            new_record(text, text=text, project=project.id, cwd=cwd, session=session, **fields)
        )

    _, mark = records.commit(change, NOW)
    records.close()
    return mark.revision


def change(store: Store, do: Callable[[RecordChange, Record], None], label: int) -> None:
    records = Records(store.layout.records, writer=True)

    def run(unit: RecordChange) -> None:
        record = unit.get(label)
        assert record is not None
        do(unit, record)

    records.commit(run, NOW)
    records.close()


def noted(store: Store) -> list[deliveries.Injection]:
    """What is in the ledger, but for what a busy machine made too late."""
    found = deliveries.read(store.layout)
    return [one for one in found if not one.reason.endswith("took longer than 0.9 s")]


# --- the whole text, or only what is new ----------------------------------------------------------


@pytest.mark.parametrize("source", ["startup", "clear", "fork", "", "of a host to come"])
def test_a_session_that_starts_anew_gets_all_each_time(store: Store, source: str) -> None:
    store.payload("/p", payload(REVISION))
    assert store.call(starts(source)) == payload(REVISION)
    assert store.call(starts(source)) == payload(REVISION)
    assert [one.outcome for one in noted(store)] == ["cache-hit", "cache-hit"]


@pytest.mark.parametrize("source", ["resume", "compact"])
def test_a_session_that_goes_on_and_was_given_nothing_yet_gets_all(
    store: Store, source: str
) -> None:
    store.payload("/p", payload(REVISION))
    assert store.call(starts(source)) == payload(REVISION)
    assert store.call(starts(source, session="")) == payload(REVISION)
    assert store.call(starts(source, session="../evil")) == payload(REVISION)


@pytest.mark.parametrize("source", ["resume", "compact"])
def test_without_anything_new_a_session_that_goes_on_gets_nothing_and_the_log_says_so(
    store: Store, source: str
) -> None:
    store.payload("/p", payload(REVISION))
    store.call(starts("startup"))
    assert store.call(starts(source)) == ""
    assert store.call(starts(source, session="another")) == payload(REVISION)
    assert store.log()[1] == "nothing-new revision=5"
    second = noted(store)[1]
    assert (second.outcome, second.reason) == ("nothing-new", "revision=5")
    assert (second.revision, second.tokens, second.bytes) == (REVISION, 0, 0)


def test_a_session_that_goes_on_gets_what_others_have_said_since_and_not_its_own_words(
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
    assert "> what another session found\n" in printed
    for left_out in ("said long ago", "my own words", "in another project"):
        assert left_out not in printed
    assert store.call(starts("compact")) == ""
    assert [one.outcome for one in noted(store)] == ["cache-hit", "live-cli", "nothing-new"]
    assert noted(store)[1].reason == f"newer-than revision={first}"
    assert noted(store)[1].tokens > 0


def test_where_only_the_session_itself_has_spoken_the_hook_knows_it_without_python(
    store: Store,
) -> None:
    (store.layout.run / "command").unlink()
    store.payload("/p", payload(5))
    store.call(starts("startup"))
    store.payload("/p", payload(8))
    store.news("/p", "0 5 s\n")
    assert store.call(starts("resume")) == ""
    assert noted(store)[-1].outcome == "nothing-new"
    assert noted(store)[-1].reason == "revision=5"  # up to there it was given all, and no further
    store.payload("/p", payload(4))  # an older one is no reason to tell it anything twice
    assert store.call(starts("compact")) == ""
    assert noted(store)[-1].reason == "revision=5"


@pytest.mark.parametrize("news", ["0 6 s", "0 5 another", "", "0 5 .", "0 x s"])
def test_where_others_may_have_spoken_what_is_new_is_composed(store: Store, news: str) -> None:
    store.payload("/p", payload(1))
    said(store, "said by another session")
    store.call(starts("startup"))
    store.payload("/p", payload(8))
    store.news("/p", news.replace("5", "1"))
    assert "> said by another session\n" not in store.call(starts("resume", session="unknown"))
    store.call(starts("resume"))
    assert noted(store)[-1].reason == "newer-than revision=1"


def test_a_session_of_which_only_its_own_words_are_new_gets_nothing(store: Store) -> None:
    first = said(store, "said long ago")
    store.payload("/p", payload(first))
    store.call(starts("startup"))
    store.payload("/p", payload(said(store, "my own words", session="s")))
    assert store.call(starts("compact")) == ""
    assert noted(store)[-1].outcome == "nothing-new"
    assert noted(store)[-1].tokens == 0


def test_what_was_pinned_or_noted_or_corrected_since_is_new(store: Store) -> None:
    revisions = [said(store, text) for text in ("to be pinned", "to be corrected", "to be left")]
    store.payload("/p", payload(revisions[-1]))
    store.call(starts("startup"))
    change(store, lambda unit, record: unit.pin(record, pinned=True), 1)
    change(store, lambda unit, record: unit.edit(record, "corrected"), 2)
    latest = said(store, "a fact", tier="semantic", session="")
    store.payload("/p", payload(latest))
    printed = store.call(starts("resume"))
    assert "## Pinned\n#1 user" in printed
    assert "> corrected\n" in printed
    assert "> a fact\n" in printed
    assert "to be left" not in printed


def test_a_turn_of_another_session_that_waits_in_the_spool_is_new(store: Store) -> None:
    first = said(store, "said long ago")
    store.payload("/p", payload(first))
    store.call(starts("startup"))
    store.capture(cwd="/p", session_id="other", prompt="said a second ago", prompt_id="1")
    store.capture(cwd="/p", session_id="s", prompt="my own words", prompt_id="2")
    printed = store.call(starts("resume"))
    assert "> said a second ago\n" in printed
    assert "my own words" not in printed


def test_the_revision_of_another_store_is_none_of_this_one(store: Store) -> None:
    store.payload("/p", payload(1_000))
    store.call(starts("startup"))
    store.payload("/p", payload(said(store, "all that there is")))
    printed = store.call(starts("resume"))
    assert "> all that there is\n" in printed
    assert "Only what is new" not in printed


def test_a_difference_that_could_not_be_composed_is_given_the_next_time(store: Store) -> None:
    first = said(store, "said long ago")
    store.payload("/p", payload(first))
    store.call(starts("startup"))
    store.payload("/p", payload(said(store, "what is new")))
    command = (store.layout.run / "command").read_text()
    (store.layout.run / "command").write_text("/bin/false")
    assert store.call(starts("resume")) == ""
    assert noted(store)[-1].outcome == "nothing"
    (store.layout.run / "command").write_text(command)
    assert "> what is new\n" in store.call(starts("resume"))


def test_a_sub_agent_gets_nothing_unless_it_is_asked_for(store: Store) -> None:
    store.payload("/p", payload(REVISION))
    agent = starts("startup", agent_id="a1", agent_type="Explore")
    assert store.call(agent) == ""
    assert (noted(store)[0].outcome, noted(store)[0].reason) == ("nothing", "sub-agent")
    assert store.call(agent, IAI_MCP_SUBAGENTS="1") == payload(REVISION)
    # `claude --agent NAME` is no sub-agent, and what a sub-agent was given its session was not.
    assert store.call(starts("resume", agent_type="reviewer")) == payload(REVISION)


# --- what is noted --------------------------------------------------------------------------------


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
def test_every_start_is_in_the_ledger(
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


def test_whatever_a_host_says_the_ledger_stays_readable(store: Store) -> None:
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
    found = noted(store)
    assert len(found) == 8
    assert {one.session for one in found[:6]} == {""}
    assert found[-1].reason.startswith("cache-absent: exit 7: it said  no ")


def test_each_day_has_a_ledger_that_is_kept_as_long_as_the_others(store: Store) -> None:
    store.payload("/p", payload(REVISION))
    store.call(starts("startup"))
    (new,) = store.layout.ledger.iterdir()
    old = store.layout.ledger / "2020-01-01.hook.jsonl"
    old.touch()
    mark = store.layout.given / "s"
    assert mark.read_text() == f"{REVISION}\n"
    wall = mark.stat().st_mtime_ns
    assert deliveries.outdated(store.layout, wall, 30) == [old]
    assert deliveries.outdated(store.layout, wall + 31 * 86_400 * NS, 30)[-1] == mark
    assert all(path.stat().st_mode & 0o077 == 0 for path in (new, mark))


def test_injections_says_who_was_given_what_and_what_it_cost(store: Store) -> None:
    store.payload("/p", payload(REVISION, tokens=40))
    store.call(starts("startup", transcript_path="/x/.claude/a.jsonl"))
    store.call(starts("compact", transcript_path="/x/.claude/a.jsonl"))
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
    assert "claude s compact  p  nothing  nothing-new (revision=5)" in lines[1]
    assert lines[2].startswith("2 injections in 1 session; 40 tokens in total, 40 per non-empty")
    assert store.group.json("injections", "--project", "none")["injections"] == []
    assert len(store.group.json("events", "--kind", "injected")) == 3


# --- preview --------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["startup", "clear", "fork", "resume", "compact"])
@pytest.mark.parametrize("before", ["nothing", "all", "less"])
def test_a_preview_is_to_the_byte_what_the_hook_then_prints(
    store: Store, source: str, before: str
) -> None:
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
    assert shown.stderr.rstrip().endswith(f" tokens={noted(store)[-1].tokens}")


def _preview(group: Group, *args: str) -> "subprocess.CompletedProcess[str]":
    """Ask for a preview; again while the machine is too busy to compose it in time."""
    shown = [group.iai("preview", *args)]

    def in_time() -> bool:
        late = LATE in shown[-1].stderr or shown[-1].returncode != 0  # or not within its own limit
        if late:
            shown.append(group.iai("preview", *args))
        return not late

    wait_until(in_time, "the preview is composed in time")
    return shown[-1]


def _timeless(text: str) -> str:
    """Without when a text was composed, which is now, and ages that may turn a second later."""
    head, _, rest = re.sub(r"\b\d+ d ago", "N d ago", text).partition("\n")
    return " ".join(word for word in head.split(" ") if not word.startswith("generated")) + rest


def _traces(store: Store) -> list[tuple[Path, int]]:
    kept = [store.layout.logs, store.layout.ledger, store.layout.session_start]
    return sorted(
        (path, path.stat().st_size) for top in kept for path in top.rglob("*") if path.is_file()
    )


@pytest.mark.slow
def test_pinning_and_forgetting_change_what_the_next_session_gets_at_once(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="3600")
    g.up()
    (g.work / "p").mkdir()
    cwd = str(g.work / "p")

    def preview() -> str:
        return _preview(g, "--cwd", cwd).stdout

    assert g.iai("remember", "keep me", "--cwd", cwd).returncode == 0
    wait_until(lambda: "> keep me" in preview(), "it is in what the next session gets")
    assert "## Pinned" not in preview()
    assert g.iai("pin", "#1").returncode == 0
    wait_until(lambda: "## Pinned\n#1 " in preview(), "it is pinned there")
    assert g.iai("forget", "#1").returncode == 0
    wait_until(lambda: "keep me" not in preview(), "it is there no more")


def test_the_hook_reads_what_it_writes_as_the_library_does() -> None:
    hook = (CHECKOUT / "hooks" / "iai-mcp-session-recall.sh").read_text()
    assert '"$store/session-start/given"' in hook
    assert f'"kind":"{deliveries.KIND}"' in hook
    assert os.access(CHECKOUT / "hooks" / "iai-mcp-session-recall.sh", os.X_OK)
