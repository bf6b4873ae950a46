"""The page of search: recall with its filters, and what speaks for each hit."""

import time
from typing import Any, Literal

from iai.errors import BadUsage, IaiError
from iai.model import units
from iai.model.people import People
from iai.payload import hot_files
from iai.process.client import Client, recall
from iai.protocol.graph_cache import Hit, Recall
from iai.recall.named_person import ME, machines_of
from iai.store.record_view import RecordView
from iai.ui.page_request import Document, PageRequest, choices, chosen

HITS = 10
MOST_HITS = 50
ROLES = ("user", "assistant")
FILTERS = ("role", "since", "file", "commit", "command", "by")
PERIODS = {"": "any time", "1d": "a day", "7d": "a week", "30d": "a month", "365d": "a year"}

# The parts of a score, as `iai recall --explain` names them.
PARTS = {
    "words": "words of the question in the text itself",
    "vectors": "how much the text means the same as the question",
    "neighbours": "the same of the turns beside it",
    "conversation": "and of its session",
    "work": "words of the question in files, commands, commits and errors of its exchange",
    "narration": "and in what the agent said on the way",
    "time": "it was said when the question says",
    "speaker": "by whom the question names",
    "recent": "it is newer than most",
    "pinned": "it is pinned",
    "noted": "it was noted outside a session",
    "remembered": "it was pinned or noted, and has words of the question",
    "later": "it corrects another hit",
    "superseded": "a later hit corrects it",
    "brief": "it says little",
    "others": "somebody else said it",
}


def show(request: PageRequest) -> Document:
    """Return the hits for a query; none without one. What went wrong is said on the page."""
    with request.records() as view:
        projects = choices(view)
        people = authors(view)
    project = chosen(request, projects)
    found: Document = {"hits": [], "meanings": {}, "degraded": (), "problem": "", "took_ms": 0.0}
    query = request.text("q")
    if query:
        try:
            found |= _recall(request, query, project.id if project else "")
        except IaiError as error:
            found["problem"] = str(error)
    return {
        "q": query,
        "projects": projects,
        "project": project,
        "roles": ROLES,
        "periods": PERIODS,
        "people": people,
        "filters": {name: request.text(name) for name in FILTERS},
        "failed": bool(request.text("failed")),
        **found,
    }


def _recall(request: PageRequest, query: str, project: str) -> Document:
    question = Recall(
        query=query,
        k=min(request.number("k") or HITS, MOST_HITS),
        project=project,
        role=_role(request.text("role")),
        since=units.moment("since", request.text("since"), request.wall),
        explain=True,
        file=request.text("file"),
        commit=request.text("commit"),
        command=request.text("command"),
        failed=bool(request.text("failed")),
        machines=machines_of(request.text("by"), request.layout),
    )
    with Client(request.layout) as client:
        client.require()
        began = time.perf_counter()
        answer = recall(client, question)
        took_ms = (time.perf_counter() - began) * 1_000
    most = max((abs(part) for hit in answer.hits for part in hit.why.values()), default=1.0)
    shown = {name for hit in answer.hits for name, part in hit.why.items() if part}
    return {
        "hits": [
            {"hit": hit, "files": _files(hit), "parts": parts(hit, most)} for hit in answer.hits
        ],
        "meanings": {name: said for name, said in PARTS.items() if name in shown},
        "degraded": answer.degraded,
        "took_ms": took_ms,
    }


def authors(view: RecordView) -> list[str]:
    """Return whom to choose from: oneself and the others of the team; none without a team."""
    people = People(view.member)
    others = {m.author for m in view.members() if m.author and not people.own(m.machine)}
    return [ME, *sorted(others)] if others else []


def _role(given: str) -> Literal["", "user", "assistant"]:
    match given:
        case "" | "user" | "assistant":
            return given
        case _:
            raise BadUsage(f"role is one of {', '.join(ROLES)}")


def _files(hit: Hit) -> list[str]:
    """Return the files of a hit as seen from its project."""
    bases = hot_files.seen_from(hit.cwd, hit.files)
    return [hot_files.relative(path, bases) for path in hit.files]


def parts(hit: Hit, most: float) -> list[dict[str, Any]]:
    """Return what speaks for a hit, the most first; `share` is of the largest part of any hit."""
    ordered = sorted(hit.why.items(), key=lambda part: -part[1])
    return [
        {"name": name, "gain": gain, "share": round(100 * abs(gain) / most, 1)}
        for name, gain in ordered
        if gain
    ]
