"""The project a user names on the command line: by path, name or id."""

import os
from collections.abc import Iterable
from pathlib import Path

from iai.config.layout import Layout
from iai.errors import BadUsage, StoreLocked
from iai.model.record import Project
from iai.projects import relocation
from iai.projects.identity import identify
from iai.protocol.ingest import Place
from iai.store.record_view import RecordView
from iai.store.records import view_of


def project_id(named: str, layout: Layout) -> str:
    """Return the id of the project that holds the records, merges considered; "" for "" (all).

    Raises BadUsage if no project, or more than one, has that name.
    """
    if not named:
        return ""
    with view_of(layout.records) as view:
        if is_path(named):
            known = relocation.resolve(identify(str(Path(named).absolute())), view)
            if view.project_named(known.id) is not None:
                return view.belongs(known.id)
        found = {view.belongs(place.id): place for place in _named(named, view)}
        return view.belongs(_only(named, found.values(), view.projects()).id)


def project_here(layout: Layout) -> str:
    """Return the id of the project that holds the records of the current directory.

    Of a store that is locked for this process: of that directory's own project, whether or not it
    is merged into another.
    """
    own = identify(str(Path.cwd())).id
    try:
        with view_of(layout.records) as view:
            return view.belongs(own)
    except StoreLocked:
        return own


def project(named: str, view: RecordView) -> Place:
    """Return the named project itself, even if it is merged into another.

    Raises BadUsage if no project, or more than one, has that name.
    """
    return _only(named, _named(named, view), view.projects())


def is_path(named: str) -> bool:
    """Return whether this names a directory rather than a project."""
    return os.sep in named or named in (".", "..")


def _named(named: str, view: RecordView) -> list[Place]:
    if not is_path(named):
        return [_place(p) for p in view.projects() if named in (p.id, p.name)]
    path = Path(named).absolute()
    found = identify(str(path))
    there = Place(id=found.id, name=found.name, root=found.root)
    if path.exists() or view.project_named(found.id):
        return [there]
    # The directory is gone, and git's files with it; the records still know its project.
    once = {str(path), found.root}
    return [_place(p) for p in view.projects() if once & {p.root, *p.cwds}] or [there]


def _place(known: Project) -> Place:
    return Place(id=known.id, name=known.name, root=known.root)


def _only(named: str, found: Iterable[Place], projects: list[Project]) -> Place:
    listed = list(found)
    if len(listed) == 1:
        return listed[0]
    if listed:
        places = ", ".join(f"{p.id} ({p.root})" for p in listed)
        raise BadUsage(f"several projects are named {named}: give one of {places}")
    known = ", ".join(sorted({p.name for p in projects})) or "none"
    raise BadUsage(f"there is no project {named or 'without a name'}; known: {known}")
