"""What is done while nobody is about: a table of steps, done in order, a slice at a time. Pure.

Each step goes on where it was interrupted. One that fails is tried again in the next SLEEP; after
`TRIES` failures in a row it is left alone for `QUARANTINE_S`, and the others go on. A step in which
the process ended has failed as well: an engine that crashes raises nothing.
"""

import logging
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from iai.errors import StoreCorrupt
from iai.model.clock import NS, Now
from iai.protocol.graph_cache import SleepOutcome, SleepStep

log = logging.getLogger(__name__)

TRIES = 3
QUARANTINE_S = 86_400

# Does a step, begun at a moment; yields after each slice how many items that did.
Slices = Callable[[Now], Iterator[int]]


class Trouble(Struct, frozen=True):
    """What is kept of a step from one SLEEP, and from one process, to the next."""

    failures: int = 0  # in a row
    until: int = 0  # wall time; left alone until then
    running: bool = False  # it was begun and has not come to an end


class Sleep:
    """One SLEEP after another. `troubles` is to be kept whenever a step begins or ends."""

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
        """Fall asleep: all steps are to be done."""
        self._left = list(self._steps)

    def interrupt(self, now: Now) -> SleepStep | None:
        """Wake up: what is left is for the next SLEEP. Return what was interrupted, if anything."""
        ended = None
        if self._current is not None:
            ended = self._ended("interrupted", self.troubles[self._left[0]].failures, now)
        self._left = []
        return ended

    def slice(self, now: Now) -> SleepStep | None:
        """Do one slice of what is left; return how the step ended, if it did.

        Raises StoreCorrupt: a store that is damaged is not to be written to any more.
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
            return self._failed(now, "the process ended while it was at work")
        # A clock that was set back does not make it any longer.
        if now.wall < trouble.until <= now.wall + QUARANTINE_S * NS:
            self._left.pop(0)
            return SleepStep(step=name, outcome="quarantined")
        failures = 0 if trouble.until else trouble.failures
        self.troubles[name] = Trouble(failures=failures, running=True)
        self._current = self._steps[name](now)
        return None

    def _failed(self, now: Now, error: str) -> SleepStep:
        """Count a failure; the step is still the next."""
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
