"""What a user selects to be forgotten: by session, project, time, file or text.

Everything that is given has to fit. What is selected is listed, so that exactly that is deleted.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from msgspec import Struct

from iai.errors import BadUsage
from iai.hosts.registry import HOSTS
from iai.model.action import Action
from iai.model.exchange import opens
from iai.model.phrase import says
from iai.model.record import CLIENT, Record, session_key
from iai.model.session import SessionInfo
from iai.protocol.ingest import SessionPart
from iai.recall.file_history import ends_with
from iai.store import half_read
from iai.store.record_view import RecordView


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked for; "" or 0 asks for nothing."""

    session: str = ""  # the host's id of it, or `#` and a record of it
    project: str = ""  # id
    since: int = 0  # UTC nanoseconds
    until: int = 0  # UTC nanoseconds, excluded
    file: str = ""  # path, or the end of one
    text: str = ""  # exactly as it was written

    @property
    def open(self) -> bool:
        """Is nothing asked for?"""
        return self == Wanted()

    @property
    def anywhere(self) -> bool:
        """Is it a text, wherever that is?"""
        return bool(self.text) and self == Wanted(text=self.text)


class Along(Struct):
    """What goes with records, so that it is counted once."""

    actions: set[str] = set()  # keys
    titles: dict[bytes, str] = {}  # by session
    branches: dict[bytes, str] = {}  # by session


class Selected(Struct, kw_only=True):
    """What fits."""

    records: list[Record] = []
    parts: list[SessionPart] = []  # besides what goes with the records
    # Of these, those that go with the records included:
    actions: int = 0
    titles: list[str] = []
    branches: list[str] = []  # their names
    half_read: int = (
        0  # transcripts of which something that fits is kept to understand what follows
    )
    events: int = 0  # hook events that wait, or were set aside, with the text
    files: int = 0  # where nothing else fits, those that have the text in them all the same
    projects: list[str] = []  # ids of projects of which nothing is left

    @property
    def empty(self) -> bool:
        """Does nothing fit?"""
        kept = self.half_read or self.events or self.files
        return not (self.records or self.parts or kept)


def select(view: RecordView, wanted: Wanted) -> Selected:
    """Select what fits. Raises BadUsage for a session that is not there."""
    selected = Selected()
    sessions = _sessions(view, wanted)
    if wanted.file:
        _by_file(view, wanted, sessions, selected)
        return selected
    records = _records(view, wanted, sessions)
    selected.records = [record for record in records if _fits(record, wanted)]
    along = add_what_goes_along(view, selected)
    _by_actions(view, wanted, sessions, selected, along)
    _by_names(view, wanted, sessions, selected, along)
    if wanted.project and wanted == Wanted(project=wanted.project):
        selected.projects = [wanted.project]
    return selected


def _sessions(view: RecordView, wanted: Wanted) -> set[bytes] | None:
    """Return the sessions to look in; None for all."""
    if wanted.session.startswith("#"):
        record = view.find(wanted.session)
        if record is None or not record.in_session:
            raise BadUsage(f"{wanted.session} is not a record of a session")
        return {record.session_key}
    if wanted.session:
        hosts = {CLIENT, *(host.NAME for host in HOSTS)}
        machines = {"", *(member.machine for member in view.members())}
        found = {session_key(h, wanted.session, one) for h in hosts for one in machines}
        infos = (info for info in view.session_infos() if info.session == wanted.session)
        found |= {info.session_key for info in infos}
        there = {key for key in found if view.has_turns(key) or view.session_info(key)}
        if not there:
            raise BadUsage(f"there is no session {wanted.session}; `iai timeline --json` lists ids")
        return there
    return set(view.sessions(wanted.project)) if wanted.project else None


def _records(view: RecordView, wanted: Wanted, sessions: set[bytes] | None) -> Iterable[Record]:
    if wanted.session:
        return [record for key in sorted(sessions or ()) for record in _all_of(view, key)]
    return view.project(wanted.project) if wanted.project else view.every()


def _all_of(view: RecordView, session: bytes) -> Iterator[Record]:
    yield from view.session(session)
    yield from view.narration(session)
    yield from view.rewound(session)


def _fits(record: Record, wanted: Wanted) -> bool:
    return (
        wanted.project in ("", record.project)
        and record.created_at >= wanted.since
        and (not wanted.until or record.created_at < wanted.until)
        and says("\0".join((record.text, *record.tags)), wanted.text)
    )


def add_what_goes_along(view: RecordView, selected: Selected) -> Along:
    """Count what `Forgetting.record` deletes with the selected records.

    That is what was done for a request, a title that repeats a text, and with its last turn, all
    that is known of a session.
    """
    along = Along()
    sessions: dict[bytes, list[Record]] = {}
    for record in selected.records:
        if record.in_session:
            sessions.setdefault(record.session_key, []).append(record)
    for session, records in sessions.items():
        _add_of_session(view, session, records, along)
    selected.actions += len(along.actions)
    selected.titles += along.titles.values()
    selected.branches += along.branches.values()
    return along


def _add_of_session(
    view: RecordView, session: bytes, records: Sequence[Record], along: Along
) -> None:
    info = view.session_info(session) or SessionInfo(host="", session="")
    if {record.label for record in records}.issuperset(view.labels(session)):
        along.actions |= {action.key for action in view.all_actions(session)}
        if info.branch:
            along.branches[session] = info.branch
    else:
        requests = (record for record in records if opens(record))
        along.actions |= {a.key for request in requests for a in view.all_done(request)}
        if not any(half_read.repeats(info.title, record.text) for record in records):
            return
    if info.title:
        along.titles[session] = info.title


def _by_actions(
    view: RecordView,
    wanted: Wanted,
    sessions: set[bytes] | None,
    selected: Selected,
    along: Along,
) -> None:
    """Select actions by what they say and when they were done, in whole sessions or in all."""
    if wanted.project and not (wanted.text or wanted.since or wanted.until):
        return  # a session may go on in another project
    parts: dict[bytes, None] = {}
    for session, action in _actions(view, sessions):
        said = not wanted.text or any(says(words, wanted.text) for words in action.words)
        if said and _in_time(action, wanted):
            parts[session] = None
            selected.actions += action.key not in along.actions
    selected.parts += [
        SessionPart(session=s.hex(), since=wanted.since, until=wanted.until, text=wanted.text)
        for s in parts
    ]


def _actions(view: RecordView, sessions: set[bytes] | None) -> Iterator[tuple[bytes, Action]]:
    if sessions is None:
        yield from view.everything_done()
        return
    for session in sorted(sessions):
        yield from view.everything_done(session)


def _in_time(action: Action, wanted: Wanted) -> bool:
    return action.at >= wanted.since and (not wanted.until or action.at < wanted.until)


def _by_names(
    view: RecordView,
    wanted: Wanted,
    sessions: set[bytes] | None,
    selected: Selected,
    along: Along,
) -> None:
    whole = wanted == Wanted(session=wanted.session)
    if wanted.since or wanted.until or not (wanted.text or whole):
        return
    for info in view.session_infos():
        key = info.session_key
        within = sessions is None or key in sessions
        if within and info.title and says(info.title, wanted.text):
            selected.titles += [info.title] if key not in along.titles else []
            selected.parts.append(SessionPart(session=key.hex(), title=True))
        if within and wanted.text and says(info.branch, wanted.text):
            selected.branches += [info.branch] if key not in along.branches else []
            selected.parts.append(SessionPart(session=key.hex(), text=wanted.text, branch=True))
    if wanted.anywhere:
        selected.half_read = sum(
            half_read.saying(wanted.text)(one) != one for one in view.transcripts()
        )


def _by_file(
    view: RecordView, wanted: Wanted, sessions: set[bytes] | None, selected: Selected
) -> None:
    """Select the exchanges that touched a file."""
    records: dict[int, Record] = {}
    alone: set[str] = set()  # keys of what was done before any request
    name = os.path.basename(os.path.normpath(wanted.file))  # noqa: PTH119
    undone = ((session, action) for session, action in view.everything_done() if action.undone)
    for session, action in chain(view.of_file(name), undone):
        if (sessions is not None and session not in sessions) or not _touched(action, wanted.file):
            continue
        request = view.request_before(session, action.at)
        if request is None:
            selected.parts.append(
                SessionPart(session=session.hex(), since=action.at, until=action.at + 1)
            )
            alone.add(action.key)
            continue
        exchange = view.exchange(request)
        turns = [turn for turn in exchange.turns if _fits(turn, wanted)]
        records |= {turn.label: turn for turn in turns}
    selected.records = sorted(records.values(), key=lambda record: record.label)
    along = add_what_goes_along(view, selected)
    selected.actions += len(alone - along.actions)


def _touched(action: Action, file: str) -> bool:
    names = {os.path.normpath(file), os.path.abspath(file)}  # noqa: PTH100  keeps links
    paths = [path for path in (action.path, action.to) if path]
    return any(ends_with(path, name) for path in paths for name in names)
