"""What a session did to each file, from its actions, and what files are called. Pure."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from msgspec import Struct

from iai.model.action import CHANGES, Action

_TEMPORARY = ("/tmp/", "/private/tmp/", "/var/folders/", "/private/var/folders/")  # noqa: S108
PLANS = "/.claude/plans/"  # of Claude Code, by names drawn by lot ("majestic-plotting-valiant.md")
NOT_DONE = frozenset({"refused", "interrupted"})  # of the states of an action


class FileWork(Struct, frozen=True, kw_only=True):
    """What a session did to one file."""

    path: str
    added: int = 0  # lines
    removed: int = 0
    changes: int = 0  # calls that wrote to it; 0: it was only read
    reads: int = 0
    last_at: int = 0  # when it was last touched, nanoseconds UTC
    gone: bool = False  # deleted, or moved elsewhere


def files_of(actions: Iterable[Action], places: Iterable[str] = ()) -> tuple[FileWork, ...]:
    """Return what was done to each file, the most changed first, then the latest read.

    The host's files of plans are left out. So are files in a directory for temporary ones, unless
    they are in one of `places`, the working directory of a session or the top of a project, which
    is there as well; and files that were made and are gone again.
    """
    places = [place for place in places if place]
    kept = tuple(f"{place.rstrip('/')}/" for place in places if place.startswith(_TEMPORARY))
    found: dict[str, FileWork] = {}
    made = set[str]()
    for action in actions:
        if action.status in NOT_DONE or not action.path or PLANS in action.path:
            continue
        if action.status == "failed" and action.kind != "edit":  # as of what is not there
            continue
        if action.kind in CHANGES or action.kind == "read":
            for path in (action.path, action.to) if action.to else (action.path,):
                if path.startswith(_TEMPORARY) and not path.startswith(kept):
                    continue
                path = _known_as(path, places, found)  # noqa: PLW2901
                if path not in found and action.kind == "write":
                    made.add(path)
                found[path] = _touched(found.get(path, FileWork(path=path)), action)
    changed = (f for f in found.values() if f.changes and not (f.gone and f.path in made))
    read = (file for file in found.values() if not file.changes)
    return (
        *sorted(changed, key=lambda f: (-(f.added + f.removed), -f.last_at)),
        *sorted(read, key=lambda f: -f.last_at),
    )


def _known_as(path: str, places: Sequence[str], found: Iterable[str]) -> str:
    """Return the absolute path by which a relative one is known already, else the path itself.

    What is not below one of the places was named from a directory that the agent went to.
    """
    if path.startswith("/"):
        return path
    end = f"/{posixpath.normpath(path)}"
    ends = [one for one in found if one.endswith(end)]
    if not ends:
        return path
    whole = [posixpath.normpath(posixpath.join(place, path)) for place in places]
    return next((one for one in whole if one in ends), ends[0] if len(ends) == 1 else path)


def name_of(path: str) -> str:
    """Return the last part of a path, by which a file is recognised."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path


def names_of(paths: Sequence[str]) -> list[str]:
    """Return the names of files, with as much of a path as tells namesakes apart."""
    names = [name_of(path) for path in paths]
    for depth in (2, 3):
        twice = {name for name, count in Counter(names).items() if count > 1}
        names = [
            "/".join(PurePosixPath(path.replace("\\", "/")).parts[-depth:])
            if name in twice
            else name
            for path, name in zip(paths, names, strict=True)
        ]
    return names


def _touched(file: FileWork, action: Action) -> FileWork:
    reads = int(action.kind == "read")
    return FileWork(
        path=file.path,
        added=file.added + action.added,
        removed=file.removed + action.removed,
        changes=file.changes + 1 - reads,
        reads=file.reads + reads,
        last_at=action.at,
        gone=action.kind == "delete" or (action.kind == "move" and file.path == action.path),
    )
