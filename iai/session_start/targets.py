"""Which payload files to keep: one or more for each recently active project, and a global one.

A project has a file of its own for each of its checkouts that was worked in lately: the sessions of
that one come first in it.
"""

import os
from collections import Counter
from collections.abc import Iterator

from iai.config.layout import Layout
from iai.freshness.target import Target
from iai.model.record import Project
from iai.payload.checkouts import Checkout
from iai.projects import relocation
from iai.projects.git_head import branch
from iai.projects.identity import checkout_top, holds_many, identify
from iai.store.record_view import RecordView

CHECKOUTS = 4  # of one project, with files of their own besides that of the project


def targets(
    view: RecordView, layout: Layout, projects: int, *, file_notes: bool = False
) -> list[Target]:
    """Return the payloads to keep: the most recently active projects first, the global one last.

    The global one is written last: its sidecar says that all the others are there. A directory in
    which two projects were worked on, say because its git remote was changed, starts with the one
    it belongs to now.
    """
    active = view.active()
    directories = _directories(view, [project.id for project in active])
    claims = Counter(directory for places in directories.values() for directory in places)
    found: list[Target] = []
    for project in active[:projects]:
        own = [
            directory
            for directory in directories[project.id]
            if (claims[directory] == 1 and not holds_many(project.root))
            or view.belongs(relocation.resolve(identify(directory), view).id) == project.id
        ]
        found += _of_project(project, own, layout, file_notes=file_notes)
    return [*found, Target(layout.payload, "", "")]


def checkout_of(cwd: str, project: str, view: RecordView) -> Checkout:
    """Return the checkout of a project that a directory is in, as its payload shows it."""
    home = view.belongs(project)
    tops = set(map(checkout_top, _directories(view, [home])[home]))
    top = checkout_top(cwd)
    return _among({one: os.path.realpath(one) for one in {*tops, top} - {""}}, top)


def _of_project(
    project: Project, directories: list[str], layout: Layout, *, file_notes: bool
) -> Iterator[Target]:
    tops = {directory: checkout_top(directory) for directory in (*directories, project.root)}
    real = {top: os.path.realpath(top) for top in tops.values() if top}
    latest_first = dict.fromkeys(tops[d] for d in reversed(directories) if tops[d])
    main = tops[project.root] or next(iter(latest_first), "")
    beside = dict.fromkeys(real[top] for top in latest_first if real[top] != real.get(main))
    apart = list(beside)[:CHECKOUTS]
    yield Target(
        layout.project_payload(project.id),
        project.id,
        project.name,
        tuple(d for d in directories if real.get(tops[d]) not in apart),
        _among(real, main),
        tuple(dict.fromkeys((project.root, *real))) if file_notes else (),
    )
    for top in apart:
        yield Target(
            layout.checkout_payload(project.id, top),
            project.id,
            project.name,
            tuple(d for d in directories if real.get(tops[d]) == top),
            _among(real, top),
        )


def _among(real: dict[str, str], top: str) -> Checkout:
    """Return a checkout among others; `real` has the real path of each top.

    `top` is "" in a plain directory, and in one that is gone.
    """
    here = {one for one, path in real.items() if path == real.get(top, top)}
    now = branch(top) if top else ""
    return Checkout(tuple(sorted(here)), tuple(sorted(real.keys() - here)), now)


def _directories(view: RecordView, projects: list[str]) -> dict[str, dict[str, None]]:
    """Return the directories of each of these, with those of the projects merged into it."""
    found: dict[str, dict[str, None]] = {project: {} for project in projects}
    for project in view.projects():
        if (home := view.belongs(project.id)) in found:
            found[home] |= dict.fromkeys((*project.cwds, project.root))
    return found
