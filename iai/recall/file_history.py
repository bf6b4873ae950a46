"""What was done to a file over time, read from the records alone: who asked for it, and how."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePosixPath

from msgspec import Struct

from iai.model.action import Action
from iai.model.record import Record
from iai.model.session import SessionInfo
from iai.store.record_view import RecordView

CHANGES = frozenset({"edit", "write", "delete", "move"})


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


def history(view: RecordView, path: str, project: str = "") -> Iterator[FileVisit]:
    """Yield what was done to files of this path, the latest first.

    `path` matches whole and by its end: `src/tide.py` finds `/w/src/tide.py`. `project` is the id
    of one to stay in; "" for all.
    """
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
        if own is not None and project in ("", own.project):
            yield _visit(view, session, own, request, [action for _, action, _ in found])


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
        request=request,
        added=sum(action.added for action in actions),
        removed=sum(action.removed for action in actions),
        changes=len(changed),
        gone=actions[-1].kind == "delete",
        commits=tuple(a for a in later if a.kind == "commit" and a.at >= changed[-1].at)[:1],
    )


def ends_with(whole: str, path: str) -> bool:
    """Return whether a path is another, or its end, step by step."""
    steps, wanted = PurePosixPath(whole).parts, PurePosixPath(path).parts
    return bool(wanted) and steps[-len(wanted) :] == wanted
