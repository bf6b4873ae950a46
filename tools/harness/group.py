"""A real group on a temporary store, driven as a user would drive it."""

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
from iai.config.settings import from_environment
from iai.errors import IaiError
from iai.process import heartbeat, lock
from iai.process.client import DEADLINE_S, Client
from iai.protocol.message import Actor
from iai.protocol.supervisor import Health, HealthReport

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 150.0  # for any condition; only a heavily loaded machine needs so long
# The developer's own settings, hidden from the group. The last would have every command compile all
# of iai, which an installed one never does.
FOREIGN = (
    "IAI_MCP_", "CLAUDE_", "CODEX_", "PLUGIN_ROOT", "NOTIFY_SOCKET", "WATCHDOG_", "XDG_", "VISUAL",
    "EDITOR", "PYTHONDONTWRITEBYTECODE",
)  # fmt: skip


class TooLate(AssertionError):
    """A condition did not hold in time."""


def wait_until(
    condition: Callable[[], object],
    what: str,
    patience_s: float = PATIENCE_S,
    look_s: float = 0.01,
) -> None:
    """Return once the condition holds, the only way to wait here. Raises TooLate."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TooLate(f"not within {patience_s:g} s: {what}")
        time.sleep(look_s)


def alive(pid: int) -> bool:
    """Does this process exist, and is it not a zombie?"""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Group:
    """The processes of one store. Its path is short enough for sockets."""

    def __init__(self, **settings: str) -> None:
        """`settings` are variables without the prefix `IAI_MCP_`, in lower case."""
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
        """Run `iai` with these arguments."""
        return self._run([sys.executable, "-m", "iai", *args], stdin)

    def json(self, *args: str) -> Any:
        """Run a command with --json and return its output, parsed."""
        done = self.iai(*args, "--json")
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"{args}: {done.stdout!r} {done.stderr!r}") from None

    def hook(self, name: str, event: dict[str, Any] | str) -> "subprocess.CompletedProcess[str]":
        """Call a hook as a host would."""
        stdin = event if isinstance(event, str) else json.dumps(event, separators=(",", ":"))
        return self._run([str(CHECKOUT / "hooks" / f"iai-mcp-{name}.sh")], stdin)

    def up(self) -> None:
        """Start the group, and wait until every process is ready."""
        done = self.iai("up", "--detach")
        if "was not ready within" in done.stderr:
            wait_until(self.all_ready, "every process is ready")
        elif done.returncode:
            raise AssertionError(done.stdout + done.stderr + self.log())

    def down(self) -> None:
        """Stop the group."""
        done = self.iai("down")
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr + self.log())

    def client(self) -> Client:
        """Return a client; use it as a context manager."""
        return Client(self.layout)

    def report(self, deadline_s: float = PATIENCE_S) -> HealthReport:
        """Ask the supervisor for a report on the processes."""
        with self.client() as client:
            return client.call(Actor.SUPERVISOR, Health(), HealthReport, deadline_s)

    def pid(self, actor: Actor) -> int:
        """Return the pid of an actor, or of the supervisor; 0 if it has no process."""
        report = self.report()
        if actor is Actor.SUPERVISOR:
            return report.pid
        return next(a.pid or 0 for a in report.actors if a.actor is actor)

    def template(self) -> psutil.Process:
        """Return the process that actors are forked from."""
        started = psutil.Process(self.report().pid).children()
        return next(one for one in started if one.cmdline()[:1] == ["iai: template"])

    def kill(self, actor: Actor, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to an actor; return its process id.

        Raises ProcessLookupError if it has no process at the moment.
        """
        pid = self.pid(actor)
        if not pid:  # to `os.kill`, 0 means our own process group
            raise ProcessLookupError(f"{actor} is not there")
        os.kill(pid, number)
        return pid

    def encrypt(self) -> None:
        """Encrypt the store, with a key file beside it, before or while the group runs."""
        done = self.iai("crypto", "init", "--key-file", str(self.work / "store.key"))
        if done.returncode:
            raise AssertionError(done.stderr)

    def cpu_s(self, *actors: Actor) -> float:
        """Return the CPU time that these processes have used, in seconds."""
        times = [psutil.Process(self.pid(actor)).cpu_times() for actor in actors]
        return sum(one.user + one.system for one in times)

    def all_ready(self) -> bool:
        """Is every process ready?"""
        try:
            # A short deadline: a supervisor that is just ending never answers.
            return all(a.state == "ready" for a in self.report(DEADLINE_S).actors)
        except IaiError:
            return False

    def health(self) -> StoreHealth:
        """Read the health of the stages from disk."""
        settings, _ = from_environment(self.environment)
        return health.measure(self.layout, time.time_ns(), settings.ready_projects)

    def settle(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until no stage lags behind."""
        try:
            wait_until(lambda: self.health().caught_up, "all stages have caught up", patience_s)
        except TooLate as error:
            raise TooLate(f"{error}: {self.health()}\n{self.log()}") from None

    def processes(self) -> list[psutil.Process]:
        """Return every living process of the group, orphans included."""
        stamps = (heartbeat.read(self.layout.heartbeat(actor)) for actor in Actor)
        pids = {stamp.pid for stamp in stamps if stamp}
        pids.add(lock.holder(self.layout.lease))
        found: dict[int, psutil.Process] = {}
        for pid in pids - {0}:
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                if " ".join(process.cmdline()).startswith(
                    "iai: "
                ):  # not another process that got its pid
                    found |= {p.pid: p for p in (process, *process.children(recursive=True))}
        return list(found.values())

    def log(self) -> str:
        """Return the log of the group."""
        path = self.layout.logs / "group.log"
        return path.read_text() if path.exists() else ""

    def end(self) -> None:
        """Kill every process of the group."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        # An ending process loses its name before its locks.
        gone = lambda: not self.processes() and not lock.held(self.layout.lease)  # noqa: E731
        wait_until(gone, "no process of the group is left")

    def destroy(self) -> None:
        """Kill what still runs, and delete the store."""
        self.end()
        wait_until(self._deleted, f"{self.work} is deleted")
        shutil.rmtree(self.layout.sockets, ignore_errors=True)  # they may be outside the store

    def _deleted(self) -> bool:
        shutil.rmtree(self.work, ignore_errors=True)  # a command may still be writing
        return not self.work.exists()

    def _run(self, command: list[str], stdin: str) -> "subprocess.CompletedProcess[str]":
        with tempfile.TemporaryFile("w+") as told:  # complete: no hook waits for us
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
