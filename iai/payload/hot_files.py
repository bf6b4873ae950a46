"""The files that a project's sessions touched of late, weighted by how recently and how. Pure."""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePosixPath

from iai.model.session import SessionInfo
from iai.payload.summary import FileWork, Summary

FILES = 70  # named at most
HALF_LIFE = 4  # sessions after which a touch counts half
READ = 0.5  # what reading a file counts against changing it
SHARED = 0.9  # of the files, below a directory that is not worth repeating

_WORKTREES = ("/worktrees/", "/.worktrees/")


def by_directory(
    sessions: Sequence[Summary], root: str, beside: Sequence[str] = ()
) -> list[tuple[str, list[str]]]:
    """Return directories below the root with the files touched there, the hottest first.

    `beside` are the tops of other checkouts: a file is the same one in each. So it is in those of
    other machines, which are known by their name alone.
    """
    abroad = (file.path for s in sessions if s.info.machine for file in s.files)
    beside = (*beside, *named_like(root, abroad))
    paths = [file.path for session in sessions for file in session.files]
    weights = _weights(sessions, bases([s.info.cwd for s in sessions], paths, root, beside))
    groups: dict[str, list[str]] = defaultdict(list)
    for path in sorted(weights, key=lambda path: -weights[path])[:FILES]:
        shown = PurePosixPath(path)
        groups["" if str(shown.parent) == "." else f"{shown.parent}/"].append(shown.name)
    return list(groups.items())


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
    name = f"/{PurePosixPath(root).name}/"
    absolute = (path for path in paths if path.startswith("/"))
    return {path.partition(name)[0] + name for path in absolute if name in path}


def relative(path: str, bases: Sequence[str]) -> str:
    """Return a path as seen from the first of these directories that it is in."""
    return next((path[len(base) :] for base in bases if path.startswith(base)), path)


def _weights(sessions: Sequence[Summary], bases: Sequence[str]) -> dict[str, float]:
    """Return how hot each file is that was there when it was last touched."""
    touched = [(place, file, s.info) for place, s in enumerate(sessions) for file in s.files]
    seen = {file.path: relative(file.path, bases) for _, file, _ in touched}
    own = {path for path in seen.values() if not _is_elsewhere(path)}
    found: dict[str, float] = defaultdict(float)
    latest: dict[str, FileWork] = {}
    for place, file, info in touched:
        path = _original(seen[file.path], own)
        if own and path.startswith("/") and not _is_below(path, info):
            continue  # of no checkout of this project
        found[path] += 2.0 ** (-place / HALF_LIFE) * (file.changes + READ * file.reads)
        latest[path] = max(latest.get(path, file), file, key=lambda one: one.last_at)
    return {path: weight for path, weight in found.items() if not latest[path].gone}


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
    """Return the longest directory that nearly all of these absolute paths are below."""
    tops = Counter(str(top) for path in paths for top in PurePosixPath(path).parents)
    shared = [top for top, count in tops.items() if count >= SHARED * len(paths)]
    return max(shared, key=len, default="").removesuffix("/")
