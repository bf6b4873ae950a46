"""Exchanges: one request and all up to the next. Pure.

A request opens an exchange. What the user says meanwhile (a queued prompt, an answer to a question,
words with a refusal) belongs to it, and so does everything that is done. Its answer is the last
text of the assistant before the next request; the texts before that are narration.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from msgspec import Struct

from iai.model.action import Action
from iai.model.record import NewRecord, Record

NARRATION = "narration"
_OPENING = frozenset({"", "command", "plan"})  # kinds of a user's turn that start an exchange
_COMMAND = re.compile(r"/[\w:.-]+")


def is_aside(record: Record) -> bool:
    """Is a record not indexed and no neighbour of others: narration, or was it taken back?"""
    return record.kind == NARRATION or record.rewound


class Exchange(Struct, frozen=True, kw_only=True):
    """One request with what followed from it. All parts are in the order they happened in."""

    request: Record | None = None  # None where a session begins with something else
    meanwhile: tuple[Record, ...] = ()  # what the user said before it was answered
    narration: tuple[Record, ...] = ()
    actions: tuple[Action, ...] = ()
    answer: Record | None = None

    @property
    def turns(self) -> tuple[Record, ...]:
        """All turns of it, the request first and the answer last."""
        middle = sorted((*self.meanwhile, *self.narration), key=lambda r: (r.order, r.label))
        ends = (self.request,), (self.answer,)
        first, last = (tuple(r for r in end if r is not None) for end in ends)
        return (*first, *middle, *last)


def opens(turn: Record | NewRecord) -> bool:
    """Return whether a turn starts an exchange."""
    return turn.role == "user" and turn.kind in _OPENING


def names_command(turn: Record | NewRecord) -> bool:
    """Return whether a request is nothing but the name of a slash command, as it was typed.

    It is shown, and opens an exchange, but is not found by its words: the user said none.
    """
    return opens(turn) and _COMMAND.fullmatch(turn.text) is not None


def is_answer(turn: Record | NewRecord) -> bool:
    """Return whether a turn is a text of the assistant that may answer a request."""
    return turn.role == "assistant" and turn.tier == "episodic" and not turn.kind


def same_exchange(turn: Record | NewRecord, beside: Record | NewRecord) -> bool:
    """Return whether the turn next to another, in its session, can belong to its exchange.

    What is said after a change to another project belongs to that.
    """
    return not opens(beside) and beside.project == turn.project


def answers_only(turns: Sequence[Record]) -> list[Record]:
    """Return turns in order without what a later text of the same exchange makes narration."""
    answer: Record | None = None
    left: list[Record] = []
    for turn in reversed(turns):
        if answer is not None and not same_exchange(answer, turn):
            answer = None
        if not (answer and is_answer(turn)) and turn.kind != NARRATION:
            left.append(turn)
        if is_answer(turn):
            answer = answer or turn
    return left[::-1]


def exchanges(turns: Iterable[Record], actions: Iterable[Action]) -> Iterator[Exchange]:
    """Yield the exchanges of a session, of which both are given in the order they happened in."""
    done, taken = list(actions), 0
    group: list[Record] = []
    for turn in turns:
        if opens(turn) and group:
            before = bisect_left(done, turn.order, lo=taken, key=attrgetter("at"))
            yield _exchange(group, done[taken:before])
            group, taken = [], before
        group.append(turn)
    if group or taken < len(done):
        yield _exchange(group, done[taken:])


def _exchange(turns: list[Record], actions: list[Action]) -> Exchange:
    request = turns[0] if turns and opens(turns[0]) else None
    said = [turn for turn in turns if turn.role == "assistant"]
    answer = next((turn for turn in reversed(said) if is_answer(turn)), None)
    return Exchange(
        request=request,
        meanwhile=tuple(t for t in turns if t.role == "user" and t is not request),
        narration=tuple(turn for turn in said if turn is not answer),
        actions=tuple(actions),
        answer=answer,
    )
