"""What a user selects to be forgotten: by session, project, time, file or text.

Everything that is given has to fit. What is selected is listed, so that exactly that is deleted.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from msgspec import Struct

from iai.errors import BadUsage
from iai.hosts.registry import HOSTS
from iai.model.action import Action
from iai.model.exchange import opens
from iai.model.phrase import says
from iai.model.record import CLIENT, Record, session_key
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


class Selected(Struct, kw_only=True):
    """What fits."""

    records: list[Record] = []
    parts: list[SessionPart] = []  # besides what goes with the records
    actions: int = 0  # those that go with the records included
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
    gone = work_of(view, selected.records)
    selected.actions = len(gone)
    _by_actions(view, wanted, sessions, selected, gone)
    _by_names(view, wanted, sessions, selected)
    counted = {part.session for part in selected.parts if part.title}
    selected.titles += titles_of(view, selected.records, counted)
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


def work_of(view: RecordView, records: list[Record]) -> set[str]:
    """Return the keys of the actions that go with requests."""
    asked = (r for r in records if r.in_session and opens(r) and not r.rewound)
    return {action.key for request in asked for action in view.done(request)}


def titles_of(view: RecordView, records: list[Record], but: Collection[str] = ()) -> Iterator[str]:
    """Yield the titles that go with records: those of the sessions of which nothing else is left.

    `but`: not of these sessions.
    """
    by_session: dict[bytes, set[int]] = {}
    for record in records:
        if record.in_session:
            by_session.setdefault(record.session_key, set()).add(record.label)
    for session, labels in by_session.items():
        info = view.session_info(session)
        if info is None or not info.title or session.hex() in but:
            continue
        if all(turn.label in labels for turn in _all_of(view, session)):
            yield info.title


def _by_actions(
    view: RecordView,
    wanted: Wanted,
    sessions: set[bytes] | None,
    selected: Selected,
    gone: set[str],
) -> None:
    """Select actions by what they say and when they were done, in whole sessions or in all."""
    if wanted.project and not (wanted.text or wanted.since or wanted.until):
        return  # a session may go on in another project
    parts: dict[bytes, None] = {}
    for session, action in _actions(view, sessions):
        said = not wanted.text or any(says(words, wanted.text) for words in action.words)
        if said and _in_time(action, wanted):
            parts[session] = None
            selected.actions += action.key not in gone
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
    view: RecordView, wanted: Wanted, sessions: set[bytes] | None, selected: Selected
) -> None:
    whole = wanted == Wanted(session=wanted.session)
    if wanted.since or wanted.until or not (wanted.text or whole):
        return
    for info in view.session_infos():
        key = info.session_key
        within = sessions is None or key in sessions
        if within and info.title and says(info.title, wanted.text):
            selected.titles.append(info.title)
            selected.parts.append(SessionPart(session=key.hex(), title=True))
        if within and wanted.text and says(info.branch, wanted.text):
            selected.branches.append(info.branch)
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
    keys: set[str] = set()
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
            keys.add(action.key)
            continue
        exchange = view.exchange(request)
        turns = [turn for turn in exchange.turns if _fits(turn, wanted)]
        records |= {turn.label: turn for turn in turns}
        if turns:
            keys |= {done.key for done in view.done(request)}
    selected.records = sorted(records.values(), key=lambda record: record.label)
    selected.actions = len(keys)


def _touched(action: Action, file: str) -> bool:
    names = {os.path.normpath(file), os.path.abspath(file)}  # noqa: PTH100  keeps links
    paths = [path for path in (action.path, action.to) if path]
    return any(ends_with(path, name) for path in paths for name in names)
