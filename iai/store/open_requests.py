"""Which request was open in a session at a time."""

from iai.model.exchange import opens
from iai.store.record_view import RecordView

_NEVER = 1 << 63


class OpenRequests:
    """Finds it, and keeps the last answer for each session, since actions come in order.

    Call `clear` after each change of turns.
    """

    def __init__(self, view: RecordView) -> None:
        self._view = view
        self._requests: dict[bytes, tuple[int, int, int]] = {}  # label, and from when until when
        self._projects: dict[int, str] = {}  # request -> its project

    def at(self, session: bytes, at: int) -> int:
        """Return the label of the request that was open at a time; 0 where none was."""
        label, since, until = self._requests.get(session, (0, 0, 0))
        if not since <= at < until:
            request = self._view.request_before(session, at)
            label, since = (request.label, request.order) if request else (0, at)
            later = (turn for turn in self._view.turns_from(session, since) if turn.label != label)
            until = next((turn.order for turn in later if opens(turn)), _NEVER)
            self._requests[session] = label, since, until
        return label

    def project(self, request: int) -> str:
        """Return the project of a request by its label; "" for 0."""
        if request not in self._projects:
            record = self._view.get(request) if request else None
            self._projects[request] = record.project if record is not None else ""
        return self._projects[request]

    def clear(self) -> None:
        """Forget the answers."""
        self._requests.clear()
