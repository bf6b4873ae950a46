"""The sessions in order, the latest first, read from the records alone.

Of each session that is shown, only the first and the latest turns are read; the others are counted.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias

from msgspec import Struct, structs

from iai.index.filters import Filter
from iai.model.exchange import opens
from iai.model.people import People
from iai.model.record import Project, Record
from iai.model.units import count
from iai.payload.sessions import summary_of
from iai.payload.summary import Summary
from iai.store.record_view import RecordView

COUNTED = 500  # turns of a session that are read to count its exchanges: 4 ms


class Stretch(Struct, frozen=True, kw_only=True):
    """One session: its turns in one project."""

    project: str
    project_name: str
    host: str
    session_id: str
    began_at: int  # nanoseconds UTC
    ended_at: int
    active_at: int  # `order` of its last turn there, by which sessions are listed
    turns: int
    exchanges: int  # that begin in its first `COUNTED` turns
    more: bool  # is it longer than that?
    first_request: Record | None
    last_said: Record
    summary: Summary
    by: str = ""  # who held it, and on which machine, for people; "": held on this one


# By project and session: the revision of its last change, and the session.
Memo: TypeAlias = dict[tuple[str, bytes], tuple[int, Stretch]]


def stretches(
    view: RecordView,
    only: Filter,
    *,
    before: int = 0,
    branch: str = "",
    memo: Memo | None = None,
) -> Iterator[Stretch]:
    """Yield the sessions that fit a filter by project, time and machine, the last ended one first.

    A session in several projects is listed under each. It fits if any part of it is in the period.
    `before` leaves out those that were active at that time or later, and `branch` those on another;
    neither reads what it leaves out. `memo` keeps what was read from one time to the next.
    """
    memo = {} if memo is None else memo
    people = People(view.member)
    projects = [p for p in view.every_project() if only.project in ("", p.id)]
    latest_first = heapq.merge(*(_of(view, p) for p in projects), key=lambda s: -s[0])
    for active_at, project, key in latest_first:
        if only.since and active_at < only.since:
            return
        if (before and active_at >= before) or not _is_on(view, key, branch):
            continue
        if only.machines and _machine(view, key) not in only.machines:
            continue
        stretch = _remembered(view, project, key, active_at, memo)
        if stretch is not None and not 0 < only.until <= stretch.began_at:
            by = str(people.whose(stretch.summary.info.machine))
            yield structs.replace(stretch, by=by, project_name=project.name)


def length(one: Stretch) -> str:
    """Return how long a session is, in words: its exchanges, or at least how many."""
    return f"{one.exchanges}+ exchanges" if one.more else count(one.exchanges, "exchange")


def _of(view: RecordView, project: Project) -> Iterator[tuple[int, Project, bytes]]:
    """Yield the sessions of a project and when they were last active there, the latest first."""
    for key, active_at in view.activity(project.id):
        yield active_at, project, key


def _is_on(view: RecordView, key: bytes, branch: str) -> bool:
    """Is a session on a branch? "" is any."""
    if not branch:
        return True
    info = view.session_info(key)
    return info is not None and info.branch == branch


def _machine(view: RecordView, key: bytes) -> str:
    turns = view.session(key, newest_first=True)
    return next((turn.machine for turn in turns), "")


def _remembered(
    view: RecordView, project: Project, key: bytes, active_at: int, memo: Memo
) -> Stretch | None:
    changed = view.session_changed(key)
    at, kept = memo.get((project.id, key), (0, None))
    if kept is not None and changed and at == changed:
        return kept
    stretch = _stretch(view, project, key, active_at)
    if stretch is not None:
        memo[project.id, key] = changed, stretch
    return stretch


def _stretch(view: RecordView, project: Project, key: bytes, active_at: int) -> Stretch | None:
    """Return a session; None without a turn in this project."""
    own = (r for r in view.session(key) if r.project == project.id)
    begun = list(islice(own, COUNTED + 1))
    last = next((r for r in view.session(key, newest_first=True) if r.project == project.id), None)
    if not begun or last is None:
        return None
    first = begun[0]
    summary = summary_of(view, key, project.id)
    if summary is None:
        return None
    requests = sum(map(opens, begun[:COUNTED]))
    return Stretch(
        project=project.id,
        project_name=project.name,
        host=first.host,
        session_id=first.session,
        began_at=first.created_at,
        ended_at=last.created_at,
        active_at=active_at,
        turns=view.turns(key, project.id),
        exchanges=requests if opens(first) else requests + 1,
        more=len(begun) > COUNTED,
        first_request=next((r for r in begun if r.role == "user"), None),
        last_said=last,
        summary=summary,
    )
