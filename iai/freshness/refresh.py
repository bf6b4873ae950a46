"""One refresh in progress: which payloads are still to be written, and who waits for them."""

from collections import deque
from collections.abc import Iterable

from msgspec import structs

from iai.freshness.decide import Write
from iai.freshness.inputs import InputVersion
from iai.freshness.sidecar import Sidecar, sealed
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


class RefreshJob:
    """Created by a decision to write. `version` was read before any of the records."""

    def __init__(
        self,
        decision: Write,
        trigger: Trigger,
        version: InputVersion,
        targets: Iterable[Target],
        callers: list[Caller],
        now: Now,
    ) -> None:
        self.decision = decision
        self.trigger = trigger
        self.version = version
        self.targets = list(targets)
        self.left = deque(self.targets)
        self.cache_path = str(self.left[-1].path)
        self.callers = callers
        self.began = now
        self.written = 0
        self.rendered_chars = 0  # of the payload written last, which is the global one

    def hasten(self, project: str) -> None:
        """Write a project's payload next, if it is still to be written."""
        self.left = deque(sorted(self.left, key=lambda target: target.project != project))

    @property
    def watermark(self) -> Watermark:
        """The watermark of the records, read before any of them."""
        return self.version.watermark

    @property
    def began_s(self) -> float:
        """When the job began, in seconds on the monotonic clock."""
        return self.began.mono / NS

    def sidecar(self, text: str, message: str) -> Sidecar:
        """Return the sidecar of a payload just composed: it never claims more than that holds."""
        bare = Sidecar(
            **structs.asdict(self.watermark),
            rendered_chars=len(text),
            generated_at=clock.iso(self.began.wall),
            trigger=self.trigger,
            graph=self.version.graph,
            program=self.version.program,
            message=message,
        )
        return sealed(bare, text)

    def started(self) -> CacheWriteStarted:
        """Return the event that the job has started."""
        return CacheWriteStarted(
            trigger=self.trigger,
            cache_path=self.cache_path,
            force_rebuild=self.decision.reason == "forced",
            reason=self.decision.reason,
        )

    def success(self, now: Now) -> CacheWriteSuccess:
        """Return the event that every payload is written."""
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
        """Return the event that an error ended the job."""
        return CacheWriteFailed(
            trigger=self.trigger,
            cache_path=self.cache_path,
            reason=type(error).__name__,
            error=str(error)[:LONGEST_ERROR],
            duration_ms=self._duration_ms(now),
        )

    def _duration_ms(self, now: Now) -> float:
        return round((now.mono - self.began.mono) / 1e6, 3)
