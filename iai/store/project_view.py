"""Projects: their records, and where these belong after projects were merged or ignored."""

from collections.abc import Iterator
from itertools import islice, takewhile

from iai.model.record import Project, Record
from iai.store.codec import decode_time, decode_u64, encode_time, encode_u64, unpack
from iai.store.record_keys import AWAY, walk
from iai.store.record_lookup import RecordLookup
from iai.store.transaction import BEYOND


class ProjectView(RecordLookup):
    """Reads projects, as of one moment."""

    def project(self, project: str) -> Iterator[Record]:
        """Yield the records of a project, the latest first."""
        return self._records("by_project", project.encode(), newest_first=True)

    def places(
        self, project: str, after: tuple[int, int] | None, limit: int
    ) -> list[tuple[int, int]]:
        """Return order and label of the next records of a project, the earliest first.

        `after` is the last of those that were returned before.
        """
        prefix = project.encode()
        start = prefix + (encode_time(after[0]) + encode_u64(after[1] + 1) if after else b"")
        every = (key for key, _ in self._t.entries(self._db["by_project"], start))
        ours = takewhile(lambda key: key.startswith(prefix), islice(every, limit))
        return [(decode_time(key[-16:-8]), decode_u64(key[-8:])) for key in ours]

    def pinned(self, project: str) -> Iterator[Record]:
        """Yield the pinned records of a project, the latest pinned label first."""
        return self._records("pinned", project.encode(), newest_first=True)

    def facts(self, project: str) -> Iterator[Record]:
        """Yield what was noted in a project outside its sessions, the latest first."""
        return self._records("facts", project.encode(), newest_first=True)

    def count(self, project: str) -> int:
        """Return how many records are in a project. Reads keys only."""
        prefix = project.encode()
        return sum(1 for _ in walk(self._t, self._db["by_project"], prefix, prefix))

    def projects(self) -> list[Project]:
        """Return all projects, in no particular order."""
        return [unpack(data, Project) for _, data in self._t.entries(self._db["projects"])]

    def every_project(self) -> list[Project]:
        """Return all projects, and those of which all records are from other machines.

        These have neither a name nor a root, until there is a session in a checkout on this one.
        """
        known = self.projects()
        ids = {project.id for project in known}
        changed = (key.decode() for key, _ in self._t.entries(self._db["changed"]))
        theirs = (id_ for id_ in changed if id_ not in ids and self._latest_in(id_) is not None)
        return [*known, *(Project(id=id_, name="", root="") for id_ in theirs)]

    def project_named(self, project: str) -> Project | None:
        """Return a project by its id."""
        data = self._t.intact(project.encode(), db=self._db["projects"])
        return unpack(data, Project) if data is not None else None

    def active(self) -> list[Project]:
        """Return the projects with records, but ignored ones; that of the latest record first."""
        every = self.projects()
        below = [p for p in every if p.ignored == "below"]
        shown = (p for p in every if not p.ignored and not any(b.holds(p.root) for b in below))
        latest = ((self._latest_in(project.id), project) for project in shown)
        dated = [(when, project) for when, project in latest if when is not None]
        return [project for _, project in sorted(dated, key=lambda pair: pair[0], reverse=True)]

    def belongs(self, project: str) -> str:
        """Return the project that a project is merged into, or itself if it is not merged."""
        for home, _ in self._merged(project):
            project = home
        return project

    def ignored(self, project: str, *places: str) -> bool:
        """Is this project, or one of these directories, ignored?"""
        if any(one is not None and one.ignored for _, one in self._merged(project)):
            return True
        below = [p for p in self.projects() if p.ignored == "below"] if places else []
        return any(one.holds(place) for one in below for place in places)

    def misfiled(self) -> Iterator[Record]:
        """Yield the records that `reassign` has yet to move after a merge or unmerge.

        Damaged ones, which cannot be moved, are left out.
        """
        return (one for label in self._misfiled() if (one := self.get(label)) is not None)

    def _misfiled(self) -> Iterator[int]:
        database = self._db["by_project"]
        for project in self.projects():
            if project.into:
                prefix = project.id.encode()
                yield from walk(self._t, database, prefix, prefix)
            at_home = AWAY + project.id.encode() + self.belongs(project.id).encode()
            prefix = AWAY + project.id.encode()
            yield from walk(self._t, database, prefix, prefix, until=at_home)
            yield from walk(self._t, database, prefix, at_home + BEYOND)

    def _merged(self, project: str) -> Iterator[tuple[str, Project | None]]:
        """Yield a project, the one it is merged into, and so on."""
        while project:
            stored = self.project_named(project)
            yield project, stored
            project = stored.into if stored else ""

    def _latest_in(self, project: str) -> int | None:
        latest = self._t.prefixed(self._db["by_project"], project.encode(), back=True)
        return next((decode_time(key[-16:-8]) for key, _ in latest), None)
