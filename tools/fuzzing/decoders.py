"""What reads bytes from outside: each with valid inputs, how one is broken, and what it may raise.

Every decoder is the code that runs in production, on a store below /dev/shm where there is one.
Beyond raising nothing undeclared, each checks what else must hold of its result.
"""

import io
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from contextlib import redirect_stdout, suppress
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Protocol
from zlib import crc32

import msgpack
import msgspec
import zstandard

from actors import lifecycle
from actors.ingest import Ingest
from fuzzing.mutations import Mutator, words_in
from fuzzing.samples import CLAUDE, CODEX, CODEX_LEGACY, EVENTS, message
from iai.admin import config_edits
from iai.cli import session_start
from iai.config import config_file
from iai.config.layout import Layout
from iai.config.settings import Settings, from_environment
from iai.errors import BadMessageReceived, BadUsage, StoreError
from iai.freshness.sidecar import Sidecar, encode_sidecar, sidecar_path
from iai.hosts import claude, codex
from iai.ingest import explain, transcripts
from iai.ingest import parse as parser
from iai.ingest.spool import OtherProgram
from iai.install import hook_entries, hook_status, json_edit
from iai.install.hook_entries import CAPTURE, RECALL
from iai.install.json_edit import NotJson
from iai.model import framing
from iai.model import record as model
from iai.model.clock import NS, Now
from iai.model.record import NewRecord, Project
from iai.process import ledger
from iai.projects import git_config
from iai.projects.identity import identify
from iai.protocol import wire
from iai.protocol.behaviour import Caller, MoveFile, RemoveFile, ReplaceFile, Steps
from iai.protocol.ingest import Import
from iai.redaction.redactor import Redactor
from iai.session_start import compose_now, deliveries, delivery_notes, payload_files
from iai.store.auto_backups import AutoBackups
from iai.store.record_change import RecordChange
from iai.store.records import Records

ROOT = Path(__file__).resolve().parents[2]
MEMORY = Path("/dev/shm")  # noqa: S108  where there is one: no disk is slower for being real
_LINES = 3  # of a transcript, behind its first: a short one takes less time
_STORED = 16  # of so many inputs one goes all the way, with the store, which takes longest
_HOOK_S = 60.0  # for a hook to end, on a busy machine
ENOUGH = 2_000  # cases that one store is used for, so that a full one slows nothing down
WALL = 1_795_000_000 * NS

_HOSTS = Mutator(words_in([ROOT / "iai" / "hosts"]))
_EVENTS = Mutator(words_in([ROOT / "iai" / "ingest", ROOT / "iai" / "hosts"]))
_PLAIN = Mutator(words_in([ROOT / "iai" / "install", ROOT / "iai" / "config"]))


class Decoder(Protocol):
    """One of them, with a directory of its own while it is used."""

    def broken(self, random: Random) -> bytes:
        """Return an input for one case."""

    def check(self, data: bytes) -> bool:
        """Decode; return whether the input was accepted. Raises what it must not."""

    def close(self) -> None:
        """Delete its directory."""


class _InDirectory:
    """A decoder that needs files."""

    def __init__(self) -> None:
        base = MEMORY if MEMORY.is_dir() else None
        self.directory = Path(tempfile.mkdtemp(prefix="iai-fuzz-", dir=base))

    def close(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


class Wire:
    """The codec of messages: frames of every kind, to every actor."""

    def broken(self, random: Random) -> bytes:
        frame, other = (wire.encode(message(random), "7") for _ in range(2))
        if not random.randrange(3):
            return Mutator().broken_bytes(random, frame, other)
        fields = Mutator(list(wire.REPLY_KINDS)).changed(random, msgpack.unpackb(frame))
        try:
            return bytes(msgpack.packb(fields))
        except (ValueError, OverflowError, TypeError):
            return frame

    def check(self, data: bytes) -> bool:
        accepted = False
        for kinds in (wire.REPLY_KINDS, *wire.INBOX_KINDS.values(), *wire.FEED_KINDS.values()):
            try:
                envelope = wire.decode(data, kinds)
            except BadMessageReceived:
                continue
            wire.encode(envelope.message, envelope.id)  # what was taken can be sent on
            accepted = True
        return accepted

    def close(self) -> None:
        """Do nothing: it has no directory."""


class _Ingesting(_InDirectory):
    """The ingest actor on a store of its own, without its process."""

    def __init__(self) -> None:
        super().__init__()
        self._cases = 0
        self._ingest: Ingest | None = None
        self.now = Now(WALL, 1)

    def ingest(self) -> Ingest:
        """Return the actor; a new one on a new store every so often."""
        self._cases += 1
        if self._ingest is None or self._cases % ENOUGH == 0:
            self.close_ingest()
            shutil.rmtree(self.directory / "store", ignore_errors=True)
            layout = Layout(self.directory / "store")
            layout.create()
            layout.spool_bad.mkdir()
            records = Records(layout.records, writer=True)
            backups = AutoBackups(layout, records, 0)
            redactor = Redactor(b"the key of a fuzzed store")
            self._ingest = Ingest(layout, records, backups, redactor)
            perform(self._ingest.start(self.now), self.now)
        self.now = self.now.later(1)
        return self._ingest

    def close_ingest(self) -> None:
        if self._ingest is not None:
            self._ingest.close()
        self._ingest = None

    def close(self) -> None:
        self.close_ingest()
        super().close()


class Transcript(_Ingesting):
    """The reader of one host's transcripts, through to the records."""

    def __init__(self, name: str, samples: list[bytes], form: str = "plain") -> None:
        super().__init__()
        self._samples, self._form = samples, form
        self._identify = lru_cache(maxsize=64)(identify)
        self._path = self.directory / name
        self._path.parent.mkdir(parents=True, exist_ok=True)

    def broken(self, random: Random) -> bytes:
        data, other = (_piece(random, random.choice(self._samples)) for _ in range(2))
        data = _HOSTS.broken_lines(random, data, other)
        if self._form == "zst":
            data = zstandard.compress(data)
            return (
                _HOSTS.broken_bytes(random, data, zstandard.compress(other))
                if random.randrange(2)
                else data
            )
        if self._form == "rewritten":  # read up to a place, then written again
            return random.randrange(len(data) + 1).to_bytes(4, "big") + data
        return data

    def check(self, data: bytes) -> bool:
        through_the_store = not crc32(data) % _STORED
        transcript = model.Transcript(path=str(self._path), host="")
        if self._form == "rewritten":
            cut, data = int.from_bytes(data[:4], "big"), data[4:]
            began = data[cut // 2 : cut] or data
            transcript = self._parsed(transcript, began)
            if through_the_store:
                self._stored(began)
        self._parsed(transcript, data)
        if through_the_store:
            self._stored(data)
            if self._form == "plain":
                for _ in explain.explain(str(self._path)):
                    pass
        return True

    def _parsed(self, transcript: model.Transcript, data: bytes) -> model.Transcript:
        """Read what a file holds, as ingest does, and store none of it."""
        self._write(data)
        with suppress(OSError):  # a broken compressed file
            return parser.read(transcript, self._identify, WALL).transcript
        return transcript

    def _stored(self, data: bytes) -> None:
        """Have the ingest actor read a file."""
        path = self._write(data)
        ingest = self.ingest()
        perform(ingest.receive(Import(paths=(path,)), Caller(b"", ""), self.now), self.now)
        while ingest._reader.imports.current:  # noqa: SLF001  what is waited for
            self.now = self.now.later(1)
            perform(ingest.work(self.now), self.now)

    def _write(self, data: bytes) -> str:
        path = str(self._path)
        if self._form == "zst":  # hosts write such a file once, so it is another one each time
            path += transcripts.COMPRESSED
            Path(path).unlink(missing_ok=True)
        Path(path).write_bytes(data)
        return path


def _piece(random: Random, data: bytes) -> bytes:
    """Return the line that begins a transcript, and a few that follow one another."""
    first, *rest = data.splitlines(keepends=True)
    start = random.randrange(len(rest) + 1)
    return b"".join([first, *rest[start : start + _LINES]])


class Spool(_Ingesting):
    """Hook events in the spool, taken by the ingest actor."""

    def broken(self, random: Random) -> bytes:
        return _EVENTS.broken_json(random, random.choice(EVENTS), random.choice(EVENTS))

    def check(self, data: bytes) -> bool:
        ingest = self.ingest()
        layout = ingest._layout  # noqa: SLF001
        (layout.spool_new / "1.json").write_bytes(data)
        for seconds in (1, 100, 100):  # one that waits for its transcript is taken after a minute
            self.now = self.now.later(seconds)
            perform(ingest.work(self.now), self.now)
        left = list(layout.spool_new.iterdir())
        if left:
            raise AssertionError(f"left in the spool: {left}")
        bad = list(layout.spool_bad.iterdir())
        for path in bad:
            path.unlink()
        return not bad


class SessionStart(_InDirectory):
    """The live path of the session-start hook: `iai session-start --hook`."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = Settings(store=self.directory / "store")
        Layout(self._settings.store).create()
        records = Records(Layout(self._settings.store).records, writer=True)
        found = identify("/p")
        said = NewRecord(
            key="1", id="0" * 26, tier="episodic", role="user", text="mend the tide " * 9,
            host=claude.NAME, session="t", project=found.id, cwd="/p", created_at=WALL,
        )  # fmt: skip

        def change(unit: RecordChange) -> None:
            unit.projects.place(Project(**found._asdict()), "/p")
            unit.records.insert(said)

        records.commit(change, Now(WALL, 1))
        records.close()
        self._records = self._opened()
        parser = ArgumentParser()
        session_start.configure(parser)
        self._args = parser.parse_args(["--hook", "--new-to=s"])

    def broken(self, random: Random) -> bytes:
        return _EVENTS.broken_json(random, random.choice(EVENTS), random.choice(EVENTS))

    def check(self, data: bytes) -> bool:
        text = self._printed(data) if not crc32(data) % _STORED else self._composed(data)
        if text and framing.without(text):
            raise AssertionError(f"not framed: {text!r}")
        return bool(text)

    def _composed(self, data: bytes) -> str:
        """Return the text, without opening the store for it, which takes longest."""
        try:
            event = session_start.event_of(data)
        except OtherProgram:
            return ""
        start = compose_now.Start(event=event, new_to=self._args.new_to)
        return compose_now.compose_from(self._records, start, self._settings, time.time_ns())

    def _printed(self, data: bytes) -> str:
        """Return what the command prints."""
        self._records.close()  # LMDB can be open once in a process
        before, printed = sys.stdin, io.StringIO()
        sys.stdin = io.TextIOWrapper(io.BytesIO(data))
        try:
            with redirect_stdout(printed):
                session_start.run(self._args, self._settings)
        finally:
            sys.stdin = before
            self._records = self._opened()
        return printed.getvalue()

    def _opened(self) -> Records:
        return Records(Layout(self._settings.store).records)

    def close(self) -> None:
        self._records.close()
        super().close()


# Each hook is a function, to be parsed once, in a subshell, as it ends with `exit`.
_EACH = """
export IAI_MCP_CAPTURE
while read -r hook IAI_MCP_CAPTURE; do
    ("$hook" <"$1/input" >"$1/printed" 2>&1)
    echo $?
done
"""


class Hooks(_InDirectory):
    """Both shell hooks, each in a subshell of one bash: starting a bash takes five times as long.

    The tests run them as hosts do.
    """

    def __init__(self) -> None:
        super().__init__()
        self._layout = Layout(self.directory / "store")
        self._layout.create()
        self._environment = {
            "HOME": str(self.directory), "IAI_MCP_STORE": str(self._layout.root),
            "PATH": os.defpath,  # without `iai`
        }  # fmt: skip
        # A command that is fast: what it prints has a decoder of its own.
        self._command = self.directory / "iai"
        self._command.write_text("#!/bin/sh\nexit 0\n")
        self._command.chmod(0o755)
        hooks = [f"{h}() {{\n{_script(h).read_text()}\n}}\n" for h in (RECALL, CAPTURE)]
        each = self.directory / "each"
        each.write_text("".join(hooks) + _EACH)
        self._bash = subprocess.Popen(
            ["/bin/bash", str(each), str(self.directory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment, cwd="/",
            bufsize=0,
        )  # fmt: skip

    def close(self) -> None:
        self._bash.kill()
        self._bash.communicate()
        super().close()

    def broken(self, random: Random) -> bytes:
        return _EVENTS.broken_json(random, random.choice(EVENTS), random.choice(EVENTS))

    def check(self, data: bytes) -> bool:
        """Have the start hook answer an event; of some, one that composes, and the other hook."""
        (self.directory / "input").write_bytes(data)
        all_the_way = not crc32(data) % _STORED  # it takes a few processes
        if all_the_way:
            self._layout.command.write_text(f"{self._command}\n")
        self._run(RECALL)
        if all_the_way:
            self._layout.command.unlink()
            self._check_captures(data)
        for path in self._layout.ledger.glob("*.hook.jsonl"):
            for line in path.read_bytes().splitlines():
                msgspec.json.decode(line)
            path.write_bytes(b"")  # the first line of a day takes a process more
        for path in self._layout.deliveries.iterdir() if self._layout.deliveries.exists() else ():
            path.unlink()
        return True

    def _check_captures(self, data: bytes) -> None:
        self._run(CAPTURE)
        spooled = self._take_spooled()
        if spooled != ([data] if data else []):
            raise AssertionError(f"spooled {spooled!r}")
        self._run(CAPTURE, "off")
        for event in map(msgspec.json.decode, self._take_spooled()):
            if event["hook_event_name"] != "CaptureOff" or event["session_id"].encode() not in data:
                raise AssertionError(f"spooled {event!r}")

    def _take_spooled(self) -> list[bytes]:
        paths = list(self._layout.spool_new.iterdir())
        events = [path.read_bytes() for path in paths]
        for path in paths:
            path.unlink()
        return events

    def _run(self, hook: str, capture: str = "") -> None:
        """Run a hook, which must end with 0 and print nothing."""
        sent, told = self._bash.stdin, self._bash.stdout
        assert sent is not None  # noqa: S101  for mypy
        assert told is not None  # noqa: S101
        sent.write(f"{hook} {capture}\n".encode())
        if not select.select([told], [], [], _HOOK_S)[0]:
            raise AssertionError(f"{hook} has not ended within {_HOOK_S:g} s")
        done, printed = told.readline(), (self.directory / "printed").read_bytes()
        if (done, printed) != (b"0\n", b""):
            raise AssertionError(f"{hook}: {done!r} {printed!r}")


def _script(hook: str) -> Path:
    return ROOT / "hooks" / hook


class SettingsEditor:
    """The editor of hosts' settings files: in place, and every other byte as it was."""

    def __init__(self) -> None:
        self._hooks = {
            host: hook_entries.hooks_for(host, Path("/store/hooks"), None)
            for host in (claude.NAME, codex.NAME)
        }
        theirs = {"hooks": [{"type": "command", "command": "theirs"}], "matcher": "*"}
        plain = {"model": "x", "hooks": {"Stop": [theirs], "SessionStart": []}, "list": [1, 2.5]}
        ours = json.loads(hook_entries.add(json.dumps(plain), self._hooks[claude.NAME]))
        self._samples = [
            json.dumps(value, indent=indent).replace("\n", newline).encode()
            for value in (plain, ours, {})
            for indent in (None, 2, "\t")
            for newline in ("\n", "\r\n")
        ]
        self._samples += [
            sample.replace(b"{", b"{ // one\n").replace(b"]", b"/* two */]").replace(b", ", b" ,")
            for sample in self._samples
        ]

    def broken(self, random: Random) -> bytes:
        data, other = random.choice(self._samples), random.choice(self._samples)
        if random.randrange(2):
            return _PLAIN.broken_bytes(random, data, other)
        value = _PLAIN.changed(random, json_edit.parse(data.decode()))
        indent = random.choice((None, 1, 4, "\t"))
        return json.dumps(value, indent=indent).encode("utf-8", "replace")

    def check(self, data: bytes) -> bool:
        text = data.decode("utf-8", "replace")
        accepted = False
        for host, hooks in self._hooks.items():
            try:
                found = hook_status.inspect(host, text, hooks, Path("/settings.json"), {})
                hook_status.warnings(host, text, found, {})
                added = hook_entries.add(text, hooks)
            except NotJson:
                continue
            accepted = True
            if hook_entries.add(added, hooks) != added:
                raise AssertionError("adding twice is not adding once")
            removed = hook_entries.remove(added)
            if removed.strip() and hook_entries.installed(removed):
                raise AssertionError("something of ours is left")
            if removed.strip():
                json_edit.parse(removed)
            json_edit.parse(added)
        return accepted

    def close(self) -> None:
        """Do nothing: it has no directory."""


class Config(_InDirectory):
    """The settings in config.toml: read leniently, and edited in place."""

    _SAMPLES = (
        b"# mine\ntick_s = 2.0\nembedder = 'static'\nelsewhere = 0\n",
        b"refresh_min_s = 30\n\n[table]\nx = 1\n",
        b'embedder = """a\\u00e9\n"""\nledger_days = 7 # days\n',
        b"",
    )

    def broken(self, random: Random) -> bytes:
        return _PLAIN.broken_bytes(
            random, random.choice(self._SAMPLES), random.choice(self._SAMPLES)
        )

    def check(self, data: bytes) -> bool:
        path = self.directory / "config.toml"
        path.write_bytes(data)
        values, warnings = config_file.read(path)
        from_environment({"IAI_MCP_STORE": str(self.directory)}, values)
        with suppress(BadUsage, StoreError):
            config_edits.put(path, "tick_s", "3")
            if config_file.read(path)[0].get("tick_s") != 3:  # noqa: PLR2004  what was put
                raise AssertionError("what was put is not there")
        return not warnings


class SidecarFile(_InDirectory):
    """A payload and its sidecar, the ledger, what a session was given, and the sleep state."""

    def __init__(self) -> None:
        super().__init__()
        self._layout = Layout(self.directory / "store")
        self._layout.create()
        opening = framing.opening(7, "2026-11-20T10:00:00Z", "p", 5)
        self._text = f"{opening}\ntext\n{framing.CLOSING}\n".encode()
        sidecar = Sidecar(
            revision=7, records_count=3, max_vec_label=3, max_created_at=1, max_updated_at=2,
            rendered_chars=len(self._text), generated_at="2026-11-20T10:00:00Z", trigger="manual",
        )  # fmt: skip
        self._sidecar = encode_sidecar(sidecar)
        event = {"at": "2026-11-20T10:00:00Z", "at_ns": WALL, "by": "hook", "kind": "injected",
                 "session": "s", "revision": 7, "tokens": 5}  # fmt: skip
        self._event = json.dumps(event).encode() + b"\n"

    def broken(self, random: Random) -> bytes:
        sidecar = _PLAIN.broken_json(random, self._sidecar, self._event)
        text = (
            _PLAIN.broken_bytes(random, self._text, self._sidecar)
            if random.randrange(2)
            else self._text
        )
        event = _PLAIN.broken_json(random, self._event, self._sidecar)
        given = _PLAIN.broken_bytes(random, b"7 1 2 3\n0 4\n9\n", self._event)
        state = _PLAIN.broken_json(
            random, b'{"state":"WAKE","since":1,"last_activity_at":1}', self._event
        )
        return b"\x1e".join((sidecar, text, event, given, state))

    def check(self, data: bytes) -> bool:
        parts = (data.split(b"\x1e") + [b""] * 5)[:5]
        payload = self._layout.payload
        files = (
            sidecar_path(payload), payload,
            self._layout.ledger / "2026-11-20.hook.jsonl", self._layout.deliveries / "s",
            self._layout.lifecycle,
        )  # fmt: skip
        for path, part in zip(files, parts, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(part)
        claimed = payload_files.claim(payload)
        text = parts[1].decode("utf-8", "replace")
        if claimed is not None and claimed.revision > framing.revision(text):
            raise AssertionError("it claims more than it holds")
        framing.without(text)
        ledger.read(self._layout.ledger)
        deliveries.totals(deliveries.read(self._layout))
        delivery_notes.delivered(self._layout, "s")
        delivery_notes.through(self._layout, "s")
        perform(lifecycle.make(Settings(store=self._layout.root)).start(Now(WALL, 1)), Now(WALL, 1))
        return claimed is not None


class Checkout(_InDirectory):
    """What tells projects apart: git's files, the marker, and the path itself."""

    _CONFIG = (
        b'[core]\n\tbare = false\n[remote "origin"]\n\turl = git@example.org:team/quay.git\n'
        b'[url "https://example.org/"]\n\tinsteadOf = ex:\n'
    )

    def broken(self, random: Random) -> bytes:
        parts = (
            self._CONFIG, b"gitdir: ../quay/.git/worktrees/x\n", b"../..\n",
            b"0000 1111 A <a@b> 1700000000 +0000\tcommit (initial): x\n", b"name\n",
            b"/home/dev/quay/.worktrees/x",
        )  # fmt: skip
        return b"\x1e".join(
            _PLAIN.broken_bytes(random, part, self._CONFIG) if random.randrange(2) else part
            for part in parts
        )

    def check(self, data: bytes) -> bool:
        parts = (data.split(b"\x1e") + [b""] * 6)[:6]
        top, worktree = self.directory / "quay", self.directory / "tree"
        git = top / ".git"
        (git / "logs").mkdir(parents=True, exist_ok=True)
        (git / "worktrees" / "x").mkdir(parents=True, exist_ok=True)
        worktree.mkdir(exist_ok=True)
        for path, part in (
            (git / "config", parts[0]), (worktree / ".git", parts[1]),
            (git / "worktrees" / "x" / "commondir", parts[2]), (git / "logs" / "HEAD", parts[3]),
            (top / ".iai-project", parts[4]),
        ):  # fmt: skip
            path.write_bytes(part)
        named = parts[5].decode("utf-8", "surrogateescape")
        for place in (str(top), str(worktree), named, f"{top}/{named}"):
            found = identify(place, parts[0][:200].decode("utf-8", "replace"))
            structs_text = (found.id, found.name, found.root, found.git, found.born)
            if any("\0" in text for text in structs_text):
                raise AssertionError(f"a NUL in {found}")
        git_config.rewritten("ex:quay", git_config.GitDirectory(git, git))
        return True


def perform(steps: Steps, now: Now) -> None:
    """Carry out what an actor does to files of the spool; nobody hears the rest."""
    try:
        effect = next(steps)
        while True:
            match effect:
                case RemoveFile(path=path):
                    path.unlink(missing_ok=True)
                case MoveFile(path=path, to=to):
                    path.rename(to)
                case ReplaceFile(path=path, data=data):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
                case _:
                    pass
            effect = steps.send(now)
    except StopIteration:
        pass


def decoders() -> dict[str, Any]:
    """Return a maker of each decoder, by name."""
    rollout = (
        "sessions/2026/11/20/rollout-2026-11-20T10-00-00-1a0e1c56-6ea0-7afa-a413-abba1f58a227.jsonl"
    )
    return {
        "wire": Wire,
        "claude": lambda: Transcript(".claude/projects/-p/s.jsonl", CLAUDE),
        "codex": lambda: Transcript(f".codex/{rollout}", CODEX),
        "codex-legacy": lambda: Transcript(f".codex/{rollout}", CODEX_LEGACY),
        "compressed": lambda: Transcript(f".codex/{rollout}", CODEX, "zst"),
        "rewritten": lambda: Transcript(".claude/projects/-p/s.jsonl", CLAUDE, "rewritten"),
        "spool": Spool,
        "sidecar": SidecarFile,
        "session-start": SessionStart,
        "settings": SettingsEditor,
        "config": Config,
        "checkout": Checkout,
        "hooks": Hooks,
    }
