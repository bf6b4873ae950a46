"""What earlier looks and attempts mean for the next decision, and when that is due."""

import math

from iai.freshness.decide import Skipped
from iai.freshness.inputs import LEFT_OUT, Attempt, Graph, RefreshInputs, Snapshot
from iai.freshness.target import Target
from iai.lifecycle.pace import Pace
from iai.model.clock import NS, Now
from iai.model.record import Watermark
from iai.protocol.cache_writer import Reason, Trigger

COLD_BOUND_S = 3.0  # a graph that stays cold for longer is left out of the payload
QUIET_S = 0.1  # a pause this long after a held-back change: an import never pauses that long


class RefreshTimers:
    """The interval, the back-off, the cold graph and held-back changes. All times are monotonic."""

    def __init__(self, min_interval_s: float) -> None:
        self._min_interval_s = min_interval_s
        self._pace = Pace()
        self._last: Attempt | None = None
        self._urgent = False
        self._cold_since = 0  # 0: the graph is warm
        self._retry_at = 0  # when a skipped refresh is due; 0: none was
        self._held: Target | None = None  # the most recent payload that is waiting to be written
        self._paused_at = 0  # when the changes put off have paused, unless more come

    def bypass_interval(self) -> None:
        """Let the next decision ignore the minimum interval, though not a back-off."""
        self._urgent = True

    def observe(self, snapshot: Snapshot, now: Now) -> None:
        """Note the snapshot that the next decisions are made from."""
        self._pace.looked(now, more=False)
        self._retry_at = 0
        self._cold_since = (self._cold_since or now.mono) if snapshot.graph == LEFT_OUT else 0
        if self._urgent and self._last is not None and self._last.failures == 0:
            self._last = None
        self._urgent = False

    def inputs(
        self,
        snapshot: Snapshot,
        now: Now,
        trigger: Trigger | None = None,
        *,
        force: bool = False,
        last_chance: bool = False,
    ) -> RefreshInputs:
        """Return what to decide from. `last_chance`: put nothing off."""
        graph = self._graph(now)
        return RefreshInputs(
            now_s=now.mono / NS,
            min_interval_s=self._min_interval_s,
            live=snapshot.live,
            claimed=snapshot.claimed,
            cache_present=snapshot.cache_present,
            graph="cold_too_long" if last_chance and graph == "cold" else graph,
            trigger=trigger,
            force=force,
            last=None if last_chance else self._last,
        )

    def skipped(self, skipped: Skipped, snapshot: Snapshot, now: Now) -> None:
        """Note when to decide again. Finding the graph cold counts as an unsuccessful attempt."""
        if snapshot.live is None:
            return
        if skipped.reason is Reason.RUNTIME_GRAPH_CACHE_COLD:
            self._retry_at = self._cold_since + int(COLD_BOUND_S * NS)
            if skipped.until_s is None:
                self.failed(skipped.reason, snapshot.live.watermark, now.mono / NS)
        elif skipped.until_s is not None:
            self._retry_at = int(skipped.until_s * NS)
            self._held = snapshot.targets[0]
        if self._retry_at:
            self._paused_at = now.mono + int(QUIET_S * NS)

    def changed(self, now: Now) -> None:
        """Note that there was a change: those that were put off have not paused."""
        if self._put_off(now):
            self._paused_at = now.mono + int(QUIET_S * NS)

    def began(self) -> None:
        """Note that everything held back is being written."""
        self._held = None

    def succeeded(self, watermark: Watermark, began_s: float) -> None:
        """Start the minimum interval."""
        self._last = Attempt(began_s, 0, None, watermark)

    def failed(self, reason: Reason | None, watermark: Watermark, began_s: float) -> None:
        """Start a back-off. `reason` is None if the attempt raised an error."""
        failures = self._last.failures + 1 if self._last else 1
        self._last = Attempt(began_s, failures, reason, watermark)

    def hint_due_s(self, now: Now) -> float:
        """Seconds until a hint is looked into: at once, unless a change was put off just now.

        What follows it would be put off as well, and an import makes a hundred changes a second.
        """
        return max(0.0, (self._paused_at - now.mono) / NS) if self._put_off(now) else 0.0

    def to_prepare(self, now: Now) -> Target | None:
        """Return the held-back payload to prepare now, once for each pause in the changes."""
        if self._held is None or now.mono < self._paused_at:
            return None
        held, self._held = self._held, None
        return held

    def due_s(self, now: Now) -> float:
        """Seconds until there is something to decide or to prepare."""
        prepare = (self._paused_at - now.mono) / NS if self._held else math.inf
        retry = (self._retry_at - now.mono) / NS if self._retry_at else math.inf
        return max(0.0, min(prepare, retry, self._pace.due_s(now)))

    def _put_off(self, now: Now) -> bool:
        return self._retry_at > now.mono and not self._urgent

    def _graph(self, now: Now) -> Graph:
        if not self._cold_since:
            return "warm"
        return "cold" if now.mono - self._cold_since < COLD_BOUND_S * NS else "cold_too_long"
