"""What this machine says about the team itself: who joins and leaves, and who gets which key.

What a user asked for is kept in `team/` until the stream has acknowledged it. What follows from the
state of the team (`Membership.due`) is not: it is found again.
"""

from itertools import count

from iai.model.clock import NS, Now
from iai.store.team_store import TeamView, Unsent, Write
from iai.team import subjects
from iai.team.duties import Publication
from iai.team.membership import Membership
from iai.team.stream import Stream

AGAIN_S = 30.0  # until something that has not come back is said again


class ControlOutbox:
    """The messages about the team that are under way. Their numbers are negative."""

    def __init__(self, stream: Stream, membership: Membership) -> None:
        self._stream = stream
        self._membership = membership
        self._numbers = count(-1, -1)
        self._sent: dict[int, str] = {}  # id of each message that is not acknowledged
        self._said_at: dict[str, int] = {}  # monotonic, by id

    def connected(self) -> None:
        """Say again what was not acknowledged."""
        self._sent.clear()
        self._said_at.clear()

    def say(self, view: TeamView, now: Now) -> None:
        """Publish what there is to be said."""
        kept = (Publication(one.id, one.data) for one in view.unsent())
        for one in (*kept, *self._membership.due(now.wall)):
            said_at = self._said_at.get(one.id)
            lately = said_at is not None and now.mono - said_at < AGAIN_S * NS
            if self._stream.room and not lately:
                number = next(self._numbers)
                self._sent[number] = one.id
                self._said_at[one.id] = now.mono
                subject = subjects.control(self._membership.team)
                self._stream.publish(number, subject, one.id, one.data)

    def acknowledged(self, number: int) -> Write:
        """Return what is to be written when a message was acknowledged."""
        id_ = self._sent.pop(number, "")
        return lambda unit: unit.sent(id_)

    def refill(self, tag: str) -> list[Write]:
        """Return what has all that is known of the team said again, under keys that are new."""
        return [keeping(Publication(one.id + tag, one.data)) for one in self._membership.refill()]


def keeping(publication: Publication) -> Write:
    """Return what keeps a message until it was acknowledged."""
    unsent = Unsent(publication.id, publication.data)
    return lambda unit: unit.put_unsent(unsent)
