"""Copies of one turn, which is stored once. Pure.

A turn comes with a hook event, twice if the hooks are registered twice, and it is in the transcript
too. Usually only the transcript is read; where that turns up late, or elsewhere, the event's copy
is stored already, and the transcript's takes its place. What is really said again has a line of its
own in the transcript, and with it a turn of its own.
"""

import re
from collections.abc import Iterable

from iai.model.clock import NS
from iai.model.record import NewRecord, Record

_COMMAND = re.compile(r"^/[\w:-]+ ")
NEAR_S = 30.0  # a hook runs so soon before or after the line of its turn is written
AT_ONCE_S = 5.0  # two hooks of one event run so soon after each other


def key(turn: NewRecord | Record) -> str:
    """Return what all copies of a turn have in common."""
    words = " ".join(turn.text.split())
    if turn.role == "user":  # an event has the command before its arguments
        words = _COMMAND.sub("", words)
    return f"heard\0{turn.host}\0{turn.session}\0{turn.role}\0{words}"


def repeated(new: NewRecord, latest: Iterable[Record]) -> Record | None:
    """Return the turn that an event's turn is a copy of, among the others of its session.

    They come latest first.
    """
    own, alone = key(new), True
    for turn in latest:
        apart_s = abs(turn.created_at - new.created_at) / NS
        if turn.role != new.role:
            alone = False  # an answer came in between: it was said again
        elif apart_s <= NEAR_S and key(turn) == own:
            if turn.source.transcript:
                return turn
            if alone and apart_s <= AT_ONCE_S and not _of_two_events(new, turn):
                return turn
    return None


def _of_two_events(new: NewRecord, turn: Record) -> bool:
    """Does the host itself say that they are two?"""
    ids = new.source.uuid, turn.source.uuid
    return all(ids) and ids[0] != ids[1]
