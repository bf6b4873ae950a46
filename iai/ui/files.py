"""The page of files: what was done to one over time, or which were worked on lately."""

from itertools import islice

from iai.index.filters import Filter
from iai.recall.account import commit_line
from iai.recall.file_history import change_line, history
from iai.recall.timeline import stretches
from iai.ui.asked import Asked, Document, choices, chosen

SHOWN = 20  # visits on a page
LATELY = 12  # sessions whose files are listed
LISTED = 60  # of those files


def show(asked: Asked) -> Document:
    """Return the history of a file; without a path, the files of the last sessions."""
    path, start = asked.exact("path"), asked.offset()
    with asked.records() as view:
        projects = choices(view)
        project = chosen(asked, projects)
        only = project.id if project else ""
        names = {one.id: one.name for one in view.projects()}
        visits = []
        lately: dict[str, str] = {}
        if path:
            visits = list(islice(history(view, path, only), start, start + SHOWN + 1))
        else:
            for one in islice(stretches(view, Filter(project=only)), LATELY):
                for file in one.summary.changed:
                    lately.setdefault(file.path, one.project)
    return {
        "path": path,
        "projects": projects,
        "project": project,
        "visits": [
            {
                "at": visit,
                "what": change_line(visit),
                "project": names.get(visit.project, "-"),
                "commits": [commit_line(action) for action in visit.commits],
            }
            for visit in visits[:SHOWN]
        ],
        "lately": [
            {"path": file, "project": names.get(own, "-"), "id": own}
            for file, own in islice(lately.items(), LISTED)
        ],
        "start": start,
        "shown": SHOWN,
        "more": len(visits) > SHOWN,
    }
