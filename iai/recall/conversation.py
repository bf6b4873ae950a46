"""The exchanges of a session, the narration included, read from the records alone."""

from itertools import count

from iai.model.exchange import Exchange, exchanges
from iai.model.record import Record, session_key
from iai.store.record_view import RecordView


def of_session(view: RecordView, session: bytes) -> list[Exchange]:
    """Return all exchanges of a session (see `session_key`), in order."""
    turns = [*view.session(session), *view.narration(session)]
    turns.sort(key=lambda turn: (turn.order, turn.label))
    return list(exchanges(turns, view.actions(session)))


def around(
    view: RecordView, record: Record, distance: int
) -> tuple[list[Exchange], Exchange, list[Exchange]]:
    """Return the exchange of a turn, and up to `distance` exchanges before it and after it.

    What was not said in a session has an empty one.
    """
    if not record.in_session:
        return [], Exchange(), []
    if not distance:
        return [], view.exchange(record), []
    found = of_session(view, session_key(record.host, record.session))
    labels = ([turn.label for turn in exchange.turns] for exchange in found)
    here = next((n for n, those in zip(count(), labels, strict=False) if record.label in those), 0)
    return found[max(0, here - distance) : here], found[here], found[here + 1 :][:distance]
