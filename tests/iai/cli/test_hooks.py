"""`iai hooks`, as a user types it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import Group

from tests.shell import Shell

Make = Callable[..., Group]


@pytest.fixture
def user(shell: Shell) -> Shell:
    """A user with both hosts, and the store in its usual place."""
    del shell.environment["IAI_MCP_STORE"]
    for name in (".claude", ".codex"):
        (shell.work / name).mkdir()
    return shell


def files(user: Shell) -> dict[str, bytes]:
    return {
        str(path.relative_to(user.work)): path.read_bytes()
        for path in user.work.rglob("*")
        if path.is_file()
    }


def test_a_dry_run_prints_the_change_and_makes_none(user: Shell) -> None:
    (user.work / ".claude" / "settings.json").write_text('{\n  "model": "opus"\n}\n')
    before = files(user)
    done = user.iai("hooks", "install", "--dry-run")
    assert done.returncode == 0
    assert '   "model": "opus"' not in done.stdout
    assert '-  "model": "opus"\n+  "model": "opus",\n+  "hooks": {\n' in done.stdout
    assert "iai-mcp-session-recall.sh" in done.stdout
    assert "no change to" in user.iai("hooks", "uninstall", "--dry-run").stdout
    assert files(user) == before
    assert not (user.work / ".iai-mcp").exists()


def test_hooks_are_installed_reported_and_removed_without_a_trace(user: Shell) -> None:
    settings = user.work / ".claude" / "settings.json"
    settings.write_text('{\n  "model": "opus"\n}\n')
    before = files(user)
    done = user.iai("hooks", "install")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Claude Code: hooks installed in {settings} (backup: {settings}.iai-b" in done.stdout
    assert "start codex and trust them once with /hooks" in done.stdout
    assert "nothing to do" in user.iai("hooks", "install").stdout
    status = user.json("hooks", "status")
    assert list(status) == ["claude", "codex"]
    for host, trusted in (("claude", "not asked for"), ("codex", "no")):
        assert {hook["installed"] for hook in status[host]["hooks"]} == {"yes"}
        assert {hook["trusted"] for hook in status[host]["hooks"]} == {trusted}
        assert status[host]["scripts"] == "current"
        assert status[host]["start"] is status[host]["capture"] is None
    done = user.iai("hooks", "uninstall")
    assert f"Claude Code: hooks removed from {settings}\n" in done.stdout
    assert files(user) == before
    assert "hooks are not in" in user.iai("hooks", "uninstall").stdout


def test_without_a_host_that_is_set_up_one_has_to_be_named(user: Shell) -> None:
    for name in (".claude", ".codex"):
        (user.work / name).rmdir()
    done = user.iai("hooks", "install")
    assert done.returncode == 2
    assert "choose one with --host" in done.stderr
    assert user.iai("hooks", "install", "--host", "codex").returncode == 0
    assert (user.work / ".codex" / "hooks.json").exists()
    assert not (user.work / ".claude").exists()


def test_what_cannot_be_done_is_one_clear_line(user: Shell) -> None:
    settings = user.work / ".claude" / "settings.json"
    settings.write_text("// mine\n")
    done = user.iai("hooks", "install", "--host", "claude")
    assert done.returncode == 1
    assert done.stderr.startswith(f"iai: {settings} is not valid JSON (Expecting value: line 2")
    assert done.stderr.endswith("Nothing was changed; fix the file and try again\n")
    assert done.stderr.count("\n") == 1
    status = user.iai("hooks", "status", "--host", "claude")
    assert f"problem           {settings} is not valid JSON" in status.stdout
    changed = user.json("hooks", "install", "--dry-run")
    assert (changed["claude"]["problem"] != "", changed["codex"]["changed"]) == (True, True)
    assert user.iai("hooks", "repair").returncode == 2


def test_a_sound_host_is_set_up_though_the_other_is_not(user: Shell) -> None:
    (user.work / ".claude" / "settings.json").write_text("{")
    done = user.iai("hooks", "install")
    assert done.returncode == 1
    assert "is not valid JSON" in done.stderr
    assert (user.work / ".codex" / "hooks.json").exists()


@pytest.mark.slow
def test_scripts_of_another_version_are_reported_and_updated_by_up(group: Make) -> None:
    g = group()
    g.iai("hooks", "install", "--host", "claude")
    hook = g.layout.hooks / "iai-mcp-turn-capture.sh"
    whole = hook.read_bytes()
    hook.write_text("#!/bin/sh\n")
    assert "`iai up` updates them" in g.iai("hooks", "status").stdout
    g.up()
    assert hook.read_bytes() == whole


def test_the_status_of_a_store_that_is_not_there_claims_nothing(user: Shell) -> None:
    done = user.iai("hooks", "status")
    assert done.returncode == 0
    assert done.stdout.count("last start        none yet") == 2
    assert not Path(user.work / ".iai-mcp").exists()
    document = json.loads(user.iai("hooks", "status", "--json").stdout)
    assert {hook["installed"] for hook in document["claude"]["hooks"]} == {"no"}
