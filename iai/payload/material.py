"""What a payload is made of, read from the records: only what will be shown.

So the cost does not grow with the store, no other process is needed, and a payload can be composed
while the group is down.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeAlias

from msgspec import Struct, structs

from iai.model import framing
from iai.model.record import Project, Record, Watermark
from iai.model.topic import Topic
from iai.payload import cues
from iai.payload.salience import most_telling, words

LAST_TURNS = 8  # turns read of the last session; the latest are placed first
SCANNED = 200  # turns of a session scanned to find them
PINNED = 12
FACTS = 8
EARLIER_SESSIONS = 5
LATELY = 700  # turns before the last exchange that are scanned
ELSEWHERE = 5
DECISIONS = 4  # by the user; an assistant only proposes
SAME_FILES = 5
TOPICS = 5

LINE = 300  # characters of a turn that is one of many
_TELLING = 60  # turns that may fit
SURE = 8  # the first of these, which always fit


class PayloadSource(Protocol):
    """Where a payload is read from: a `View` of the records, or one with more or less in it."""

    def watermark(self) -> Watermark: ...
    def belongs(self, project: str) -> str: ...
    def project_named(self, project: str) -> Project | None: ...
    def active(self) -> list[Project]: ...
    def sessions(self, project: str) -> Iterator[bytes]: ...
    def session(self, session: bytes, *, newest_first: bool = False) -> Iterator[Record]: ...
    def pinned(self, project: str) -> Iterator[Record]: ...
    def facts(self, project: str) -> Iterator[Record]: ...
    def changed(self, project: str) -> int: ...


class Session(Struct, frozen=True):
    """A session: its first request and its last turns."""

    first_request: Record | None
    turns: tuple[Record, ...]  # the last ones, in the order they were said


class Lately(Struct, frozen=True):
    """What was said in a project, apart from its last exchange, that is worth a line."""

    decisions: tuple[Record, ...] = ()  # the newest first
    left_open: tuple[Record, ...] = ()  # the last turns of earlier sessions
    same_files: tuple[Record, ...] = ()  # about what the last session named
    topics: tuple[tuple[Topic, Record], ...] = ()  # each with the newest statement on it
    telling: tuple[Record, ...] = ()  # the most telling first


class Material(Struct, frozen=True, kw_only=True):
    """What a payload is made of."""

    revision: int
    project_name: str  # "" for the global payload
    last: Session | None = None
    pinned: tuple[Record, ...] = ()
    facts: tuple[Record, ...] = ()  # noted outside any session, and not pinned
    earlier: tuple[Session, ...] = ()
    lately: Lately = Lately()
    elsewhere: tuple[tuple[str, Session], ...] = ()  # a project's name and its last session


# Project -> the revision it last changed in, its topics, and what was selected then.
Memo: TypeAlias = dict[str, tuple[int, tuple[Topic, ...], Lately]]


def gather(
    view: PayloadSource,
    project: str,
    project_name: str,
    topics: tuple[Topic, ...] = (),
    memo: Memo | None = None,
) -> Material:
    """Read what the payload of a project shows; `project` is "" for the global one.

    `topics` are the project's, from the graph. `memo` caches the most expensive part for as long as
    the project does not change.
    """
    project = view.belongs(project)
    known = view.project_named(project) if project else None
    project_name = known.name if known else project_name
    others = [other for other in view.active() if other.id != project]
    shown = [project] if project else [other.id for other in others]
    facts = (r for each in shown for r in islice(view.facts(each), FACTS) if not r.pinned)
    own = list(islice(_sessions(view, project), EARLIER_SESSIONS + 1)) if project else []
    material = Material(
        revision=view.watermark().revision,
        project_name=project_name,
        last=own[0] if own else None,
        pinned=tuple(islice((r for each in shown for r in view.pinned(each)), PINNED)),
        facts=tuple(islice(facts, FACTS)),
        earlier=tuple(own[1:]),
        elsewhere=tuple(
            (other.name, session)
            for other in others[:ELSEWHERE]
            for session in islice(_sessions(view, other.id), 1)
        ),
    )
    if not own:
        return material
    memo = {} if memo is None else memo
    changed = view.changed(project)
    if not changed or project not in memo or memo[project][:2] != (changed, topics):
        lately = list(islice(_lately(view, project, own), LATELY))
        memo[project] = changed, topics, _chosen(material, lately, topics)
    return structs.replace(material, lately=memo[project][2])


def _sessions(view: PayloadSource, project: str) -> Iterator[Session]:
    """Yield the sessions of a project, the latest first, with their turns in this project only."""
    for key in view.sessions(project):
        oldest = islice(view.session(key), SCANNED)
        newest = islice(view.session(key, newest_first=True), SCANNED)
        first = next((r for r in oldest if r.role == "user" and r.project == project), None)
        last = list(islice((r for r in newest if r.project == project), LAST_TURNS))
        if last:
            yield Session(first, tuple(reversed(last)))


def _lately(view: PayloadSource, project: str, shown: list[Session]) -> Iterator[Record]:
    """Yield the turns of a project, session by session, except those shown of the last one."""
    last = shown[0].turns
    for key in view.sessions(project):
        for record in islice(view.session(key, newest_first=True), SCANNED):
            if record.project == project and record not in last:
                yield record


def _chosen(material: Material, lately: list[Record], topics: tuple[Topic, ...]) -> Lately:
    """Select what is shown; nothing is shown twice."""
    sessions = [s for s in (material.last, *material.earlier) if s is not None]
    stopped = [turn for s in sessions[:1] for turn in s.turns]
    shown = {*material.pinned, *material.facts}
    ends = [s.turns[-1] for s in material.earlier]
    left_open = [r for r in ends if r not in shown and cues.left_open(r.text)]
    said = (r for r in lately if r.role == "user" and r not in shown)
    decisions = list(islice((r for r in said if cues.decided(r.text)), DECISIONS))
    named = frozenset[str]().union(*(cues.names(turn.text) for turn in stopped))
    same = [r for r in lately if cues.names(r.text) & named]
    above = [*shown, *stopped, *left_open, *decisions]
    above += [s.first_request for s in sessions if s.first_request]
    same_files = _telling(same, above, SAME_FILES)
    telling = _telling(lately, [*above, *same_files], _TELLING)
    stated = _stated(topics, telling)
    left = tuple(record for record in telling if record not in [newest for _, newest in stated])
    return Lately(tuple(decisions), tuple(left_open), same_files, stated, left)


def _stated(
    topics: tuple[Topic, ...], telling: tuple[Record, ...]
) -> tuple[tuple[Topic, Record], ...]:
    """Return the topics whose newest statement is worth its room, the most telling first.

    The others repeat what is shown already: including them left less room for the rest.
    """
    by_statement = {topic.statement: topic for topic in topics}
    sure = telling[:SURE]
    stated = ((by_statement[r.label], r) for r in sure if r.label in by_statement)
    return tuple(islice(stated, TOPICS))


def _telling(records: Sequence[Record], above: Iterable[Record], count: int) -> tuple[Record, ...]:
    """Return the records that add to those above, the most telling first."""
    known = (word for record in above for word in words(record.text))
    texts = [framing.inline(record.text, LINE) for record in records]
    said_in = [record.session for record in records]
    return tuple(records[place] for place in most_telling(texts, said_in, known)[:count])
