"""`iai doctor`: green on a healthy machine, and precise on a broken one.

What it says of processes that hang or cannot start is in `tests/actors/test_live_status.py`.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from harness.group import Group, wait_until

from iai.admin.doctor import deep
from iai.config.layout import Layout, private
from iai.errors import StoreError
from iai.process import lock
from iai.store import auto_backups
from tests.actors.real import capture
from tests.shell import Shell

Make = Callable[..., Group]


def checks(group: Group | Shell, *args: str) -> dict[str, dict[str, Any]]:
    found = json.loads(group.iai("doctor", "--json", *args).stdout)["checks"]
    return {one["check"]: one for one in found}


def bad(group: Group | Shell, *args: str) -> dict[str, str]:
    return {
        name: one["verdict"] for name, one in checks(group, *args).items() if one["verdict"] != "ok"
    }


@pytest.mark.slow
def test_on_a_healthy_machine_every_check_is_ok(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    (g.work / ".claude").mkdir()
    assert g.iai("hooks", "install").returncode == 0
    g.iai("service", "install", "--kind", "supervisord")
    g.up()
    capture(g, "hello")
    g.settle()
    wait_until(lambda: not bad(g), "no loop is late, however busy the machine is")

    def healthy() -> bool:
        done = g.iai("doctor")
        return (done.returncode, done.stderr) == (0, "") and "0 failed" in done.stdout

    wait_until(healthy, "it says so to people, too")


def test_a_machine_on_which_nothing_was_set_up_is_told_what_to_do(shell: Shell) -> None:
    g = shell
    done = g.iai("doctor")
    assert done.returncode == 1
    assert "`iai up --detach`" in done.stdout
    assert "`iai hooks install`" in done.stdout
    assert "`iai service install`" in done.stdout
    assert "damaged" not in done.stdout
    assert not g.layout.root.exists()


def test_what_others_could_read_is_found_and_fixed(shell: Shell) -> None:
    g = shell
    g.layout.create()
    g.layout.spool_new.chmod(0o755)
    (g.layout.root / "lifecycle.json").write_text("{}")
    (g.layout.root / "lifecycle.json").chmod(0o644)
    assert bad(g)["store"] == "warn"
    assert "store" not in bad(g, "--fix")
    assert g.layout.spool_new.stat().st_mode & 0o777 == 0o700
    assert (g.layout.root / "lifecycle.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to give a directory away")
def test_a_group_in_the_run_directory_of_another_user_is_named_and_not_asked(shell: Shell) -> None:
    g = shell
    g.layout.create()
    lease = lock.take(g.layout.lease)
    assert lease is not None
    os.chown(g.layout.run, 65_534, 65_534)
    found = checks(g)
    assert (found["store"]["verdict"], found["group"]["verdict"]) == ("fail", "fail")
    assert "run is not a directory of yours" in str(found["group"])
    lease.release()


def test_settings_spool_files_and_hook_scripts_that_are_wrong_are_each_named(shell: Shell) -> None:
    g = shell
    g.environment["IAI_MCP_TICK_SEC"] = "soon"
    g.layout.create()
    g.layout.spool_bad.mkdir(mode=0o700)
    (g.layout.spool_bad / "1.json").touch(0o600)
    g.layout.hooks.mkdir(mode=0o700)
    os.mkfifo(g.layout.spool_new / "2.json")
    found = checks(g)
    assert found["spool"]["verdict"] == "warn"
    assert "2.json is a pipe and no hook event" in found["spool"]["said"]
    assert found["spool"]["todo"] == "delete it"
    assert "IAI_MCP_TICK_SEC" in found["settings"]["said"]
    assert found["bad events"]["verdict"] == "warn"
    assert found["hook scripts"]["verdict"] == "warn"


def test_sockets_that_a_killed_group_left_outside_the_store_are_found_and_fixed(
    shell: Shell,
) -> None:
    g = shell
    root = g.work / ("a-very-long-name-" * 8)
    g.environment["IAI_MCP_STORE"] = str(root)
    g.layout = type(g.layout)(root)
    g.layout.create()
    g.layout.sockets.mkdir(mode=0o700)
    try:
        assert bad(g)["sockets"] == "warn"
        assert "sockets" not in bad(g, "--fix")
        assert not g.layout.sockets.exists()
    finally:
        if g.layout.sockets.exists():
            g.layout.sockets.rmdir()


def test_what_is_closed_to_its_user_is_named_refused_and_opened(shell: Shell) -> None:
    """A copy by another user, or a careless chmod, ended each command with a traceback."""
    g = shell
    g.layout.create()
    g.layout.backups.mkdir()
    (g.layout.backups / "mine").write_text("kept")
    (g.layout.backups / "mine").chmod(0o200)
    g.layout.backups.chmod(0o300)
    found = checks(g)["store"]
    assert (found["verdict"], str(g.layout.backups) in found["said"]) == ("fail", True)
    refused = g.iai("up", "--detach")
    assert (refused.returncode, "is closed to yourself" in refused.stderr) == (1, True)
    assert "store" not in bad(g, "--fix")
    assert g.layout.backups.stat().st_mode & 0o777 == 0o700
    assert (g.layout.backups / "mine").stat().st_mode & 0o777 == 0o600


def test_a_file_out_of_reach_ends_no_check_but_its_own(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Layout) -> None:
        raise PermissionError(13, "Permission denied", "/a/backup")

    shell.layout.create()
    monkeypatch.setattr(auto_backups, "every", refuse)
    done = shell.iai("doctor")
    assert done.returncode == 1
    assert "/a/backup: Permission denied" in done.stdout
    assert "iai is not running" in done.stdout


@pytest.mark.parametrize("name", ["records", "index", "backups", "session-start/by-cwd"])
def test_a_file_in_the_place_of_a_directory_is_named(shell: Shell, name: str) -> None:
    shell.layout.create()
    path = shell.layout.root / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("nowhere")
    assert checks(shell)["store"]["said"] == f"{path} is not a directory"
    with pytest.raises(StoreError, match="is not a directory: move it away"):
        private(path)


def test_a_store_that_is_no_directory_is_said_to_be_so(shell: Shell) -> None:
    shell.layout.root.parent.mkdir(exist_ok=True)
    shell.layout.root.symlink_to("nowhere")
    assert "leads nowhere" in checks(shell)["store"]["said"]
    shell.layout.root.unlink()
    shell.layout.root.write_text("")
    assert "is not a directory" in checks(shell)["store"]["said"]


def test_a_repair_that_fails_is_a_finding_and_hides_no_other(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk one line of text took the place of all, with --json too."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device", "/a/backup")

    shell.layout.create()
    shell.layout.lifecycle.write_text("damaged")
    monkeypatch.setattr(deep, "delete_damaged", refuse)
    found = checks(shell, "--deep", "--fix")
    assert (found["fix"]["verdict"], found["fix"]["said"]) == (
        "fail",
        "/a/backup: No space left on device",
    )
    assert found["deep lifecycle"]["verdict"] == "fail"


def test_a_directory_in_the_place_of_a_text_is_not_deleted_with_what_is_in_it(
    shell: Shell,
) -> None:
    shell.layout.create()
    shell.layout.payload.mkdir()
    (shell.layout.payload / "mine").touch()
    assert "is a directory, and not a file" in checks(shell)["store"]["said"]
    found = checks(shell, "--deep", "--fix")
    assert found["fix"]["said"] == f"{shell.layout.payload}: Is a directory"
    assert (shell.layout.payload / "mine").exists()


def test_a_part_out_of_reach_hides_no_other_check_of_deep(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/a/part")

    shell.layout.create()
    monkeypatch.setattr(deep, "examine", refuse)
    found = checks(shell, "--deep")
    assert found["reach"]["said"] == "/a/part: Permission denied"
    assert "group" in found
