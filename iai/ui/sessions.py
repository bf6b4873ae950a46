"""The pages of sessions: the list of them, and one as a story."""

from itertools import islice

from iai.errors import NotFound
from iai.index.filters import Filter
from iai.model.people import People
from iai.model.record import session_key
from iai.model.session import SessionInfo
from iai.payload import phrases
from iai.payload.sessions import summary_of
from iai.recall import conversation
from iai.recall.timeline import Stretch, stretches
from iai.recall.work_lines import session_line, work_lines
from iai.session_start.delivery_notes import delivered
from iai.ui.page_request import Document, PageRequest, choices, chosen

SHOWN = 20  # sessions on a page
AT_ONCE = 100  # more, if they were active at the same time
TITLE = 140  # characters of what a session without a title is called
EXCHANGES = 10  # on a page of a story


def show(request: PageRequest) -> Document:
    """Return the sessions, the last active first, by project and branch."""
    before, branch = request.number("before"), request.text("branch")
    with request.records() as view:
        projects = choices(view)
        project = chosen(request, projects)
        only = Filter(project=project.id if project else "")
        listed = stretches(view, only, before=before, branch=branch, memo=request.memo)
        found = list(islice(listed, SHOWN))
        following = next(listed, None)
        while following and following.active_at == found[-1].active_at and len(found) < AT_ONCE:
            found.append(following)
            following = next(listed, None)
    return {
        "projects": projects,
        "project": project,
        "branch": branch,
        "sessions": [{"at": one, "work": session_line(one.summary)} for one in found],
        "branches": sorted({b for one in found if (b := one.summary.info.branch)}),
        "before": before,
        "older": found[-1].active_at if following else 0,
    }


def story(request: PageRequest) -> Document:
    """Return one session, so many exchanges at a time. Raises NotFound."""
    host, session, start = request.exact("host"), request.exact("session"), request.offset()
    machine = request.exact("machine")
    key = session_key(host, session, machine)
    with request.records() as view:
        found = conversation.of_session(view, key)
        info = view.session_info(key) or SessionInfo(host=host, session=session, machine=machine)
        by = str(People(view.member).whose(machine))
        turns = [turn for exchange in found for turn in exchange.turns]
        project = view.project_named(turns[0].project) if turns else None
        summary = summary_of(view, key, turns[0].project) if turns else None
    if not found:
        raise NotFound("there is no such session, or it was forgotten")
    bases = [project.root if project else "", info.cwd]
    given = delivered(request.layout, session) if not machine else frozenset()
    return {
        "host": host,
        "session": session,
        "machine": machine,
        "by": by,
        "info": info,
        "title": info.title or (phrases.said(turns[0], TITLE) if turns else "A session"),
        "project": project,
        "work": session_line(summary) if summary else "",
        "open": summary.open_steps if summary and not summary.closed else (),
        "began_at": turns[0].created_at if turns else 0,
        "exchanges": [
            {"said": one, "done": list(work_lines(one.actions, bases)), "actions": len(one.actions)}
            for one in found[start : start + EXCHANGES]
        ],
        "count": len(found),
        "given": sorted(given)[:EXCHANGES],
        "start": start,
        "shown": EXCHANGES,
        "more": len(found) > start + EXCHANGES,
    }


def title(one: Stretch) -> str:
    """Return what a session is called: its title, else what was asked first."""
    asked = one.summary.goal or one.first_request or one.last_said
    return one.summary.title or phrases.said(asked, TITLE)
