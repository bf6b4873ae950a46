"""Which transcripts are followed, for how long, and when to poll next.

Reads only the status of files: the spool, what the files hold, and every commit are ingest's.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import structs

from iai.ingest import transcripts
from iai.ingest.transcripts import Status
from iai.model.clock import NS, Now
from iai.model.record import Transcript

POLL_S = 0.2  # between two polls of the spool and the followed files, while anything happens there
POLL_SOON_S = 0.02  # right after something was found: hosts keep writing after they call a hook
POLL_QUIET_S = 1.0  # a wake-up costs more than the poll: five a second would be 0.5 % of a core
QUIET_AFTER_S = 60.0
FOLLOW_S = 3_600.0  # after the last event of a session
FOLLOW_ENDED_S = 60.0  # after the event that ends a session: hosts may write its last lines later
WATCHED_S = 86_400.0  # after that: a hook whose event found no room on the disk leaves no trace
FOLLOW_SLACK_S = 60.0  # how far a stored deadline may be behind: not every event needs a commit


class Watched(NamedTuple):
    """A file that is not followed any more, and its size when it was last looked at.

    That size, and not how far it was read: its last line may be cut off for good.
    """

    transcript: Transcript
    size: int


class Follower:
    """The followed transcripts by path. A file with unread bytes is followed until it is read."""

    def __init__(self, stored: Iterable[Transcript], wall: int) -> None:
        lately = [t for t in stored if t.followed_until > wall - int(WATCHED_S * NS)]
        self._followed = {t.path: t for t in lately if t.followed_until > wall}
        self._watched = {t.path: Watched(t, t.offset) for t in lately if t.followed_until <= wall}
        self._unread: dict[
            str, Status
        ] = {}  # files to read at once, as found; the first goes first
        self._left: dict[str, Status] = {}  # files as they were found when last read, or given up
        self._ended: dict[str, str] = {}  # path -> project, where the session has ended
        self._next_poll = 0  # monotonic
        self._last_found = 0  # monotonic: when a poll last found anything

    # --- which files, and until when ----------------------------------------------------------

    def needs_commit(self, path: str, until: int) -> bool:
        """Is the deadline on record too early to survive a restart?"""
        known = self._followed.get(path)
        return known is None or until - known.followed_until > FOLLOW_SLACK_S * NS

    def heard_lately(self, path: str, now: Now) -> bool:
        """Is it on record that an event named this file just now?"""
        known = self._followed.get(path)
        return known is not None and now.wall - known.heard_at <= FOLLOW_SLACK_S * NS

    def follow(self, transcript: Transcript) -> None:
        """Follow a file until its `followed_until`."""
        self._watched.pop(transcript.path, None)
        self._left.pop(transcript.path, None)
        self._followed[transcript.path] = transcript

    def regrown(self, now: Now) -> list[Transcript]:
        """Return the files that have grown though no event said so; the caller follows them again.

        One stat for each file that was followed in the last `WATCHED_S`.
        """
        oldest = now.wall - int(WATCHED_S * NS)
        self._watched = {
            path: watched
            for path, watched in self._watched.items()
            if watched.transcript.followed_until > oldest
        }
        return [
            watched.transcript
            for path, watched in self._watched.items()
            if transcripts.size(path) not in (0, watched.size)
        ]

    def end_session(self, path: str, project: str, until: int) -> None:
        """Shorten the deadline of a followed file whose session has ended.

        `expire` returns it to be committed then: at the end of a session the next one may be
        waiting, and a commit would keep it waiting longer.
        """
        self._followed[path] = structs.replace(self._followed[path], followed_until=until)
        self._ended[path] = project

    def began_in(self, path: str) -> str:
        """Return the directory in which the session of a followed file began; "" if not read."""
        known = self._followed.get(path)
        return known.began_in if known is not None else ""

    def resume_session(self, path: str) -> None:
        """Take back `end_session`, if it was called."""
        self._ended.pop(path, None)

    def ended_in(self, path: str) -> str:
        """Return the project of an ended session; "" while the session is running."""
        return self._ended.get(path, "")

    def fully_read(self, path: str) -> bool:
        """Has the session of this file ended, and is all that its host has written read?"""
        return path in self._ended and path not in self._unread

    def expire(self, now: Now) -> list[Transcript]:
        """Stop following files past their deadline; return those whose deadline to commit."""
        over = [
            transcript
            for path, transcript in self._followed.items()
            if transcript.followed_until <= now.wall and path not in self._unread
        ]
        for transcript in over:
            path = transcript.path
            self._left.pop(path, None)
            self._watched[path] = Watched(self._followed.pop(path), transcripts.size(path))
        return [t for t in over if self._ended.pop(t.path, "")]

    def reload(self, stored: Iterable[Transcript]) -> None:
        """Take what is known of the followed files from the store; they are followed as long."""
        self._left.clear()
        for transcript in stored:
            if known := self._followed.get(transcript.path):
                until = known.followed_until
                self._followed[transcript.path] = structs.replace(transcript, followed_until=until)

    # --- what to read -------------------------------------------------------------------------

    def next_unread(self) -> Transcript | None:
        """Return the file to read a slice of; the same one until `skip` or `advance`."""
        path = next(iter(self._unread), None)
        return self._followed[path] if path is not None else None

    def skip(self, path: str) -> None:
        """Give up on a file until it changes or is followed again: it cannot be read."""
        if found := self._unread.pop(path, None):
            self._left[path] = found

    def advance(self, transcript: Transcript, *, more: bool) -> None:
        """Note that a slice was committed, of any file, and whether there is `more` to read."""
        path = transcript.path
        found = self._unread.pop(path, None)
        if path in self._watched:
            self._watched[path] = Watched(transcript, transcript.offset)
        if known := self._followed.get(path):
            until, heard = known.followed_until, known.heard_at
            self._followed[path] = structs.replace(transcript, followed_until=until, heard_at=heard)
            if found is None:  # an import read it
                return
            if more:
                self._unread[path] = found  # behind the others: they take turns
            else:
                self._left[path] = found

    # --- when ---------------------------------------------------------------------------------

    def poll_now(self, now: Now) -> None:
        """Have the next poll be due at once."""
        self._next_poll = now.mono

    def poll_due(self, now: Now) -> bool:
        """Is it time to poll the spool and the followed files?"""
        return now.mono >= self._next_poll

    def poll(self, now: Now, *, found: bool, more: bool) -> None:
        """Check which files have grown, and schedule the next poll.

        `found` says whether the spool held anything to act on, `more` whether it still does.
        """
        for path, transcript in self._followed.items():
            if path in self._unread or not transcripts.grown(path, transcripts.mark(transcript)):
                continue
            status = transcripts.status(path)
            if status != self._left.get(path):  # else its last line is cut off, perhaps for good
                self._unread[path] = status
        if found or self._unread:
            self._last_found = now.mono
        self._next_poll = now.mono if more else now.mono + int(self._interval_s(now) * NS)

    def idle(self, now: Now) -> bool:
        """Is there nothing to read, and nothing left in the spool?"""
        return not self._unread and not self.poll_due(now)

    def due_s(self, now: Now) -> float:
        """Seconds until there is a slice to read or a poll to do."""
        return 0.0 if self._unread else max(0.0, (self._next_poll - now.mono) / NS)

    def _interval_s(self, now: Now) -> float:
        """Return the time to the next poll: the longer nothing was found, the longer."""
        since_s = (now.mono - self._last_found) / NS
        if since_s > QUIET_AFTER_S:
            return POLL_QUIET_S
        return min(POLL_S, max(POLL_SOON_S, since_s / 4))


def deadline(now: Now, *, ended: bool) -> int:
    """Return until when a file is followed after an event, in wall nanoseconds."""
    return now.later(FOLLOW_ENDED_S if ended else FOLLOW_S).wall
