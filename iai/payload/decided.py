"""What was decided, in its own words. Pure."""

from collections.abc import Iterable, Iterator

from iai.model import framing
from iai.model.record import Record
from iai.payload import cues, phrases
from iai.payload.abridge import abridge
from iai.payload.headline import done, verdict
from iai.payload.material import Decision
from iai.payload.phrases import Names
from iai.payload.statements import sentences

_ANSWERED = 80  # characters of the answer that a decision replies to
_CHOICE = 120  # and of the option that is chosen
_WORDS = 200  # of what was decided


def lines(decisions: Iterable[Decision], names: Names) -> Iterator[str]:
    """One decision a line: when, what about, and by whom if that is another person."""
    for one in decisions:
        who = phrases.whose(one.record.machine, names)
        by = "" if who.yours else f", {who.brief}"
        yield f"- {phrases.day(one.record.created_at)}{by}{told(one)}"


def told(decision: Decision) -> str:
    """What a decision is about, and its words, behind when it was made, or by whom."""
    return f"{_about(decision)}: {words(decision.record)}"


def _about(decision: Decision) -> str:
    """What a decision replies to, chooses or refuses, if it does not say that itself; or ""."""
    if decision.record.kind == "refusal":
        return f", refusing {decision.about}" if decision.about else ""
    if decision.choice:
        return choosing(decision.choice)
    return f', in reply to "{_gist(decision.about)}"' if decision.about else ""


def choosing(option: str) -> str:
    """What the option says that is chosen, to stand behind the choice, or before it."""
    return f', choosing "{framing.inline(option, _CHOICE)}"'


def _gist(answer: str) -> str:
    """Return the question that an answer ends with, else what was done, what it came to, or all."""
    last = sentences(" ".join(answer.split()))[-1]
    if last.endswith("?") and len(last) <= _ANSWERED:
        return framing.inline(last, _ANSWERED)
    return done(answer, _ANSWERED) or verdict(answer, _ANSWERED) or abridge(answer, _ANSWERED)


def words(record: Record) -> str:
    """What was decided, in its own words; of a long text the sentence, and what is before it."""
    whole = len(record.text) <= _WORDS
    text = framing.inline(record.text if whole else _sentence(record.text), phrases.LINE)
    if record.kind == "answer":
        text = phrases.said(record, 2 * phrases.LINE)
    kind = f", {record.kind}" if record.kind in ("answer", "refusal") else ""
    return f"{text} ({phrases.number(record)}{kind})"


def _sentence(text: str) -> str:
    """Return the sentence that decides, behind as many of those before it as find room."""
    told = cues.decided(text)
    if not told:
        return text
    before = " ".join(text.partition(told)[0].split())
    for sentence in reversed(sentences(before)):
        if len(sentence) + len(told) >= _WORDS:
            break
        told = f"{sentence} {told}"
    return told
