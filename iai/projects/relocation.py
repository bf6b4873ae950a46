"""Which project a directory belongs to, with the help of what the records know.

`iai.projects.identity` looks at the disk alone. Here are the rules that need the records as well:

- A checkout that was moved. A project named by its remote keeps its identity wherever it is. One
  named by its git directory is recognised by its birth: if that birth turns up in a new place, and
  the only other project with it has lost its git directory, the checkout was moved. A copy beside
  its original is not a move, and a renamed plain directory cannot be recognised.
- An id that earlier versions gave to the same project, such as to another spelling of its remote;
  and that of a repository from before it had a remote.
- A directory that is gone, and that only its path identifies: it belongs to the project that was
  worked on in it, such as that of a removed worktree, else to that of the nearest known directory
  above it. If it became known first, it joins that project later.
- A session that goes into another repository below the one it began in: its turns stay with the
  project that it began in. It leaves that one only for a directory outside. A session that began in
  a plain directory, or in one that holds many projects, such as the home directory, does leave it
  for a repository below.

Whatever joins another project does so once: if the user unmerges it, it stays apart.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from iai.model.record import Project
from iai.projects.identity import (
    ProjectIdentity,
    began_otherwise,
    holds_many,
    known_by_path,
)
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView


def resolve(project: ProjectIdentity, view: RecordView) -> ProjectIdentity:
    """Return the project whose memory a directory has, even before `merge_predecessors` ran."""
    seen = Project(**project._asdict())
    old = _moved(seen, view) or enclosing(seen, view)
    if old is None and view.project_named(project.id) is None:
        old = next(_renamed(seen, view), None)
    return ProjectIdentity(old.id, old.name, old.root) if old is not None else project


def begin_with(project: ProjectIdentity, view: RecordView) -> ProjectIdentity:
    """Return the project whose memory a session starts with in a directory.

    In a plain directory of which nothing is known, that is the project known above it.
    """
    resolved = resolve(project, view)
    if resolved.id != project.id or view.project_named(project.id) is not None:
        return resolved
    plain = known_by_path(project.id, project.root)
    above = _known_at((project.root, *_parents(project.root)), view) if plain else None
    return ProjectIdentity(above.id, above.name, above.root) if above is not None else resolved


def owner(
    own: Project, cwd: str, home: Project | None, view: RecordView, branch: str = ""
) -> Project:
    """Return the project that a turn belongs to.

    `own` is that of its directory, `home` that of the directory its session began in.
    """
    if home is not None and home.id != own.id and _nested(own, home):
        if view.ignored(own.id, own.root, cwd):
            return own  # what is said there is not to be stored
        return home
    return enclosing(own, view, branch) or own


def enclosing(project: Project, view: RecordView, branch: str = "") -> Project | None:
    """Return the project that a directory which is gone was part of; None if it is its own.

    A plain directory above it that still exists never contained the `branch` a session was on.
    """
    if not _is_gone(project) or view.project_named(project.id) is not None:
        return None
    above = _known_at((project.root, *_parents(project.root)), view)
    if above is None or (branch and known_by_path(above.id, above.root) and _exists(above.root)):
        return None
    return above


def merge_predecessors(project: Project, change: RecordChange, cwd: str = "") -> list[Project]:
    """Merge what a project was known as before into it; return that."""
    if not has_news(project, change.view, cwd):
        return []
    merged = _predecessors(project, change.view, cwd)
    change.projects.note_identity(project, [old.id for old in merged])
    for old in merged:
        change.projects.merge(old, project)
        if old.ignored:
            change.projects.ignore(project, old.ignored)
    return merged


def has_news(project: Project, view: RecordView, cwd: str = "") -> bool:
    """Return whether its birth is not yet on record, or another project is to join it."""
    unknown_birth = bool(project.born) and not _noted(project, view)
    return unknown_birth or bool(_predecessors(project, view, cwd))


def _predecessors(project: Project, view: RecordView, cwd: str) -> list[Project]:
    moved = _moved(project, view)
    found = [*([moved] if moved else []), *_renamed(project, view), *_parts(project, view, cwd)]
    return list({old.id: old for old in found}.values())


def _moved(project: Project, view: RecordView) -> Project | None:
    if not project.born or _noted(project, view):
        return None
    alike = [
        p for p in view.projects() if p.born == project.born and p.id != project.id and not p.into
    ]
    gone = len(alike) == 1 and not os.path.lexists(alike[0].git)
    return alike[0] if gone else None


def _noted(project: Project, view: RecordView) -> bool:
    known = view.project_named(project.id)
    return known is not None and known.born == project.born


def _renamed(project: Project, view: RecordView) -> Iterator[Project]:
    """Yield the projects that were made of this one before as much was known of it."""
    for id_ in project.former:
        old = view.project_named(id_)
        if old is None or old.into or id_ in _joined(project, view):
            continue
        if not began_otherwise(old.git, old.born):
            yield old


def _parts(project: Project, view: RecordView, cwd: str) -> Iterator[Project]:
    """Yield the folders of a new place that became known before it, and are gone."""
    known = view.project_named(project.id)
    if not cwd or (known is not None and cwd in known.cwds) or holds_many(project.root):
        return
    for one in view.projects():
        below = one.id != project.id and one.root != project.root and project.holds(one.root)
        if below and not one.into and _is_gone(one) and one.id not in _joined(project, view):
            above = _known_at(_parents(one.root), view)
            if above is None or above.id == project.id or not project.holds(above.root):
                yield one


def _joined(project: Project, view: RecordView) -> tuple[str, ...]:
    known = view.project_named(project.id)
    return known.former if known is not None else ()


def _known_at(directories: Iterable[str], view: RecordView) -> Project | None:
    """Return the project of the first of these that is known: the latest, if several were there."""
    claims: dict[str, list[Project]] = {}
    for project in view.projects():
        for place in {project.root, *project.cwds}:
            claims.setdefault(place, []).append(project)
    for directory in directories:
        if holds_many(directory):
            return None
        if found := claims.get(directory):
            found.sort(key=lambda one: (one.root == directory, view.changed(one.id)))
            home = view.project_named(view.belongs(found[-1].id))
            return home or found[-1]
    return None


def _parents(directory: str) -> list[str]:
    return list(map(str, Path(directory).parents))


def _nested(inner: Project, outer: Project) -> bool:
    """Is this below a repository, rather than below a directory that holds many?"""
    plain = known_by_path(outer.id, outer.root) or holds_many(outer.root)
    return not plain and outer.holds(inner.root)


def _is_gone(project: Project) -> bool:
    return known_by_path(project.id, project.root) and not _exists(project.root)


def _exists(directory: str) -> bool:
    return os.path.isdir(directory)  # noqa: PTH112  pathlib raises for some invalid paths
