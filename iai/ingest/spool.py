"""The spool: one file for each hook event, as the host wrote it, until ingest has dealt with it.

The hooks write a file aside and rename it into `new/`, so whatever is there is complete. Ingest
gives an event whose transcript is not there yet another name: the hook of a session's start, which
looks for what nobody has seen, is not to wait for that.
"""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from iai.ingest.transcripts import decode

NEW, AWAITS = ".json", ".awaits"  # how the names of files end
LONGEST_EVENT = 16 * 1024 * 1024  # bytes; more than that is no hook event


class HookEvent(Struct, frozen=True, kw_only=True):
    """What a host tells a hook on its standard input; fields that it leaves out are empty."""

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
        """Is it the last event of its session?"""
        return self.hook_event_name == "SessionEnd"


class Spooled(Struct, frozen=True):
    """One file of the spool. `event` is None where it is no hook event; `why` says why."""

    path: Path
    arrived: int  # wall time in nanoseconds
    event: HookEvent | None
    why: str = ""


def waiting(directory: Path) -> list[Path]:
    """Files in the spool, in the order in which they came; none if there is no spool."""
    try:
        with os.scandir(directory) as entries:
            files = [
                (entry.stat().st_mtime_ns, entry.name) for entry in entries if _is_event(entry)
            ]
    except OSError:
        return []
    return [directory / name for _, name in sorted(files)]


def read(path: Path) -> Spooled | None:
    """Read one file; None if it is gone."""
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
        return Spooled(path, status.st_mtime_ns, None, f"is no hook event: {error}")
    return Spooled(path, status.st_mtime_ns, event)


def _is_event(entry: "os.DirEntry[str]") -> bool:
    return entry.name.endswith((NEW, AWAITS)) and entry.is_file(follow_symlinks=False)
