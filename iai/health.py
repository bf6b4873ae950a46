"""How far each stage has come, read from disk: true whether or not any process runs."""

from msgspec import Struct

from iai import intake, spool, transcripts
from iai.clock import NS
from iai.embedders.generations import counted_upto
from iai.errors import StoreError
from iai.freshness.cache_file import Sidecar, read_sidecar
from iai.layout import Layout
from iai.revisions import Revisions, upto
from iai.store.graph import Progress as GraphProgress
from iai.store.readers import Readers
from iai.store.records import View, Watermark
from iai.store.vectors import Generation
from iai.store.vectors import Progress as VectorProgress


class Stage(Struct, frozen=True, kw_only=True):
    """One stage against the one before it."""

    revision: int  # of the records, up to which nothing is missing here
    lag_records: int  # changes that are not here yet; for the records, files still to be read
    lag_s: float  # age of the oldest of them
    note: str = ""


class PayloadHealth(Struct, frozen=True, kw_only=True):
    """The session-start payload of no project in particular."""

    path: str
    generated_at: str  # "" if there is none
    age_s: float | None
    revision: int


class StoreHealth(Struct, frozen=True, kw_only=True):
    """The whole pipeline."""

    stages: dict[str, Stage]
    watermark: Watermark
    payload: PayloadHealth
    problem: str = ""  # why a part could not be read

    @property
    def caught_up(self) -> bool:
        """Does no stage lag behind, or have anything left to improve?"""
        return not any(stage.lag_records or stage.note for stage in self.stages.values())


def look(layout: Layout, wall: int) -> StoreHealth:
    """Look at every stage of a store. Never raises: what cannot be read is said in `problem`."""
    sidecar = read_sidecar(layout.payload)
    payload = _payload(layout, sidecar, wall)
    readers = Readers(layout)
    try:
        records = readers.records
    except StoreError as error:
        waiting = _waiting(layout, [], 0, wall)
        return StoreHealth(
            stages={"records": waiting}, watermark=Watermark(), payload=payload, problem=str(error)
        )
    vectors, weights, graph, problem = _progress(readers)
    try:
        with records.view() as view:
            mark = view.watermark()
            head = upto(mark.revision)
            in_graph = graph.records_applied.both(graph.vectors_applied)
            stages = {
                "records": _waiting(layout, _grown(view, wall), mark.revision, wall),
                "vectors": _stage(
                    view, head, vectors.applied, wall, _reembedding(vectors, weights, mark)
                ),
                "graph": _stage(view, head, in_graph, wall, "" if graph.warm else "cold"),
                "payload": _stage(view, head, _shown(payload, mark), wall, ""),
            }
    finally:
        readers.close()
    return StoreHealth(stages=stages, watermark=mark, payload=payload, problem=problem)


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


def _stage(view: View, head: Revisions, applied: Revisions, wall: int, note: str) -> Stage:
    missing = head.minus(applied)
    oldest = view.entry(missing.ranges[0][0]) if missing.ranges else None
    return Stage(
        revision=min(applied.floor, head.floor),
        lag_records=missing.count(),
        lag_s=_age_s(wall, oldest.at) if oldest else 0.0,
        note=note,
    )


def _shown(payload: PayloadHealth, mark: Watermark) -> Revisions:
    """What the payload holds. Of a store without records no payload is all that there can be."""
    return upto(payload.revision if mark.records_count else mark.revision)


def _waiting(layout: Layout, grown: list[int], revision: int, wall: int) -> Stage:
    """What hooks and hosts have written and ingest has not read; `grown` since when."""
    spooled = [path.stat().st_mtime_ns for path in spool.waiting(layout.spool_new)]
    oldest = min([*spooled, *grown], default=wall)
    return Stage(
        revision=revision,
        lag_records=len(spooled) + len(grown),
        lag_s=_age_s(wall, oldest),
    )


def _grown(view: View, wall: int) -> list[int]:
    """When each followed transcript that was not read to its end was last written."""
    followed = (t for t in view.transcripts() if t.followed_until > wall)
    marks = ((t.path, intake.mark(t)) for t in followed)
    return [transcripts.written_at(path) for path, mark in marks if transcripts.grown(path, mark)]


def _reembedding(progress: VectorProgress, weights: Generation | None, mark: Watermark) -> str:
    """What is still to be done after every record has a vector: give it the best weights."""
    if progress.building:
        return f"re-embedding, at #{progress.built_upto} of #{mark.max_vec_label}"
    current = weights is not None and weights.counted_upto == counted_upto(mark.max_vec_label)
    return "" if current or not mark.max_vec_label else "to be re-embedded"


def _payload(layout: Layout, sidecar: Sidecar | None, wall: int) -> PayloadHealth:
    try:
        age_s = _age_s(wall, layout.payload.stat().st_mtime_ns)
    except OSError:
        age_s = None
    return PayloadHealth(
        path=str(layout.payload),
        generated_at=sidecar.generated_at if sidecar else "",
        age_s=age_s,
        revision=sidecar.revision if sidecar and age_s is not None else 0,
    )


def _age_s(wall: int, then: int) -> float:
    return round(max(0, wall - then) / NS, 3)
