"""The page of files: what was done to one over time, or which were worked on lately."""

from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct, structs

from iai.index.filters import Filter
from iai.payload import hot_files
from iai.payload.file_work import FileWork
from iai.recall.file_history import as_seen, change_line, history
from iai.recall.timeline import Stretch, stretches
from iai.recall.work_lines import changed_line, commit_line
from iai.store.record_view import RecordView
from iai.ui.page_request import Document, PageRequest, choices, chosen

SHOWN = 20  # visits on a page
LATELY = 12  # sessions whose files are listed
LISTED = 60  # of those files


class Changed(Struct, frozen=True):
    """A file, and what the last session that changed it did to it."""

    path: str
    shown: str  # the path as seen from its project
    lines: str  # added and removed
    at: int
    project: str  # id


def show(request: PageRequest) -> Document:
    """Return the history of a file; without a path, the files of the last sessions."""
    path, start = request.exact("path"), request.offset()
    with request.records() as view:
        projects = choices(view)
        project = chosen(request, projects)
        only = project.id if project else ""
        names = {one.id: one.name for one in view.projects()}
        visits, works, lately = [], [], []
        if path:
            visits = list(islice(history(view, path, only), start, start + SHOWN + 1))
            works = [change_line(as_seen(view, visit)) for visit in visits]
        else:
            sessions = list(
                islice(stretches(view, Filter(project=only), memo=request.memo), LATELY)
            )
            lately = list(islice(changed(view, sessions), LISTED))
    return {
        "path": path,
        "projects": projects,
        "project": project,
        "visits": [
            {
                "at": visit,
                "what": work,
                "project": names.get(visit.project, "-"),
                "commits": [commit_line(action) for action in visit.commits],
            }
            for visit, work in zip(visits[:SHOWN], works, strict=False)
        ],
        "lately": [{"at": one, "project": names.get(one.project, "-")} for one in lately],
        "start": start,
        "shown": SHOWN,
        "more": len(visits) > SHOWN,
    }


def changed(view: RecordView, sessions: Sequence[Stretch]) -> Iterator[Changed]:
    """Yield the files that sessions changed, each once, those of the first session first."""
    works: dict[tuple[str, str], FileWork] = {}
    for session in sessions:
        for file in session.summary.changed:
            works.setdefault((session.project, file.path), file)
    bases = {one.project: _bases(view, one.project, sessions) for one in sessions}
    for (project, path), file in works.items():
        shown = hot_files.relative(path, bases[project])
        lines = changed_line(structs.replace(file, path=""))
        yield Changed(path, shown, lines, file.last_at, project)


def _bases(view: RecordView, project: str, sessions: Sequence[Stretch]) -> list[str]:
    """Return the directories that the files of a project are seen from."""
    own = [one.summary for one in sessions if one.project == project]
    known = view.project_named(project)
    paths = [file.path for one in own for file in one.changed]
    return hot_files.bases([one.info.cwd for one in own], paths, known.root if known else "", ())
