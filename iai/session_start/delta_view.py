"""What is new to a resumed session: what others said in its project since it was last updated.

The session has its own turns in its context, and the host replays what it was given.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from iai.model.action import Action
from iai.model.record import (
    Project,
    Record,
    session_key,
)
from iai.model.revisions import through
from iai.store.record_view import RecordView

LATEST_CHANGES = 5_000  # at most this many are read: an import may have made a million


class Delta(Struct, frozen=True):
    """The records of a project that were changed after a revision."""

    said: tuple[Record, ...] = ()  # added or edited since
    pinned: tuple[Record, ...] = ()  # pinned since, or pinned and edited
    whole: bool = True  # nothing was left out


def read_delta(view: RecordView, project: str, revision: int) -> Delta:
    """Read the records changed after a revision, but for those forgotten since."""
    if view.changed(project) <= revision:
        return Delta()
    after = through(view.watermark().revision).minus(through(revision))
    labels: dict[int, bool] = {}  # True: added or edited since; False: only pinned
    for _, entry in view.changes(after.newest(LATEST_CHANGES)):
        said = entry.operation in ("insert", "edit")
        labels[entry.label] = said or labels.get(entry.label, False)
    found = [(view.get(label), said) for label, said in labels.items()]
    own = [(record, said) for record, said in found if record and record.project == project]
    return Delta(
        tuple(record for record, said in own if said),
        tuple(record for record, _ in own if record.is_pinned),
        after.count() <= LATEST_CHANGES,
    )


class DeltaView:
    """Only the records that are new to a session: a `sessions.PayloadSource`."""

    def __init__(
        self, view: RecordView, delta: Delta, pending: Iterable[Record], project: str, session: str
    ) -> None:
        """`pending` are turns of any project that are not in the store yet: always new."""
        own = (record for record in pending if record.project == project)
        every = (*delta.said, *own)
        said = [r for r in every if not session or r.session != session or r.machine]
        self._view = view  # from which comes all that is not about what is new
        self.watermark, self.erased_through = view.watermark, view.erased_through
        self.belongs, self.project_named = view.belongs, view.project_named
        self.member, self.pinned_on = view.member, view.pinned_on
        self.session_info = view.session_info
        self._pinned = sorted(delta.pinned, key=_order, reverse=True)
        self._facts = sorted((r for r in said if not r.in_session), key=_order, reverse=True)
        self._sessions: dict[bytes, list[Record]] = defaultdict(list)
        for record in sorted((r for r in said if r.in_session), key=_order):
            self._sessions[session_key(record.host, record.session, record.machine)].append(record)

    def active(self) -> list[Project]:
        """Return no project: a delta is about one project only."""
        return []

    def sessions(self, project: str) -> Iterator[bytes]:
        """Yield the sessions with new turns, the latest first."""
        latest = {key: _order(turns[-1]) for key, turns in self._sessions.items()}
        return iter(sorted(latest, key=lambda key: latest[key], reverse=True))

    def session(self, session: bytes, *, newest_first: bool = False) -> Iterator[Record]:
        """Yield the new turns of a session in the order they were said."""
        turns = self._sessions.get(session, [])
        return reversed(turns) if newest_first else iter(turns)

    def actions(self, session: bytes, *, newest_first: bool = False) -> Iterator[Action]:
        """Yield what was done in a session since the first of its new turns."""
        turns = self._sessions.get(session, [])
        first = turns[0].order if turns else 0
        actions = self._view.actions(session, newest_first=newest_first)
        return (action for action in actions if action.at >= first)

    def session_changed(self, session: bytes) -> int:
        """Return 0, so that nothing is cached: every delta is different."""
        return 0

    def pinned(self, project: str) -> Iterator[Record]:
        """Yield the records pinned since."""
        return iter(self._pinned)

    def facts(self, project: str) -> Iterator[Record]:
        """Yield the facts noted since."""
        return iter(self._facts)


def _order(record: Record) -> tuple[int, int]:
    return record.order, record.label
