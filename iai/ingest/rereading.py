"""Reads transcripts again, in idle time, for what an earlier version did not take from them.

Turns keep their numbers and nothing is stored twice, for every turn and action has its key. What
was forgotten stays forgotten, and so does all that was done for it. See `iai.store.rereading`.
"""

from collections.abc import Iterable, Iterator

from msgspec import structs

from iai.ingest import transcripts
from iai.ingest.batch import Batch, Performed
from iai.ingest.insertion import Inserted, places_kept, told_apart
from iai.model.exchange import opens
from iai.model.record import NewRecord, Transcript, session_key
from iai.model.rereading import Rereading
from iai.store.record_change import RecordChange

SESSIONS_KEPT = 16  # of a file, with a request that is forgotten


class Rereader:
    """The files that are still to be read again. Those written last are read first."""

    def __init__(self, pending: Iterable[Rereading]) -> None:
        dated = [(transcripts.written_at(one.transcript.path), one) for one in pending]
        latest_first = sorted(dated, key=lambda pair: pair[0], reverse=True)
        self._pending = {one.transcript.path: one for _, one in latest_first}

    @property
    def current(self) -> Rereading | None:
        """The file to read a slice of; None when all are done."""
        return next(iter(self._pending.values()), None)

    def instead(self, transcript: Transcript) -> Rereading | None:
        """Return how far a file was read again, if ordinary reading cannot go on before that.

        An earlier version did not note by what it is seen that a file is still the same, so that it
        would be read from its start in any case.
        """
        return None if transcript.tail else self._pending.get(transcript.path)

    def advance(self, rereading: Rereading, *, more: bool) -> None:
        """Note how far a file was read, and whether there is more of it."""
        if more:
            self._pending[rereading.transcript.path] = rereading
        else:
            del self._pending[rereading.transcript.path]


def insert_again(
    change: RecordChange, batch: Batch, rereading: Rereading
) -> tuple[Rereading, Inserted]:
    """Add what a slice gives to what is stored; return how far the file is read again by then.

    The place of ordinary reading is moved at the end of the file, if at all.
    """
    wanted = places_kept(change, batch)
    records = told_apart([r for r in batch.records if (r.project, r.cwd) in wanted])
    actions = [done for done in batch.actions if (done.project, done.cwd) in wanted]
    forgotten = dict.fromkeys((*rereading.forgotten, *_wholly_forgotten(change, records)))
    added = acted = 0
    for item in _in_order(records, actions):
        if isinstance(item, Performed):
            if item.session not in forgotten and _there(change, item.host, item.session):
                acted += change.work.act(item.action, item.host, item.session, item.project)
            continue
        label = change.view.known(item.key)
        if label is not None and opens(item):
            forgotten.pop(item.session, None)
            if change.view.get(label) is None:
                forgotten[item.session] = None
        if label is not None or item.session not in forgotten:
            added += change.records.insert_again(item)[1]
    _note_the_rest(change, batch, sessions=bool(wanted))
    transcript = change.transcripts.admitted(batch.transcript)
    after = Rereading(transcript=transcript, forgotten=tuple(forgotten)[-SESSIONS_KEPT:])
    change.transcripts.reread(after, more=batch.more)
    if not batch.more:
        _hand_over(change, batch)
    ignored = len(batch.records) - len(records)
    return after, Inserted(added, ignored, acted, change.filing.newly_redacted)


def _note_the_rest(change: RecordChange, batch: Batch, *, sessions: bool) -> None:
    for back in batch.rewound:
        change.work.rewind(back.key, back.transcript, back.offset, back.restored)
    for info in batch.sessions if sessions else ():
        if _there(change, info.host, info.session):
            change.work.note_session(info)
    change.transcripts.note_markup(batch.unknown_markup)


def _hand_over(change: RecordChange, batch: Batch) -> None:
    """Have ordinary reading go on from here, with what is known of the calls that still wait."""
    known = change.view.transcript(batch.transcript.path)
    if known is not None and (not known.tail or known.offset == batch.transcript.offset):
        until, heard = known.followed_until, known.heard_at
        change.transcripts.follow(
            structs.replace(batch.transcript, followed_until=until, heard_at=heard)
        )


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


def _wholly_forgotten(change: RecordChange, records: list[NewRecord]) -> Iterator[str]:
    """Yield the sessions of which turns were stored, and nothing is left."""
    for record in records:
        label = change.view.known(record.key)
        gone = label is not None and change.view.get(label) is None
        if gone and not _there(change, record.host, record.session):
            yield record.session


def _there(change: RecordChange, host: str, session: str) -> bool:
    """Is anything left of a session? Of one that is forgotten, nothing may come back."""
    return change.view.has_turns(session_key(host, session))
