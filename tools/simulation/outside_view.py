"""The records of a simulated machine as they are the same on all machines of its team."""

from collections.abc import Iterable, Iterator
from zlib import crc32

from msgspec import structs

from iai.model.action import Action
from iai.model.member import Member
from iai.model.record import Project, Record, Watermark
from iai.model.session import SessionInfo
from iai.store.record_view import RecordView


class OutsideView:
    """A store as somebody reads it who has no machine in the team: a `PayloadSource`.

    So it does not matter whose machine it is on: it names all machines, and no directories; and
    records have numbers that are the same everywhere.
    """

    def __init__(self, view: RecordView, machine: str, present: frozenset[str]) -> None:
        """`present`: the machines of which something is shown."""
        self._view = view
        self._machine = machine
        self._present = present

    def _seen(self, records: Iterable[Record]) -> Iterator[Record]:
        for one in records:
            machine = one.machine or self._machine
            if machine in self._present and one.mine != "note":
                marks = tuple(mark for mark in one.marks if mark != "dismissed")
                yield structs.replace(
                    one, label=crc32(one.id.encode()), machine=machine, marks=marks, cwd="", mine=""
                )

    def watermark(self) -> Watermark:
        return Watermark()

    def erased_through(self) -> int:
        return 0

    def belongs(self, project: str) -> str:
        return project

    def project_named(self, project: str) -> Project | None:
        return self._view.project_named(project)

    def active(self) -> list[Project]:
        return []

    def sessions(self, project: str) -> Iterator[bytes]:
        return (key for key in self._view.sessions(project) if next(self.session(key), None))

    def session(self, session: bytes, *, newest_first: bool = False) -> Iterator[Record]:
        return self._seen(self._view.session(session, newest_first=newest_first))

    def actions(self, session: bytes, *, newest_first: bool = False) -> Iterator[Action]:
        return self._view.actions(session, newest_first=newest_first)

    def session_info(self, session: bytes) -> SessionInfo | None:
        info = self._view.session_info(session)
        machine = info.machine or self._machine if info is not None else ""
        return structs.replace(info, machine=machine, cwd="") if info is not None else None

    def session_changed(self, session: bytes) -> int:
        return 0

    def pinned(self, project: str) -> Iterator[Record]:
        return self._seen(one for one in self._view.pinned(project) if one.pinned)

    def facts(self, project: str) -> Iterator[Record]:
        return self._seen(self._view.facts(project))

    def member(self, machine: str) -> Member | None:
        own = machine == self._machine
        return self._view.member("" if own else machine) if machine else None

    def pinned_on(self, record: Record) -> str:
        known = self._view.find(record.id)
        pinner = self._view.pinned_on(structs.replace(known, mine="")) if known is not None else ""
        return pinner or self._machine
