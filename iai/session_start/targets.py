"""Which payload files to keep: one for each recently active project, and a global one."""

from collections import Counter

from iai.config.layout import Layout
from iai.freshness.target import Target
from iai.projects import relocation
from iai.projects.identity import holds_many, identify
from iai.store.record_view import RecordView


def targets(view: RecordView, layout: Layout, projects: int) -> list[Target]:
    """Return the payloads to keep: the most recently active projects first, the global one last.

    The global one is written last: its sidecar says that all the others are there. A directory in
    which two projects were worked on, say because its git remote was changed, starts with the one
    it belongs to now.
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
                    if (claims[directory] == 1 and not holds_many(project.root))
                    or _belongs(directory, view) == project.id
                ),
            )
            for project in active[:projects]
        ),
        Target(layout.payload, "", ""),
    ]


def _belongs(directory: str, view: RecordView) -> str:
    return view.belongs(relocation.resolve(identify(directory), view).id)
