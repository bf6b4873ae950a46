"""The spool: one file for each hook event, as the host wrote it, until ingest has processed it.

Hooks write a file elsewhere and rename it into `new/`, so every file there is complete. Ingest
renames an event whose transcript does not exist yet: a session start looks for pending events, and
must not wait for that one.
"""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from iai.ingest.transcripts import decode

NEW, AWAITS = ".json", ".awaits"  # suffixes
LONGEST_EVENT = 16 * 1024 * 1024  # bytes; a larger file is not a hook event


class HookEvent(Struct, frozen=True, kw_only=True):
    """What a host sends to a hook on standard input. Missing fields are empty."""

    hook_event_name: str = ""
    session_id: str = ""
    transcript_path: str | None = None
    cwd: str = ""
    prompt: str | None = None
    last_assistant_message: str | None = None
    prompt_id: str = ""
    turn_id: str = ""
    agent_id: str = ""  # of a sub-agent

    @property
    def ends_session(self) -> bool:
        """Return whether this is the last event of its session."""
        return self.hook_event_name == "SessionEnd"


class Spooled(Struct, frozen=True):
    """One file of the spool. `event` is None if it is not a hook event, and `why` says why not."""

    path: Path
    arrived: int  # wall time in nanoseconds
    event: HookEvent | None
    why: str = ""


def waiting(directory: Path) -> list[Path]:
    """Return the files in the spool in order of arrival; [] if there is no spool."""
    try:
        with os.scandir(directory) as entries:
            files = [
                (entry.stat().st_mtime_ns, entry.name) for entry in entries if _is_event(entry)
            ]
    except OSError:
        return []
    return [directory / name for _, name in sorted(files)]


def read(path: Path) -> Spooled | None:
    """Read one file; return None if it is gone."""
    try:
        status = path.stat()
        if status.st_size > LONGEST_EVENT:
            return Spooled(path, status.st_mtime_ns, None, f"{status.st_size} bytes is too long")
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Spooled(path, 0, None, f"cannot be read: {error.strerror}")
    try:
        event = msgspec.convert(decode(data), HookEvent)
    except (ValueError, msgspec.ValidationError) as error:
        return Spooled(path, status.st_mtime_ns, None, f"is not a hook event: {error}")
    return Spooled(path, status.st_mtime_ns, event)


def _is_event(entry: "os.DirEntry[str]") -> bool:
    return entry.name.endswith((NEW, AWAITS)) and entry.is_file(follow_symlinks=False)
