"""The session-start hook, as a host calls it (SEED R2, R20 to R22, T8, D8)."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from harness.group import (
    CHECKOUT,
    PATIENCE_S,
    Group,
    alive,
    wait_until,
)

from iai.config.layout import Layout
from iai.freshness.claude_file import claude_path, encode_claude_file
from iai.freshness.required_revision import UNKNOWN
from iai.freshness.sidecar import sidecar_path
from iai.model import clock, framing
from iai.model.record import Project
from iai.process import files, logs
from iai.projects.identity import identify
from iai.protocol.message import Actor
from iai.store.environment import Environment
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.hosts.claude_lines import turn_line
from tests.iai.store.builders import NOW, new_record

HOOK = CHECKOUT / "hooks" / "iai-mcp-session-recall.sh"
IAI = Path(sys.executable).with_name("iai")
HOUR = 3_600
LATE = "-> nothing: took longer than 0.9 s"
Make = Callable[..., Group]


def session_in(cwd: str | None) -> str:
    """The event of a session that starts in a directory."""
    event = {"session_id": "new", "source": "startup"} | ({"cwd": cwd} if cwd else {})
    return json.dumps(event, ensure_ascii=False)


def dated(text: str, age_s: float = 0, tokens: int = 0) -> str:
    """A payload written so long ago."""
    then = clock.iso(time.time_ns() - int(age_s * clock.NS))
    return f"{framing.opening(1, then, 'p', tokens)}\n{text}"


READY = dated("ready text\n")


class Store:
    """A store with a payload on disk, without a group."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.command = [str(HOOK)]
        self.layout = group.layout
        self.layout.create()
        (self.layout.run / "command").write_text(str(IAI))

    def payload(self, cwd: str, text: str = READY, age_s: float = 0) -> str:
        """Write a payload where the hook looks for it; return it. `age_s` is the file's age."""
        link = self.layout.payload_link(cwd) if cwd else self.layout.payload
        assert link is not None
        link.parent.mkdir(parents=True, exist_ok=True)
        link.write_text(text)
        then = time.time() - age_s
        os.utime(link, (then, then))
        return text

    def required_revision(self, cwd: str, line: str) -> None:
        """Write a required revision where the hook looks for it."""
        link = self.layout.news_link(cwd)
        assert link is not None
        link.write_text(line)

    def remember(self, cwd: str, text: str) -> None:
        """Store a record, for the live command to find."""
        project = identify(cwd)
        records = Records(self.layout.records, writer=True)

        def change(unit: RecordChange) -> None:
            unit.projects.place(Project(id=project.id, name=project.name, root=project.root), cwd)
            unit.records.insert(new_record(text, text=text, project=project.id, cwd=cwd))

        records.commit(change, NOW)
        records.close()

    def start(self, cwd: str | None, **environment: str) -> str:
        """Start a session in a directory; return what the hook printed."""
        return self.call(session_in(cwd), **environment)

    def call(self, event: str, **environment: str) -> str:
        """Call the hook; retry while the machine is too busy for it to compose in time."""
        printed: list[str] = []

        def in_time() -> bool:
            printed.append(self.call_once(event, **environment))
            late = self.log()[-1:] and self.log()[-1].endswith(LATE)
            if late:
                self._forget_last_line()
            return not late

        wait_until(in_time, "the hook has printed its text in time")
        return printed[-1]

    def call_once(self, event: str, **environment: str) -> str:
        with TemporaryFile("w+") as stdin:  # complete from the start, however busy the machine is
            stdin.write(event)
            stdin.seek(0)
            done = subprocess.run(
                self.command, stdin=stdin, env={**self.group.environment, **environment}, text=True,
                capture_output=True, check=False, cwd=self.group.work, timeout=PATIENCE_S,
            )  # fmt: skip
        assert done.returncode == 0
        assert done.stderr == ""
        return done.stdout

    def _forget_last_line(self) -> None:
        path = self.layout.logs / "recall-hook.log"
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    def capture(self, **event: Any) -> None:
        """Give an event to the capture hook. Nothing reads the spool here."""
        assert self.group.hook("turn-capture", {"session_id": "s", **event}).returncode == 0

    def log(self) -> list[str]:
        """The lines of the hook's log, without their times."""
        path = self.layout.logs / "recall-hook.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split(" ", 1)[1] for line in lines]


@pytest.fixture
def store(group: Make) -> Store:
    return Store(group())


def test_a_fresh_payload_is_printed_unchanged(store: Store) -> None:
    text = dated("\n  two  spaces, `$(ticks)` and \\ back\\nslashes \u00e9\u4f60\n", age_s=5)
    store.payload("/p", text)
    assert store.start("/p") == text
    (line,) = store.log()
    assert re.fullmatch(rf"cache-hit age=\d+s bytes={len(text.encode())}", line)


@pytest.mark.parametrize(
    "cwd",
    [
        "/p", "/with space/and more", "/\u00dcml\u00e4ut/\u4f60\u597d", "/a%2Fb", "/a.b-c_d~e",
        "/quote'd", "/dollar$HOME/`x`", "/star*/[x]?", "/" + "deep/" * 20 + "end",
    ],
)  # fmt: skip
def test_every_directory_finds_its_own_payload(store: Store, cwd: str) -> None:
    text = dated(f"of {cwd}\n")
    store.payload(cwd, text)
    store.payload("/p2", dated("of another\n"))
    assert store.start(cwd) == text


@pytest.mark.parametrize(
    "form", ['{"cwd":"/p"}', '{ "cwd" : "/p" , "x": 1 }', '{"a":"cwd","cwd":"/p"}']
)
def test_the_directory_is_found_however_the_host_writes_its_json(store: Store, form: str) -> None:
    store.payload("/p")
    assert store.call(form) == READY


def test_without_a_directory_the_payload_of_every_project_is_printed(store: Store) -> None:
    store.payload("")
    assert store.start(None) == READY
    assert store.call("") == READY
    assert store.call('{"cwd": null, "b": "/p"}') == READY


def test_a_nul_byte_in_the_event_is_passed_over_in_silence(store: Store) -> None:
    store.payload("/p")
    assert store.call('{"cwd": "/p", "session_id": "s\0", "x": "\0"}') == READY


def test_an_old_payload_is_recomposed(store: Store) -> None:
    store.payload("/p", dated("ready text\n", 13 * HOUR))
    store.remember("/p", "said a moment ago")
    printed = store.start("/p")
    assert "ready text" not in printed
    assert "\nAsked: said a moment ago (#1)\n" in printed
    (line,) = store.log()
    composed = rf"-> live-cli bytes={len(printed.encode()) - 1}"
    assert re.fullmatch(rf"cache-stale age=468\d\ds max=43200s {composed}", line)


def test_the_limit_on_age_is_twelve_hours_unless_it_is_set(store: Store) -> None:
    ready = store.payload("/p", dated("ready text\n", 11 * HOUR))
    assert store.start("/p") == ready
    assert store.start("/p", IAI_MCP_SESSION_CACHE_MAX_AGE_SEC="3600") == ""


def test_a_limit_of_0_allows_any_age(store: Store) -> None:
    ready = store.payload("/p", dated("ready text\n", 400 * 24 * HOUR))
    assert store.start("/p", IAI_MCP_SESSION_CACHE_MAX_AGE_SEC="0") == ready


@pytest.mark.parametrize("value", ["soon", "", "-5", "1.5", "1e9", "$(x)"])
def test_an_invalid_limit_means_twelve_hours(store: Store, value: str) -> None:
    ready = store.payload("/p", dated("ready text\n", 11 * HOUR))
    assert store.start("/p", IAI_MCP_SESSION_CACHE_MAX_AGE_SEC=value) == ready
    store.payload("/p", dated("ready text\n", 13 * HOUR))
    assert store.start("/p", IAI_MCP_SESSION_CACHE_MAX_AGE_SEC=value) == ""
    assert "max=43200s" in store.log()[-1]


def test_the_environment_overrides_the_groups_limit(store: Store) -> None:
    store.layout.max_age.write_text("3600\n")
    ready = store.payload("/p", dated("ready text\n", 2 * HOUR))
    assert store.start("/p") == ""
    assert "max=3600s" in store.log()[-1]
    assert store.start("/p", IAI_MCP_SESSION_CACHE_MAX_AGE_SEC="43200") == ready


def test_a_payload_from_the_future_is_stale(store: Store) -> None:
    store.payload("/p", dated("ready text\n", -400 * 24 * HOUR))
    assert store.start("/p") == ""
    assert store.log()[0].startswith("cache-stale age=-")


def test_a_missing_payload_is_composed(store: Store) -> None:
    store.remember("/elsewhere", "work over there")
    printed = store.start("/new")
    line = (
        r'## Other projects\n- elsewhere, \w+ \d+ \w+: "work over there" \(#1\) -> not answered\n'
    )
    assert re.search(line, printed)
    assert store.log()[0].startswith("cache-absent -> live-cli bytes=")


def test_a_directory_with_json_escapes_is_composed(store: Store) -> None:
    store.remember("/\u00e9\n", "of a strange directory")
    printed = store.call('{"cwd": "/\\u00e9\\n"}')
    assert "\nAsked: of a strange directory (#1)\n" in printed


def test_a_directory_with_a_very_long_name_is_composed(store: Store) -> None:
    cwd = "/" + "long name/" * 40
    assert store.layout.payload_link(cwd) is None
    store.remember(cwd, "of a long directory")
    assert "\nAsked: of a long directory (#1)\n" in store.start(cwd)


def test_where_texts_are_kept_off_the_disk_each_start_composes_its_own(store: Store) -> None:
    store.remember("/p", "what was said")
    store.payload("", framing.off_disk(1, clock.iso(time.time_ns())))
    for cwd in ("/p", None):
        assert "what was said" in store.start(cwd)
        assert store.log()[-1].startswith("payload-live -> live-cli bytes=")
    store.payload("/p")  # from before
    assert "what was said" in store.start("/p", IAI_MCP_PAYLOAD="live")
    assert store.log()[-1].startswith("payload-live -> live-cli bytes=")


def test_an_empty_payload_counts_as_missing(store: Store) -> None:
    store.payload("/p", "")
    assert store.start("/p") == ""
    assert store.log()[0].startswith("cache-absent")


@pytest.mark.parametrize("when", ["", "generated_at=2026-11-25 project=p tokens=0 -->"])
def test_a_payload_without_a_valid_time_is_recomposed(store: Store, when: str) -> None:
    store.remember("/p", "what was said")
    store.payload("/p", f"<!-- iai revision=1 {when}\nof nobody knows when\n")
    printed = store.start("/p")
    assert "\nAsked: what was said (#1)\n" in printed
    assert "of nobody knows when" not in printed
    assert store.log()[0].startswith("cache-damaged -> live-cli bytes=")


@pytest.mark.parametrize(
    "then", ["1970-01-01", "1999-12-31", "2000-02-29", "2024-02-29", "2024-03-01", "2026-01-31"]
)
def test_a_payloads_age_is_right_on_any_date(store: Store, then: str) -> None:
    at = datetime.fromisoformat(f"{then}T08:09:59+00:00").timestamp()
    store.payload("/p", dated("ready text\n", time.time() - at))
    assert store.start("/p") == ""
    found = re.match(r"cache-stale age=(\d+)s ", store.log()[0])
    assert found is not None
    assert abs(time.time() - at - int(found[1])) < HOUR  # an error of a day would be 24


def test_a_link_is_followed_to_a_payload_and_its_age(store: Store) -> None:
    real = store.layout.project_payload("00ff")
    real.parent.mkdir()
    real.write_text(READY)
    link = store.layout.payload_link("/p")
    assert link is not None
    link.parent.mkdir()
    link.symlink_to("../00ff.md")
    assert store.start("/p") == READY
    real.write_text(dated("ready text\n", 13 * HOUR))
    assert store.start("/p") == ""


# --- a fresh file that may be incomplete ----------------------------------------------------------


def test_a_turn_in_the_spool_is_in_the_text(store: Store) -> None:
    store.remember("/p", "said long ago")
    store.payload("/p", dated("said long ago\n"))
    store.capture(cwd="/p", prompt="said a second ago", prompt_id="1")
    printed = store.start("/p")
    assert "\nAsked last: said a second ago (not indexed yet)\n" in printed
    assert "\nAsked first: said long ago (#1)\n" in printed
    assert store.log() == [f"spool-waiting -> live-cli bytes={len(printed.encode()) - 1}"]


@pytest.mark.parametrize("host", ["claude", "codex"])
def test_a_turn_only_in_the_hosts_transcript_is_in_the_text(store: Store, host: str) -> None:
    """As when the group is down: nothing has read the file that the event names."""
    samples = sorted((CHECKOUT / "tests" / "samples" / host).glob("*.jsonl"))
    cwd, said = {
        "claude": ("/home/dev/tidepool-web", "Playwright's service-worker support needs"),
        "codex": ("/home/dev/ledgerline", "Left open: the OpenAPI example still shows /v1"),
    }[host]
    store.payload(cwd)
    store.capture(cwd=cwd, transcript_path=str(samples[-1]), hook_event_name="Stop")
    printed = store.start(cwd)
    section = printed.split("## Last session here: ")[1].split("\n\n")[0]
    assert re.search(rf"\nAnswer: .*{re.escape(said)}.* \(not indexed yet\)\n", section)
    assert store.log()[0].startswith("spool-waiting -> live-cli bytes=")


def test_a_turn_in_the_spool_is_in_the_text_before_the_group_ever_ran(store: Store) -> None:
    shutil.rmtree(store.layout.root)
    store.capture(cwd="/p", prompt="the very first words", prompt_id="1")
    printed = store.start("/p", PATH=f"{IAI.parent}:{store.group.environment['PATH']}")
    assert "\nAsked: the very first words (not indexed yet)\n" in printed


# --- what a running group is about to finish ------------------------------------------------------


def revised(revision: int, text: str) -> str:
    return f"{framing.opening(revision, clock.iso(time.time_ns()), 'p')}\n{text}\n"


@pytest.fixture
def running(store: Store) -> Iterator[Store]:
    """Return a store whose lease names a running supervisor."""
    title = ["iai: supervisor", "600"]
    with subprocess.Popen(title, executable="/bin/sleep") as supervisor:
        store.layout.lease.write_text(str(supervisor.pid))
        yield store
        supervisor.kill()


def meanwhile(store: Store, do: str = ":") -> str:
    """Return a PATH with a `sleep` that runs the shell command `do` instead."""
    place = store.group.work / "meanwhile"
    place.mkdir()
    (place / "sleep").write_text(f"#!/bin/bash\necho >>{place}/times\n{do}\n")
    (place / "sleep").chmod(0o755)
    return f"{place}:{os.environ['PATH']}"


def times(store: Store) -> int:
    """How often the hook has called that `sleep`."""
    path = store.group.work / "meanwhile" / "times"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_the_hook_waits_while_the_group_reads_the_spool(running: Store) -> None:
    running.payload("/p", revised(1, "old"))
    link = running.layout.payload_link("/p")
    assert link is not None
    aside, new = link.with_suffix(".aside"), revised(2, "new")
    aside.write_text(new)
    running.capture(cwd="/p", prompt="x", prompt_id="1")
    read = f"mv {aside} {link}; rm {running.layout.spool_new}/*.json"
    assert running.start("/p", PATH=meanwhile(running, read)) == new
    assert times(running) == 1
    assert [line.split()[0] for line in running.log()] == ["cache-hit"]


def test_the_hook_waits_for_the_words_of_an_ended_session(running: Store) -> None:
    running.payload("/p", revised(1, "old"))
    running.required_revision("/p", "2 0 s")
    link = running.layout.payload_link("/p")
    assert link is not None
    aside, new = link.with_suffix(".aside"), revised(2, "new")
    aside.write_text(new)
    path = meanwhile(running, f"[ ! -e {aside} ] || mv {aside} {link}")
    assert running.start("/p", PATH=path) == new
    assert running.start("/p", PATH=path) == new
    assert times(running) == 1
    assert [line.split()[0] for line in running.log()] == ["cache-hit", "cache-hit"]


@pytest.mark.parametrize("group_is", ["up", "stopped"])
def test_if_the_wait_is_too_long_the_text_is_composed(running: Store, group_is: str) -> None:
    running.remember("/p", "said at the end")
    running.payload("/p", revised(1, "old"))
    running.required_revision("/p", f"{UNKNOWN} 0 s")
    if group_is == "stopped":
        running.layout.lease.write_text("")
    looks = meanwhile(running, "[ $1 = 0.001 ] || exec /bin/sleep 100")  # never too late
    printed = running.start("/p", PATH=looks)
    assert "\nAsked: said at the end (#1)\n" in printed
    assert running.log()[0].startswith("change-waiting revision=1 -> live-cli bytes=")
    assert (times(running) > 1) is (group_is == "up")  # one call is the watchdog's


@pytest.mark.parametrize("line", ["", "\n", "much", "-1 0 s"])
def test_an_invalid_required_revision_is_ignored(store: Store, line: str) -> None:
    text = store.payload("/p", revised(1, "text"))
    store.required_revision("/p", line)
    assert store.start("/p") == text


def test_a_killed_groups_payload_is_not_trusted(store: Store) -> None:
    store.remember("/p", "not in the file")
    store.payload("/p")
    title = ["iai: supervisor", "60"]
    with subprocess.Popen(title, executable="/bin/sleep") as supervisor:
        store.layout.lease.write_text(str(supervisor.pid))
        assert store.start("/p") == READY
        supervisor.kill()
    assert "\nAsked: not in the file (#1)\n" in store.start("/p")
    store.layout.lease.write_text("")
    assert store.start("/p") == READY
    assert [line.split()[0] for line in store.log()] == ["cache-hit", "group-down", "cache-hit"]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
def test_a_reused_pid_or_a_zombie_is_not_a_running_group(store: Store) -> None:
    store.payload("/p")
    store.layout.lease.write_text(str(os.getpid()))
    store.start("/p")
    title = ["iai: supervisor", "0"]
    ended = subprocess.Popen(title, executable="/bin/sleep")
    wait_until(lambda: not alive(ended.pid), "it has ended but was not reaped")
    store.layout.lease.write_text(str(ended.pid))
    store.start("/p")
    ended.wait()
    assert [line.split()[0] for line in store.log()] == ["group-down", "group-down"]


def test_a_group_that_cannot_write_payloads_counts_as_down(store: Store) -> None:
    store.payload("/p")
    store.layout.lease.write_text(f"{os.getpid()} incomplete")
    store.start("/p")
    assert store.log()[0].startswith("group-down")


def test_a_file_too_large_for_a_payload_is_not_printed(store: Store) -> None:
    store.remember("/p", "what was said")
    store.payload("/p", dated("x" * 50_000_000))
    printed = store.start("/p")
    assert "\nAsked: what was said (#1)\n" in printed
    assert "xxx" not in printed
    assert store.log()[0].startswith("cache-too-large max=36000 -> live-cli bytes=")


def test_the_largest_possible_payload_is_printed(store: Store) -> None:
    head = dated("")
    text = head + "\U0001f9e0" * (8_999 - len(head)) + "\n"
    store.payload("/p", text)
    assert store.start("/p") == text


# --- Claude Code: with a line that the person sees ------------------------------------------------

CLAUDE = {"transcript_path": "/home/x/.claude/projects/p/s.jsonl"}


def claude_in(cwd: str) -> str:
    return json.dumps({**json.loads(session_in(cwd)), **CLAUDE})


def with_message(store: Store, cwd: str, text: str) -> str:
    """Write a payload and its file for Claude Code; return what is printed of that."""
    payload = store.layout.payload_link(cwd)
    assert payload is not None
    store.payload(cwd, text)
    claude_path(payload).write_bytes(encode_claude_file(text, "iai: 3 sessions"))
    return encode_claude_file(text, "iai: 3 sessions").decode().split("\n", 1)[1]


def test_claude_code_gets_the_same_text_as_json_with_a_line_for_the_person(store: Store) -> None:
    text = dated('"quoted"\n\\ and \u00e9\n', tokens=7)
    expected = with_message(store, "/p.q", text)
    assert store.call(claude_in("/p.q")) == expected
    assert json.loads(expected)["hookSpecificOutput"]["additionalContext"] == text
    assert store.log()[0].startswith("cache-hit age=")
    assert store.log()[0].endswith(f" bytes={len(expected.encode())}")
    assert store.start("/p.q") == text, "of another host"
    assert store.start("/p.q", PLUGIN_ROOT="/x") == text, "of Codex"


def test_claude_code_gets_the_plain_text_where_its_own_file_is_absent_or_cut(store: Store) -> None:
    expected = with_message(store, "/p", READY)
    shown = claude_path(store.layout.payload_link("/p") or Path())
    assert store.call(claude_in("/p")) == expected
    shown.write_bytes(shown.read_bytes()[:-9])
    assert store.call(claude_in("/p")) == READY
    shown.unlink()
    assert store.call(claude_in("/p")) == READY


def test_what_claude_code_gets_is_as_current_as_what_others_get(store: Store) -> None:
    store.remember("/p", "what was said")
    with_message(store, "/p", dated("old words", age_s=13 * HOUR))
    given = json.loads(store.call(claude_in("/p")))["hookSpecificOutput"]["additionalContext"]
    assert "\nAsked: what was said (#1)\n" in given
    with_message(store, "/p", READY)
    store.required_revision("/p", "5 0 x")
    assert "ready text" not in store.call(claude_in("/p"))
    assert [line.split()[0] for line in store.log()] == ["cache-stale", "change-waiting"]


def test_claude_code_gets_a_line_for_the_person_also_with_a_text_composed_now(
    store: Store,
) -> None:
    store.remember("/p", 'what was "said"}}')
    plain = store.start("/p")
    assert '\nAsked: what was "said"}} (#1)\n' in plain
    given = json.loads(store.call(claude_in("/p")))
    words = r"iai: 1 session of this project, the last 2023-11-14; \d+ tokens"
    assert re.fullmatch(words, given["systemMessage"])
    text = given["hookSpecificOutput"]["additionalContext"]
    assert [*text.splitlines()][1:] == [*plain.splitlines()][1:]
    assert store.start("/p", PLUGIN_ROOT="/x").splitlines()[1:] == plain.splitlines()[1:]
    store.group.environment["IAI_MCP_START_MESSAGE"] = "0"
    assert store.call(claude_in("/p")).splitlines()[1:] == plain.splitlines()[1:]
    for line, how in zip(store.log(), ("plain", "json", "plain", "plain"), strict=True):
        assert line.startswith("cache-absent -> live-cli bytes="), how


def test_the_largest_possible_payload_is_printed_as_json(store: Store) -> None:
    head = dated("")
    text = head + '"\U0001f9e0' * (4_499 - len(head) // 2) + "\n"
    expected = with_message(store, "/p", text)
    assert store.call(claude_in("/p")) == expected


# --- the payload of another project ---------------------------------------------------------------


def test_an_unknown_directory_gets_no_other_projects_payload(store: Store) -> None:
    for other in ("/p", "/p/q", "/", "/p2", ""):
        store.payload(other, dated("of another\n"))
    assert store.start("/p/q/r") == ""
    assert store.start("/p/") == ""
    assert store.start("/P") == ""


def test_a_directory_whose_repository_changed_gets_the_new_projects_text(store: Store) -> None:
    top = store.group.work / "repository"
    config = top / ".git" / "config"
    config.parent.mkdir(parents=True)
    below = top / "src"
    below.mkdir()
    for name in ("old", "new"):
        config.write_text(f'[remote "origin"]\n\turl = https://example.org/{name}.git\n')
        store.remember(str(below), f"of the {name} project")
        if name == "old":
            os.utime(config, (1, 1))
            store.payload(str(below), age_s=5)
            assert store.start(str(below)) == READY
    printed = store.start(str(below))
    own, others = printed.split("## Other projects")
    assert "\nAsked: of the new project (#2)\n" in own
    assert "old" not in own
    assert re.search(r'\n- old, .*: "of the old project" \(#1\) -> not answered\n', others)
    assert store.log()[-1].startswith("repository-changed -> live-cli bytes=")


@pytest.mark.parametrize("worktree", [False, True])
def test_a_branch_checked_out_since_gets_its_own_last_session(
    store: Store, *, worktree: bool
) -> None:
    top = store.group.work / "repository"
    git = store.group.work / "main.git" if worktree else top / ".git"
    for directory in (top, git):
        directory.mkdir(parents=True, exist_ok=True)
    if worktree:
        (top / ".git").write_text(f"gitdir: {git}\n")
        os.utime(top / ".git", (1, 1))
    head = git / "HEAD"
    head.write_text("ref: refs/heads/main\n")
    os.utime(head, (1, 1))
    store.remember(str(top), "of any branch")
    store.payload(str(top), age_s=5)
    assert store.start(str(top)) == READY
    head.write_text("ref: refs/heads/fix/tide\n")
    assert "of any branch" in store.start(str(top))
    assert store.log()[-1].startswith("repository-changed -> live-cli bytes=")


def test_a_directory_newly_marked_as_a_project_gets_that_projects_text(store: Store) -> None:
    package = store.group.work / "repository" / "package"
    package.mkdir(parents=True)
    store.remember(str(package), "of the repository")
    store.payload(str(package), age_s=5)
    assert store.start(str(package)) == READY
    (package.parent / ".iai-project").touch()
    assert "Last session here" not in store.start(str(package))
    assert store.log()[-1].startswith("repository-changed -> live-cli bytes=")


# --- failures -------------------------------------------------------------------------------------


def test_a_store_during_a_write_is_read_as_before(store: Store) -> None:
    store.remember("/p", "committed")
    records = Records(store.layout.records, writer=True)
    printed: list[str] = []

    def change(unit: RecordChange) -> None:  # holds the write transaction meanwhile
        unit.records.insert(new_record("uncommitted", project=identify("/p").id))
        printed.append(store.start("/p"))

    records.commit(change, NOW)
    records.close()
    assert "\nAsked: committed (#1)\n" in printed[0]
    assert "uncommitted" not in printed[0]


def test_an_empty_store_prints_nothing_and_that_is_logged(store: Store) -> None:
    Records(store.layout.records, writer=True).close()
    assert store.start("/p") == ""
    assert store.log() == ["cache-absent -> live-cli bytes=0"]


def test_logs_and_ledgers_are_bounded_while_iai_is_down(store: Store) -> None:
    store.payload("/p")
    log = store.layout.logs / "recall-hook.log"
    ledger = store.layout.ledger / f"{clock.iso(time.time_ns())[:10]}.hook.jsonl"
    for path in (log, ledger):
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(files.LONGEST - 10)
    for _ in range(2):
        assert store.call_once(session_in("/p")) == READY
    assert (log.stat().st_size, ledger.stat().st_size) == (files.LONGEST, files.LONGEST)
    assert files.LONGEST > logs.LIMIT, "else it would never be rotated"


def test_the_oldest_ledger_makes_room_for_that_of_a_new_day(store: Store) -> None:
    store.payload("/p")
    days = [f"20{n // 28:02}-01-{n % 28 + 1:02}.hook.jsonl" for n in range(400)]
    store.layout.ledger.mkdir()
    for name in days:
        (store.layout.ledger / name).touch()
    for _ in range(2):
        store.start("/p")
    left = sorted(path.name for path in store.layout.ledger.glob("*.hook.jsonl"))
    assert left[:-1] == days[1:]


def test_in_a_read_only_home_the_text_is_still_printed(store: Store) -> None:
    store.remember("/p", "said before")
    store.payload("/ready")
    if os.getuid() == 0:  # root ignores modes unless it drops its privileges
        if shutil.which("setpriv") is None:
            pytest.skip("root can write anywhere, and there is no setpriv")
        store.command = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", str(HOOK)]
    paths = [store.group.work, *store.group.work.rglob("*")]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        assert "\nAsked: said before (#1)\n" in store.start("/p")
        assert store.start("/ready") == READY
    finally:
        for path in paths:
            path.chmod(0o700)
    assert store.log() == []  # could not be written


def _no_home(store: Store) -> None:
    store.group.environment.pop("HOME")
    store.group.environment.pop("IAI_MCP_STORE")


def _store_is_a_file(store: Store) -> None:
    shutil.rmtree(store.layout.root)
    store.layout.root.write_text("")


def _damaged(store: Store) -> None:
    store.layout.records.mkdir()
    (store.layout.records / "data.mdb").write_bytes(b"garbage" * 5_000)


def _newer(store: Store) -> None:
    Environment(store.layout.records, (), schema=99, writer=True).close()


def _no_python(store: Store) -> None:
    script = store.group.work / "iai"
    script.write_text("#!/nowhere/python3\n")
    script.chmod(0o700)
    (store.layout.run / "command").write_text(str(script))


def _no_command(store: Store) -> None:
    (store.layout.run / "command").unlink()
    store.group.environment["PATH"] = "/usr/bin:/bin"


def _slow_command(store: Store) -> None:
    slow = store.group.work / "slow"
    slow.write_text("#!/bin/sh\necho half a text\nsleep 600\n")
    slow.chmod(0o700)
    store.group.environment["PATH"] = os.environ["PATH"]  # where a second is one
    (store.layout.run / "command").write_text(str(slow))


TROUBLES: dict[str, Callable[[Store], object]] = {
    "no store": lambda store: shutil.rmtree(store.layout.root),
    "no home": _no_home,
    "store is a file": _store_is_a_file,
    "damaged": _damaged,
    "newer": _newer,
    "no python": _no_python,
    "no command": _no_command,
    "broken command": lambda store: (store.layout.run / "command").write_text("/bin/false"),
    "slow command": _slow_command,
    "logs are read-only": lambda store: store.layout.logs.chmod(0o500),
}
REASONS = {
    "damaged": "exit 1: iai: {store}/records is damaged: ",
    "newer": "exit 1: iai: {store}/records was written by a newer iai (schema 99,",
    "no python": "exit 12",
    "no command": "the command iai was not found",
    "broken command": "exit 1: ",
    "slow command": "took longer than 0.9 s",
}


@pytest.mark.parametrize("trouble", [*TROUBLES, "garbage on stdin"])
def test_no_failure_delays_a_session_or_prints_anything(store: Store, trouble: str) -> None:
    stdin = '{"cwd": "/p"}'
    if trouble == "garbage on stdin":
        stdin = '{"cwd": "/p\x01'
    else:
        TROUBLES[trouble](store)
    call = store.call_once if trouble == "slow command" else store.call
    assert call(stdin) == ""  # `call` would retry a slow command
    if trouble in REASONS:
        why = REASONS[trouble].format(store=store.layout.root)
        (line,) = store.log()
        assert line.startswith(f"cache-absent -> nothing: {why}")


def test_only_the_last_line_of_an_error_is_logged(store: Store) -> None:
    broken = store.group.work / "broken"
    broken.write_text(
        "#!/bin/sh\necho half a text\nprintf 'Traceback\\nE: \\033[2J%0300d' 1 >&2; exit 7"
    )
    broken.chmod(0o700)
    (store.layout.run / "command").write_text(str(broken))
    assert store.start("/p") == ""
    (line,) = store.log()
    assert line == f"cache-absent -> nothing: exit 7: E:  [2J{'0' * 193}"


def test_a_hundred_concurrent_sessions_get_the_payload(store: Store) -> None:
    text = dated("x" * 8_000 + "\n")
    store.payload("/p", text)
    with ThreadPoolExecutor(20) as pool:
        printed = list(pool.map(store.call_once, [session_in("/p")] * 100))
    assert set(printed) == {text}
    assert len(store.log()) == 100


def test_a_hundred_concurrent_sessions_without_a_payload_get_the_text_or_nothing(
    store: Store,
) -> None:
    store.remember("/p", "said before")
    store.capture(cwd="/p", prompt="said a second ago", prompt_id="1")
    store.group.environment["PATH"] = os.environ["PATH"]  # where a second is one
    with ThreadPoolExecutor(100) as pool:
        printed = list(pool.map(store.call_once, [session_in("/p")] * 100))
    texts = [text for text in printed if text]
    for text in texts:
        assert "\nAsked first: said before (#1)\n" in text
        assert "\nAsked last: said a second ago (not indexed yet)\n" in text
        assert text.endswith(framing.CLOSING + "\n")
    lines = store.log()
    assert len(lines) == 100
    assert sum("-> live-cli bytes=" in line for line in lines) == len(texts)
    assert sum(LATE in line for line in lines) == 100 - len(texts)


def test_endless_standard_input_does_not_hold_up_a_session(store: Store) -> None:
    store.payload("")
    reader, writer = os.pipe()
    done = subprocess.run(
        [str(HOOK)], stdin=reader, env=store.group.environment, capture_output=True, text=True,
        check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, READY)
    store.layout.payload.unlink()
    done = subprocess.run(
        [str(HOOK)], stdin=reader, env=store.group.environment, capture_output=True, text=True,
        check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    os.close(writer)
    os.close(reader)
    assert (done.returncode, done.stdout) == (0, "")
    why = "cache-absent -> nothing: standard input did not end within 1 s"
    assert store.log()[-1] == why


def test_the_hook_reads_the_file_that_the_cache_writer_writes(layout: Layout) -> None:
    link = layout.payload_link("/p")
    assert link is not None
    assert link.name == "%2Fp.md"
    assert sidecar_path(layout.payload).name == ".session-start-payload.cached.meta.json"
    hook = HOOK.read_text()
    assert layout.payload.name in hook
    assert f"{layout.by_cwd.relative_to(layout.root)}/$encoded" in hook


@pytest.mark.slow
def test_with_a_running_group_a_session_starts_with_what_was_said_before(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    transcript = g.work / "session.jsonl"
    transcript.write_text(turn_line("u", "why does the parser fail?", "2026-11-23T10:00:00Z"))
    event = {
        "session_id": "s", "transcript_path": str(transcript), "cwd": "/p",
        "hook_event_name": "UserPromptSubmit",
    }  # fmt: skip
    captured = g.hook("turn-capture", event)
    assert (captured.returncode, captured.stdout, captured.stderr) == (0, "", "")
    g.settle()
    started = g.hook("session-recall", {"session_id": "next", "cwd": "/p", "source": "startup"})
    assert "\nAsked: why does the parser fail? (#1)\n" in started.stdout
    assert "cache-hit" in (g.layout.logs / "recall-hook.log").read_text()
    event = {"session_id": "next", "cwd": "/p", "source": "startup", **CLAUDE}
    shown = json.loads(g.hook("session-recall", event).stdout)
    assert shown["systemMessage"].startswith("iai: 1 session of this project, the last 2026-11-23;")
    assert shown["hookSpecificOutput"]["additionalContext"] == started.stdout


@pytest.mark.slow
def test_after_a_stop_or_a_crash_of_the_group_the_text_is_complete(
    group: Make,
) -> None:
    g = group(session_cache_refresh_min_sec="0")
    start = {"session_id": "next", "cwd": "/p", "source": "startup"}

    def said() -> tuple[str, str]:
        found: list[str] = []

        def in_time() -> bool:
            printed = g.hook("session-recall", start).stdout
            line = (g.layout.logs / "recall-hook.log").read_text().splitlines()[-1]
            found[:] = printed, line.split()[1]
            return not line.endswith(LATE)

        wait_until(in_time, "the text is printed or composed in time")
        return found[0], found[1]

    g.up()
    g.iai("remember", "kept before", "--project", "/p")
    g.settle()
    g.down()
    assert not g.layout.lease.read_text(), g.log()  # shut down in order
    printed, why = said()
    assert "\n> kept before\n" in printed
    assert why == "cache-hit"  # the file has everything
    g.up()
    pids = [process.pid for process in g.processes()]
    g.kill(Actor.SUPERVISOR)
    wait_until(lambda: not any(alive(pid) for pid in pids), "all have gone")
    printed, why = said()
    assert "\n> kept before\n" in printed
    assert why == "group-down"
    event = {"session_id": "s", "cwd": "/p", "prompt": "said to nobody", "prompt_id": "1"}
    g.hook("turn-capture", event)
    printed, why = said()
    assert "\n> kept before\n" in printed
    assert "\nAsked: said to nobody (not indexed yet)\n" in printed
    assert why == "group-down"
    g.up()
    g.settle()
    printed, why = said()
    assert "\nAsked: said to nobody (#2)\n" in printed
    assert why == "cache-hit"


def test_pipes_in_place_of_its_files_do_not_stop_it(store: Store) -> None:
    ready = store.payload("/p")
    at = clock.iso(time.time_ns())[:10]
    links = [store.layout.news_link("/p"), store.layout.payload_link("/pipe")]
    for path in (
        store.layout.max_age, store.layout.lease, *links, store.layout.command,
        store.layout.recall_log, store.layout.ledger / f"{at}.hook.jsonl",
        store.layout.deliveries / "new",
    ):  # fmt: skip
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    assert store.call_once(session_in("/p")) == ready
    assert store.call_once(session_in("/pipe"), PATH="/bin:/usr/bin") == ""


def test_it_appends_to_no_link_that_was_planted(store: Store, tmp_path: Path) -> None:
    store.payload("/p")
    at = clock.iso(time.time_ns())[:10]
    for number, path in enumerate(
        (store.layout.recall_log, store.layout.ledger / f"{at}.hook.jsonl",
         store.layout.deliveries / "new")
    ):  # fmt: skip
        (tmp_path / f"{number}").write_text("theirs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(tmp_path / f"{number}")
    assert store.call_once(session_in("/p")) != ""
    assert {path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {"theirs"}
