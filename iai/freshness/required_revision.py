"""What ingest notes of each project, for a hook to know without Python what its payload may lack.

One line of three words, `due others speaker`, written anew whenever one of them changes: before the
hook event by which it does is taken out of the spool, or right after the commit.
"""

from collections.abc import Iterator, Mapping

from iai.model.ids import is_file_name
from iai.model.record import Voices

UNKNOWN = (1 << 63) - 1  # no payload holds that much: the largest number that a shell knows
NOBODY = "."  # no session of which a hook takes note has this name


class News:
    """The lines of all projects.

    `due` is the revision that a payload has to hold: that of the last change that waits for no
    interval, as when a session has ended. `others` and `speaker` are those of `Voices`.
    """

    def __init__(self, voices: Mapping[str, Voices], written: Mapping[str, bytes]) -> None:
        """`voices` by project, and what is written of each. What was due before is not known."""
        self._voices = dict(voices)
        self._written = dict(written)
        self._due = {project: known.revision for project, known in voices.items()}
        self._ending: dict[str, str] = {}  # what is still to be read of which project
        self._stale = set(voices)  # projects whose line may have changed

    @property
    def ending(self) -> list[str]:
        """What is still to be read of sessions that have ended, sorted."""
        return sorted(self._ending)

    def changed(self, heard: Mapping[str, Voices], *, waits: bool) -> None:
        """Note a commit; does it wait for the interval?"""
        self._voices.update(heard)
        if not waits:
            self._due.update({project: voices.revision for project, voices in heard.items()})
        self._stale.update(heard)

    def ends(self, source: str, project: str) -> None:
        """Note that a session has ended of which this file or event is still to be read."""
        self._ending[source] = project
        self._stale.add(project)

    def goes_on(self, source: str) -> None:
        """Note that it has not."""
        self._stale.add(self._ending.pop(source, ""))

    def read(self, source: str) -> str:
        """Note that all of it has been read, and committed; return in which project."""
        project = self._ending.pop(source)
        self._due[project] = self._voices.get(project, Voices()).revision
        self._stale.add(project)
        return project

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Yield each project of which another line is to be written, with that; always in order."""
        while self._stale:
            project = min(self._stale)
            self._stale.remove(project)
            line = self._line(project)
            if line is not None and self._written.get(project) != line:
                self._written[project] = line
                yield project, line

    def lost(self, project: str) -> None:
        """Note that its line could not be written."""
        self._written.pop(project, None)

    def _line(self, project: str) -> bytes | None:
        """Return the line; None where nothing is kept of a project, so that it has no payload."""
        voices = self._voices.get(project)
        if voices is None or not voices.revision:
            return None
        due = UNKNOWN if project in self._ending.values() else self._due.get(project, 0)
        speaker = voices.speaker if is_file_name(voices.speaker) else NOBODY
        return f"{due} {voices.others} {speaker}\n".encode()
