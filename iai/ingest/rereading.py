"""Reads transcripts again, in idle time, for what an earlier version did not take from them.

Turns keep their numbers and nothing is stored twice, for every turn and action has its key. What
was forgotten stays forgotten, and so does all that was done for it. See `iai.store.rereading`.
"""

from collections.abc import Iterable, Iterator

from msgspec import structs

from iai.ingest import transcripts
from iai.ingest.parse import Batch, Performed, places_kept, told_apart
from iai.model.exchange import opens
from iai.model.record import NewRecord, session_key
from iai.model.rereading import Rereading
from iai.store.record_change import RecordChange

SESSIONS_KEPT = 16  # of a file, with a request that is forgotten


class Rereader:
    """The files that are still to be read again. Those written last are read first."""

    def __init__(self, pending: Iterable[Rereading]) -> None:
        dated = ((transcripts.written_at(one.transcript.path), one) for one in pending)
        self._pending = [one for _, one in sorted(dated, key=lambda pair: pair[0])]

    @property
    def current(self) -> Rereading | None:
        """The file to read a slice of; None when all are done."""
        return self._pending[-1] if self._pending else None

    def advance(self, rereading: Rereading, *, more: bool) -> None:
        """Note how far the current file was read, and whether there is more of it."""
        self._pending[-1:] = [rereading] if more else []


def insert_again(change: RecordChange, batch: Batch, rereading: Rereading) -> Rereading:
    """Add what a slice gives to what is stored, without moving the place of ordinary reading.

    Returns how far the file is read again by then.
    """
    wanted = places_kept(change, batch)
    records = told_apart([r for r in batch.records if (r.project, r.cwd) in wanted])
    actions = [done for done in batch.actions if (done.project, done.cwd) in wanted]
    forgotten = dict.fromkeys(rereading.forgotten)
    for item in _in_order(records, actions):
        if isinstance(item, Performed):
            if item.session not in forgotten and _there(change, item.host, item.session):
                change.act(item.action, item.host, item.session, item.project)
            continue
        label, _ = change.insert_again(item)
        if opens(item):
            forgotten.pop(item.session, None)
            if change.get(label) is None:
                forgotten[item.session] = None
    for info in batch.sessions if wanted else ():
        if _there(change, info.host, info.session):
            change.note_session(info)
    after = Rereading(transcript=batch.transcript, forgotten=tuple(forgotten)[-SESSIONS_KEPT:])
    change.reread(after, more=batch.more)
    if not batch.more:
        _hand_over(change, batch)
    return after


def _hand_over(change: RecordChange, batch: Batch) -> None:
    """Have ordinary reading go on with what is known of the calls that still wait."""
    known = change.transcript(batch.transcript.path)
    if known is not None and known.offset == batch.transcript.offset:
        until = known.followed_until
        change.follow(structs.replace(batch.transcript, followed_until=until))


def _in_order(
    records: list[NewRecord], actions: list[Performed]
) -> Iterator[NewRecord | Performed]:
    """Yield records and actions as they were in the file; both are in order already."""
    left = iter(actions)
    action = next(left, None)
    for record in records:
        while action is not None and action.offset <= record.source.offset:
            yield action
            action = next(left, None)
        yield record
    if action is not None:
        yield action
    yield from left


def _there(change: RecordChange, host: str, session: str) -> bool:
    """Is anything left of a session? Of one that is forgotten, nothing may come back."""
    key = session_key(host, session)
    return next(change.session(key), None) is not None or any(True for _ in change.narration(key))
