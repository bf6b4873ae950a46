"""Clients and hosts that keep the group busy, each in a thread, whatever happens to it.

What they may be told is in `EXPECTED`; any other error is a finding. They stop when asked to, and
then give what was not acknowledged yet one more time.
"""

import json
import os
import random
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.group import Group
from harness.host import ClaudeCode

from campaign.damage import Damage
from campaign.disk import SmallDisk
from campaign.promises import Promises
from iai.errors import GroupNotRunning, NoAnswer, Refused
from iai.model import framing
from iai.process.client import Client, recall
from iai.protocol.cache_writer import Refresh, RefreshOutcome
from iai.protocol.graph_cache import Recall
from iai.protocol.ingest import (
    Capture,
    Captured,
    CapturedTurn,
    Import,
    ImportProgress,
    ImportStatus,
)
from iai.protocol.message import Actor

EXPECTED = (GroupNotRunning, NoAnswer, Refused)
CWD = "/home/dev/campaign"
_PAUSE_S = 0.02
_DEADLINE_S = 3.0


class Worker(threading.Thread):
    """Does one thing over and over."""

    def __init__(self, group: Group, promises: Promises, seed: int) -> None:
        super().__init__(name=type(self).__name__, daemon=True)
        self.done = 0
        self.refused = 0
        self.slower = 1.0  # how many times longer than usual it pauses
        self.findings: list[str] = []
        self._group = group
        self._promises = promises
        self._chance = random.Random(seed)  # noqa: S311
        self._over = threading.Event()

    def run(self) -> None:
        with Client(self._group.layout) as client:
            while not self._over.is_set():
                self._try(lambda: self.act(client))
                self._over.wait(self._chance.expovariate(1 / self.pause_s) * self.slower)
            self._try(lambda: self.finish(client))

    @property
    def pause_s(self) -> float:
        """Mean seconds between two acts."""
        return _PAUSE_S

    def stop(self) -> None:
        """Have it finish what it does, and wait for that."""
        self._over.set()
        self.join()

    def act(self, client: Client) -> None:
        """Do it once. Raises one of `EXPECTED` if the group cannot at the moment."""
        raise NotImplementedError

    def finish(self, client: Client) -> None:
        """Do what is left to do once the faults have ended."""

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
            self.done += 1
        except EXPECTED:
            self.refused += 1
        except Exception:  # noqa: BLE001  any other error is what the campaign looks for
            self.findings.append(traceback.format_exc(limit=-3))


class Captures(Worker):
    """Captures texts over the wire. One that was not acknowledged is sent again, under its key."""

    def __init__(self, group: Group, promises: Promises, seed: int) -> None:
        super().__init__(group, promises, seed)
        self._open: list[CapturedTurn] = []

    def act(self, client: Client) -> None:
        for _ in range(self._chance.randint(1, 4)):
            said = self._promises.offer()
            self._open.append(CapturedTurn(text=said, key=said, session="wire", cwd=CWD))
        self.finish(client)

    def finish(self, client: Client) -> None:
        turns = tuple(self._open[:50])
        client.call(Actor.INGEST, Capture(turns=turns), Captured, _DEADLINE_S)
        self._promises.acknowledge(*(turn.text for turn in turns))
        del self._open[: len(turns)]
        if self._open and self._over.is_set():
            self.finish(client)


class Sessions(Worker):
    """Sessions of Claude Code: lines in a transcript, now and then a half one, and a hook call.

    A line that is whole in the transcript when the hook returns counts as acknowledged: whether the
    hook could write its event or not. But the first event of a session has room on the disk, for
    nothing else says that there is such a session.
    """

    def __init__(
        self, group: Group, promises: Promises, seed: int, home: Path, disk: SmallDisk
    ) -> None:
        super().__init__(group, promises, seed)
        self._disk = disk
        self._host = ClaudeCode(home, group.environment)
        self._sessions = 0
        self._file, self._session = self._begin()

    @property
    def pause_s(self) -> float:
        return 5 * _PAUSE_S

    def act(self, client: Client) -> None:
        del client  # a host has none
        role = self._chance.choice(("user", "assistant"))
        said = self._promises.offer()
        self._write(json.dumps(self._host.line(self._session, Path(CWD), role, said)) + "\n")
        event = {"user": "UserPromptSubmit", "assistant": "Stop"}[role]
        ends = self._chance.random() < 0.05  # noqa: PLR2004
        self._call("SessionEnd" if ends else event)
        self._promises.acknowledge(said)
        if ends:
            self._file, self._session = self._begin()

    def finish(self, client: Client) -> None:
        del client
        self._call("SessionEnd")

    def _begin(self) -> tuple[Path, str]:
        self._sessions += 1
        name = f"session-{self._chance.randrange(10**9)}-{self._sessions}"
        path = self._host.transcript(Path(CWD), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        with self._disk.has_room:
            self._call("UserPromptSubmit", path, name)
        return path, name

    def _write(self, line: str) -> None:
        """Append a line, in two pieces now and then, as hosts do with long ones."""
        cut = self._chance.randrange(len(line)) if self._chance.random() < 0.2 else 0  # noqa: PLR2004
        for piece in (line[:cut], line[cut:]):
            with self._file.open("a") as file:
                file.write(piece)
            if cut:
                time.sleep(_PAUSE_S)

    def _call(self, name: str, file: Path | None = None, session: str = "") -> None:
        event: dict[str, Any] = {
            "session_id": session or self._session,
            "transcript_path": str(file or self._file),
            "cwd": CWD,
            "hook_event_name": name,
        }
        done = self._group.hook("turn-capture", event)
        if done.returncode or done.stdout or done.stderr:
            self.findings.append(f"the capture hook: {done}")


class Imports(Worker):
    """Imports files of texts. A job that is lost with its process begins again."""

    def __init__(self, group: Group, promises: Promises, seed: int, home: Path) -> None:
        super().__init__(group, promises, seed)
        self._directory = home / "history"
        self._directory.mkdir()
        self._host = ClaudeCode(home, group.environment)
        self._texts: list[str] = []
        self._path = Path()

    @property
    def pause_s(self) -> float:
        return 50 * _PAUSE_S

    def act(self, client: Client) -> None:
        if not self._texts:
            name = f"imported-{self._chance.randrange(10**9)}"
            self._texts = [self._promises.offer() for _ in range(self._chance.randint(1, 40))]
            self._path = self._directory / f"{name}.jsonl"
            lines = [self._host.line(name, Path(CWD), "user", said) for said in self._texts]
            self._path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.finish(client)

    def finish(self, client: Client) -> None:
        if not self._texts:
            return
        progress = client.call(Actor.INGEST, Import((str(self._path),)), ImportProgress)
        while not progress.done:
            time.sleep(_PAUSE_S)
            progress = client.call(Actor.INGEST, ImportStatus(job=progress.job), ImportProgress)
        if progress.unreadable:
            self.findings.append(f"an import: {progress.unreadable}")
        self._promises.acknowledge(*self._texts)
        self._texts = []


class Questions(Worker):
    """Asks for what was acknowledged."""

    @property
    def pause_s(self) -> float:
        return 10 * _PAUSE_S

    def act(self, client: Client) -> None:
        known = self._promises.acknowledged()
        question = self._chance.choice(known) if known else "nothing yet"
        recall(client, Recall(query=question[:200], k=5), _DEADLINE_S)


class Refreshes(Worker):
    """Asks for the payloads to be written, and reads what is there: each whole, or not there."""

    def __init__(self, group: Group, promises: Promises, seed: int, damage: Damage) -> None:
        super().__init__(group, promises, seed)
        self._damage = damage

    @property
    def pause_s(self) -> float:
        return 10 * _PAUSE_S

    def act(self, client: Client) -> None:
        layout = self._group.layout
        for path in (layout.payload, *layout.session_start.glob("*.md")):
            with suppress(FileNotFoundError), path.open("rb") as file:
                found = file.read().decode("utf-8", "replace")
                inode = os.fstat(file.fileno()).st_ino
                if not framing.revision(found) and not self._damage.did(inode):
                    self.findings.append(f"{path.name} is not whole: {found[-200:]!r}")
        client.call(Actor.CACHE_WRITER, Refresh(), RefreshOutcome, _DEADLINE_S)


class Starts(Worker):
    """Starts sessions through the hook, as a host does. What it prints is whole, or nothing."""

    @property
    def pause_s(self) -> float:
        return 50 * _PAUSE_S

    def act(self, client: Client) -> None:
        del client
        event = {
            "session_id": "another", "transcript_path": "/nonexistent.jsonl", "cwd": CWD,
            "hook_event_name": "SessionStart", "source": "startup",
        }  # fmt: skip
        done = self._group.hook("session-recall", event)
        if done.returncode:
            self.findings.append(f"the start hook: {done}")
        # Its revision may be 0: of what was said before ingest has stored anything.
        whole = framing.tokens(done.stdout) and done.stdout.endswith(f"{framing.CLOSING}\n")
        if done.stdout and not whole:
            self.findings.append(
                f"a start is not whole: {done.stdout[:200]!r} ... {done.stdout[-200:]!r}"
            )
