"""How far each stage has come, read from disk: true whether or not any process runs."""

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct, structs

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.embedders.generations import counted_through
from iai.errors import StoreError
from iai.freshness.sidecar import Sidecar
from iai.freshness.target import Target
from iai.ingest import parse, spool, transcripts
from iai.model.clock import NS
from iai.model.record import Transcript, Watermark
from iai.model.revisions import Revisions, through
from iai.session_start.payload_files import claim, read_sidecar
from iai.session_start.targets import targets
from iai.store.graph import Progress as GraphProgress
from iai.store.readers import Readers
from iai.store.record_view import RecordView
from iai.store.vectors import Generation
from iai.store.vectors import Progress as VectorProgress

PROJECTS = Settings(store=Path()).payload_projects  # the default


class Stage(Struct, frozen=True, kw_only=True):
    """One stage against the one before it."""

    revision: int  # of the records, up to which nothing is missing here
    lag_records: int  # changes that are not here yet; for the records, files still to be read
    lag_s: float  # age of the oldest of them
    note: str = ""


class PayloadHealth(Struct, frozen=True, kw_only=True):
    """The session-start payloads: the one of no project in particular, and that all are current."""

    path: str
    generated_at: str  # "" if there is none
    age_s: float | None  # below 0: its file is dated in the future, and the hook does not use it
    revision: int  # of the records, as far as every payload that there is to be holds them
    behind: int | None = None  # changes that are not in it; None: the records cannot be read
    behind_s: float | None = None  # age of the oldest of them


class StoreHealth(Struct, frozen=True, kw_only=True):
    """The whole pipeline."""

    stages: dict[str, Stage]
    watermark: Watermark
    payload: PayloadHealth
    problem: str = ""  # why a part could not be read

    @property
    def caught_up(self) -> bool:
        """Can all be read, and does no stage lag behind or have anything left to improve?"""
        lag = any(stage.lag_records or stage.note for stage in self.stages.values())
        return not lag and not self.problem


def look(layout: Layout, wall: int, projects: int = PROJECTS) -> StoreHealth:
    """Look at every stage of a store. Never raises: what cannot be read is said in `problem`.

    `projects` is how many of them have a payload of their own (`Settings.payload_projects`).
    """
    readers = Readers(layout)
    try:
        return _look(layout, readers, wall, projects)
    except StoreError as error:
        return StoreHealth(
            stages={"records": _waiting(_spooled(layout), [], 0, wall, "cannot be read")},
            watermark=Watermark(),
            payload=_payload(layout, wall),
            problem=str(error),
        )
    finally:
        readers.close()


def _look(layout: Layout, readers: Readers, wall: int, projects: int) -> StoreHealth:
    """Look at the last stage first, so that none is taken to be further than the records."""
    with readers.records.view() as view:
        wanted = targets(view, layout, projects)
    claims = [(target, claim(target.path)) for target in wanted]
    vectors, weights, graph, problem = _progress(readers)
    spooled = _spooled(layout)  # before the records: what is taken from there meanwhile is in them
    with readers.records.view() as view:
        mark = view.watermark()
        head = through(mark.revision)
        in_graph = graph.records_applied.both(graph.vectors_applied)
        shown = {target: _held(target.path, claimed, mark) for target, claimed in claims}
        note = _missing(shown) if mark.revision else ""
        followed = [t for t in view.transcripts() if t.followed_until > wall]
        stages = {
            "vectors": _stage(
                view, head, vectors.applied, wall, _reembedding(vectors, weights, mark)
            ),
            "graph": _stage(view, head, in_graph, wall, _of_older(graph, vectors)),
            "payload": _stage(view, head, through(min(shown.values())), wall, note),
        }
    records = _waiting(spooled, followed, mark.revision, wall)
    last = stages["payload"]
    payload = structs.replace(
        _payload(layout, wall),
        revision=last.revision,
        behind=last.lag_records,
        behind_s=last.lag_s,
    )
    return StoreHealth(
        stages={"records": records, **stages}, watermark=mark, payload=payload, problem=problem
    )


def _progress(
    readers: Readers,
) -> tuple[VectorProgress, Generation | None, GraphProgress, str]:
    vectors, weights, graph, problems = VectorProgress(), None, GraphProgress(), []
    try:
        with readers.vectors.view() as view:
            vectors = view.progress()
            weights = view.generation(vectors.serving)
    except StoreError as error:
        problems.append(str(error))
    try:
        with readers.graph.view() as links:
            graph = links.progress()
    except StoreError as error:
        problems.append(str(error))
    return vectors, weights, graph, "; ".join(problems)


def _stage(view: RecordView, head: Revisions, applied: Revisions, wall: int, note: str) -> Stage:
    missing = head.minus(applied)
    oldest = view.entry(missing.ranges[0][0]) if missing.ranges else None
    return Stage(
        revision=min(applied.floor, head.floor),
        lag_records=missing.count(),
        lag_s=_age_s(wall, oldest.at) if oldest else 0.0,
        note="made from other records" if applied.head > head.head else note,
    )


def _held(path: Path, claimed: Sidecar | None, mark: Watermark) -> int:
    """Revision up to which a payload holds the records: 0 if it was made from others than these.

    Of a store without records no payload is all that there can be.
    """
    if not mark.records_count and not path.exists():
        return mark.revision
    if claimed and (claimed.revision < mark.revision or claimed.basis().watermark == mark):
        return claimed.revision
    return 0


def _missing(shown: dict[Target, int]) -> str:
    """Which payloads are not there, or are of no use."""
    names = [target.name or "(every project)" for target, held in shown.items() if not held]
    return f"missing: {', '.join(names)}" if names else ""


def _spooled(layout: Layout) -> list[int]:
    """When each of the hook events that wait was written."""
    return [transcripts.written_at(str(path)) for path in spool.waiting(layout.spool_new)]


def _waiting(
    spooled: Iterable[int],
    followed: Iterable[Transcript],
    revision: int,
    wall: int,
    note: str = "",
) -> Stage:
    """What hooks and hosts have written and ingest has not read."""
    grown = (t for t in followed if transcripts.grown(t.path, parse.mark(t)))
    since = [*spooled, *(parse.unread_since(transcript) for transcript in grown)]
    since = [when for when in since if when]  # 0: it has gone meanwhile
    return Stage(
        revision=revision,
        lag_records=len(since),
        lag_s=_age_s(wall, min(since, default=wall)),
        note=note,
    )


def _of_older(graph: GraphProgress, vectors: VectorProgress) -> str:
    """Say what the graph-cache is still to make anew; "" for nothing."""
    if not graph.warm:
        return "cold"
    return "indexing new vectors" if graph.generation != vectors.serving else ""


def _reembedding(progress: VectorProgress, weights: Generation | None, mark: Watermark) -> str:
    """What is still to be done after every record has a vector: give it the best weights."""
    if progress.building:
        return f"re-embedding, at #{progress.built_upto} of #{mark.max_vec_label}"
    current = (
        weights is not None
        and not progress.recount
        and weights.counted_upto == counted_through(mark.max_vec_label)
        and progress.embedder in ("", weights.fingerprint)
    )
    return "" if current or not mark.max_vec_label else "to be re-embedded"


def _payload(layout: Layout, wall: int) -> PayloadHealth:
    """What the file says by itself."""
    sidecar = read_sidecar(layout.payload)
    written = transcripts.written_at(str(layout.payload)) if layout.payload.is_file() else 0
    return PayloadHealth(
        path=str(layout.payload),
        generated_at=sidecar.generated_at if sidecar else "",
        age_s=_payload_age_s(wall, written) if written else None,
        revision=0,
    )


def _payload_age_s(wall: int, written: int) -> float:
    """As `_age_s`, but a time in the future is told, unless it was only written meanwhile."""
    return _age_s(wall, written) if written - wall < NS else -_age_s(written, wall)


def _age_s(wall: int, then: int) -> float:
    return round(max(0, wall - then) / NS, 3)
