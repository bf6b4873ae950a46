"""The exchanges of a session, the narration included, read from the records alone."""

from iai.model.exchange import NARRATION, Exchange, exchanges
from iai.model.record import Record
from iai.store.record_view import RecordView

FOLDED = frozenset({"", NARRATION, "commentary"})  # kinds of an assistant's turn that is no answer


def of_session(view: RecordView, session: bytes) -> list[Exchange]:
    """Return all exchanges of a session (see `session_key`), in order."""
    turns = [*view.session(session), *view.narration(session)]
    turns.sort(key=lambda turn: (turn.order, turn.label))
    return list(exchanges(turns, view.actions(session)))


def around(
    view: RecordView, record: Record, distance: int
) -> tuple[list[Exchange], Exchange, list[Exchange]]:
    """Return the exchange of a turn, and up to `distance` exchanges before it and after it.

    A note is in none, and neither is a turn that was taken back: theirs is empty.
    """
    if not record.in_session:
        return [], Exchange(), []
    if not distance:
        whole = view.exchange(record)
        return [], whole if _has(whole, record) else Exchange(), []
    found = of_session(view, record.session_key)
    here = next((n for n, exchange in enumerate(found) if _has(exchange, record)), None)
    if here is None:
        return [], Exchange(), []
    return found[max(0, here - distance) : here], found[here], found[here + 1 :][:distance]


def _has(exchange: Exchange, record: Record) -> bool:
    return any(turn.label == record.label for turn in exchange.turns)


def part(exchange: Exchange, record: Record) -> str:
    """Return which part of its exchange a turn is."""
    number = f" of #{exchange.request.label}" if exchange.request else ""
    if exchange.request and record.label == exchange.request.label:
        return "the request"
    if exchange.answer and record.label == exchange.answer.label:
        return f"the answer{number}"
    if record.role == "assistant":
        return f"{NARRATION if record.kind in FOLDED else record.kind}{number}"
    return f"{record.kind or 'said'}, while the agent worked{number}"
