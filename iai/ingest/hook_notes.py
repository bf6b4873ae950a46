"""What hooks have noted of sessions and files, without those that are forgotten.

Hooks note what each session was given in `session-start/given/` and the ledger, with the name of
its project; with file histories also the paths of the files. Whether one of these was forgotten
follows from the records, so nothing is missed that was deleted by another machine, or while this
one was down. A line that a hook appends just while its file is replaced is lost: then a session is
given something twice, or a delivery is not counted.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from iai.config.layout import Layout
from iai.hosts.registry import HOSTS
from iai.ingest.json_line import decode
from iai.model.record import session_key
from iai.process.files import read_regular
from iai.store.record_view import RecordView

OF_FILES = ".files"  # suffix, after the session, of a file in `given/` with paths
_LONGEST = 64 << 20  # bytes that are read of one file: a ledger has a limit for a day
_FILE_HISTORY = "file-history"  # outcome of a delivery whose reason is the paths
_BETWEEN = ", "  # two of these


class HookNotes:
    """The files that hooks have written, as the records of one time see them."""

    def __init__(self, layout: Layout, view: RecordView) -> None:
        self._layout = layout
        self._view = view
        self._sessions: dict[str, bool] = {}
        self._paths: dict[str, bool] = {}
        self._projects = {"", *(project.name for project in view.projects())}

    def outdated(self) -> Iterator[tuple[Path, bytes]]:
        """Yield each file that has any of what is forgotten, and what is to be kept of it."""
        for path in _files(self._layout.deliveries, "*"):
            if self._forgotten(path.name.removesuffix(OF_FILES)):
                yield path, b""
            elif path.suffix == OF_FILES:
                yield from _changed(path, self._path)
        for path in _files(self._layout.ledger, "????-??-??.hook.jsonl"):
            yield from _changed(path, self._delivery)

    def _path(self, line: bytes) -> bytes:
        return line if self._known(line.decode("utf-8", "surrogateescape")) else b""

    def _delivery(self, line: bytes) -> bytes:
        """Return what is to be kept of a line of the ledger."""
        try:
            event = decode(line)
        except ValueError:
            return line
        if not isinstance(event, dict):
            return line
        if self._forgotten(str(event.get("session", ""))):
            return b""
        kept = {**event}
        if event.get("project", "") not in self._projects:
            kept["project"] = ""
        if event.get("outcome") == _FILE_HISTORY:
            reason = str(event.get("reason", ""))
            kept["reason"] = _BETWEEN.join(filter(self._known, reason.split(_BETWEEN)))
        return line if kept == event else msgspec.json.encode(kept)

    def _forgotten(self, session: str) -> bool:
        """Was all of a session forgotten, and has nothing been said in it since?"""
        if session not in self._sessions:
            keys = [session_key(host.NAME, session) for host in HOSTS]
            self._sessions[session] = any(map(self._view.is_gone, keys))
        return self._sessions[session]

    def _known(self, path: str) -> bool:
        """Is there anything that was done to a file?"""
        if path not in self._paths:
            done = (action for _, action in self._view.of_file(path))
            self._paths[path] = any(
                f"/{path}".endswith(f"/{one.lstrip('/')}")
                for action in done
                for one in (action.path, action.to)
                if one
            )
        return self._paths[path]


def _changed(path: Path, keep: Callable[[bytes], bytes]) -> Iterator[tuple[Path, bytes]]:
    """Yield a file if not all of its lines are to be kept as they are."""
    try:
        lines = read_regular(path, _LONGEST, follow=False).splitlines()
    except OSError:
        return
    kept = [new for line in lines if (new := keep(line))]
    if kept != lines:
        yield path, b"".join(line + b"\n" for line in kept)


def _files(directory: Path, pattern: str) -> list[Path]:
    try:
        return [path for path in directory.glob(pattern) if path.is_file()]
    except OSError:
        return []
