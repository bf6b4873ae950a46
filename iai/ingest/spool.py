"""The spool: one file for each hook event, as the host wrote it, until ingest has processed it.

Hooks write a file elsewhere and rename it into `new/`, so every file there is complete. Ingest
renames an event whose transcript does not exist yet: a session start looks for pending events, and
must not wait for that one.

Of an encrypted store, an event that waits for its transcript, and what is kept of a file that is no
event, are sealed. Hooks have no key: what they write is plain until ingest reads it.
"""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from msgspec import Struct

from iai.encryption.cipher import MAGIC, Cipher, is_sealed
from iai.errors import Tampered
from iai.ingest.json_line import decode
from iai.ingest.transcripts import COMPRESSED, written_at
from iai.model.clock import NS
from iai.process.files import open_regular, read_regular

NEW, AWAITS = ".json", ".awaits"  # suffixes
UNSEARCHABLE = ".unsearchable"  # suffix of an event set aside: it may hold a secret
LONGEST_REJECTED = 256 * 1024  # bytes that are kept of a file that is no event
BAD_KEPT = 100  # files that are no events, for the user to inspect
ABANDONED_NS = 3_600 * NS  # a hook takes milliseconds
LONGEST_EVENT = 16 * 1024 * 1024  # bytes; a larger file is not a hook event, and the hook cuts it

# How other programs' events differ; hooks/iai-mcp-session-recall.sh has the same rules.
_CAMEL_CASE = (
    "sessionId", "sessionID", "sessionFile", "conversationId", "threadId", "taskId",
    "hookEventName", "hookName", "transcriptPath", "workspaceRoot", "workspaceRoots",
    "workspacePaths",
)  # fmt: skip
_FIELDS = {  # that neither Claude Code nor Codex sends
    **dict.fromkeys(("cursor_version", "conversation_id", "workspace_roots"), "Cursor"),
    **dict.fromkeys(
        _CAMEL_CASE, "a program with names in camel case, such as Grok Build or Copilot CLI"
    ),
    "working_dir": "Goose",
    "hook_source": "OpenCode",
}
_ALWAYS = frozenset({"cwd", "transcript_path"})  # at least one of them is in every event
_PLACES = {
    ".copilot": "Copilot CLI",
    ".cursor": "Cursor",
    ".grok": "Grok Build",
    ".gemini": "Gemini CLI",
    ".qwen": "Qwen Code",
    ".factory": "Droid",
    ".codebuddy": "CodeBuddy",
    ".iflow": "iFlow CLI",
    ".augment": "Auggie",
    ".kiro": "Kiro",
    ".windsurf": "Windsurf",
    ".kimi": "Kimi CLI",
    ".pi": "pi",
    ".trae": "Trae",
}


class NotAnEvent(ValueError):
    """What a hook was sent is no event of a host that is read; the message says what it is."""


class OtherProgram(NotAnEvent):
    """It is the event of a program that runs the hooks in Claude Code's settings."""


class HookEvent(Struct, frozen=True, kw_only=True):
    """What a host sends to a hook on standard input. Missing fields are empty."""

    hook_event_name: str = ""
    session_id: str = ""
    source: str = ""  # why the session starts
    transcript_path: str = ""
    cwd: str = ""
    prompt: str = ""
    last_assistant_message: str = ""
    prompt_id: str = ""
    turn_id: str = ""
    agent_id: str = ""  # of a sub-agent

    @property
    def ends_session(self) -> bool:
        """Return whether this is the last event of its session."""
        return self.hook_event_name == "SessionEnd"

    @property
    def turns_capture_off(self) -> bool:
        """Return whether its session is not to be recorded: the capture hook's own event."""
        return self.hook_event_name == "CaptureOff"


class Spooled(Struct, frozen=True):
    """One file of the spool. `event` is None if it is not a hook event, and `why` says why not."""

    path: Path
    arrived: int  # wall time in nanoseconds
    event: HookEvent | None
    why: str = ""
    foreign: bool = False  # it is another program's event
    sealed: bool = False


def event_in(data: bytes) -> HookEvent:
    """Return the event that a hook was sent; a field that is null, or of a wrong type, is absent.

    Raises OtherProgram or NotAnEvent.
    """
    try:
        sent = decode(data)
    except ValueError as error:
        raise NotAnEvent(f"is not a hook event: {error}") from None
    if not isinstance(sent, dict):
        raise NotAnEvent("is not a hook event: it is not a JSON object")
    if other := _other_program(sent):
        raise OtherProgram(f"is an event of {other}")
    names = HookEvent.__struct_fields__
    fields = {name: sent[name] for name in names if isinstance(sent.get(name), str)}
    if not fields:
        raise NotAnEvent("is not a hook event: it has none of the fields of one")
    if path := fields.get("transcript_path"):  # a compressed one is read under its plain name
        fields["transcript_path"] = path.removesuffix(COMPRESSED)
    return HookEvent(**fields)


def _other_program(sent: dict[str, Any]) -> str:
    """Return the program that sent an event, if its fields are not those of Claude Code or Codex.

    Its environment is no proof: an agent may run in the terminal of another.
    """
    by_field = next((program for field, program in _FIELDS.items() if field in sent), "")
    return by_field or _by_its_directory(sent) or _by_what_is_missing(sent)


def _by_its_directory(sent: dict[str, Any]) -> str:
    path = sent.get("transcript_path")
    if not isinstance(path, str):
        return ""
    path = path.replace("\\", "/")
    return next((program for name, program in _PLACES.items() if f"/{name}/" in path), "")


def _by_what_is_missing(sent: dict[str, Any]) -> str:
    name = sent.get("hook_event_name")
    if isinstance(name, str) and name[:1].islower():
        return "a program whose events begin in lower case, such as Kiro"
    if "timestamp" in sent and not sent.get("transcript_path"):
        return "a program that sends a time, such as Copilot CLI"
    if name == "SessionStart" and "source" not in sent and "transcript_path" not in sent:
        return "a program that does not say why a session starts, such as Kiro"
    if "hook_event_name" in sent and not _ALWAYS & sent.keys():
        return "a program that names no directory, such as Devin"
    return ""


class Listing(Struct, frozen=True):
    """What is in the spool."""

    events: Mapping[str, int] = {}  # by name: when it arrived, wall time in ns; the oldest first
    strays: tuple[str, ...] = ()  # what has the name of an event and is no file

    def oldest(self, suffix: str, most: int) -> list[str]:
        """Return the names of the oldest events with a suffix."""
        return list(islice((name for name in self.events if name.endswith(suffix)), most))


def listing(directory: Path, before: Listing = Listing()) -> Listing:  # noqa: B008  is frozen
    """List the spool; nothing if there is none. What was there `before` isn't asked for its time.

    So a poll of 20,000 events takes a third of the time.
    """
    there: dict[str, os.DirEntry[str]] = {}
    with suppress(OSError), os.scandir(directory) as entries:
        there = {entry.name: entry for entry in entries if entry.name.endswith((NEW, AWAITS))}
    events = {name: at for name, at in before.events.items() if there.pop(name, None) is not None}
    strays = []
    for name, entry in there.items():
        if not entry.is_file(follow_symlinks=False):
            strays.append(name)
            continue
        with suppress(FileNotFoundError):
            events[name] = entry.stat().st_mtime_ns
    if there:
        events = dict(sorted(events.items(), key=itemgetter(1, 0)))
    return Listing(events, tuple(strays))


def waiting(directory: Path) -> list[Path]:
    """Return the events in the spool in order of arrival; [] if there is no spool."""
    return [directory / name for name in listing(directory).events]


def files_in(directory: Path) -> list[Path]:
    """Return the regular files in a directory of the spool; [] if there is none."""
    try:
        return [path for path in directory.iterdir() if path.is_file() and not path.is_symlink()]
    except OSError:
        return []


def kind_of(path: Path) -> str:
    """Return what something is that is no file; "" if it is gone, or is one."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return ""
    kinds = {
        stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link", stat.S_IFIFO: "pipe",
        stat.S_IFSOCK: "socket", stat.S_IFREG: "",
    }  # fmt: skip
    return kinds.get(stat.S_IFMT(mode), "device")


def rejected(directory: Path) -> list[Path]:
    """Return the files that are not hook events."""
    return [path for path in files_in(directory) if path.suffix != UNSEARCHABLE]


def oldest_bad(directory: Path) -> list[Path]:
    """Return the files that are too many among those that are not hook events."""
    return sorted(files_in(directory), key=_written_at)[:-BAD_KEPT]


def abandoned(directory: Path, wall: int) -> list[Path]:
    """Return the files that hooks have begun and did not finish, for they were killed."""
    return [path for path in files_in(directory) if wall - _written_at(path) > ABANDONED_NS]


def read(path: Path, cipher: Cipher | None = None) -> Spooled | None:
    """Read one file, also a sealed one with the cipher; return None if it is gone."""
    try:
        with open_regular(path, follow=False) as file:
            status = os.fstat(file.fileno())
            if status.st_size > LONGEST_EVENT:
                why = f"{status.st_size} bytes is too long"
                return Spooled(path, status.st_mtime_ns, None, why)
            data = file.read(LONGEST_EVENT)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Spooled(path, 0, None, f"cannot be read: {error.strerror}")
    sealed = is_sealed(data)
    try:
        event = event_in(unsealed(path, data, cipher))
        return Spooled(path, status.st_mtime_ns, event, sealed=sealed)
    except NotAnEvent as error:
        foreign = isinstance(error, OtherProgram)
        return Spooled(path, status.st_mtime_ns, None, str(error), foreign, sealed)
    except Tampered as error:
        return Spooled(path, status.st_mtime_ns, None, f"cannot be opened: {error}", sealed=True)


def unsealed_in(directory: Path) -> list[Path]:
    """Return the files in a directory of the spool that are not sealed."""
    return [path for path in files_in(directory) if not is_sealed(beginning(path, len(MAGIC)))]


def sealed(path: Path, data: bytes, cipher: Cipher | None) -> bytes:
    """Return the content of a file as it is kept: sealed if the store is encrypted."""
    return data if cipher is None else cipher.seal_file(_name(path), data)


def unsealed(path: Path, data: bytes, cipher: Cipher | None) -> bytes:
    """Return the content of a file, whether or not it is sealed. Raises Tampered."""
    if not is_sealed(data):
        return data
    if cipher is None:
        raise Tampered("it is sealed, and the store is not encrypted")
    return cipher.open_file(_name(path), data)


def _written_at(path: Path) -> int:
    return written_at(str(path))


def _name(path: Path) -> str:
    """Return what a file is sealed as: it stays that when it is moved, or waits."""
    return f"spool/{path.stem}"


def beginning(path: Path, longest: int) -> bytes:
    """Return the first bytes of a file, at most so many; b"" if it cannot be read."""
    try:
        return read_regular(path, longest, follow=False)
    except OSError:
        return b""
