"""Texts that are shown as they are, as quotations: what was pinned or remembered. Pure."""

from collections.abc import Iterator

from iai.model import framing
from iai.model.record import Record
from iai.payload import phrases
from iai.payload.material import Material

_PINNED = 500  # characters of a text
_MINE = {"": "", "pin": "pinned for you alone, ", "note": "yours alone, "}


def pinned(material: Material, wall: int) -> Iterator[tuple[str, ...]]:
    """What was pinned, and by whom if that is another person than the one who said it."""
    for record in material.pinned:
        who = phrases.whose(record.machine, material.names)
        pinner = phrases.whose(material.pinned_on.get(record.label, ""), material.names)
        apart = not pinner.yours and pinner.person != who.person
        by = f"pinned by {pinner.brief}, " if apart else ""
        yield _quoted(record, material, wall, _PINNED, by)


def remembered(material: Material, wall: int) -> Iterator[tuple[str, ...]]:
    """What was noted outside a conversation."""
    for record in material.facts:
        yield _quoted(record, material, wall, phrases.LINE)


def _quoted(
    record: Record, material: Material, wall: int, limit: int, pinned_by: str = ""
) -> tuple[str, ...]:
    """A text as its own lines, each marked as a quotation so that it cannot pass for ours."""
    who = phrases.whose(record.machine, material.names)
    by = _MINE[record.mine] + ("" if who.yours else f"{who.brief}, ") + pinned_by
    when = f"{phrases.day(record.created_at)}{phrases.age(wall - record.created_at)}"
    text = _excerpt(framing.harmless(record.text).strip(), limit, record.label)
    quoted = (f"> {line.rstrip()}" for line in text.split("\n"))
    return (f"{phrases.number(record)}, {by}{when}:", *quoted)


def _excerpt(text: str, limit: int, label: int) -> str:
    """The beginning and the end of a text that is too long, and how to get the middle.

    What is not in the store yet has the label 0: it cannot be asked for.
    """
    if len(text) <= limit:
        return text
    head = text[: limit * 3 // 5].rsplit(" ", 1)[0]
    tail = text[-(limit * 2 // 5) :].split(" ", 1)[-1]
    left_out = len(text) - len(head) - len(tail)
    how = f": iai show '#{label}'" if label else ""
    return f"{head}\n[... {left_out:,} characters left out{how} ...]\n{tail}"
