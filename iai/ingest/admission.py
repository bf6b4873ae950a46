"""Which part of a batch is stored, and in which project, by what the records know."""

from collections.abc import Container

from msgspec import structs

from iai.ingest.batch import Batch, WorkPlace
from iai.model.context import without_words
from iai.projects import relocation
from iai.store.record_view import RecordView


def wanted(batch: Batch, view: RecordView, also: Container[str] = ()) -> Batch:
    """Return what is to be stored of a batch, and where, by what the records know.

    `also`: see `recorded`.
    """
    return settled(recorded(batch, view, also), view)


def settled(batch: Batch, view: RecordView) -> Batch:
    """Return a batch with each turn in the project that it belongs to by what the records know."""
    places = {(place.project.id, place.cwd): _settled(place, view) for place in batch.places}
    if tuple(places.values()) == batch.places:
        return batch

    def project(own: str, cwd: str) -> str:
        return places[own, cwd].project.id

    return structs.replace(
        batch,
        places=tuple(places.values()),
        records=tuple(structs.replace(r, project=project(r.project, r.cwd)) for r in batch.records),
        actions=tuple(structs.replace(a, project=project(a.project, a.cwd)) for a in batch.actions),
    )


def recorded(batch: Batch, view: RecordView, also: Container[str] = ()) -> Batch:
    """Return a batch without the words and places of sessions that are not to be recorded.

    `also` are such sessions of which the records do not know it yet.
    """
    sessions = {(info.session, info.forked_from) for info in batch.sessions}
    sessions |= {(name, "") for name in (batch.transcript.session, batch.transcript.forked_from)}
    sessions |= {(record.session, "") for record in batch.records}
    off = {s[0] for s in sessions if view.not_recorded(*s) or s[0] in also or s[1] in also}
    if not off:
        return batch
    transcript = batch.transcript
    if transcript.session in off:
        transcript = without_words(transcript)
    records = tuple(record for record in batch.records if record.session not in off)
    actions = tuple(done for done in batch.actions if done.session not in off)
    kept = {(r.project, r.cwd) for r in records} | {(done.project, done.cwd) for done in actions}
    return structs.replace(
        batch,
        transcript=transcript,
        records=records,
        actions=actions,
        places=tuple(place for place in batch.places if (place.project.id, place.cwd) in kept),
        sessions=tuple(info for info in batch.sessions if info.session not in off),
    )


def unignored(batch: Batch, view: RecordView) -> Batch:
    """Return a settled batch without what was said and done in ignored projects."""
    kept = {
        (place.project.id, place.cwd)
        for place in batch.places
        if not view.ignored(place.project.id, place.project.root, place.cwd)
    }
    if len(kept) == len(batch.places):
        return batch
    return structs.replace(
        batch,
        records=tuple(record for record in batch.records if (record.project, record.cwd) in kept),
        actions=tuple(done for done in batch.actions if (done.project, done.cwd) in kept),
    )


def _settled(place: WorkPlace, view: RecordView) -> WorkPlace:
    found = relocation.owner(place.project, place.cwd, place.home, view, place.branch)
    if found.id == place.project.id:
        return place
    return structs.replace(place, project=found, directory=found.root)
