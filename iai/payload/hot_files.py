"""The files that a project's sessions touched of late, weighted by how recently and how. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from iai.payload.summary import Summary

FILES = 60  # named at most
HALF_LIFE = 4  # sessions after which a touch counts half
SHARED = 0.9  # of the files, below a directory that is not worth repeating
READ = 0.5  # what reading a file counts against changing it


def by_directory(sessions: Sequence[Summary], root: str) -> list[tuple[str, list[str]]]:
    """Return directories below the root with the files touched there, the hottest first."""
    weights = _weights(sessions)
    hottest = sorted(weights, key=lambda path: -weights[path])[:FILES]
    bases = [root, *(session.info.cwd for session in sessions), _common(hottest)]
    groups: dict[str, list[str]] = defaultdict(list)
    for path in hottest:
        shown = PurePosixPath(relative(path, bases))
        groups["" if str(shown.parent) == "." else f"{shown.parent}/"].append(shown.name)
    return list(groups.items())


def relative(path: str, bases: Iterable[str]) -> str:
    """Return a path as seen from the first of these directories that it is in."""
    for base in bases:
        prefix = base.rstrip("/") + "/"
        if base and path.startswith(prefix):
            return path[len(prefix) :]
    return path


def _common(paths: Sequence[str]) -> str:
    """Return the directory that most absolute paths share, where the root is another's."""
    tops = Counter("/".join(path.split("/")[:depth]) for path in paths for depth in range(3, 12))
    most = [top for top, count in tops.items() if count >= SHARED * len(paths) and top]
    return max(most, key=len, default="")


def _weights(sessions: Sequence[Summary]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for place, session in enumerate(sessions):
        recency = 2.0 ** (-place / HALF_LIFE)
        for file in session.files:
            if not file.gone:
                found[file.path] += recency * (file.changes + READ * file.reads)
    return found
