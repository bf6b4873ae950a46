"""The sessions of a project as a payload shows them. Pure."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol, TypeAlias

from msgspec import structs

from iai.model.action import Action
from iai.model.exchange import exchanges
from iai.model.member import Member
from iai.model.people import People
from iai.model.record import Project, Record, Watermark
from iai.model.session import SessionInfo
from iai.payload import cues
from iai.payload.summary import Summary, summarise

SESSIONS = 30  # latest sessions of a project that are read, of one's own
OTHERS = 20  # and of others
KEYS = 2_000  # latest sessions of a project among which these are looked for
TURNS = 200  # latest turns of a session that are read, besides its first request
ACTIONS = 2_000  # latest actions of a session that are read
LONGEST = 32_768  # characters of a text that are read, a quarter of them from its end


class PayloadSource(Protocol):
    """What is read for it: the records, alone or with what is still pending (see `RecordView`)."""

    def watermark(self) -> Watermark: ...
    def belongs(self, project: str) -> str: ...
    def project_named(self, project: str) -> Project | None: ...
    def active(self) -> list[Project]: ...
    def sessions(self, project: str) -> Iterator[bytes]: ...
    def session(self, session: bytes, *, newest_first: bool = False) -> Iterator[Record]: ...
    def actions(self, session: bytes, *, newest_first: bool = False) -> Iterator[Action]: ...
    def session_info(self, session: bytes) -> SessionInfo | None: ...
    def pinned(self, project: str) -> Iterator[Record]: ...
    def facts(self, project: str) -> Iterator[Record]: ...
    def session_changed(self, session: bytes) -> int: ...
    def erased_through(self) -> int: ...
    def member(self, machine: str) -> Member | None: ...
    def pinned_on(self, record: Record) -> str: ...


# Session -> revision of its last change when it was read, what was made of it.
Known: TypeAlias = dict[bytes, tuple[int, Summary | None]]
Memo: TypeAlias = dict[str, Known]  # project -> those of its latest sessions that were read


class SessionReader:
    """Reads sessions as summaries, with those that are in the memo and have not changed."""

    def __init__(self, view: PayloadSource, people: People, without: str, memo: Memo) -> None:
        """`without` is the id of a session of this machine that is not shown; "" for none."""
        self._view = view
        self._people = people
        self._without = without
        self._memo = memo

    def of(self, project: str) -> tuple[list[Summary], list[Summary]]:
        """Return the latest sessions of a project: one's own, and those held by other people."""
        ours, theirs = self._keys(project)
        return list(self._summaries(ours, project)), list(self._summaries(theirs, project))

    def shown(self, sessions: Iterable[Summary]) -> Iterator[Summary]:
        """Yield the sessions but for the one that is not shown."""
        out = self._without
        return (s for s in sessions if s.info.machine or not out or s.info.session != out)

    def last_of(self, project: str) -> Summary | None:
        """Return the last session that a person held and that is not trivial, else another one.

        It is one's own if there are any. What comes after it is not read.
        """
        ours, theirs = self._keys(project)
        passed: list[Summary] = []
        for session in self.shown(self._summaries(ours or theirs, project)):
            if not session.trivial and not session.info.unattended:
                return session
            passed.append(session)
        people_first = sorted(passed, key=lambda session: session.info.unattended)
        return next(real_first(people_first), None)

    def _keys(self, project: str) -> tuple[list[bytes], list[bytes]]:
        """Return the keys of those sessions; the memo then has no others of that project."""
        known = self._memo.get(project, {})
        ours: list[bytes] = []
        theirs: list[bytes] = []
        for key in islice(self._view.sessions(project), KEYS) if project else ():
            info = self._info(key, known)
            if self._people.own(info.machine):
                ours.append(key)
            elif not info.unattended:
                theirs.append(key)
            if len(ours) == SESSIONS:
                break
        del theirs[OTHERS:]
        self._memo[project] = {key: known[key] for key in (*ours, *theirs) if key in known}
        return ours, theirs

    def _info(self, session: bytes, known: Known) -> SessionInfo:
        """Return whose a session is; if only its turns are known, by those."""
        _, kept = known.get(session, (0, None))
        info = kept.info if kept else self._view.session_info(session)
        if info is not None:
            return info
        turn = next(self._view.session(session, newest_first=True), None)
        return SessionInfo(host="", session="", machine=turn.machine if turn else "")

    def _summaries(self, keys: Iterable[bytes], project: str) -> Iterator[Summary]:
        """Yield these sessions as summaries of what was said in a project."""
        known = self._memo.setdefault(project, {})
        for key in keys:
            changed = self._view.session_changed(key)
            kept = known.get(key)
            if kept is None or not changed or kept[0] != changed:
                kept = known[key] = changed, summary_of(self._view, key, project)
            if kept[1] is not None and not kept[1].dismissed:
                yield kept[1]


def summary_of(view: PayloadSource, session: bytes, project: str) -> Summary | None:
    """Return a session by its latest turns in a project; None without any."""
    newest = islice(view.session(session, newest_first=True), TURNS)
    turns = [turn for turn in newest if turn.project == project]
    if not turns:
        return None
    turns.reverse()
    if len(turns) == TURNS:
        first = next((t for t in view.session(session) if t.project == project), turns[0])
        turns = [first, *(turn for turn in turns if turn != first)]
    turns = [readable(turn) for turn in turns]
    actions = list(islice(view.actions(session, newest_first=True), ACTIONS))
    actions.reverse()
    known = view.session_info(session)
    info = known or SessionInfo(
        host=turns[0].host,
        session=turns[0].session,
        cwd=turns[-1].cwd,
        machine=turns[0].machine,
    )
    found = list(exchanges(turns, actions))
    shown = [turn.created_at for e in found for turn in e.turns if turn not in e.narration]
    ended_at = max(shown[-1], actions[-1].at if actions else 0)
    home = view.project_named(project)
    summary = summarise(found, info, (shown[0], ended_at), home.root if home else "")
    return structs.replace(summary, arrived_at=max(turn.ingested_at for turn in turns))


def readable(record: Record) -> Record:
    """Return a record without the middle of a long text: to look through megabytes takes seconds.

    What a text wants or says is at its beginning or its end; what is between was pasted.
    """
    if len(record.text) <= LONGEST:
        return record
    end = LONGEST // 4
    return structs.replace(record, text=f"{record.text[: LONGEST - end]}\n{record.text[-end:]}")


def real_first(sessions: Iterable[Summary]) -> Iterator[Summary]:
    """Leave trivial sessions out, unless there are no others; then small talk comes last."""
    every = list(sessions)
    real = [session for session in every if not session.trivial]
    return iter(real or sorted(every, key=lambda s: all(map(cues.small_talk, _asked(s)))))


def _asked(session: Summary) -> list[str]:
    return [request.text for request in session.requests]
