"""A group of its own on a throw-away store, driven as a user drives it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from iai.admin import health
from iai.admin.health import StoreHealth
from iai.config.layout import Layout
from iai.errors import IaiError
from iai.process import heartbeat, lock
from iai.process.client import DEADLINE_S, Client
from iai.protocol.message import PIPELINE, Actor
from iai.protocol.supervisor import Health, HealthReport

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 150.0  # for what must become true: what a loaded machine needs, and a quiet one never
# What the machine's own user has set, and no process of a group is to know of. The last would have
# every command compile all of iai anew, as an installed one never does.
FOREIGN = (
    "IAI_MCP_", "CLAUDE_", "CODEX_", "PLUGIN_ROOT", "NOTIFY_SOCKET", "WATCHDOG_", "XDG_", "VISUAL",
    "EDITOR", "PYTHONDONTWRITEBYTECODE",
)  # fmt: skip


class TooLate(AssertionError):
    """Something that had to become true did not."""


def wait_until(
    condition: Callable[[], object],
    what: str,
    patience_s: float = PATIENCE_S,
    look_s: float = 0.01,
) -> None:
    """Return as soon as the condition holds; the only way in which anything here waits."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TooLate(f"not within {patience_s:g} s: {what}")
        time.sleep(look_s)


def alive(pid: int) -> bool:
    """Is there such a process? One that has ended and waits to be reaped is none."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Group:
    """The processes of one store. The store's path is short, as sockets need it."""

    def __init__(self, **settings: str) -> None:
        """`settings` are variables without their `IAI_MCP_`, in small letters."""
        self.work = Path(tempfile.mkdtemp(prefix="iai-"))
        self.layout = Layout(self.work / "store")
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)},
            "HOME": str(self.work),
            "IAI_MCP_STORE": str(self.layout.root),
            **{f"IAI_MCP_{name.upper()}": value for name, value in settings.items()},
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def iai(self, *args: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run one command line of `iai`."""
        return self._run([sys.executable, "-m", "iai", *args], stdin)

    def json(self, *args: str) -> Any:
        """Run a command with --json and return its document."""
        done = self.iai(*args, "--json")
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"{args}: {done.stdout!r} {done.stderr!r}") from None

    def hook(self, name: str, event: dict[str, Any] | str) -> "subprocess.CompletedProcess[str]":
        """Call a hook as a host does."""
        stdin = event if isinstance(event, str) else json.dumps(event, separators=(",", ":"))
        return self._run([str(CHECKOUT / "hooks" / f"iai-mcp-{name}.sh")], stdin)

    def up(self) -> None:
        """Start it, and wait until every process is ready."""
        done = self.iai("up", "--detach")
        if "was not ready within" in done.stderr:
            wait_until(self.all_ready, "every process is ready")
        elif done.returncode:
            raise AssertionError(done.stdout + done.stderr + self.log())

    def down(self) -> None:
        """Stop it."""
        done = self.iai("down")
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr + self.log())

    def client(self) -> Client:
        """Return a client; use it as a context manager."""
        return Client(self.layout)

    def report(self, deadline_s: float = PATIENCE_S) -> HealthReport:
        """Ask the supervisor how the processes are."""
        with self.client() as client:
            return client.call(Actor.SUPERVISOR, Health(), HealthReport, deadline_s)

    def pid(self, actor: Actor) -> int:
        """Process id of an actor; of the supervisor, too."""
        report = self.report()
        if actor is Actor.SUPERVISOR:
            return report.pid
        return next(a.pid or 0 for a in report.actors if a.actor is actor)

    def kill(self, actor: Actor, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to an actor; return its process id.

        Raises ProcessLookupError if it has none just now.
        """
        pid = self.pid(actor)
        if not pid:  # for `os.kill` that would be everybody in our own process group
            raise ProcessLookupError(f"{actor} is not there")
        os.kill(pid, number)
        return pid

    def all_ready(self) -> bool:
        """Is every process ready?"""
        try:
            # Not for long: what is asked of a supervisor that is just ending is lost.
            return all(a.state == "ready" for a in self.report(DEADLINE_S).actors)
        except IaiError:
            return False

    def health(self) -> StoreHealth:
        """Look at the stages, on disk."""
        return health.measure(self.layout, time.time_ns())

    def settle(self) -> None:
        """Wait until no stage lags behind."""
        try:
            wait_until(lambda: self.health().caught_up, "all stages have caught up")
        except TooLate as error:
            raise TooLate(f"{error}: {self.health()}\n{self.log()}") from None

    def processes(self) -> list[psutil.Process]:
        """Return every process of the group that lives, orphans included."""
        stamps = (heartbeat.read(self.layout.beat(actor)) for actor in PIPELINE)
        pids = {stamp.pid for stamp in stamps if stamp}
        pids.add(lock.holder(self.layout.lease))
        found: dict[int, psutil.Process] = {}
        for pid in pids - {0}:
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                if " ".join(process.cmdline()).startswith(
                    "iai: "
                ):  # not a later one by this number
                    found |= {p.pid: p for p in (process, *process.children(recursive=True))}
        return list(found.values())

    def log(self) -> str:
        """What the group has logged."""
        path = self.layout.logs / "group.log"
        return path.read_text() if path.exists() else ""

    def end(self) -> None:
        """Kill every process of the group, some of which may end by themselves meanwhile."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        # One that is ending has lost its name before it lets go of its locks.
        gone = lambda: not self.processes() and not lock.held(self.layout.lease)  # noqa: E731
        wait_until(gone, "no process of the group is left")

    def destroy(self) -> None:
        """End whatever still runs and delete the store."""
        self.end()
        wait_until(self._deleted, f"{self.work} is deleted")
        shutil.rmtree(self.layout.sockets, ignore_errors=True)  # which may lie outside

    def _deleted(self) -> bool:
        shutil.rmtree(self.work, ignore_errors=True)  # a command may be writing its last words
        return not self.work.exists()

    def _run(self, command: list[str], stdin: str) -> "subprocess.CompletedProcess[str]":
        with tempfile.TemporaryFile("w+") as told:  # whole from the start: no hook waits for us
            told.write(stdin)
            told.seek(0)
            return subprocess.run(
                command,
                stdin=told,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
                cwd=self.work,
                timeout=PATIENCE_S,
            )
