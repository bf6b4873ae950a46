"""Changes of projects: where they are, what they are merged into, and whether they are ignored."""

from collections.abc import Iterable
from itertools import islice
from typing import Literal

import msgspec
from msgspec import structs

from iai.model.record import Project, Record
from iai.store.change_log import ChangeLog
from iai.store.codec import pack
from iai.store.environment import Environment
from iai.store.project_view import ProjectView
from iai.store.record_filing import RecordFiling
from iai.store.transaction import Transaction

_CWDS = 32  # working directories remembered for each project, the latest ones


class ProjectChange(ProjectView):
    """Changes projects, and moves their records."""

    def __init__(
        self,
        environment: Environment,
        transaction: Transaction,
        log: ChangeLog,
        filing: RecordFiling,
    ) -> None:
        super().__init__(environment, transaction)
        self._log = log
        self._filing = filing

    def place(self, project: Project, cwd: str) -> None:
        """Remember that a project was worked on in this directory."""
        stored = self.project_named(project.id) or project
        if cwd in stored.cwds:
            return
        cwds = (*stored.cwds, cwd)[-_CWDS:]
        self._put(structs.replace(stored, cwds=cwds))

    def note_identity(self, project: Project, joined: Iterable[str]) -> None:
        """Remember what identifies a project after its directory is moved, and what joined it."""
        stored = self.project_named(project.id) or project
        former = tuple(dict.fromkeys((*stored.former, *joined)))
        noted = structs.replace(stored, git=project.git, born=project.born, former=former)
        self._put(noted)

    def merge(self, project: Project, into: Project | None) -> bool:
        """Make another project the owner of a project's records; None undoes that.

        New records go there from now on; `reassign` moves the existing ones. Returns False if the
        other project is the same one, or belongs to it already.
        """
        if into is not None:
            if any(one == project.id for one, _ in self._merged(into.id)):
                return False
            self.place(into, into.root)
        self._change_project(project, into=into.id if into else "")
        return True

    def ignore(self, project: Project, ignored: Literal["", "project", "below"]) -> None:
        """Store nothing more of a project, or of all below its root; "" ends that."""
        self._change_project(project, ignored=ignored)

    def name(self, project: Project) -> None:
        """Keep the name and the root of a project that is not known yet."""
        if self.project_named(project.id) is None:
            self._change_project(project)

    def reassign(self, limit: int) -> int:
        """Move up to `limit` misfiled records to the project they belong to; return how many."""
        moving = list(islice(self.misfiled(), limit))
        for record in moving:
            self._move(record)
        return len(moving)

    def forget(self, project: str) -> bool:
        """Delete the name and directories of a project, and of those that are merged into it.

        Returns False if anything still needs them.
        """
        known = self.project_named(project)
        if known is None or known.into:
            return False
        whole = [one for one in self.projects() if self.belongs(one.id) == project]
        if any(one.ignored or self.count(one.id) for one in whole):
            return False
        for one in whole:
            self._t.delete(one.id.encode(), db=self._db["projects"])
        self._log.append("project", 0, {project})
        self._filing.forget_homes()
        self._log.demand_scrub()
        return True

    def _change_project(self, project: Project, **fields: str) -> None:
        stored = self.project_named(project.id) or project
        changed = msgspec.convert({**structs.asdict(stored), **fields}, Project)
        if changed != stored or stored is project:
            self._put(changed)
            self._log.append("project", 0, {project.id, stored.into, changed.into} - {""})
            self._filing.forget_homes()

    def _put(self, project: Project) -> None:
        self._t.put(project.id.encode(), pack(project), db=self._db["projects"])

    def _move(self, record: Record) -> None:
        moved = structs.replace(self._filing.in_home(record), updated_at=self._log.now)
        self._filing.move(record, moved)
        self._log.append("move", record.label, {record.project, moved.project})
        self._log.touch(record.session_key)
