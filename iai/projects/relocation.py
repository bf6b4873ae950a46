"""Which project a checkout was before it was moved.

One that has a remote stays the same project wherever it lies. One that a git directory names is
known by how its history began: where that is seen in a place it was not seen in before, and the
only project that began so has lost its git directory, it is that one. A copy beside its original is
none, and a plain directory that was renamed cannot be known.
"""

import os

from iai.model.record import Project
from iai.projects.identity import ProjectIdentity
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView


def formerly(project: ProjectIdentity, view: RecordView) -> ProjectIdentity:
    """Return the project whose memory a directory has: for who reads before `follow` was called."""
    old = _predecessor(project.id, project.born, view)
    return ProjectIdentity(old.id, old.name, old.root) if old is not None else project


def follow(project: Project, unit: RecordChange) -> Project | None:
    """Have what a project was before it was moved belong to it; return that, if there is any.

    It is asked once for each birth in each place, so that what the user parts again stays parted.
    """
    if not unknown(project, unit):
        return None
    old = _predecessor(project.id, project.born, unit)
    unit.note_birth(project)
    if old is not None:
        unit.merge(old, project)
        if old.ignored:
            unit.ignore(project, old.ignored)
    return old


def unknown(project: Project, view: RecordView) -> bool:
    """Is it new that this project began so?"""
    return bool(project.born) and not _noted(project.id, project.born, view)


def _predecessor(id_: str, born: str, view: RecordView) -> Project | None:
    if not born or _noted(id_, born, view):
        return None
    alike = [p for p in view.projects() if p.born == born and p.id != id_ and not p.into]
    gone = len(alike) == 1 and not os.path.lexists(alike[0].git)
    return alike[0] if gone else None


def _noted(id_: str, born: str, view: RecordView) -> bool:
    known = view.project_named(id_)
    return known is not None and known.born == born
