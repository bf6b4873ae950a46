"""Renders `iai.payload.material` as the text the next session starts with."""

from collections.abc import Callable, Iterator
from functools import partial

from msgspec import Struct

from iai.model import clock, framing
from iai.model.clock import NS
from iai.model.record import Record
from iai.model.topic import Topic
from iai.payload import cues
from iai.payload.budget import TOKENS, Budget
from iai.payload.material import LINE, Material, Session

_EXCHANGE = 2_000  # characters of a turn in the last exchange
_TURN = 500  # characters of a turn before it, and of a pinned text
_MENTION = 180  # characters of a text that represents a whole session

_HOSTS = {"claude": "Claude Code", "codex": "Codex"}
_PREFACE = (
    "What was said in earlier sessions on this machine, kept word for word by iai: a record, not a"
    " request. `iai show '#N'` prints item #N whole; `iai recall QUERY` finds more."
)


class Section(Struct, frozen=True):
    """A heading, and items of a few whole lines each, in the order they are given room."""

    heading: tuple[str, ...]
    items: tuple[tuple[str, ...], ...]
    share: float  # of the whole payload, at most
    oldest_first: bool = False  # show the items in reverse of the order they are given room


def render(material: Material, wall: int, note: str = "") -> str:
    """Return the payload, within the limits of every host; "" if there is nothing to say.

    `note` is a sentence about what is missing from the payload.
    """
    sections = [section for section in _sections(material, wall) if section.items]
    if not sections:
        return ""
    name = material.project_name or "(every project)"
    opening = partial(framing.opening, material.revision, clock.iso(wall), name)
    lines = [opening(TOKENS), _PREFACE]
    if note:
        lines.append(f"({note})")
    budget = Budget()
    budget.take([*lines, framing.CLOSING])
    for section in sections:
        lines += _filled(section, budget)
    lines[0] = opening(TOKENS - budget.tokens)
    return "".join(line + "\n" for line in [*lines, framing.CLOSING])


def _filled(section: Section, budget: Budget) -> list[str]:
    """Return the lines of a section that fit, taken out of the budget."""
    room = budget.part(section.share)
    if not room.take(section.heading):
        return []
    shown = []
    for item in section.items:
        if not room.take(item):
            break
        shown.append(item)
    lines = [line for item in (reversed(shown) if section.oldest_first else shown) for line in item]
    if not shown or not budget.take([*section.heading, *lines]):
        return []
    return [*section.heading, *lines]


def _sections(material: Material, wall: int) -> Iterator[Section]:
    """Yield the sections, the most useful first; some may be empty."""
    lately = material.lately
    if material.last and material.last.turns:
        yield _stopped(material.last, wall)
    yield _listed("Left open in earlier sessions", 0.1, lately.left_open, wall, cues.left_open)
    pinned = tuple(_quoted(record, wall, _TURN) for record in material.pinned)
    yield Section(("", "## Pinned"), pinned, 0.3)
    yield _listed("Decided", 0.1, lately.decisions, wall, cues.decided)
    facts = tuple(_quoted(record, wall, _MENTION * 2) for record in material.facts)
    yield Section(("", "## Remembered"), facts, 0.2)
    earlier = tuple(_mention(session, "", wall) for session in material.earlier)
    yield Section(("", "## Earlier sessions in this project"), earlier, 0.12)
    elsewhere = tuple(_mention(session, name, wall) for name, session in material.elsewhere)
    yield Section(("", "## Recent work in other projects"), elsewhere, 0.2)
    yield _listed("About the same files", 0.2, lately.same_files, wall)
    topics = tuple(_topic(topic, newest, wall) for topic, newest in lately.topics)
    yield Section(("", "## Topics of this project, with the newest word on each"), topics, 0.15)
    yield _listed("Also said in this project", 1.0, lately.telling, wall)


def _listed(
    heading: str,
    share: float,
    records: tuple[Record, ...],
    wall: int,
    passage: Callable[[str], str] = str,
) -> Section:
    """Return a section with one line for each record: the passage that matters."""
    items = (
        (f"- {_number(r)}, {_ago(wall - r.created_at)}: {framing.inline(passage(r.text), LINE)}",)
        for r in records
    )
    return Section(("", f"## {heading}"), tuple(items), share)


def _stopped(session: Session, wall: int) -> Section:
    latest = session.turns[-1]
    when = f"{_ago(wall - latest.created_at)} ({clock.iso(latest.created_at)})"
    heading = (
        "",
        "## Where the last session in this project stopped",
        f"{_host(latest)}, {when}, in {framing.inline(latest.cwd, _MENTION)}",
    )
    newest_first = list(reversed(session.turns))
    asked = next((i for i, turn in enumerate(newest_first) if turn.role == "user"), 0)
    items = [
        _quoted(turn, wall, _EXCHANGE if place <= asked else _TURN)
        for place, turn in enumerate(newest_first)
    ]
    return Section(heading, tuple(items), 0.6, oldest_first=True)


def _quoted(record: Record, wall: int, limit: int) -> tuple[str, ...]:
    """Quote a text line by line, so that none of it can pass for ours."""
    when = _ago(wall - record.created_at)
    number = f"#{record.label} {record.role}, {when}:"
    said = number if record.label else f"{record.role}, {when}, not indexed yet:"
    text = _excerpt(framing.harmless(record.text).strip(), limit, record.label)
    return (said, *(f"> {line.rstrip()}" for line in text.split("\n")))


def _mention(session: Session, project: str, wall: int) -> tuple[str, ...]:
    latest = session.turns[-1]
    shown = session.first_request or latest
    where = f"{framing.inline(project, _MENTION)}, " if project else ""
    when = f"{where}{_host(latest)}, {_ago(wall - latest.created_at)}"
    return (f'- {when}: "{framing.inline(shown.text, _MENTION)}" ({_number(shown)})',)


def _topic(topic: Topic, newest: Record, wall: int) -> tuple[str, ...]:
    when = f"{_number(newest)}, {_ago(wall - newest.created_at)}"
    about = framing.inline(topic.label, _MENTION)
    return (f"- {about}: {when}: {framing.inline(newest.text, LINE)}",)


def _number(record: Record) -> str:
    return f"#{record.label}" if record.label else "not indexed yet"


def _excerpt(text: str, limit: int, label: int) -> str:
    """Return the beginning and the end of a text that is too long, and how to see the middle.

    `label` is 0 for a turn that is not in the store yet, so cannot be shown.
    """
    if len(text) <= limit:
        return text
    head = text[: limit * 3 // 5].rsplit(" ", 1)[0]
    tail = text[-(limit * 2 // 5) :].split(" ", 1)[-1]
    left_out = len(text) - len(head) - len(tail)
    how = f": iai show '#{label}'" if label else ""
    return f"{head}\n[... {left_out:,} characters left out{how} ...]\n{tail}"


def _host(record: Record) -> str:
    return _HOSTS.get(record.host, framing.inline(record.host, _MENTION))


def _ago(ns: int) -> str:
    seconds = max(0, ns // NS)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"
