"""Which payload files there are to be: one for each project of late, and one for no project."""

from collections import Counter
from pathlib import Path

from msgspec import Struct

from iai.freshness.cache_file import claim, read_sidecar, sidecar_path
from iai.layout import Layout
from iai.projects import identify
from iai.store.records import View


class Target(Struct, frozen=True):
    """One payload file, and the directories whose sessions start with it."""

    path: Path
    project: str  # "" for the global one
    name: str
    directories: tuple[str, ...] = ()


def targets(view: View, layout: Layout, projects: int) -> list[Target]:
    """Return the payloads to keep ready: the most recently active projects first, the global last.

    The global one is written last: its sidecar says that all are there. A directory in which two
    projects were worked on, as when its git remote was changed, starts with what it is now.
    """
    active = view.active()
    directories: dict[str, dict[str, None]] = {project.id: {} for project in active}
    for project in view.projects():
        if (home := view.belongs(project.id)) in directories:
            directories[home] |= dict.fromkeys((*project.cwds, project.root))
    claims = Counter(directory for places in directories.values() for directory in places)
    return [
        *(
            Target(
                layout.project_payload(project.id),
                project.id,
                project.name,
                tuple(
                    directory
                    for directory in directories[project.id]
                    if claims[directory] == 1 or view.belongs(identify(directory).id) == project.id
                ),
            )
            for project in active[:projects]
        ),
        Target(layout.payload, "", ""),
    ]


def whole(wanted: list[Target]) -> bool:
    """Does every payload hold what its sidecar claims?

    That the global one has no sidecar is a case of its own.
    """
    last = wanted[-1].path
    return all(_whole(t.path) for t in wanted[:-1]) and (read_sidecar(last) is None or _whole(last))


def leftovers(wanted: list[Target], layout: Layout) -> list[Path]:
    """Return the files below `session-start/` that belong to no payload any more."""
    kept = {path for t in wanted for path in (t.path, sidecar_path(t.path))}
    directories = [cwd for t in wanted for cwd in t.directories]
    links = {link(cwd) for link in (layout.payload_link, layout.news_link) for cwd in directories}
    found = [*layout.session_start.glob("*.md"), *layout.session_start.glob("*.json")]
    every = [*layout.by_cwd.glob("*.md"), *layout.by_cwd.glob("*.news")]
    old_links = [path for path in every if path not in links]
    return [path for path in found if path not in kept] + old_links


def _whole(payload: Path) -> bool:
    sidecar, borne_out = read_sidecar(payload), claim(payload)
    return sidecar is not None and borne_out == sidecar


def servable(path: Path, wall: int, max_age_s: float) -> bool:
    """Would the hook print this file? An empty, too old or future one it would not."""
    try:
        status = path.stat()
    except OSError:
        return False
    age_s = (wall - status.st_mtime_ns) / 1_000_000_000
    return status.st_size > 0 and age_s >= -1 and (max_age_s == 0 or age_s <= max_age_s)
