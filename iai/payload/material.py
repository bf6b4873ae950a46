"""What a payload is made of: read from the records alone, what will be shown and no more.

Its cost does not grow with the store, no other process is asked, and the same can be had while the
group is down.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec import Struct, structs

from iai.model.people import People, Whose
from iai.model.record import Record
from iai.model.topic import Topic
from iai.payload import cues
from iai.payload.checkouts import Checkout, here_first
from iai.payload.sessions import Memo, PayloadSource, SessionReader, readable, real_first
from iai.payload.summary import Summary

PINNED = 12
FACTS = 8
NOTED = 32  # latest facts that are read, pinned and dismissed ones included; and latest pins
ELSEWHERE = 3
DECISIONS = 6
TOPICS = 6
REFUSALS = 3  # latest sessions whose refusals are shown, whatever they say
LEAST_WORDS = 3  # of a refusal that says something


class Decision(Struct, frozen=True):
    """What a user decided."""

    record: Record
    about: str = ""  # the answer that it replies to, or what it refuses; see `Summary.about`
    choice: str = ""  # what the option says that it chooses


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
    project = view.belongs(project)
    known = view.project_named(project) if project else None
    active = [other for other in view.active() if other.id != project]
    people = People(view.member, here)
    sessions = SessionReader(view, people, without, {} if memo is None else memo)
    ours, theirs = sessions.of(project)
    own = list(sessions.shown(ours))
    attended = list(real_first(session for session in own if not session.info.unattended))
    held = list(here_first(attended, checkout))
    asking = next((one for one in ours if compacted and one not in own), None)
    shown = [project] if project else [other.id for other in active if elsewhere]
    pins = _pins(view, shown)
    material = Material(
        revision=view.watermark().revision,
        project_name=known.name if known else project_name,
        root=known.root if known else "",
        beside=(*checkout.here, *checkout.others) if checkout else (),
        asking=asking,
        branch=checkout.branch if checkout else "",
        sessions=tuple(held),
        unattended=tuple(session for session in own if session.info.unattended),
        pinned=tuple(sorted(pins, key=lambda r: (not people.own(pins[r]), -r.order)))[:PINNED],
        pinned_on={record.label: machine for record, machine in pins.items() if machine},
        facts=_facts(view, shown, people),
        decisions=tuple(islice(_decisions([asking, *held] if asking else held), DECISIONS)),
        topics=_labels(view, topics),
        elsewhere=tuple(
            (other.name, last)
            for other in (active[:ELSEWHERE] if elsewhere else ())
            if (last := sessions.last_of(other.id))
        ),
        others=_news(theirs, attended, since),
    )
    return structs.replace(material, names=_names(material, people))


def _pins(view: PayloadSource, projects: list[str]) -> dict[Record, str]:
    """Map the latest pins of these projects to the machines on which they were pinned."""
    pinned = (r for project in projects for r in view.pinned(project) if not r.dismissed)
    return {readable(record): view.pinned_on(record) for record in islice(pinned, NOTED)}


def _facts(view: PayloadSource, projects: list[str], people: People) -> tuple[Record, ...]:
    noted = (r for project in projects for r in islice(view.facts(project), NOTED))
    facts = (readable(r) for r in noted if not r.is_pinned and not r.dismissed)
    return tuple(sorted(facts, key=lambda record: not people.own(record.machine)))[:FACTS]


def _labels(view: PayloadSource, topics: tuple[Topic, ...]) -> tuple[str, ...]:
    """Return the labels of topics, but for those that may have words of a forgotten record."""
    current = (topic for topic in topics if topic.revision >= view.erased_through())
    return tuple(topic.label for topic in islice(current, TOPICS))


def _news(theirs: list[Summary], real: list[Summary], since: int | None) -> Others:
    """Return what others did; `real` are one's own sessions, the last active first."""
    since_last = since is None and bool(real)
    if since_last:
        since = min(real[0].began_at, real[0].arrived_at)  # the clock there may be ahead
    return Others(
        sessions=tuple(real_first(s for s in theirs if s.arrived_at > (since or 0))),
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


def _decisions(sessions: Iterable[Summary]) -> Iterator[Decision]:
    """Yield what the user decided, the latest first."""
    for place, session in enumerate(sessions):
        stated = (r for r in session.requests if r.order in session.choices or cues.decided(r.text))
        chosen = (r for r in session.said if _chosen(r, recent=place < REFUSALS))
        latest_first = sorted((*chosen, *stated), key=lambda r: r.order, reverse=True)
        unmarked = (record for record in latest_first if not record.marks)
        for record in unmarked:
            about, choice = (
                session.about.get(record.order, ""),
                session.choices.get(record.order, ""),
            )
            yield Decision(record, about, choice)


def _chosen(said: Record, *, recent: bool) -> bool:
    """Return whether an answer, or words with a refusal, decide something that still holds.

    Most refusals are about the step they refuse: they hold for a while, unless they prescribe.
    """
    if said.kind == "answer" or cues.decided(said.text):
        return True
    return recent and len(said.text.split()) >= LEAST_WORDS and not cues.only_asks(said.text)
