"""`iai doctor`: green on a healthy machine, and precise on a broken one.

What it says of processes that hang or cannot start is in `tests/actors/test_live_status.py`.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from harness.group import Group, wait_until

from iai.process import lock
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
