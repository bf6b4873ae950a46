"""Cache-writer: the only process that writes session-start payloads.

All that waits in its mailbox becomes one decision, and one refresh is under way at a time, because
there is one process and it does one thing after the other. Whether to write is decided by
`iai.freshness.decide`; what to write by `iai.payload.compose`.
"""

import logging
import math
from contextlib import suppress

from msgspec import Struct

import iai
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreError
from iai.freshness.decide import (
    LEFT_OUT,
    Attempt,
    Basis,
    Decision,
    Graph,
    Hold,
    Situation,
    Write,
    decide,
)
from iai.freshness.refresh import Round
from iai.freshness.sidecar import encode_sidecar, sidecar_path
from iai.freshness.skips import Skips
from iai.freshness.target import Target
from iai.lifecycle.pace import Pace
from iai.model import clock
from iai.model.clock import NS, Now
from iai.model.record import Watermark
from iai.model.topic import Topic
from iai.payload.compose import render
from iai.payload.material import Memo, gather
from iai.projects import relocation
from iai.projects.identity import identify
from iai.protocol.behaviour import (
    Answer,
    Caller,
    LinkFile,
    Publish,
    RemoveFile,
    ReplaceFile,
    Steps,
)
from iai.protocol.cache_writer import (
    CacheWriteSkipped,
    Preview,
    PreviewText,
    Reason,
    RebuildWanted,
    Refresh,
    RefreshOutcome,
    Trigger,
)
from iai.protocol.embedding import VectorsCommitted
from iai.protocol.graph_cache import GraphUpdated, SleepFinished
from iai.protocol.ingest import RecordsCommitted, SessionEnded
from iai.protocol.lifecycle import Tick
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    Event,
    Request,
    State,
)
from iai.session_start import deliveries
from iai.session_start.payload_files import leftovers, read_sidecar, servable, whole
from iai.session_start.targets import targets
from iai.store.readers import Readers

log = logging.getLogger(__name__)

COLD_BOUND_S = 3.0  # a graph that is cold for longer is left out of the payload
QUIET_S = 0.1  # after a change, until what it changes is prepared; an import has no such pause
SLEEP_PATIENCE_S = 300.0  # how long a refresh after SLEEP waits for its turn
WITHOUT_GRAPH = "the graph is not ready yet; what it would add is missing here"


class Look(Struct, frozen=True):
    """What a payload would be made from now, and which ones there are to be."""

    basis: Basis
    graph: Graph
    wanted: list[Target]


class CacheWriter:
    """See `Behaviour`."""

    subscriptions = (Actor.INGEST, Actor.EMBEDDING, Actor.GRAPH_CACHE, Actor.LIFECYCLE)

    def __init__(self, layout: Layout, readers: Readers, settings: Settings) -> None:
        self._layout = layout
        self._readers = readers
        self._settings = settings
        self._program = f"iai {iai.__version__} projects={settings.payload_projects}"
        self._memo: Memo = {}
        self._pace = Pace()
        self._skips = Skips()
        self._callers: list[tuple[Caller, Refresh]] = []
        self._triggers: dict[Trigger, int] = {}  # with the monotonic time at which each came
        self._round: Round | None = None
        self._last: Attempt | None = None
        self._at_once = False  # was anything heard that waits for no interval?
        self._awaited: list[str] = []  # projects in which the next session is about to start
        self._held: Target | None = None  # the foremost payload that the interval holds back
        self._quiet_at = 0  # monotonic; when to prepare it, unless more comes
        self._again = 0  # monotonic; when a change that was held back is due; 0: none is
        self._cold_since = 0  # monotonic; 0: the graph is warm
        self._tidied = ""  # the day on which what the hook left was last looked through

    def start(self, now: Now) -> Steps:
        yield from ()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        match request:
            case Refresh() if self._covered(now):
                reason = Reason.REFRESH_IN_PROGRESS
                yield from self._skip("manual", Hold(reason), now)
                yield Answer(caller, RefreshOutcome(outcome="skipped", reason=reason))
            case Refresh():
                self._callers.append((caller, request))
            case Preview(cwd=cwd):
                yield Answer(caller, self._preview(cwd, now))
            case _:
                pass

    def on_event(self, event: Event, now: Now) -> Steps:
        match event:
            case RecordsCommitted(ingested=0) | SessionEnded():
                # Somebody pinned, edited or forgot, or is about to start the next session: none is
                # to see it as it was for a minute.
                self._at_once = True
                self._triggers.setdefault("wake_sequence", now.mono)
                if isinstance(event, SessionEnded) and event.project:
                    self._awaited.append(event.project)
                    if self._round is not None:
                        self._round.hasten(event.project)
            case RecordsCommitted() | GraphUpdated():
                self._triggers.setdefault("wake_sequence", now.mono)
            case VectorsCommitted() if event.embedded or event.reembedded:
                self._triggers.setdefault("wake_sequence", now.mono)
            case Tick(state=State.WAKE | State.DROWSY):
                self._triggers.setdefault("periodic_wake", now.mono)
            case SleepFinished():
                self._triggers.setdefault("sleep_pipeline", now.mono)
            case _:
                pass
        yield from ()

    def due_s(self, now: Now) -> float:
        if self._round or self._callers or self._triggers:
            return 0.0
        quiet = (self._quiet_at - now.mono) / NS if self._held else math.inf
        again = (self._again - now.mono) / NS if self._again else self._pace.due_s(now)
        return max(0.0, min(quiet, again, self._pace.due_s(now)))

    def work(self, now: Now) -> Steps:
        if self._round is not None:
            yield from self._continue(self._round, now)
        elif self._held and now.mono >= self._quiet_at and not (self._callers or self._triggers):
            self._prepare(self._held)
        else:
            self._pace.looked(now, more=False)
            yield from self._consider(now)

    def stop(self, now: Now) -> Steps:
        """Leave a current payload behind; nobody knows when the next start will be."""
        for caller, _ in self._callers:
            detail = "the cache-writer is stopping"
            yield Answer(caller, Error(code=ErrorCode.STOPPING, detail=detail))
        self._callers = []
        yield from self._finish(now)
        look = self._look(now)
        decision = self._decide(look, now, None, last_chance=True)
        if look is not None and isinstance(decision, Write):
            yield from self._begin(decision, "periodic_wake", look, [], now)
            yield from self._finish(now)
        for event in self._skips.told(now.mono / NS, everything=True):
            yield Publish(event, keep=True)

    def close(self) -> None:
        self._readers.close()

    # --- whether to write ---------------------------------------------------------------------

    def _consider(self, now: Now) -> Steps:
        """Make one decision of all that waits."""
        callers, self._callers = self._callers, []
        triggers, self._triggers = self._triggers, {}
        self._again = 0
        self._make_way()
        for event in self._skips.told(now.mono / NS):
            yield Publish(event, keep=True)
        look = self._look(now)
        for caller, request in callers:
            if request.dry_run:
                decision = self._decide(look, now, "manual", force=request.force)
                yield Answer(caller, _outcome(decision, look, dry_run=True))
        asking = [(caller, request) for caller, request in callers if not request.dry_run]
        trigger = _foremost(triggers, asked=bool(asking))
        if trigger == "sleep_pipeline" and _waited_s(triggers, now) > SLEEP_PATIENCE_S:
            yield from self._skip(trigger, Hold(Reason.REFRESH_IN_PROGRESS), now)
            return
        force = any(request.force for _, request in asking)
        decision = self._decide(look, now, trigger, force=force)
        if look is not None and isinstance(decision, Write):
            waiting = [caller for caller, _ in asking]
            yield from self._begin(decision, trigger or "periodic_wake", look, waiting, now)
            return
        if isinstance(decision, Hold):
            yield from self._hold(decision, trigger, look, now)
        for caller, _ in asking:
            yield Answer(caller, _outcome(decision, look))

    def _make_way(self) -> None:
        """Let the interval, but never the back-off, make way for what is not to wait."""
        if self._at_once and self._last is not None and self._last.failures == 0:
            self._last = None
        self._at_once = False

    def _hold(self, hold: Hold, trigger: Trigger | None, look: Look | None, now: Now) -> Steps:
        self._note_hold(hold, look, now)
        if hold.reason is Reason.EMPTY_RENDER and look is not None:
            for path in leftovers(look.wanted, self._layout):  # of records that are gone
                try:
                    yield RemoveFile(path)
                except OSError as error:  # whoever asked is to have an answer all the same
                    log.warning("%s stays until the next look: %s", path, error)
        if trigger is not None:
            yield from self._skip(trigger, hold, now)

    def _decide(
        self,
        look: Look | None,
        now: Now,
        trigger: Trigger | None,
        *,
        force: bool = False,
        last_chance: bool = False,
    ) -> Decision:
        """Decide; at the last chance nothing is put off."""
        graph = look.graph if look else "cold"
        payload = self._layout.payload
        sidecar = read_sidecar(payload)
        present = servable(payload, now.wall, self._settings.max_age_s)
        return decide(
            Situation(
                now_s=now.mono / NS,
                min_interval_s=self._settings.refresh_min_s,
                live=look.basis if look else None,
                claimed=sidecar.basis() if sidecar else None,
                cache_present=present and look is not None and whole(look.wanted),
                graph="cold_too_long" if last_chance and graph == "cold" else graph,
                trigger=trigger,
                force=force,
                last=None if last_chance else self._last,
            )
        )

    def _look(self, now: Now) -> Look | None:
        """Look at the records and the graph, on disk; None if the records cannot be looked at."""
        built = self._graph_built()
        if built != LEFT_OUT:
            self._cold_since = 0
        else:
            self._cold_since = self._cold_since or now.mono
        try:
            with self._readers.records.view() as view:
                wanted = targets(view, self._layout, self._settings.payload_projects)
                basis = Basis(view.watermark(), built, self._program)
        except StoreError as error:
            log.info("cannot look at the records: %s", error)
            return None
        return Look(basis, self._graph_state(now), wanted)

    def _graph_built(self) -> int:
        """How often it was made again or topics were found; `LEFT_OUT` until it has caught up."""
        try:
            with self._readers.graph.view() as view:
                progress, found = view.progress(), view.found()
        except StoreError:
            return LEFT_OUT
        return progress.rebuilt + found if progress.warm else LEFT_OUT

    def _topics(self, project: str) -> tuple[Topic, ...]:
        try:
            with self._readers.graph.view() as view:
                return view.topics(project)
        except StoreError:  # the graph is another's to mend, and the payload does without
            return ()

    def _graph_state(self, now: Now) -> Graph:
        if not self._cold_since:
            return "warm"
        return "cold" if now.mono - self._cold_since < COLD_BOUND_S * NS else "cold_too_long"

    def _note_hold(self, hold: Hold, look: Look | None, now: Now) -> None:
        """Remember when to look again, and that a cold graph has cost an attempt."""
        if hold.reason is Reason.RUNTIME_GRAPH_CACHE_COLD:
            self._again = self._cold_since + int(COLD_BOUND_S * NS)
            if hold.until_s is None and look is not None:
                self._came_to_nothing(hold.reason, look.basis.watermark, now.mono / NS)
        elif hold.until_s is not None:
            self._again = int(hold.until_s * NS)
            if look is not None:
                self._held = look.wanted[0]
                self._quiet_at = now.mono + int(QUIET_S * NS)

    def _prepare(self, target: Target) -> None:
        """Choose already what a payload that has to wait is to show: its session may end first.

        Whatever is wrong with the records is told when it is written.
        """
        self._held = None
        with suppress(StoreError), self._readers.records.view() as view:
            gather(view, target.project, target.name, self._topics(target.project), self._memo)

    def _came_to_nothing(self, reason: Reason | None, about: Watermark, at_s: float) -> None:
        failures = self._last.failures + 1 if self._last else 1
        self._last = Attempt(at_s, failures, reason, about)

    def _covered(self, now: Now) -> bool:
        """Is a refresh under way that holds all that was said?"""
        if self._round is None:
            return False
        look = self._look(now)
        return look is not None and look.basis.watermark == self._round.watermark

    def _skip(self, trigger: Trigger, hold: Hold, now: Now) -> Steps:
        path = str(self._layout.payload)
        skipped = CacheWriteSkipped(
            trigger=trigger, cache_path=path, reason=hold.reason, wanted=hold.wanted
        )
        for event in self._skips.add(skipped, now.mono / NS):
            yield Publish(event, keep=True)

    # --- writing ------------------------------------------------------------------------------

    def _begin(
        self, decision: Write, trigger: Trigger, look: Look, callers: list[Caller], now: Now
    ) -> Steps:
        self._held = None
        self._round = Round(decision, trigger, look.basis, look.wanted, callers, now)
        awaited, self._awaited = self._awaited, []
        for project in awaited:
            self._round.hasten(project)
        yield Publish(self._round.started(), keep=True)
        if decision.reason is Reason.FORCED:
            yield Publish(RebuildWanted())

    def _finish(self, now: Now) -> Steps:
        while self._round is not None:
            yield from self._continue(self._round, now)

    def _continue(self, round_: Round, now: Now) -> Steps:
        """Write one payload; when all are written, tell.

        The end is a turn of its own, so that whoever asked meanwhile is told that it was under way.
        """
        try:
            if round_.left:
                yield from self._write(round_, round_.left[0])
                round_.left.popleft()
                return
            for path in leftovers(round_.wanted, self._layout):
                yield RemoveFile(path)
            if clock.iso(now.wall)[:10] != self._tidied:
                self._tidied = clock.iso(now.wall)[:10]
                for path in deliveries.outdated(self._layout, now.wall, self._settings.ledger_days):
                    yield RemoveFile(path)
        except (OSError, StoreError) as error:
            yield from self._fail(round_, error, now)
            return
        self._round = None
        if not round_.rendered_chars:
            self._came_to_nothing(Reason.EMPTY_RENDER, round_.watermark, round_.began_s)
            hold = Hold(Reason.EMPTY_RENDER, round_.decision.reason)
            yield from self._skip(round_.trigger, hold, now)
            outcome = RefreshOutcome(outcome="skipped", reason=hold.reason)
        else:
            self._last = Attempt(round_.began_s, 0, None, round_.watermark)
            yield Publish(round_.success(now), keep=True)
            outcome = RefreshOutcome(
                outcome="written",
                reason=round_.decision.reason,
                revision=round_.watermark.revision,
            )
        for caller in round_.callers:
            yield Answer(caller, outcome)

    def _write(self, round_: Round, target: Target) -> Steps:
        """Write a payload, then its sidecar: a crash in between costs one more refresh."""
        topics = self._topics(target.project) if round_.decision.with_graph else ()
        with self._readers.records.view() as view:
            material = gather(view, target.project, target.name, topics, self._memo)
        text = render(
            material, round_.began.wall, "" if round_.decision.with_graph else WITHOUT_GRAPH
        )
        if not text:
            yield RemoveFile(sidecar_path(target.path))
            yield RemoveFile(target.path)
            return
        yield ReplaceFile(target.path, text.encode())
        sidecar = round_.sidecar(text, round_.began)
        yield ReplaceFile(sidecar_path(target.path), encode_sidecar(sidecar), durable=False)
        round_.written += 1
        round_.rendered_chars = len(text)
        for directory in target.directories:
            for link, to in (
                (self._layout.payload_link(directory), target.path),
                (self._layout.news_link(directory), self._layout.project_news(target.project)),
            ):
                if link is not None:
                    yield LinkFile(link, to)

    def _fail(self, round_: Round, error: Exception, now: Now) -> Steps:
        self._round = None
        self._came_to_nothing(None, round_.watermark, round_.began_s)
        log.warning("the payload was not written: %s", error)
        yield Publish(round_.failed(error, now), keep=True)
        for caller in round_.callers:
            yield Answer(
                caller,
                RefreshOutcome(outcome="failed", reason=type(error).__name__, detail=str(error)),
            )

    def _preview(self, cwd: str, now: Now) -> PreviewText | Error:
        try:
            with self._readers.records.view() as view:
                project = relocation.resolve(identify(cwd), view)
                if view.ignored(project.id, project.root, cwd):
                    return PreviewText(text="", revision=view.watermark().revision)
                topics = self._topics(view.belongs(project.id))
                material = gather(view, project.id, project.name, topics)
        except StoreError as error:
            return Error(code=ErrorCode.NOT_FOUND, detail=str(error))
        return PreviewText(text=render(material, now.wall), revision=material.revision)


def make(settings: Settings) -> CacheWriter:
    """Return the behaviour of the cache-writer process."""
    layout = Layout(settings.store)
    return CacheWriter(layout, Readers(layout), settings)


def _foremost(triggers: dict[Trigger, int], *, asked: bool) -> Trigger | None:
    """Return the trigger that stands for all; None if the loop only looked by itself."""
    if "sleep_pipeline" in triggers:
        return "sleep_pipeline"
    if asked:
        return "manual"
    return "wake_sequence" if "wake_sequence" in triggers else next(iter(triggers), None)


def _waited_s(triggers: dict[Trigger, int], now: Now) -> float:
    return (now.mono - triggers["sleep_pipeline"]) / NS


def _outcome(decision: Decision, look: Look | None, *, dry_run: bool = False) -> RefreshOutcome:
    revision = look.basis.watermark.revision if look else 0
    if isinstance(decision, Hold):
        wanted = decision.wanted or ""
        return RefreshOutcome(
            outcome="skipped", reason=decision.reason, wanted=wanted, revision=revision
        )
    return RefreshOutcome(
        outcome="would_write" if dry_run else "written", reason=decision.reason, revision=revision
    )
