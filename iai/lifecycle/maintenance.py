"""Maintenance during SLEEP: steps in a fixed order, one slice at a time.

Each step resumes where it was interrupted. A failed one is retried in the next SLEEP; after `TRIES`
failures in a row it is skipped for `QUARANTINE_S`, and the others continue. A step during which the
process ended counts as failed: a crash in native code raises nothing.
"""

import logging
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from iai.errors import StoreCorrupt
from iai.model.clock import NS, Now
from iai.protocol.graph_cache import SleepOutcome, SleepStep

log = logging.getLogger(__name__)

TRIES = 3
QUARANTINE_S = 86_400  # wall time

# A step: given the time of its start, does a slice per iteration and yields the items it covered.
Slices = Callable[[Now], Iterator[int]]


class Trouble(Struct, frozen=True):
    """The failures of a step, stored across SLEEPs and restarts."""

    failures: int = 0  # in a row
    until: int = 0  # quarantined until then, in UTC nanoseconds; 0: not quarantined
    running: bool = False  # begun and not ended


class Sleep:
    """The steps of one SLEEP after another. Store `troubles` whenever a step begins or ends."""

    def __init__(self, steps: Mapping[str, Slices], troubles: Mapping[str, Trouble]) -> None:
        self._steps = steps
        self.troubles = {name: troubles.get(name, Trouble()) for name in steps}
        self._left: list[str] = []
        self._current: Iterator[int] | None = None
        self._began = 0  # monotonic
        self._items = 0

    @property
    def busy(self) -> bool:
        """Is anything left to do in this SLEEP?"""
        return bool(self._left)

    def begin(self) -> None:
        """Begin a SLEEP, with all steps to be done."""
        self._left = list(self._steps)

    def interrupt(self, now: Now) -> SleepStep | None:
        """End the SLEEP; the rest is for the next. Return the step interrupted, if any."""
        ended = None
        if self._current is not None:
            ended = self._ended("interrupted", self.troubles[self._left[0]].failures, now)
        self._left = []
        return ended

    def slice(self, now: Now) -> SleepStep | None:
        """Do one slice of the current step; return how the step ended, if it did.

        Raises StoreCorrupt, since nothing more may be written to a damaged store.
        """
        if self._current is None:
            return self._start(now)
        try:
            self._items += next(self._current)
        except StopIteration:
            ended = self._ended("finished", 0, now)
            self._left.pop(0)
            return ended
        except StoreCorrupt:
            raise
        except Exception as error:
            log.exception("the step %s failed", self._left[0])
            ended = self._failed(now, f"{type(error).__name__}: {error}")
            self._left.pop(0)
            return ended
        return None

    def _start(self, now: Now) -> SleepStep | None:
        name = self._left[0]
        trouble = self.troubles[name]
        self._began, self._items = now.mono, 0
        if trouble.running:
            return self._failed(now, "the process ended during this step")
        # If the clock was set back, the quarantine must not last longer for it.
        if now.wall < trouble.until <= now.wall + QUARANTINE_S * NS:
            self._left.pop(0)
            return SleepStep(step=name, outcome="quarantined")
        failures = 0 if trouble.until else trouble.failures
        self.troubles[name] = Trouble(failures=failures, running=True)
        self._current = self._steps[name](now)
        return None

    def _failed(self, now: Now, error: str) -> SleepStep:
        """Count a failure; the step remains the current one."""
        name = self._left[0]
        failures = self.troubles[name].failures + 1
        until = now.wall + QUARANTINE_S * NS if failures >= TRIES else 0
        self.troubles[name] = Trouble(failures=failures, until=until)
        return self._outcome("failed", now, error)

    def _ended(self, outcome: SleepOutcome, failures: int, now: Now) -> SleepStep:
        self.troubles[self._left[0]] = Trouble(failures=failures)
        return self._outcome(outcome, now)

    def _outcome(self, outcome: SleepOutcome, now: Now, error: str = "") -> SleepStep:
        self._current = None
        return SleepStep(
            step=self._left[0],
            outcome=outcome,
            items=self._items,
            seconds=round((now.mono - self._began) / NS, 3),
            error=error,
        )
