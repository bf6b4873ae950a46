"""What was done to a file over time, read from the records alone: who asked for it, and how."""

import os
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, islice
from pathlib import PurePosixPath

from msgspec import Struct, structs

from iai.model.action import CHANGES, Action
from iai.model.people import People
from iai.model.record import Record
from iai.model.session import SessionInfo
from iai.payload import cues, hot_files, phrases
from iai.payload.headline import done, verdict
from iai.store.record_view import RecordView

_DONE = 110  # characters of what came of a mere yes


class FileVisit(Struct, frozen=True, kw_only=True):
    """All that one exchange did to a file. Times are nanoseconds UTC."""

    path: str  # as the host wrote it
    at: int  # when it was first touched
    host: str
    session: str
    title: str
    branch: str
    project: str  # id
    request: Record | None  # what was asked for
    added: int = 0  # lines
    removed: int = 0
    changes: int = 0  # 0: it was only read
    gone: bool = False  # deleted, or moved elsewhere
    commits: tuple[Action, ...] = ()  # of the same session, after the change
    machine: str = ""  # id of that it was done on; "": this one
    by: str = ""  # who did it, and on which machine, for people; "": done on this one


class FileVisits(Struct, frozen=True):
    """The history of a file as it is asked for, the latest first."""

    here: tuple[FileVisit, ...]  # in the project that was asked from
    elsewhere: tuple[FileVisit, ...]  # in others, where that tells something


def find(
    view: RecordView,
    named: str,
    cwd: str,
    root: str,
    project: str,
    k: int,
    machines: tuple[str, ...] = (),
) -> FileVisits:
    """Return the latest `k` visits of the file that a user means by `named` in a directory.

    `root` and `project` (an id) are those of the project that the directory is in. The file is
    looked for in every checkout of the project; if it was never touched there, `named` may also be
    the end of any path. `machines` are those that it was done on; none: any.
    """
    names = _names(named, cwd, root)
    bases = {"", root, *_checkouts(view, project)}
    here: tuple[FileVisit, ...] = ()
    for name, exact in ((names[0], True), *((name, False) for name in names)):
        visits = history(view, name, project, machines)
        fitting = (v for v in visits if not exact or _seen_from(v, name, bases, root))
        here = tuple(islice(fitting, k))
        if here:
            names = [name]
            break
    if here and len(PurePosixPath(names[0]).parts) == 1:
        return FileVisits(
            here, ()
        )  # other projects have files of that name, but they are other files
    every = (visit for name in names for visit in history(view, name, machines=machines))
    others = (visit for visit in every if visit.project != project)
    return FileVisits(here, tuple(islice(others, k - len(here))))


def _seen_from(visit: FileVisit, name: str, bases: set[str], root: str) -> bool:
    """Is a path the name as seen from a checkout? One of another machine is known by its name."""
    base = visit.path.removesuffix(name)[:-1]
    alike = PurePosixPath(base).name == PurePosixPath(root).name
    return base in bases or bool(visit.machine and alike)


def explained(view: RecordView, request: Record) -> Record:
    """Return a request with the part of it that says the most; a mere yes with what came of it."""
    answer = view.exchange(request).answer if cues.agrees(request.text) else None
    told = done(answer.text, _DONE) or verdict(answer.text, _DONE) if answer else ""
    said = phrases.said(request, phrases.REQUEST)
    return structs.replace(request, text=f"{said} -> {told}" if told else said)


def as_seen(view: RecordView, visit: FileVisit) -> FileVisit:
    """Return a visit with the path as seen from its project, and its request explained."""
    if visit.request is not None:
        visit = structs.replace(visit, request=explained(view, visit.request))
    known = view.project_named(visit.project)
    if known is None:
        return visit
    bases = [*hot_files.seen_from(known.root, [visit.path]), *(f"{cwd}/" for cwd in known.cwds)]
    return structs.replace(visit, path=hot_files.relative(visit.path, bases))


def change_line(visit: FileVisit) -> str:
    """Return what was done to the file: its path, and the lines added and removed, or "read"."""
    lines = [f"+{visit.added}" if visit.added else "", f"-{visit.removed}" if visit.removed else ""]
    how = "removed" if visit.gone else "" if visit.changes else "read"
    return " ".join(part for part in (visit.path, *lines, how) if part)


def _names(named: str, cwd: str, root: str) -> list[str]:
    """Return the paths to look for, the surest first: as seen from the project's root, as given."""
    whole = PurePosixPath(os.path.normpath(os.path.join(cwd, named)))  # noqa: PTH118  keeps links
    own = whole.relative_to(root) if whole.is_relative_to(root) else whole
    return list(dict.fromkeys((str(own), os.path.normpath(named))))


def history(
    view: RecordView, path: str, project: str = "", machines: tuple[str, ...] = ()
) -> Iterator[FileVisit]:
    """Yield what was done to files of this path, the latest first.

    `path` matches whole and by its end: `src/tide.py` finds `/w/src/tide.py`. `project` is the id
    of one to stay in; "" for all. `machines` are those that it was done on; none: any.
    """
    people = People(view.member)
    touched = (
        (session, action, view.request_before(session, action.at))
        for session, action in view.of_file(path)
        if any(ends_with(one, path) for one in (action.path, action.to))
        and action.status not in ("refused", "interrupted")
    )
    for (session, _), group in groupby(touched, key=lambda t: (t[0], t[2] and t[2].label)):
        found = list(group)
        request = found[0][2]
        own = request or next(view.session(session), None)
        if own is None or project not in ("", own.project):
            continue
        if not machines or own.machine in machines:
            visit = _visit(view, session, own, request, [action for _, action, _ in found])
            yield structs.replace(visit, by=str(people.whose(own.machine)))


def _checkouts(view: RecordView, project: str) -> set[str]:
    """Return the directories that a project was worked on in."""
    known = view.project_named(project)
    return {known.root, *known.cwds} if known else set()


def _visit(
    view: RecordView,
    session: bytes,
    own: Record,
    request: Record | None,
    latest_first: list[Action],
) -> FileVisit:
    actions = latest_first[::-1]
    info = view.session_info(session) or SessionInfo(host=own.host, session=own.session)
    changed = [action for action in actions if action.kind in CHANGES]
    later = view.actions(session) if changed else iter(())
    return FileVisit(
        path=actions[-1].to or actions[-1].path,
        at=actions[0].at,
        host=own.host,
        session=own.session,
        title=info.title,
        branch=info.branch,
        project=own.project,
        machine=own.machine,
        request=request,
        added=sum(action.added for action in actions),
        removed=sum(action.removed for action in actions),
        changes=len(changed),
        gone=actions[-1].kind == "delete",
        commits=tuple(a for a in later if a.kind == "commit" and a.at >= changed[-1].at)[:1],
    )


def ends_with(whole: str, path: str) -> bool:
    """Return whether a path is another, or its end, step by step."""
    steps, wanted = _steps(whole), _steps(path)
    return bool(wanted) and steps[-len(wanted) :] == wanted


@lru_cache(maxsize=1 << 12)  # an agent goes back to the same files
def _steps(path: str) -> tuple[str, ...]:
    return PurePosixPath(path).parts
