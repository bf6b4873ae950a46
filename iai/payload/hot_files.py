"""The files that a project's sessions touched of late, weighted by how recently and how. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from iai.payload.summary import FileWork, Summary

FILES = 60  # named at most
HALF_LIFE = 4  # sessions after which a touch counts half
READ = 0.5  # what reading a file counts against changing it
SHARED = 0.9  # of the files, below a directory that is not worth repeating

_WORKTREES = ("/worktrees/", "/.worktrees/")


def by_directory(
    sessions: Sequence[Summary], root: str, beside: Sequence[str] = ()
) -> list[tuple[str, list[str]]]:
    """Return directories below the root with the files touched there, the hottest first.

    `beside` are the tops of other checkouts: a file is the same one in each.
    """
    paths = [file.path for session in sessions for file in _lasting(session)]
    weights = _weights(sessions, bases([s.info.cwd for s in sessions], paths, root, beside))
    groups: dict[str, list[str]] = defaultdict(list)
    for path in sorted(weights, key=lambda path: -weights[path])[:FILES]:
        shown = PurePosixPath(path)
        groups["" if str(shown.parent) == "." else f"{shown.parent}/"].append(shown.name)
    return list(groups.items())


def bases(cwds: Iterable[str], paths: Sequence[str], root: str, beside: Sequence[str]) -> list[str]:
    """Return the directories that a path may be seen from, the longest first, each with its `/`.

    Those are the working tree and its worktrees; where sessions were held elsewhere, on another
    machine or before the checkout was moved, what nearly all of their files are below. `cwds` and
    `paths` are the directories of the sessions and their files.
    """
    worktrees = {cwd for cwd in cwds if any(part in cwd for part in _WORKTREES)}
    here = any(path.startswith(f"{root.rstrip('/')}/") for path in paths)
    found = {root if here else _common(paths), *worktrees, *beside}
    return sorted((f"{base.rstrip('/')}/" for base in found if base), key=len, reverse=True)


def relative(path: str, bases: Sequence[str]) -> str:
    """Return a path as seen from the first of these directories that it is in."""
    return next((path[len(base) :] for base in bases if path.startswith(base)), path)


def _weights(sessions: Sequence[Summary], bases: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for place, session in enumerate(sessions):
        recency = 2.0 ** (-place / HALF_LIFE)
        for file in _lasting(session):
            weight = file.changes + READ * file.reads
            found[relative(file.path, bases)] += recency * weight
    return found


def _lasting(session: Summary) -> list[FileWork]:
    return [file for file in session.files if not file.gone]


def _common(paths: Sequence[str]) -> str:
    """Return the longest directory that nearly all of these absolute paths are below."""
    tops = Counter(str(top) for path in paths for top in PurePosixPath(path).parents)
    shared = [top for top, count in tops.items() if count >= SHARED * len(paths)]
    return max(shared, key=len, default="").removesuffix("/")
