"""How far behind each stage is, read from disk: correct whether or not the group runs."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

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
from iai.model.rereading import RereadProgress
from iai.model.revisions import Revisions, through
from iai.process import lock
from iai.session_start import capture_watch
from iai.session_start.payload_files import claim, read_sidecar
from iai.session_start.targets import targets
from iai.store.graph import Progress as GraphProgress
from iai.store.readers import Readers
from iai.store.record_view import RecordView
from iai.store.vectors import Generation
from iai.store.vectors import Progress as VectorProgress

OF_OTHERS = "made from other records"
PROJECTS = Settings(store=Path()).ready_projects  # the default


class Stage(Struct, frozen=True, kw_only=True):
    """How far one stage is behind the records."""

    revision: int  # nothing up to this revision of the records is missing here
    lag_records: int  # changes that are missing here; for the records themselves, unread files
    lag_s: float  # age of the oldest one
    note: str = ""  # what else is left to do, or is wrong


class PayloadHealth(Struct, frozen=True, kw_only=True):
    """The session-start payloads: the file of the global one, and how current all of them are."""

    path: str
    generated_at: str  # "" if there is none
    age_s: float | None  # negative: its file is dated in the future, so the hook ignores it
    revision: int  # every payload holds the records up to this revision
    behind: int | None = None  # changes missing from some payload; None: the records are unreadable
    behind_s: float | None = None  # age of the oldest one


class StoreHealth(Struct, frozen=True, kw_only=True):
    """The whole pipeline."""

    stages: dict[str, Stage]
    watermark: Watermark
    payload: PayloadHealth
    reread: RereadProgress = RereadProgress(0, 0)
    unknown_markup: dict[str, int] = {}  # turns of users that begin with it, by name of the tag
    redacted: dict[str, int] = {}  # secrets that were redacted in what was stored, by kind
    stalled: str = ""  # why what is said is no longer captured; "" if it is: see `capture_watch`
    problem: str = ""  # why something could not be read; "" if everything could

    @property
    def derived(self) -> bool:
        """Are the stages known that are made from the records? Then these can be read."""
        return len(self.stages) > 1

    @property
    def caught_up(self) -> bool:
        """Whether everything was read, and no stage lags or has work left."""
        lag = any(stage.lag_records or stage.note for stage in self.stages.values())
        return not lag and not self.problem


def measure(layout: Layout, wall: int, projects: int = PROJECTS) -> StoreHealth:
    """Measure every stage of a store. Never raises: `problem` says what could not be read.

    `projects` is how many projects have a payload of their own (`Settings.ready_projects`).
    """
    readers = Readers(layout)
    try:
        return _measure(layout, readers, wall, projects)
    except StoreError as error:
        return StoreHealth(
            stages={"records": _waiting(_spooled(layout), [], 0, wall, "cannot be read")},
            watermark=Watermark(),
            payload=_payload(layout, wall),
            problem=str(error),
        )
    finally:
        readers.close()


def _measure(layout: Layout, readers: Readers, wall: int, projects: int) -> StoreHealth:
    """Read the last stage first, so that none seems to be ahead of the records."""
    with readers.records.view() as view:
        wanted = targets(view, layout, projects)
    claims = {target: claim(target.path) for target in wanted}
    progress = _progress(readers)
    spooled = _spooled(layout)  # before the records: an event ingested in between is in them
    with readers.records.view() as view:
        mark = view.watermark()
        followed = [t for t in view.transcripts() if t.followed_until > wall]
        derived = _derived(view, mark, wall, progress, claims)
        last = derived["payload"]
        found = StoreHealth(
            stages=derived,
            watermark=mark,
            payload=structs.replace(
                _payload(layout, wall),
                revision=last.revision,
                behind=last.lag_records,
                behind_s=last.lag_s,
            ),
            reread=view.reread_progress(),
            unknown_markup=view.unknown_markup(),
            redacted=view.redacted(),
            stalled=_stalled(layout, view, wall),
            problem=progress.problem,
        )
    records = _waiting(spooled, followed, mark.revision, wall)
    return structs.replace(found, stages={"records": records, **derived})


class _Progress(NamedTuple):
    """How far the vectors and the graph are."""

    vectors: VectorProgress
    weights: Generation | None
    graph: GraphProgress
    problem: str  # why one of them could not be read


def _progress(readers: Readers) -> _Progress:
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
    return _Progress(vectors, weights, graph, "; ".join(problems))


def _derived(
    view: RecordView,
    mark: Watermark,
    wall: int,
    progress: _Progress,
    claims: dict[Target, Sidecar | None],
) -> dict[str, Stage]:
    """Return the stages that are made from the records."""
    head, vectors, graph = through(mark.revision), progress.vectors, progress.graph
    in_graph = graph.records_applied.both(graph.vectors_applied)
    held = {target: _held(target.path, claimed, mark) for target, claimed in claims.items()}
    in_payloads = through(min(held.values()))
    redo = _reembedding(vectors, progress.weights, mark)
    return {
        "vectors": _stage(view, head, vectors.applied, wall, redo),
        "graph": _stage(view, head, in_graph, wall, _of_older(graph, vectors)),
        "payload": _stage(view, head, in_payloads, wall, _missing(held) if mark.revision else ""),
    }


def _stalled(layout: Layout, view: RecordView, wall: int) -> str:
    silent = capture_watch.silent_hooks(view, layout)
    if silent or not lock.held(layout.lease):  # nobody reads transcripts then: no surprise
        return silent
    return capture_watch.unread(view, wall)


def _stage(view: RecordView, head: Revisions, applied: Revisions, wall: int, note: str) -> Stage:
    missing = head.minus(applied)
    oldest = view.entry(missing.ranges[0][0]) if missing.ranges else None
    return Stage(
        revision=min(applied.floor, head.floor),
        lag_records=missing.count(),
        lag_s=_age_s(wall, oldest.at) if oldest else 0.0,
        note=OF_OTHERS if applied.head > head.head else note,
    )


def _held(path: Path, claimed: Sidecar | None, mark: Watermark) -> int:
    """Return the revision up to which a payload holds the records; 0 if it was made from others.

    A store without records needs no payload.
    """
    if not mark.records_count and not path.exists():
        return mark.revision
    if claimed and (claimed.revision < mark.revision or claimed.version().watermark == mark):
        return claimed.revision
    return 0


def _missing(held: dict[Target, int]) -> str:
    """Name the payloads that are absent or unusable."""
    names = [target.name or "(every project)" for target, revision in held.items() if not revision]
    return f"missing: {', '.join(names)}" if names else ""


def _spooled(layout: Layout) -> list[int]:
    """Return when each waiting hook event was written."""
    return [transcripts.written_at(str(path)) for path in spool.waiting(layout.spool_new)]


def _waiting(
    spooled: Iterable[int],
    followed: Iterable[Transcript],
    revision: int,
    wall: int,
    note: str = "",
) -> Stage:
    """Return the stage of the records: what hooks and hosts wrote and ingest has not read."""
    grown = (t for t in followed if transcripts.grown(t.path, transcripts.mark(t)))
    since = [*spooled, *(parse.unread_since(transcript) for transcript in grown)]
    since = [when for when in since if when]  # 0: the file is gone
    return Stage(
        revision=revision,
        lag_records=len(since),
        lag_s=_age_s(wall, min(since, default=wall)),
        note=note,
    )


def _of_older(graph: GraphProgress, vectors: VectorProgress) -> str:
    """Say what the graph-cache still has to rebuild; "" for nothing."""
    if not graph.warm:
        return "cold"
    return "indexing new vectors" if graph.generation != vectors.serving else ""


def _reembedding(progress: VectorProgress, weights: Generation | None, mark: Watermark) -> str:
    """Say which vectors still have to be computed again with better weights; "" for none."""
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
    """Return what the payload file alone says."""
    sidecar = read_sidecar(layout.payload)
    written = transcripts.written_at(str(layout.payload)) if layout.payload.is_file() else 0
    return PayloadHealth(
        path=str(layout.payload),
        generated_at=sidecar.generated_at if sidecar else "",
        age_s=_payload_age_s(wall, written) if written else None,
        revision=0,
    )


def _payload_age_s(wall: int, written: int) -> float:
    """Like `_age_s`, but negative for a time in the future: more than a second, so not just now."""
    return _age_s(wall, written) if written - wall < NS else -_age_s(written, wall)


def _age_s(wall: int, then: int) -> float:
    return round(max(0, wall - then) / NS, 3)
