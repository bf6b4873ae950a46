"""One refresh under way: which files are still to be written, and for whom."""

from collections import deque
from collections.abc import Iterable

from msgspec import structs

from iai.freshness.decide import Basis, Write
from iai.freshness.sidecar import Sidecar
from iai.freshness.target import Target
from iai.model import clock
from iai.model.clock import NS, Now
from iai.model.record import Watermark
from iai.protocol.behaviour import Caller
from iai.protocol.cache_writer import (
    CacheWriteFailed,
    CacheWriteStarted,
    CacheWriteSuccess,
    Trigger,
)

LONGEST_ERROR = 200  # characters


class Round:
    """Made when the decision to write has fallen. `basis` was taken before anything is read."""

    def __init__(
        self,
        decision: Write,
        trigger: Trigger,
        basis: Basis,
        wanted: Iterable[Target],
        callers: list[Caller],
        now: Now,
    ) -> None:
        self.decision = decision
        self.trigger = trigger
        self.basis = basis
        self.wanted = list(wanted)
        self.left = deque(self.wanted)
        self.cache_path = str(self.left[-1].path)
        self.callers = callers
        self.began = now
        self.written = 0
        self.rendered_chars = 0  # of the global payload, which is the last

    def hasten(self, project: str) -> None:
        """Let a project's payload be the next, if it is still to be written."""
        self.left = deque(sorted(self.left, key=lambda target: target.project != project))

    @property
    def watermark(self) -> Watermark:
        """Of the records, before anything was read."""
        return self.basis.watermark

    @property
    def began_s(self) -> float:
        """When it began, in seconds on the monotonic clock."""
        return self.began.mono / NS

    def sidecar(self, text: str, now: Now) -> Sidecar:
        """Return what the payload just composed may claim: never more than it holds."""
        return Sidecar(
            **structs.asdict(self.watermark),
            rendered_chars=len(text),
            generated_at=clock.iso(now.wall),
            trigger=self.trigger,
            graph=self.basis.graph,
            program=self.basis.program,
        )

    def started(self) -> CacheWriteStarted:
        """Return the event of its beginning."""
        return CacheWriteStarted(
            trigger=self.trigger,
            cache_path=self.cache_path,
            force_rebuild=self.decision.reason == "forced",
            reason=self.decision.reason,
        )

    def success(self, now: Now) -> CacheWriteSuccess:
        """Return the event of its end."""
        mark = self.watermark
        return CacheWriteSuccess(
            trigger=self.trigger,
            cache_path=self.cache_path,
            rendered_chars=self.rendered_chars,
            records_count=mark.records_count,
            max_vec_label=mark.max_vec_label,
            max_record_created_at=mark.max_created_at,
            max_updated_at=mark.max_updated_at,
            duration_ms=self._duration_ms(now),
            revision=mark.revision,
            payloads=self.written,
        )

    def failed(self, error: Exception, now: Now) -> CacheWriteFailed:
        """Return the event of its failure."""
        return CacheWriteFailed(
            trigger=self.trigger,
            cache_path=self.cache_path,
            reason=type(error).__name__,
            error=str(error)[:LONGEST_ERROR],
            duration_ms=self._duration_ms(now),
        )

    def _duration_ms(self, now: Now) -> float:
        return round((now.mono - self.began.mono) / 1e6, 3)
