"""The group as a user's service: a systemd unit, a launchd agent, or a supervisord program.

Each is one file, generated here, and registered with the manager's own command. The formats:
systemd.service(5), launchd.plist(5), supervisord's "[program:x] section settings".
"""

import os
import plistlib
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from iai.config.layout import Layout
from iai.errors import BadUsage, StoreError
from iai.lifecycle.supervision import Exit

KINDS = ("systemd", "launchd", "supervisord")
MARK = "written by `iai service install`; `iai service uninstall` removes it"
_BAD_USAGE = 2
NOT_AGAIN = (_BAD_USAGE, int(Exit.CANNOT_START))  # exit codes after which a restart cannot help
WATCHDOG_S = 60  # without a heartbeat for so long, the manager restarts the group
STOP_S = 90  # enough to kill six processes, one after the other: see `STOP_LIMIT_S`
START_S = 180
FIRST_DELAY_S, LONGEST_DELAY_S, DELAYS = 2, 300, 8


class Service(Struct, frozen=True, kw_only=True):
    """A service file for one manager, and the commands that register it."""

    kind: str
    name: str
    path: Path
    text: bytes
    enable: tuple[tuple[str, ...], ...]  # have it started at login
    start: tuple[tuple[str, ...], ...]  # start it now
    remove: tuple[tuple[str, ...], ...]  # before the file is deleted
    forget: tuple[tuple[str, ...], ...]  # after the file is deleted
    active: tuple[str, ...]  # succeeds if it is running

    def installed(self) -> str:
        """Return "no", "yes", or "differs" from what this version would write."""
        try:
            return "yes" if self.path.read_bytes() == self.text else "differs"
        except OSError:
            return "no"

    def write(self) -> None:
        """Write the file atomically. Raises StoreError if it can't be written."""
        self._ours()
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside.touch(0o600)
            aside.write_bytes(self.text)
            aside.replace(self.path)
        except OSError as error:
            raise StoreError(f"cannot write {self.path}: {error.strerror}") from error

    def delete(self) -> bool:
        """Delete the file; return whether it existed. Raises BadUsage if it isn't ours."""
        if not self.path.exists():
            return False
        self._ours()
        self.path.unlink()
        return True

    def _ours(self) -> None:
        if self.path.exists() and MARK.encode() not in self.path.read_bytes():
            raise BadUsage(f"{self.path} was not written by iai; it is left as it is")


def default_kind() -> str:
    """Return which of `KINDS` this machine uses."""
    if sys.platform == "darwin":
        return "launchd"
    return "systemd" if Path("/run/systemd/system").is_dir() else "supervisord"


def describe(
    kind: str, layout: Layout, environment: Mapping[str, str], command: tuple[str, ...]
) -> Service:
    """Return the service of a store. `command` starts `iai`, by absolute path."""
    home = Path(environment.get("HOME", "") or "~").expanduser()
    default = layout.root == home / ".iai-mcp"
    name = "iai" if default else f"iai-{layout.digest}"
    words = (*command, "up")
    if kind == "systemd":
        config = Path(environment.get("XDG_CONFIG_HOME", "").strip() or home / ".config")
        return _systemd(name, layout, config / "systemd" / "user", words)
    if kind == "launchd":
        return _launchd(name, layout, home / "Library" / "LaunchAgents", words)
    return _supervisord(name, layout, layout.root / "service", words)


def command() -> tuple[str, ...]:
    """Return the command that starts `iai` from any directory."""
    beside = Path(sys.executable).with_name("iai")
    return (str(beside),) if beside.exists() else (sys.executable, "-m", "iai")


def _systemd(name: str, layout: Layout, directory: Path, words: tuple[str, ...]) -> Service:
    unit = f"{name}.service"
    arguments = (_unit_quoted(word).replace("$", "$$") for word in words[1:])
    line = " ".join((_unit_quoted(words[0]), *arguments))  # the first word is not expanded
    store = _unit_quoted(f"IAI_MCP_STORE={layout.root}")
    text = f"""# {MARK}
[Unit]
Description=iai, a local memory for coding agents
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
Environment={store}
ExecStart={line}
WatchdogSec={WATCHDOG_S}
TimeoutStartSec={START_S}
TimeoutStopSec={STOP_S}
KillMode=mixed
Restart=on-failure
RestartSec={FIRST_DELAY_S}
RestartSteps={DELAYS}
RestartMaxDelaySec={LONGEST_DELAY_S}
RestartPreventExitStatus={" ".join(map(str, NOT_AGAIN))}
OOMPolicy=continue
UMask=0077

[Install]
WantedBy=default.target
"""
    user = ("systemctl", "--user")
    return Service(
        kind="systemd",
        name=unit,
        path=directory / unit,
        text=text.encode(),
        enable=((*user, "daemon-reload"), (*user, "enable", unit)),
        start=((*user, "start", unit),),
        remove=((*user, "disable", "--now", unit),),
        forget=((*user, "daemon-reload"),),
        active=(*user, "--quiet", "is-active", unit),
    )


def _launchd(name: str, layout: Layout, directory: Path, words: tuple[str, ...]) -> Service:
    label = f"mcp.{name}"
    path = directory / f"{label}.plist"
    log = str(layout.group_log)
    body = plistlib.dumps(
        {
            "Label": label,
            "ProgramArguments": list(words),
            "EnvironmentVariables": {"IAI_MCP_STORE": str(layout.root)},
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
            "ExitTimeOut": STOP_S,
            "ProcessType": "Background",
            "Umask": 0o077,
            "StandardOutPath": log,
            "StandardErrorPath": log,
        },
        sort_keys=False,
    )
    first, rest = body.split(b"\n", 1)
    return Service(
        kind="launchd",
        name=label,
        path=path,
        text=first + f"\n<!-- {MARK} -->\n".encode() + rest,
        enable=(),  # files in that directory are loaded at login
        start=(("launchctl", "load", "-w", str(path)),),
        remove=(("launchctl", "unload", "-w", str(path)),),
        forget=(),
        active=("launchctl", "list", label),
    )


def _supervisord(name: str, layout: Layout, directory: Path, words: tuple[str, ...]) -> Service:
    path = directory / f"{name}.conf"
    line = " ".join(_unit_quoted(word) for word in words)
    store = str(layout.root).replace("%", "%%").replace('"', '\\"')
    text = f"""; {MARK}
; supervisord reads it where its own file says:
;   [include]
;   files = {path}
[program:{name}]
command={line}
environment=IAI_MCP_STORE="{store}"
autostart=true
autorestart=unexpected
exitcodes=0,{",".join(map(str, NOT_AGAIN))}
startsecs=5
startretries=1000
stopsignal=TERM
stopwaitsecs={STOP_S}
redirect_stderr=true
"""
    control = ("supervisorctl",)
    return Service(
        kind="supervisord",
        name=name,
        path=path,
        text=text.encode(),
        enable=(),
        start=((*control, "update", name),),
        remove=((*control, "stop", name),),
        forget=((*control, "update", name),),
        active=(*control, "status", name),
    )


def _unit_quoted(word: str) -> str:
    """Quote a word for systemd and supervisord; both expand what follows a percent sign."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if any(c in word for c in " \t'\"\\;") else escaped
