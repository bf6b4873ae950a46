"""The server as a process: without a store, without a group, and through failures."""

import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from harness.group import Group

from iai.config.settings import Settings
from iai.mcp import calls, server, snippets
from iai.mcp.tools import TOOLS
from tests.iai.mcp.host import COMMAND, INITIALIZE, Host, host, said, spoken
from tests.shell import Shell

Make = Callable[..., Group]
NAMES = ("recall", "show", "timeline", "file_history", "capture", "pin", "forget", "status")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_listing_the_tools_needs_no_store_and_creates_none(group: Make, mode: str) -> None:
    g = group()
    with host(g, mode=mode) as h:
        listed = h.tools()
        assert "memory_recall first" in h.instructions()
    assert list(listed) == [f"memory_{name}" for name in NAMES]
    assert not g.layout.root.exists()
    assert (g.work / "mcp.log").read_text() == ""
    for tool in listed.values():
        assert tool.annotations is not None
        assert tool.title == tool.annotations.title != ""
        assert tool.annotations.open_world_hint is False
        assert tool.annotations.idempotent_hint is True
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        for name, field in tool.input_schema["properties"].items():
            assert field.get("description") or field.get("items", {}).get("description"), name
            assert "" not in field.get("enum", [])  # Gemini rejects such a schema
    read_only = {n for n, t in listed.items() if t.annotations and t.annotations.read_only_hint}
    assert read_only == {
        f"memory_{n}" for n in ("recall", "show", "timeline", "file_history", "status")
    }
    assert [n for n, t in listed.items() if t.annotations and t.annotations.destructive_hint] == [
        "memory_forget"
    ]


@pytest.mark.slow
def test_only_the_protocol_is_on_standard_output_and_the_end_of_input_ends_the_server(
    group: Make,
) -> None:
    g = group(tick_sec="not a number")  # prints a warning
    done = spoken(
        COMMAND,
        g.environment,
        g.work,
        INITIALIZE,
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
        {"id": 3, "method": "tools/call", "params": {"name": "memory_status"}},
        {"id": 4, "method": "no/such"},
    )
    answers = {answer["id"]: answer for answer in done.answers}
    assert {id_ for id_, answer in answers.items() if "result" in answer} == {1, 2, 3}
    assert "error" in answers[4]
    assert done.returncode == 0
    assert re.fullmatch(r"iai: IAI_MCP_TICK_SEC.+\n", done.complaints)


@pytest.mark.slow
def test_with_no_start_the_error_is_that_of_the_command_line(
    group: Make,
) -> None:
    g = group()
    with host(g, "--no-start") as h:
        assert h.call("memory_status")[0]["group"] == "stopped"
        why = g.iai("recall", "x").stderr.strip().removeprefix("iai: ")
        assert "start it with `iai up --detach`" in why
        for name, arguments in (
            ("recall", {"query": "x"}),
            ("capture", {"text": "x"}),
            ("pin", {"id": "#1"}),
            ("forget", {"ids": ["#1"]}),
        ):
            assert h.refused(f"memory_{name}", **arguments) == f"memory_{name}: {why}"
        for name, arguments in (("show", {"ids": ["#1"]}), ("timeline", {})):
            assert "records does not exist yet; `iai up` creates it" in h.refused(
                f"memory_{name}", **arguments
            )
    assert not g.layout.root.exists()


@pytest.mark.slow
def test_a_group_that_cannot_start_is_reported_with_the_reason(group: Make) -> None:
    g = group()
    g.layout.root.mkdir()
    (g.layout.root / "holiday.jpg").write_text("not ours")
    with host(g) as h:
        refused = h.refused("memory_recall", query="x")
        assert "cannot be started" in refused
        assert "has other files in it and is not an iai store" in refused


@pytest.mark.slow
def test_several_servers_start_one_group_and_restart_a_killed_one(
    group: Make,
) -> None:
    g = group()

    def keep(h: Host, number: int) -> None:
        kept.append(h.call("memory_capture", text=f"Said by server {number}: xyzzy.")[0])

    kept: list[dict[str, Any]] = []
    with host(g) as one, host(g) as two, host(g) as three:
        threads = [
            threading.Thread(target=keep, args=(h, number))
            for number, h in enumerate((one, two, three))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer["outcome"] for answer in kept] == ["kept"] * 3
        supervisors = [p for p in g.processes() if p.name() == "iai: supervisor"]
        assert len(supervisors) == 1
        g.end()
        assert two.call("memory_status")[0]["group"] == "stopped"
        again = two.call("memory_capture", text="Said by server 1: xyzzy.")[0]
        assert again["outcome"] == "known"
        g.settle()
        found = one.call("memory_recall", query="xyzzy")[0]["found"]
        assert {record["said"] for record in found} == {
            f"Said by server {number}: xyzzy." for number in range(3)
        }


@pytest.fixture
def show(tmp_path: Path) -> Callable[[], types.CallToolResult]:
    """Return a call of `memory_show`, made by the server in this process."""
    tool = next(tool for tool in TOOLS if tool.name == "memory_show")
    settings = Settings(store=tmp_path)
    one = partial(server.called, tool, {"ids": ["#1"]}, settings, start=False)
    return lambda: anyio.run(one)


def test_a_bug_is_reported_and_logged_and_does_not_end_the_server(
    show: Callable[[], types.CallToolResult],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(calls.Memory, "answer", broken)
    result = show()
    assert result.is_error
    assert said(result) == "memory_show: ZeroDivisionError, a bug in iai; see its log"
    assert "ZeroDivisionError" in caplog.text


def test_a_hanging_call_ends_at_its_deadline(
    show: Callable[[], types.CallToolResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()

    def hangs(*_: object) -> None:
        let_go.wait()

    monkeypatch.setattr(calls.Memory, "answer", hangs)
    monkeypatch.setattr(server, "DEADLINE_S", 0.01)
    try:
        assert said(show()) == "memory_show: no answer within 0.01 s; see `iai status`"
    finally:
        let_go.set()


def test_without_the_sdk_one_line_says_how_to_get_it() -> None:
    script = "import sys; sys.modules['mcp'] = None; from iai.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, "mcp"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "iai: the MCP SDK is not installed; add it with `pipx inject iai-memory mcp`"
        " or `pip install 'iai-memory[mcp]'`\n"
    )


def test_a_missing_directory_is_bad_usage() -> None:
    done = subprocess.run(
        [*COMMAND, "--cwd", "/no/such"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "iai: --cwd /no/such: No such file or directory\n"


def test_the_configurations_for_all_hosts_start_this_server_on_this_store(shell: Shell) -> None:
    (command,) = {configured(shell, name) for name in snippets.HOSTS}
    del shell.environment["IAI_MCP_STORE"]
    assert "IAI_MCP_STORE" not in shell.iai("mcp", "--print-config", "claude").stdout
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    assert "usage: iai mcp" in helped.stdout


def configured(shell: Shell, name: str) -> tuple[str, ...]:
    """Return the command in the configuration for a host."""
    done = shell.iai("mcp", "--print-config", name)
    assert re.fullmatch(r"iai: add this to .+\n", done.stderr)
    document = tomllib.loads(done.stdout) if name == "codex" else json.loads(done.stdout)
    if name == "opencode":
        entry = document["mcp"]["iai"]
        assert (entry["type"], entry["enabled"]) == ("local", True)
        command, environment = entry["command"], entry["environment"]
    else:
        (key,) = document
        assert key == ("mcp_servers" if name == "codex" else "mcpServers")
        entry = document[key]["iai"]
        assert set(entry) == {"command", "args", "env"}
        command, environment = [entry["command"], *entry["args"]], entry["env"]
    assert environment == {"IAI_MCP_STORE": str(shell.layout.root)}
    assert Path(command[0]).is_absolute()
    assert command[-1] == "mcp"
    assert "IAI_MCP_STORE" not in snippets.snippet(name, command, {}).text
    return tuple(command)
