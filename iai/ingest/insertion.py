"""Stores a batch, and how far its transcript was read, in one transaction."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import structs

from iai.ingest.batch import Batch
from iai.model.exchange import NARRATION, is_answer, same_exchange
from iai.model.record import NewRecord, session_key
from iai.store.record_change import RecordChange


class Inserted(NamedTuple):
    """What a batch added."""

    added: int  # new records; the others are known already
    ignored: int  # turns of ignored projects and of sessions not to be recorded
    actions: int = 0  # new ones
    redacted: Mapping[str, int] = {}  # secrets in what was added, by kind


def insert_batch(change: RecordChange, batch: Batch) -> Inserted:
    """Store a batch and how far its transcript was read, without turns of ignored projects."""
    before = change.filing.newly_redacted.copy()
    kept = places_kept(change, batch)
    records = [r for r in batch.records if (r.project, r.cwd) in kept]
    added = sum([change.records.insert(record)[1] for record in told_apart(records)])
    if added:  # else all of it was counted before
        change.transcripts.note_markup(batch.unknown_markup)
    acted = 0
    for done in batch.actions:
        if (done.project, done.cwd) in kept:
            acted += change.work.act(done.action, done.host, done.session, done.project)
    for back in batch.rewound:
        change.work.rewind(back.key, back.transcript, back.offset, back.restored)
    if kept:
        for info in batch.sessions:
            if change.view.has_turns(session_key(info.host, info.session)):  # else it was forgotten
                change.work.note_session(info)
    if session := batch.transcript.session:
        change.transcripts.switch_recording(session, on=not batch.transcript.off)
    change.transcripts.follow(batch.transcript)  # when it is known what of its session is there
    ignored = len(batch.records) - len(records)
    return Inserted(added, ignored, acted, change.filing.newly_redacted - before)


def places_kept(change: RecordChange, batch: Batch) -> set[tuple[str, str]]:
    """Note where a batch was said; return project and directory of what is not ignored."""
    kept = set()
    for place in batch.places:
        if not change.view.ignored(place.project.id, place.project.root, place.cwd):
            change.projects.place(place.project, place.directory)
            kept.add((place.project.id, place.cwd))
    return kept


def told_apart(records: list[NewRecord]) -> list[NewRecord]:
    """Return records in order, with what is narration by what follows in the same list marked.

    The store would mark it as well, one by one.
    """
    answers: dict[tuple[str, str], NewRecord] = {}  # session -> a later text of the exchange
    marked: list[NewRecord] = []
    for record in reversed(records):
        session = (record.host, record.session)
        if session in answers and not same_exchange(answers[session], record):
            del answers[session]
        if is_answer(record) and answers.setdefault(session, record) is not record:
            marked.append(structs.replace(record, kind=NARRATION))
        else:
            marked.append(record)
    return marked[::-1]
