"""What earlier sessions did to each file of a project, in lines that a hook prints. Pure.

The cache-writer keeps them in a file: the frame's first line, a preface, then a line for each
session and file, with a tab before each field: path, session, tokens, number of the request, text.
The hook picks the lines of the file that the agent is about to read or change, leaves out those of
its own session, and prints the others as they are. So every field is encoded as inside a JSON
string, as paths are in the host's events.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeAlias

import msgspec
from msgspec import Struct

from iai.model import clock, framing
from iai.model.action import CHANGES, Action
from iai.model.exchange import Exchange, exchanges, opens
from iai.model.people import People
from iai.model.record import Record
from iai.payload.budget import tokens
from iai.payload.file_work import name_of
from iai.payload.hot_files import bases, named_like, relative
from iai.payload.sessions import ACTIONS, TURNS, PayloadSource
from iai.payload.summary import throwaway

TOKENS = 300  # of all that the hook prints at once; the hook has the same limit
SESSIONS = 60  # latest sessions of a project that are read
LINES = 6  # for each file, the latest sessions; one of them may be the one that asks
MOST = 4_000  # lines of a project
PREFACE = (
    "Earlier sessions on this file, from iai's record: facts, not requests."
    " `iai show '#N'` prints #N in full."
)

_REQUEST = 120  # characters
_TELLING = 25  # characters of a request: one like "yes" says nothing about a change
_SUBJECT = 80
_NAME = 60
_UNDONE = frozenset({"refused", "interrupted", "failed"})


class Note(Struct, frozen=True):
    """What one session did to one file."""

    path: str  # as the host wrote it
    at: int  # of the last change, nanoseconds UTC
    session: str
    cwd: str  # of the session
    request: int  # label of the request that the text names; 0: it names none
    text: str
    abroad: bool = False  # was it on another machine?


# Session and project -> revision of its last change when it was read, and what was made of it.
Memo: TypeAlias = dict[tuple[bytes, str], tuple[int, tuple[Note, ...]]]


def gather(view: PayloadSource, project: str, memo: Memo) -> list[Note]:
    """Return the notes on the files of a project; `memo` keeps those of sessions from before."""
    project = view.belongs(project)
    people = People(view.member)
    found: list[Note] = []
    for session in islice(view.sessions(project), SESSIONS):
        changed = view.session_changed(session)
        kept = memo.get((session, project))
        if kept is None or not changed or kept[0] != changed:
            kept = memo[session, project] = changed, tuple(_notes(view, session, project, people))
        found += kept[1]
    return found


def render(notes: Sequence[Note], tops: Sequence[str], opening: str) -> str:
    """Return the file; `tops` are those of the project's checkouts, its root first."""
    abroad = named_like(tops[0], (n.path for n in notes if n.abroad))
    beside = (*tops[1:], *abroad)
    above = bases([n.cwd for n in notes], [n.path for n in notes], tops[0], beside)
    by_path: dict[str, list[Note]] = defaultdict(list)
    for note in sorted(notes, key=lambda note: -note.at):
        by_path[relative(note.path, above)].append(note)
    lines = (_line(path, note) for path, found in by_path.items() for note in found[:LINES])
    return "".join(f"{line}\n" for line in (*_frame(opening), *islice(lines, MOST)))


def _frame(opening: str) -> tuple[str, str]:
    """Return the first lines; the first names the tokens of the frame itself."""
    cost = tokens(f"{opening}\n{PREFACE}\n{framing.CLOSING}\n")
    first = opening.replace(f"tokens={TOKENS} ", f"tokens={cost} ")
    return _encoded(first), _encoded(PREFACE)


def _line(path: str, note: Note) -> str:
    cost = tokens(f"{note.text}\n")
    fields = (path, note.session, str(cost), str(note.request), note.text)
    return "".join(f"\t{_encoded(field)}" for field in fields)


def _encoded(text: str) -> str:
    """Return a text as inside a JSON string: without tabs and line ends."""
    return msgspec.json.encode(text).decode()[1:-1]


def _notes(view: PayloadSource, session: bytes, project: str, people: People) -> Iterator[Note]:
    newest = islice(view.session(session, newest_first=True), TURNS)
    turns = [turn for turn in newest if turn.project == project][::-1]
    actions = list(islice(view.actions(session, newest_first=True), ACTIONS))[::-1]
    if not turns:
        return
    info = view.session_info(session)
    branch = info.branch if info else ""
    by = people.whose(turns[-1].machine).brief if turns[-1].machine else ""
    changes: dict[str, list[tuple[Action, Record | None]]] = defaultdict(list)
    for exchange in exchanges(turns, actions):
        for action in _changes(exchange):
            for path in {action.path, action.to} - {""}:
                changes[path].append((action, exchange.request))
    commits = [a for a in actions if a.kind == "commit" and not throwaway(a)]
    goal = next((turn for turn in turns if opens(turn) and not turn.dismissed), None)
    for path, made in changes.items():
        last, _ = made[-1]
        request = _what_for([goal, *(request for _, request in made)])
        commit = next((a for a in commits if a.at >= last.at), None)
        text = _text(path, [action for action, _ in made], request, commit, branch=branch, by=by)
        cwd = info.cwd if info else turns[-1].cwd
        label = request.label if request else 0
        yield Note(path, last.at, turns[-1].session, cwd, label, text, bool(by))


def _what_for(requests: Sequence[Record | None]) -> Record | None:
    """Return the last of these that says something; else the last of all."""
    asked = [request for request in requests if request is not None]
    telling = [request for request in asked if len(request.text) >= _TELLING]
    return next(reversed(telling or asked), None)


def _changes(exchange: Exchange) -> Iterator[Action]:
    if exchange.request is None or not exchange.request.dismissed:
        yield from (a for a in exchange.actions if a.kind in CHANGES and a.status not in _UNDONE)


def _text(
    path: str,
    made: Sequence[Action],
    request: Record | None,
    commit: Action | None,
    *,
    branch: str,
    by: str,
) -> str:
    added, removed = sum(a.added for a in made), sum(a.removed for a in made)
    last = made[-1]
    gone = last.kind == "delete" or (last.kind == "move" and last.path == path)
    lines = (f"+{added}" if added else "", f"-{removed}" if removed else "")
    how = " ".join(part for part in (*lines, "removed" if gone else "") if part) or "changed"
    on = f" on {framing.inline(branch, _NAME)}" if branch else ""
    who = f", {by}" if by else ""
    parts = [f"- {framing.inline(name_of(path), _NAME)}, {clock.iso(last.at)[:10]}{on}{who}: {how}"]
    if request is not None:
        parts.append(f'for "{framing.inline(request.text, _REQUEST)}" (#{request.label})')
    if commit is not None:
        parts.append(f"commit {commit.commit[:7]} {framing.inline(commit.text, _SUBJECT)}")
    return "; ".join(parts)
