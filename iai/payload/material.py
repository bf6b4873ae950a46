"""What a payload is made of: read from the records alone, what will be shown and no more.

Its cost does not grow with the store, no other process is asked, and the same can be had while the
group is down.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol, TypeAlias

from msgspec import Struct, structs

from iai.model.action import Action
from iai.model.exchange import exchanges
from iai.model.member import Member
from iai.model.people import People, Whose
from iai.model.record import Project, Record, Watermark
from iai.model.session import SessionInfo
from iai.model.topic import Topic
from iai.payload import cues
from iai.payload.checkouts import Checkout, here_first
from iai.payload.summary import Summary, summarise

SESSIONS = 30  # latest sessions of a project that are read, of one's own
OTHERS = 20  # and of others
KEYS = 2_000  # latest sessions of a project among which these are looked for
TURNS = 200  # latest turns of a session that are read, besides its first request
ACTIONS = 2_000  # latest actions of a session that are read
PINNED = 12
FACTS = 8
NOTED = 32  # latest facts that are read, pinned and dismissed ones included; and latest pins
ELSEWHERE = 3
DECISIONS = 6
TOPICS = 6
REFUSALS = 3  # latest sessions whose refusals are shown, whatever they say
LEAST_WORDS = 3  # of a refusal that says something


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


class Decision(Struct, frozen=True):
    """What a user decided."""

    record: Record
    about: str = ""  # the answer that it replies to, or what it refuses; see `Summary.about`


class Others(Struct, frozen=True, kw_only=True):
    """What was said and done on machines that are not one's own (see `People.own`)."""

    sessions: tuple[Summary, ...] = ()  # that one has not seen, the latest first
    decisions: tuple[Decision, ...] = ()  # of any session
    since_last: bool = False  # are these sessions those since one's own last one?


class Material(Struct, frozen=True, kw_only=True):
    """What a payload is made of. Each tuple has what matters most, or is latest, first."""

    revision: int
    project_name: str  # "" for the payload of no project in particular
    root: str = ""  # of the project's working tree
    beside: tuple[str, ...] = ()  # the tops of its other checkouts
    branch: str = ""  # that is checked out; "" if that is not known
    asking: Summary | None = None  # the session that it is for, where that has to be reminded
    sessions: tuple[Summary, ...] = ()  # held by people, but for the trivial ones
    unattended: tuple[Summary, ...] = ()
    pinned: tuple[Record, ...] = ()
    pinned_on: dict[int, str] = {}  # label -> machine, of what was pinned on another
    facts: tuple[Record, ...] = ()  # noted outside a conversation, and not pinned
    decisions: tuple[Decision, ...] = ()
    topics: tuple[str, ...] = ()  # labels
    elsewhere: tuple[tuple[str, Summary], ...] = ()  # a project's name and its last session
    others: Others = Others()
    names: dict[str, Whose] = {}  # of the other machines that any of this is from

    @property
    def last(self) -> Summary | None:
        """The session that the next one goes on from."""
        return next(iter(self.sessions), None)


# Session -> revision of its last change when it was read, what was made of it.
Known: TypeAlias = dict[bytes, tuple[int, Summary | None]]
Memo: TypeAlias = dict[str, Known]  # project -> those of its latest sessions that were read


def gather(
    view: PayloadSource,
    project: str,
    project_name: str,
    topics: tuple[Topic, ...] = (),
    memo: Memo | None = None,
    *,
    without: str = "",
    checkout: Checkout | None = None,
    compacted: bool = False,
    elsewhere: bool = True,
    here: str = "user",
    since: int | None = None,
) -> Material:
    """Read what the payload of a project shows; `project` is "" for the global one.

    `topics` are those that the graph has of the project. `memo` keeps sessions from one time to the
    next, for as long as they stay the same. `without` is the id of a session that is not shown its
    own words, except for what it did so far if its context was `compacted`. A session of `checkout`
    comes first. `elsewhere`: may it show what was done in other projects? `here` says what is one's
    own (see `People`). Others' sessions are shown if they arrived after `since`, UTC nanoseconds;
    None: after one's own last session began, when one was shown what had arrived by then.
    """
    memo = {} if memo is None else memo
    # A label may have words of a record that was forgotten since.
    current = [topic for topic in topics if topic.revision >= view.erased_through()]
    project = view.belongs(project)
    known = view.project_named(project) if project else None
    others = [other for other in view.active() if other.id != project]
    if not elsewhere:
        others = []
    shown = [project] if project else [other.id for other in others]
    people = People(view.member, here)
    ours, theirs = _parted(view, project, people, memo)
    every = list(_sessions(view, ours, project, memo))
    own = list(_others(every, without))
    real = list(_real_first(s for s in own if not s.info.unattended))
    held = list(here_first(real, checkout))
    asking = next((s for s in every if compacted and s not in own), None)
    pinned = (r for each in shown for r in view.pinned(each) if not r.dismissed)
    pins = {record: view.pinned_on(record) for record in islice(pinned, NOTED)}
    noted = (r for each in shown for r in islice(view.facts(each), NOTED))
    facts = (record for record in noted if not record.is_pinned and not record.dismissed)
    material = Material(
        revision=view.watermark().revision,
        project_name=known.name if known else project_name,
        root=known.root if known else "",
        beside=(*checkout.here, *checkout.others) if checkout else (),
        asking=asking,
        branch=checkout.branch if checkout else "",
        sessions=tuple(held),
        unattended=tuple(s for s in own if s.info.unattended),
        pinned=tuple(sorted(pins, key=lambda r: (not people.own(pins[r]), -r.order)))[:PINNED],
        pinned_on={record.label: machine for record, machine in pins.items() if machine},
        facts=tuple(sorted(facts, key=lambda record: not people.own(record.machine)))[:FACTS],
        decisions=tuple(islice(_decisions([asking, *held] if asking else held), DECISIONS)),
        topics=tuple(topic.label for topic in current[:TOPICS]),
        elsewhere=tuple(
            (other.name, session)
            for other in others[:ELSEWHERE]
            if (session := _foremost(_latest(view, other.id, without, people, memo)))
        ),
        others=_news(list(_sessions(view, theirs, project, memo)), real, since),
    )
    return structs.replace(material, names=_names(material, people))


def _parted(
    view: PayloadSource, project: str, people: People, memo: Memo
) -> tuple[list[bytes], list[bytes]]:
    """Return the latest sessions of a project: one's own, and those held by other people.

    `memo` then has no others of that project.
    """
    known = memo.get(project, {})
    ours: list[bytes] = []
    theirs: list[bytes] = []
    for key in islice(view.sessions(project), KEYS) if project else ():
        info = _info(view, key, known)
        if people.own(info.machine):
            ours.append(key)
        elif not info.unattended:
            theirs.append(key)
        if len(ours) == SESSIONS:
            break
    del theirs[OTHERS:]
    memo[project] = {key: known[key] for key in (*ours, *theirs) if key in known}
    return ours, theirs


def _info(view: PayloadSource, session: bytes, known: Known) -> SessionInfo:
    """Return whose a session is; if only its turns are known, by those."""
    _, kept = known.get(session, (0, None))
    info = kept.info if kept else view.session_info(session)
    if info is not None:
        return info
    turn = next(view.session(session, newest_first=True), None)
    return SessionInfo(host="", session="", machine=turn.machine if turn else "")


def _news(theirs: list[Summary], real: list[Summary], since: int | None) -> Others:
    """Return what others did; `real` are one's own sessions, the last active first."""
    since_last = since is None and bool(real)
    if since_last:
        since = min(real[0].began_at, real[0].arrived_at)  # the clock there may be ahead
    return Others(
        sessions=tuple(_real_first(s for s in theirs if s.arrived_at > (since or 0))),
        decisions=tuple(islice(_decisions(theirs), DECISIONS)),
        since_last=since_last,
    )


def _names(material: Material, people: People) -> dict[str, Whose]:
    sessions = (*material.sessions, *material.unattended, *material.others.sessions)
    decisions = (*material.decisions, *material.others.decisions)
    records = (*material.pinned, *material.facts, *(one.record for one in decisions))
    shown = {record.label for record in material.pinned}
    machines = {session.info.machine for session in sessions}
    machines |= {session.info.machine for _, session in material.elsewhere}
    machines |= {record.machine for record in records}
    machines |= {machine for label, machine in material.pinned_on.items() if label in shown}
    return {machine: people.whose(machine) for machine in machines - {""}}


def _sessions(
    view: PayloadSource, keys: Iterable[bytes], project: str, memo: Memo
) -> Iterator[Summary]:
    """Yield these sessions as summaries of what was said in a project."""
    known = memo.setdefault(project, {})
    for key in keys:
        changed = view.session_changed(key)
        kept = known.get(key)
        if kept is None or not changed or kept[0] != changed:
            kept = known[key] = changed, summary_of(view, key, project)
        if kept[1] is not None and not kept[1].dismissed:
            yield kept[1]


def _latest(
    view: PayloadSource, project: str, without: str, people: People, memo: Memo
) -> Iterator[Summary]:
    """Yield the other sessions of a project, one's own if there are any; the latest first."""
    ours, theirs = _parted(view, project, people, memo)
    return _others(_sessions(view, ours or theirs, project, memo), without)


def _foremost(sessions: Iterable[Summary]) -> Summary | None:
    """Return the first session that a person held and that is not trivial, else another one.

    What comes after it is not read.
    """
    passed: list[Summary] = []
    for session in sessions:
        if not session.trivial and not session.info.unattended:
            return session
        passed.append(session)
    people_first = sorted(passed, key=lambda session: session.info.unattended)
    return next(_real_first(people_first), None)


def _others(sessions: Iterable[Summary], session: str) -> Iterator[Summary]:
    """Yield the sessions but for one of this machine; all, if that is ""."""
    return (s for s in sessions if s.info.machine or not session or s.info.session != session)


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


def _real_first(sessions: Iterable[Summary]) -> Iterator[Summary]:
    """Leave trivial sessions out, unless there are no others; then small talk comes last."""
    every = list(sessions)
    real = [session for session in every if not session.trivial]
    return iter(real or sorted(every, key=lambda s: all(map(cues.small_talk, _asked(s)))))


def _asked(session: Summary) -> list[str]:
    return [request.text for request in session.requests]


def _decisions(sessions: Iterable[Summary]) -> Iterator[Decision]:
    """Yield what the user decided, the latest first."""
    for place, session in enumerate(sessions):
        stated = (r for r in session.requests if cues.decided(r.text))
        chosen = (r for r in session.said if _chosen(r, recent=place < REFUSALS))
        latest_first = sorted((*chosen, *stated), key=lambda r: r.order, reverse=True)
        unmarked = (record for record in latest_first if not record.marks)
        yield from (Decision(record, session.about.get(record.order, "")) for record in unmarked)


def _chosen(said: Record, *, recent: bool) -> bool:
    """Return whether an answer, or words with a refusal, decide something that still holds.

    Most refusals are about the step they refuse: they hold for a while, unless they prescribe.
    """
    if said.kind == "answer" or cues.decided(said.text):
        return True
    return recent and len(said.text.split()) >= LEAST_WORDS and not cues.only_asks(said.text)
