"""What is new to a session that goes on: what others have said in its project since it was told.

What the session said itself is in its own context already, and what it was given is replayed there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from iai.model.record import (
    Project,
    Record,
    Watermark,
    session_key,
)
from iai.model.revisions import through
from iai.store.record_view import RecordView

LOOKED_AT = 5_000  # changes of the log, the latest ones: an import may have made a million


class Changed(Struct, frozen=True):
    """The records of a project that were changed after a revision."""

    said: tuple[Record, ...] = ()  # kept or edited since
    pinned: tuple[Record, ...] = ()  # pinned since, or pinned and edited
    whole: bool = True  # is this all that was changed?


def changed(view: RecordView, project: str, revision: int) -> Changed:
    """Read what was changed after a revision, as far as it is still there."""
    if view.changed(project) <= revision:
        return Changed()
    after = through(view.watermark().revision).minus(through(revision))
    labels: dict[int, bool] = {}  # and whether it was said since, or only pinned
    for _, entry in view.changes(after.newest(LOOKED_AT)):
        said = entry.operation in ("insert", "edit")
        labels[entry.label] = said or labels.get(entry.label, False)
    found = [(view.get(label), said) for label, said in labels.items()]
    own = [(record, said) for record, said in found if record and record.project == project]
    return Changed(
        tuple(record for record, said in own if said),
        tuple(record for record, _ in own if record.pinned),
        after.count() <= LOOKED_AT,
    )


class New:
    """The records as if there were only what is new to a session. See `material.Seen`."""

    def __init__(
        self, view: RecordView, new: Changed, unread: Iterable[Record], project: str, session: str
    ) -> None:
        """`unread` are turns of any project that are not in the store yet: they are always new."""
        own = (record for record in unread if record.project == project)
        said = [r for r in (*new.said, *own) if not session or r.session != session]
        self._view = view
        self._pinned = sorted(new.pinned, key=_order, reverse=True)
        self._facts = sorted((r for r in said if not r.in_session), key=_order, reverse=True)
        self._sessions: dict[bytes, list[Record]] = defaultdict(list)
        for record in sorted((r for r in said if r.in_session), key=_order):
            self._sessions[session_key(record.host, record.session)].append(record)

    def watermark(self) -> Watermark:
        """Return that of the records."""
        return self._view.watermark()

    def belongs(self, project: str) -> str:
        """See `View.belongs`."""
        return self._view.belongs(project)

    def project_named(self, project: str) -> Project | None:
        """Return a project by its id."""
        return self._view.project_named(project)

    def active(self) -> list[Project]:
        """Return no project: what is new in others is not asked for."""
        return []

    def sessions(self, project: str) -> Iterator[bytes]:
        """Yield the sessions in which anything new was said, the latest first."""
        latest = {key: _order(turns[-1]) for key, turns in self._sessions.items()}
        return iter(sorted(latest, key=lambda key: latest[key], reverse=True))

    def session(self, session: bytes, *, newest_first: bool = False) -> Iterator[Record]:
        """Yield the new turns of a session in the order they were said in."""
        turns = self._sessions.get(session, [])
        return reversed(turns) if newest_first else iter(turns)

    def pinned(self, project: str) -> Iterator[Record]:
        """Yield what was pinned since."""
        return iter(self._pinned)

    def facts(self, project: str) -> Iterator[Record]:
        """Yield what was noted since."""
        return iter(self._facts)

    def changed(self, project: str) -> int:
        """Return that nothing may be remembered of it: it is another difference each time."""
        return 0


def _order(record: Record) -> tuple[int, int]:
    return record.order, record.label
