"""The revision a project's payload must hold to be current, in a form a hook reads without Python.

One line of three words for each project: the required revision, the last foreign revision and the
last session. It is rewritten whenever a word changes: right after the commit, or, for a hook event,
before the event leaves the spool.
"""

from collections.abc import Iterator, Mapping

from iai.model.ids import is_file_name
from iai.model.record import LastChange

UNKNOWN = (1 << 63) - 1  # the shell's largest integer: no payload holds that revision
NO_SESSION = "."  # the hook never records a session by this name


class RequiredRevision:
    """The lines of all projects.

    The required revision is that of the last change that bypasses the minimum interval, such as the
    end of a session. While an ended session is still being read, or an event waits for its
    transcript, it is `UNKNOWN`. The other two words come from `LastChange`.
    """

    def __init__(
        self, last_changes: Mapping[str, LastChange], written: Mapping[str, bytes]
    ) -> None:
        """Start from the last change of each project, and from the lines on disk.

        Earlier requirements are not stored, so every change so far is required.
        """
        self._last_changes = dict(last_changes)
        self._written = dict(written)
        self._required = {project: change.revision for project, change in last_changes.items()}
        self._ending: dict[str, str] = {}  # file or event still to be read -> project
        self._stale = set(last_changes)  # projects whose line may have changed

    @property
    def ending(self) -> list[str]:
        """The files and events of ended sessions that are still to be read, sorted."""
        return sorted(self._ending)

    def committed(self, touched: Mapping[str, LastChange], *, can_wait: bool) -> None:
        """Record a commit; `can_wait` if it is subject to the minimum interval."""
        self._last_changes.update(touched)
        if not can_wait:
            self._required.update({project: change.revision for project, change in touched.items()})
        self._stale.update(touched)

    def session_ending(self, source: str, project: str) -> None:
        """Record that a session ended, or an event came, whose transcript is still to be read."""
        self.cancel(source)  # it may have ended in another project before
        self._ending[source] = project
        self._stale.add(project)

    def cancel(self, source: str) -> None:
        """Take back `session_ending`: the session continues. Unknown sources are ignored."""
        self._stale.add(self._ending.pop(source, ""))

    def session_ingested(self, source: str) -> str:
        """Record that all of an ended session is committed; return its project."""
        project = self._ending.pop(source)
        self._required[project] = self._last_changes.get(project, LastChange()).revision
        self._stale.add(project)
        return project

    def changed_lines(self) -> Iterator[tuple[str, bytes]]:
        """Yield each project whose line changed, with the line, in order of project id.

        A line counts as written once yielded; see `invalidate`.
        """
        while self._stale:
            project = min(self._stale)
            self._stale.remove(project)
            line = self._line(project)
            if line is not None and self._written.get(project) != line:
                self._written[project] = line
                yield project, line

    def invalidate(self, project: str) -> None:
        """Record that the line of a project could not be written."""
        self._written.pop(project, None)

    def _line(self, project: str) -> bytes | None:
        """Return the line; None for a project without records, which has no payload."""
        change = self._last_changes.get(project)
        if change is None or not change.revision:
            return None
        ending = project in self._ending.values()
        required = UNKNOWN if ending else self._required.get(project, 0)
        session = change.last_session if is_file_name(change.last_session) else NO_SESSION
        return f"{required} {change.last_foreign_revision} {session}\n".encode()
