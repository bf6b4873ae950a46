"""The group as a service: the three kinds of file, and `iai service`."""

import configparser
import os
import plistlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import Group, wait_until

from iai.config.layout import Layout
from iai.errors import BadUsage
from iai.install import service
from iai.install.service import KINDS, Service
from iai.protocol.message import Actor

Make = Callable[..., Group]
IAI = ("/opt/my tools/50% $iai/iai",)


def service_of(kind: str, store: Path, home: Path) -> Service:
    return service.describe(kind, Layout(store), {"HOME": str(home)}, IAI)


def unit(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#", ";"))
    parser.read_string(text)
    return parser


def test_the_systemd_unit_notifies_has_a_watchdog_and_restarts(tmp_path: Path) -> None:
    one = service_of("systemd", tmp_path / "my store", tmp_path)
    assert one.path == tmp_path / ".config" / "systemd" / "user" / one.name
    parsed = unit(one.text.decode())
    section = parsed["Service"]
    assert (section["Type"], section["WatchdogSec"], section["NotifyAccess"]) == (
        "notify",
        "60",
        "main",
    )
    assert (section["Restart"], section["RestartPreventExitStatus"]) == ("on-failure", "2 3")
    assert section["KillMode"] == "mixed", "the supervisor stops its processes in order"
    assert section["ExecStart"] == '"/opt/my tools/50%% $iai/iai" up'
    assert section["Environment"] == f'"IAI_MCP_STORE={tmp_path}/my store"'
    assert "ExecReload" not in section
    assert parsed["Install"]["WantedBy"] == "default.target"


ANALYZE = shutil.which("systemd-analyze") or ""
NEWER = ("RestartSteps", "RestartMaxDelaySec")  # keys that systemd knows since 254, and others pass


@pytest.mark.skipif(not ANALYZE, reason="there is no systemd here")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    command = tmp_path / "my 50% $tools" / "iai"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o700)
    one = service.describe("systemd", Layout(tmp_path / "s t"), {"HOME": "/h"}, (str(command),))
    path = tmp_path / one.name
    path.write_bytes(one.text)
    done = subprocess.run(
        [ANALYZE, "--user", "verify", str(path)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if one.name in line]
    assert [line for line in complaints if not any(key in line for key in NEWER)] == []


def test_the_launchd_agent_restarts_after_a_failure(tmp_path: Path) -> None:
    one = service_of("launchd", tmp_path / "s", tmp_path)
    assert one.path.parent == tmp_path / "Library" / "LaunchAgents"
    agent = plistlib.loads(one.text)
    assert agent["ProgramArguments"] == [*IAI, "up"]
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert (agent["RunAtLoad"], agent["ProcessType"]) == (True, "Background")
    assert agent["EnvironmentVariables"] == {"IAI_MCP_STORE": str(tmp_path / "s")}
    assert agent["StandardErrorPath"] == str(tmp_path / "s" / "logs" / "group.log")


def test_the_supervisord_program_restarts_unless_that_cannot_help(tmp_path: Path) -> None:
    one = service_of("supervisord", tmp_path / "s", tmp_path)
    program = unit(one.text.decode())[f"program:{one.name}"]
    assert program["command"] == '"/opt/my tools/50%% $iai/iai" up'
    assert (program["autorestart"], program["exitcodes"]) == ("unexpected", "0,2,3")
    assert program["environment"] == f'IAI_MCP_STORE="{tmp_path}/s"'


@pytest.mark.parametrize("kind", KINDS)
def test_each_store_has_a_service_of_its_own(tmp_path: Path, kind: str) -> None:
    default = service_of(kind, tmp_path / ".iai-mcp", tmp_path)
    others = {service_of(kind, tmp_path / name, tmp_path).name for name in ("a", "b")}
    assert default.name in ("iai", "iai.service", "mcp.iai")
    assert len(others | {default.name}) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_our_file_is_deleted_and_somebody_elses_is_left(tmp_path: Path, kind: str) -> None:
    one = service_of(kind, tmp_path / "s", tmp_path / "home")
    assert one.installed() == "no"
    assert not one.delete()
    one.write()
    one.write()
    assert one.installed() == "yes"
    assert [path.name for path in one.path.parent.iterdir()] == [one.path.name]
    assert one.delete()
    assert not one.path.exists()
    one.path.write_text("somebody else's")
    assert one.installed() == "differs"
    for touch in (one.write, one.delete):
        with pytest.raises(BadUsage, match="left as it is"):
            touch()
    assert one.path.read_text() == "somebody else's"


# --- the command, with a systemctl that only logs its arguments ----------------------------------


@pytest.fixture
def manager(group: Make) -> tuple[Group, Callable[[], list[str]]]:
    """Return a group, and a function for the commands that the manager got since the last call."""
    g = group()
    log = g.work / "log"
    tool = g.work / "bin" / "systemctl"
    tool.parent.mkdir()
    tool.write_text(
        f'#!/bin/sh\n[ "$2" = --quiet ] && exit "${{ACTIVE:-3}}"\necho "$@" >>"{log}"\n'
        '[ -z "$BROKEN" ] || { echo "no bus" >&2; exit 1; }\n'
    )
    tool.chmod(0o700)
    g.environment["PATH"] = f"{tool.parent}:{g.environment['PATH']}"
    g.environment.pop("XDG_CONFIG_HOME", None)

    def since() -> list[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    return g, since


def test_install_registers_the_service_and_uninstall_removes_it(
    manager: tuple[Group, Callable[[], list[str]]],
) -> None:
    g, since = manager
    kind = ("--kind", "systemd")
    assert "ExecStart=" in g.iai("service", "install", *kind, "--dry-run").stdout
    assert not g.json("service", "status", *kind)["active"]
    assert since() == []
    done = g.iai("service", "install", *kind)
    assert (done.returncode, done.stderr) == (0, "")
    status = g.json("service", "status", *kind)
    name, path = status["name"], Path(status["file"])
    assert (status["installed"], path.parent.parent.parent.name) == ("yes", ".config")
    assert since() == [
        "--user daemon-reload", f"--user enable {name}", f"--user start {name}",
    ]  # fmt: skip
    assert "unchanged" in g.iai("service", "install", *kind).stdout
    since()
    assert g.iai("service", "uninstall", *kind).returncode == 0
    assert since() == [f"--user disable --now {name}", "--user daemon-reload"]
    assert not path.exists()
    assert "nothing to do" in g.iai("service", "uninstall", *kind).stdout


def test_if_the_manager_fails_the_file_is_written_and_the_commands_are_printed(
    manager: tuple[Group, Callable[[], list[str]]],
) -> None:
    g, _ = manager
    g.environment["BROKEN"] = "yes"
    done = g.iai("service", "install", "--kind", "systemd")
    assert done.returncode == 1
    assert "no bus" in done.stderr
    assert "systemctl --user enable" in done.stderr
    assert g.json("service", "status", "--kind", "systemd")["installed"] == "yes"


@pytest.mark.slow
def test_a_running_group_is_left_alone_and_the_handover_is_explained(
    manager: tuple[Group, Callable[[], list[str]]],
) -> None:
    g, since = manager
    g.up()
    before = g.pid(Actor.SUPERVISOR)
    done = g.iai("service", "install", "--kind", "systemd")
    assert done.returncode == 0
    assert "run\niai down\nsystemctl --user start" in done.stdout
    assert not [line for line in since() if "start" in line]
    assert g.pid(Actor.SUPERVISOR) == before
    wait_until(g.all_ready, "it runs on")
