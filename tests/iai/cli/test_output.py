"""No command prints what controls a terminal, whatever the store, its names and its errors hold."""

import io
import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO, cast

import pytest
from harness.group import CHECKOUT, Group
from hypothesis import given
from hypothesis import strategies as st

from iai import cli
from iai.cli import output, watch
from iai.config.layout import Layout
from iai.model.action import Action
from iai.model.printable import escaped, printable
from iai.model.record import Project
from iai.model.session import SessionInfo
from iai.projects.identity import identify
from iai.session_start import deliveries
from iai.session_start.deliveries import Delivery
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.hosts import claude_lines
from tests.iai.store import hostile
from tests.iai.store.builders import NOW, new_record

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2066\x00\x08\U000e0041\x7f\u200f\u2028tide"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
                      "\U000e0000-\U000e007f]")  # fmt: skip
LABEL = "1"

# How each command is called; {evil} stands for the text above. A new command needs a line here.
CALLS: dict[str, list[list[str]]] = {
    "up": [["--detach"]],
    "down": [],  # at the end
    "status": [[], ["--json"]],
    "hooks": [["status"], ["install", "--dry-run"]],
    "mcp": [["--print-config", "codex", "--cwd", "{evil}"], ["--cwd", "{evil}"]],
    "ui": [["--port", "{evil}"]],
    "recall": [["evil tide"], ["evil tide", "--explain", "--everywhere"], ["evil", "--json"],
               ["x", "--project", "{evil}"], ["evil", "--since", "{evil}"]],
    "show": [[LABEL, "--around", "2", "--narration"], [LABEL, "--json", "--around", "2"],
             ["{evil}"]],
    "file": [["src/{evil}.py"], ["src/{evil}.py", "--json"], ["{evil}", "--project", "{evil}"]],
    "timeline": [[], ["--json"], ["--project", "{evil}"]],
    "remember": [["{evil}"], ["x", "--project", "/nowhere/{evil}"]],
    "pin": [[LABEL], ["{evil}"]],
    "done": [[LABEL], ["{evil}"]],
    "dismiss": [[LABEL], ["{evil}"]],
    "edit": [["{evil}", "x"]],
    "forget": [["{evil}"], ["--session", "{evil}"]],
    "import": [["/nowhere/{evil}"], ["--explain", "/nowhere/{evil}"], ["--git", "/nowhere/{evil}"],
               ["--explain", "{transcript}"], ["--explain", "{transcript}", "--json"],
               ["{transcript}", "--wait"]],
    "purge-secrets": [["--dry-run"], ["--json"]],
    "crypto": [["status"], ["status", "--json"]],
    "project": [["list"], ["list", "--json"], ["merge", "{evil}", "{evil}"], ["ignore", "{evil}"]],
    "session-start": [[], ["--cwd", "/nowhere/{evil}"]],
    "preview": [[], ["--cwd", "/nowhere/{evil}"]],
    "injections": [[], ["--json"], ["--project", "{evil}"]],
    "prompt-recall": [[]],
    "freshness": [[], ["--json"], ["--since", "{evil}"]],
    "refresh": [["--force"]],
    "events": [[], ["--json"], ["--kind", "{evil}"]],
    "backup": [["/nowhere/{evil}"]],
    "restore": [["/nowhere/{evil}"]],
    "export": [[], ["--format", "markdown"], ["--project", "{evil}"]],
    "doctor": [[], ["--json"]],
    "service": [["status"]],
    "team": [["status"], ["status", "--json"], ["join", "{evil}"]],
    "config": [[], ["get", "{evil}"], ["set", "{evil}", "{evil}"]],
    "completion": [["bash"]],
    "probe": [["ingest", "ping", "{evil}"], ["ingest", "{evil}"]],
    "help": [[], ["{evil}"]],
    "{evil}": [[]],
}  # fmt: skip


def test_every_command_is_called_below() -> None:
    assert set(CALLS) - {"{evil}"} == set(cli.COMMANDS)


@pytest.mark.slow
def test_no_command_prints_control_characters_of_a_hostile_store(
    group: Callable[..., Group], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    g = group()
    here = g.work / "quay"
    here.mkdir()
    transcript = _fill(g.layout, here)
    g.up()
    g.settle()
    for name in [name for name in os.environ if name not in g.environment]:
        monkeypatch.delenv(name)
    for name, value in g.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"prompt": "evil tide"}')))
    capfd.readouterr()
    printed_evil = set()
    for name, calls in CALLS.items():
        for words in calls:
            line = [word.format(evil=EVIL, transcript=transcript) for word in (name, *words)]
            if name in ("backup", "restore", "mcp", "probe", "import", "session-start", "preview"):
                line = [word.replace("\0", "") for word in line]  # no program can be given one
            if name == "probe":  # it leaves its sockets to the end of its process
                done = g.iai(*line)
                both = done.stdout + done.stderr
            else:
                with suppress(SystemExit):
                    cli.main(line)
                both = "".join(capfd.readouterr())
            assert CONTROLS.search(both) is None, (line, both)
            if "evil" in both:
                printed_evil.add(name)
    cli.main(["down"])
    # Those that show what is stored, and not only an error, do show the rest of it.
    assert {"recall", "show", "file", "timeline", "project", "export", "injections", "import",
            "session-start", "preview"} <= printed_evil  # fmt: skip


def _fill(layout: Layout, here: Path) -> Path:
    """Put the evil text into every field of a store; return an evil transcript."""
    layout.create()
    hostile.fill(layout, here, EVIL)
    delivery = Delivery(at="2026-11-20T10:00:00Z", at_ns=NOW.wall, host=EVIL, project=EVIL,
                        source=EVIL, reason=EVIL, outcome=EVIL)  # fmt: skip
    deliveries.record(layout, delivery, ())
    layout.spool_new.joinpath(f"{EVIL}.json".replace("\0", "")).write_text(json.dumps(EVIL))
    transcript = here / "evil.jsonl"
    sample = next((CHECKOUT / "tests" / "samples").rglob("*.jsonl")).read_text()
    lines = [json.loads(line) for line in sample.splitlines()]
    transcript.write_text("\n".join(json.dumps(_spoiled(line)) for line in lines))
    return transcript


def _spoiled(value: object) -> object:
    """Return JSON with the evil text in every longer text."""
    match value:
        case str() if " " in value:
            return f"{EVIL} {value}"
        case list():
            return [_spoiled(item) for item in value]
        case dict():
            return {key: _spoiled(item) for key, item in value.items()}
        case _:
            return value


@given(st.text(st.characters(codec=None)))
def test_a_printed_text_has_no_control_characters_and_can_be_encoded(text: str) -> None:
    printed = printable(text)
    assert CONTROLS.search(printed) is None
    printed.encode()


@given(st.dictionaries(st.text(st.characters(codec=None)), st.text(st.characters(codec=None))))
def test_printed_json_has_none_either_and_says_the_same(document: dict[str, str]) -> None:
    printed = output.json_text(document)
    assert CONTROLS.search(printed) is None
    printed.encode()
    assert json.loads(printed) == document
    assert escaped(printed) == printed


def test_errors_go_through_the_same_stream() -> None:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert cli.main([EVIL]) == 2
        with pytest.raises(SystemExit):
            cli.main(["show", f"--{EVIL}"])
    assert "evil" in err.getvalue()
    assert CONTROLS.search(out.getvalue() + err.getvalue()) is None


def test_a_fault_that_nobody_expected_goes_through_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "argv", ["iai", "help", "nothing"])
    err = io.StringIO()
    with redirect_stderr(err):
        cli.main()
        sys.excepthook(KeyError, ValueError(f"no {EVIL}"), None)
    assert "eviltide" in err.getvalue()
    assert CONTROLS.search(err.getvalue()) is None


LINES = "tide\nfail  all is lost\nebb"  # in a name or a path


@pytest.mark.parametrize(
    "words",
    [["show", LINES], ["recall", "x", "--since", LINES], ["status", LINES], [LINES],
     ["timeline", "--project", LINES], ["import", "--explain", LINES]],
)  # fmt: skip
def test_a_problem_is_one_line_whatever_it_quotes(
    layout: Layout, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAI_MCP_STORE", str(layout.root))
    Records(layout.records, writer=True).close()
    err = io.StringIO()
    with redirect_stderr(err), suppress(SystemExit):
        cli.main(words)
    assert "all is lost" in err.getvalue()
    assert err.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [["timeline"], ["show", "1"], ["show", "2", "--around", "9" * 30],
     ["project", "list"], ["events"], ["injections"],
     ["file", f"/p/{LINES}.py"], ["export", "--format", "markdown"],
     ["import", "--explain", "{transcript}"]],
)  # fmt: skip
def test_a_name_or_a_path_cannot_pass_for_a_line_of_ours(
    layout: Layout, tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAI_MCP_STORE", str(layout.root))
    monkeypatch.chdir(tmp_path)
    project = identify(str(tmp_path)).id
    session, cwd = f"s{LINES}", f"/p/{LINES}"
    records = Records(layout.records, writer=True)

    def change(unit: RecordChange) -> None:
        unit.projects.place(Project(id=project, name=LINES, root=cwd), cwd)
        for number, role in enumerate(("user", "assistant"), 1):
            unit.records.insert(
                new_record(str(number), role=role, project=project, cwd=cwd, session=session,
                           created_at=NOW.wall + number)
            )  # fmt: skip
        edit = Action(key="1", kind="edit", at=NOW.wall + 1, path=f"/p/{LINES}.py", added=3)
        branch = Action(key="2", kind="branch", at=NOW.wall + 1, text=LINES)
        for action in (edit, branch):
            unit.work.act(action, "claude", session, project)
        unit.work.note_session(
            SessionInfo(host="claude", session=session, branch=LINES, cwd=cwd, title=LINES)
        )

    records.commit(change, NOW)
    records.close()
    delivery = Delivery(at="2026-11-20T10:00:00Z", at_ns=NOW.wall, host=LINES, project=LINES,
                        source=LINES, reason=LINES, outcome=LINES)  # fmt: skip
    deliveries.record(layout, delivery, ())
    transcript = tmp_path / "t.jsonl"
    transcript.write_text(claude_lines.transcript(claude_lines.edited(f"{cwd}.py", "change it")))
    out = io.StringIO()
    with redirect_stdout(out), suppress(SystemExit):
        cli.main([word.format(transcript=transcript) for word in words])
    assert "all is lost" in out.getvalue()
    assert not re.search("^(fail|ebb)", out.getvalue(), re.MULTILINE)


def test_only_our_own_control_sequences_reach_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    with redirect_stdout(terminal), output.plain_streams():
        assert output.unfiltered(sys.stdout) is cast("TextIO", terminal)
        watch.redraw(f"a{EVIL}b")
    drawn = terminal.getvalue()
    assert drawn == f"\x1b[Ha{printable(EVIL)}b\x1b[K\n\x1b[J"
