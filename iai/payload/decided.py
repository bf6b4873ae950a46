"""What was decided, in its own words. Pure."""

from collections.abc import Iterable, Iterator

from iai.model import framing
from iai.model.record import Record
from iai.payload import cues, phrases
from iai.payload.phrases import Names

_SHORT_DECISION = 200  # a text up to this long is shown whole: what it decides may be in two parts


def lines(records: Iterable[Record], names: Names) -> Iterator[str]:
    """One decision a line: when, and by whom if that is another person."""
    for record in records:
        who = phrases.whose(record.machine, names)
        by = "" if who.yours else f", {who.brief}"
        yield f"- {phrases.day(record.created_at)}{by}: {words(record)}"


def words(record: Record) -> str:
    """What was decided, in its own words."""
    whole = len(record.text) <= _SHORT_DECISION
    text = framing.inline((not whole and cues.decided(record.text)) or record.text, phrases.LINE)
    if record.kind == "answer":
        text = phrases.said(record, 2 * phrases.LINE)
    kind = f", {record.kind}" if record.kind in ("answer", "refusal") else ""
    return f"{text} ({phrases.number(record)}{kind})"
