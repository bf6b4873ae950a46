"""Which project a checkout was before it was moved.

A project named by its remote keeps its identity wherever it is. One named by its git directory is
recognised by its birth: if that birth turns up in a new place, and the only other project with it
has lost its git directory, the checkout was moved. A copy beside its original is not a move, and a
renamed plain directory cannot be recognised.
"""

import os

from iai.model.record import Project
from iai.projects.identity import ProjectIdentity
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView


def resolve(project: ProjectIdentity, view: RecordView) -> ProjectIdentity:
    """Return the project whose memory a directory has, even before `merge_predecessor` ran."""
    old = _predecessor(project.id, project.born, view)
    return ProjectIdentity(old.id, old.name, old.root) if old is not None else project


def merge_predecessor(project: Project, unit: RecordChange) -> Project | None:
    """Merge what a project was before it was moved into it; return that, or None.

    Done once for each birth in each place, so that a project the user unmerges stays unmerged.
    """
    if not first_seen(project, unit):
        return None
    old = _predecessor(project.id, project.born, unit)
    unit.note_birth(project)
    if old is not None:
        unit.merge(old, project)
        if old.ignored:
            unit.ignore(project, old.ignored)
    return old


def first_seen(project: Project, view: RecordView) -> bool:
    """Return whether this birth is not yet on record for this project."""
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
