"""The project that a user names on the command line: by path, name or id."""

import os
from pathlib import Path

from iai.errors import BadUsage
from iai.layout import Layout
from iai.projects import identify
from iai.store.records import Records


def project_id(named: str, layout: Layout) -> str:
    """Return the id of a project; "" for "" (all of them).

    Raises BadUsage if nothing, or more than one thing, has that name.
    """
    if not named:
        return ""
    if os.sep in named or named in (".", ".."):
        return identify(str(Path(named).absolute())).id
    records = Records(layout.records)
    with records.view() as view:
        projects = view.projects()
    records.close()
    found = [p for p in projects if named in (p.id, p.name)]
    if len(found) == 1:
        return found[0].id
    if found:
        places = ", ".join(f"{p.id} ({p.root})" for p in found)
        raise BadUsage(f"several projects are named {named}: give one of {places}")
    known = ", ".join(sorted(p.name for p in projects)) or "none"
    raise BadUsage(f"there is no project {named}; known: {known}")
