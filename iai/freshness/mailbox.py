"""Refresh requests and hints that wait: all of them become one decision."""

from msgspec import Struct

from iai.model.clock import NS, Now
from iai.protocol.behaviour import Caller
from iai.protocol.cache_writer import Refresh, Trigger

SLEEP_PATIENCE_S = 300.0  # a refresh after SLEEP that waited for longer is skipped


class Batch(Struct, frozen=True):
    """Everything that waited at one moment."""

    trigger: Trigger | None  # the one that stands for all; None: nothing waited
    callers: list[Caller]
    dry_runs: list[tuple[Caller, bool]]  # with whether each asked to force it
    force: bool
    expired: bool  # the SLEEP that triggered it ended too long ago


class Mailbox:
    """Collects requests and hints until they are taken."""

    def __init__(self) -> None:
        self._requests: list[tuple[Caller, Refresh]] = []
        self._triggers: dict[Trigger, int] = {}  # each with the monotonic time it first came

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._requests and not self._triggers

    @property
    def asked(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._requests)

    def ask(self, caller: Caller, request: Refresh) -> None:
        """Add a request."""
        self._requests.append((caller, request))

    def hint(self, trigger: Trigger, now: Now) -> None:
        """Add a hint that there may be something to write."""
        self._triggers.setdefault(trigger, now.mono)

    def take(self, now: Now) -> Batch:
        """Return everything that waits, and empty the mailbox."""
        requests, self._requests = self._requests, []
        triggers, self._triggers = self._triggers, {}
        asking = [(caller, request) for caller, request in requests if not request.dry_run]
        slept_at = triggers.get("sleep_pipeline", now.mono)
        return Batch(
            trigger=_foremost(triggers, asked=bool(asking)),
            callers=[caller for caller, _ in asking],
            dry_runs=[(caller, request.force) for caller, request in requests if request.dry_run],
            force=any(request.force for _, request in asking),
            expired=now.mono - slept_at > SLEEP_PATIENCE_S * NS,
        )


def _foremost(triggers: dict[Trigger, int], *, asked: bool) -> Trigger | None:
    if "sleep_pipeline" in triggers:
        return "sleep_pipeline"
    if asked:
        return "manual"
    return "wake_sequence" if "wake_sequence" in triggers else next(iter(triggers), None)
