"""The files that a project's sessions touched of late, weighted by how recently and how. Pure."""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypeAlias

from msgspec import Struct

from iai.model.session import SessionInfo
from iai.payload.file_work import FileWork
from iai.payload.summary import Summary

FILES = 70  # named at most
HALF_LIFE = 4  # sessions after which a touch counts half
READ = 0.5  # what reading a file counts against changing it
SHARED = 0.9  # of the files, below a directory that is not worth repeating

_WORKTREES = ("/worktrees/", "/.worktrees/")

_WORTH = 40  # characters that must be saved, or each path may as well be written out

_Touch: TypeAlias = tuple[FileWork, Summary]  # what was done to a file, and by which session


class Directory(Struct, frozen=True):
    """Files that were touched in one directory, and when and by whom the latest of them was."""

    path: str  # below the root, with its `/`; "" is the root
    names: tuple[str, ...]  # of the files, the hottest first
    last_at: int  # nanoseconds UTC
    session: Summary


def by_directory(
    sessions: Sequence[Summary], root: str, beside: Sequence[str] = ()
) -> list[Directory]:
    """Return directories below the root with the files touched there, the hottest first.

    `beside` are the tops of other checkouts: a file is the same one in each. So it is in those of
    other machines, which are known by their name alone.
    """
    abroad = (file.path for s in sessions if s.info.machine for file in s.files)
    beside = (*beside, *named_like(root, abroad))
    paths = [file.path for session in sessions for file in session.files]
    found = _weights(sessions, bases([s.info.cwd for s in sessions], paths, root, beside))
    groups: dict[str, list[str]] = defaultdict(list)
    for path in sorted(found, key=lambda path: -found[path][0])[:FILES]:
        groups[posixpath.dirname(path)].append(path)
    return [_directory(*group, found) for group in groups.items()]


def _directory(
    parent: str, paths: Iterable[str], found: Mapping[str, tuple[float, _Touch]]
) -> Directory:
    last, session = max((found[path][1] for path in paths), key=_when)
    names = tuple(map(posixpath.basename, paths))
    return Directory(f"{parent}/" if parent else "", names, last.last_at, session)


def _when(touch: _Touch) -> int:
    return touch[0].last_at


def shared(directories: Sequence[str]) -> str:
    """Return what so many of these paths begin with that saying it once saves the most, or "".

    All end with a `/`, as does what is returned.
    """
    tops = (top for path in directories for top in (path, *_above(path)))
    saved = {top: (count - 1) * len(top) for top, count in Counter(tops).items()}
    best = max(saved, key=lambda top: saved[top], default="")
    return best if best and saved[best] > _WORTH else ""


def _above(directory: str) -> Iterator[str]:
    return (f"{top}/" for top in PurePosixPath(directory).parents if top.name)


def bases(
    cwds: Iterable[str], paths: Collection[str], root: str, beside: Sequence[str]
) -> list[str]:
    """Return the directories that a path may be seen from, the longest first, each with its `/`.

    Those are the working tree and its worktrees. Where all sessions were held elsewhere, on another
    machine or before the checkout was moved, they are the directories of the same name; without
    any, what nearly all of the files are below. `cwds` and `paths` are the directories of the
    sessions and their files.
    """
    worktrees = {cwd for cwd in cwds if any(part in cwd for part in _WORKTREES)}
    if any(path.startswith(f"{root.rstrip('/')}/") for path in paths):
        known = {root}
    else:
        known = named_like(root, paths) or {_common(paths)}
    found = {*known, *worktrees, *beside}
    return sorted((f"{base.rstrip('/')}/" for base in found if base), key=len, reverse=True)


def seen_from(cwd: str, paths: Collection[str]) -> list[str]:
    """Return the directories that the files of one session are seen from, each with its `/`.

    Its own, or those of the same name where the files are below none of its own.
    """
    if not cwd or any(path.startswith(f"{cwd.rstrip('/')}/") for path in paths):
        return [f"{cwd.rstrip('/')}/"] if cwd else []
    return sorted(named_like(cwd, paths), key=len, reverse=True)


def named_like(root: str, paths: Iterable[str]) -> set[str]:
    """Return the directories that these paths are below and that have the name of the root."""
    name = f"/{posixpath.basename(root.rstrip('/'))}/"
    absolute = (path for path in paths if path.startswith("/"))
    return {path.partition(name)[0] + name for path in absolute if name in path}


def relative(path: str, bases: Sequence[str]) -> str:
    """Return a path as seen from the first of these directories that it is in."""
    return next((path[len(base) :] for base in bases if path.startswith(base)), path)


def _weights(sessions: Sequence[Summary], bases: Sequence[str]) -> dict[str, tuple[float, _Touch]]:
    """Return how hot each file is that was there when it was last touched, and that touch."""
    touched = [(place, file, s) for place, s in enumerate(sessions) for file in s.files]
    seen = {file.path: relative(file.path, bases) for _, file, _ in touched}
    own = {path for path in seen.values() if not _is_elsewhere(path)}
    weights: dict[str, float] = defaultdict(float)
    latest: dict[str, _Touch] = {}
    for place, file, session in touched:
        path = _original(seen[file.path], own)
        if own and path.startswith("/") and not _is_below(path, session.info):
            continue  # of no checkout of this project
        weights[path] += 2.0 ** (-place / HALF_LIFE) * (file.changes + READ * file.reads)
        touch = file, session
        latest[path] = max(latest.get(path, touch), touch, key=_when)
    return {path: (weights[path], one) for path, one in latest.items() if not one[0].gone}


def _is_below(path: str, session: SessionInfo) -> bool:
    """Is a path below the directory of its session? Of another machine's that is not known."""
    return not session.machine and path.startswith(f"{session.cwd.rstrip('/')}/")


def _is_elsewhere(path: str) -> bool:
    return path.startswith("/") or any(part in f"/{path}" for part in _WORKTREES)


def _original(path: str, own: Collection[str]) -> str:
    """Return the file of this checkout that a path elsewhere ends as, if there is one.

    A new file of a worktree is in the directory of this checkout that it would come into.
    """
    if not _is_elsewhere(path):
        return path
    parts = path.split("/")
    ends = ["/".join(parts[cut:]) for cut in range(1, len(parts) - 1)]
    found = next((end for end in ends if end in own), "")
    if found or path.startswith("/"):
        return found or path
    directories = {posixpath.dirname(one) for one in own}
    return next((end for end in ends if posixpath.dirname(end) in directories), path)


def _common(paths: Collection[str]) -> str:
    """Return the longest directory that nearly all of these paths are below, if they are absolute.

    Those that are not are seen from the root already: they come from another machine.
    """
    absolute = [path for path in paths if path.startswith("/")]
    tops = Counter(path[:at] for path in absolute for at, sign in enumerate(path) if sign == "/")
    shared = [top for top, count in tops.items() if count >= SHARED * len(absolute)]
    return max(shared, key=len, default="")
