"""The file from which hosts show a status line: a line for everybody, and one for each session.

Each is the id of a session, or `-`, a tab and the words; hooks/iai-mcp-status-line.sh prints them.
It is kept only where that script is installed. Its words have no times that pass: the file is
written when they change.
"""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import msgspec

from iai.config.layout import Layout
from iai.errors import StoreError
from iai.freshness.inputs import Snapshot
from iai.hosts import registry
from iai.model.clock import NS, Now
from iai.model.ids import is_file_name
from iai.model.record import session_key
from iai.model.units import count
from iai.process import disk_space, ledger
from iai.session_start import deliveries
from iai.session_start.deliveries import Delivery
from iai.store.payload_readers import PayloadReaders
from iai.store.record_view import RecordView

SESSIONS = 32  # the latest that were given something, or could have been
LATE_S = 30.0  # how much longer than the minimum interval a text may lack a change
RECOUNTED_S = 10.0  # between two counts of the secrets in one session
_DAY = 86_400 * NS
_THOUSAND = 1_000


class Counted(NamedTuple):
    """How many secrets were redacted in a session, when that was counted, and at which revision."""

    revision: int = 0  # of its last change; 0: never counted
    at: int = 0  # monotonic
    secrets: int = 0


class StatusLine:
    """What the cache-writer knows for the file. It reads the hooks' ledger and the records."""

    def __init__(
        self, layout: Layout, readers: PayloadReaders, min_interval_s: float, max_gb: float
    ) -> None:
        self._layout = layout
        self._readers = readers
        self._late_s = min_interval_s + LATE_S
        self._max_gb = max_gb
        self._ledger: ledger.Reader | None = None
        self._given: dict[str, int] = {}  # session -> tokens so far, the last one that got any last
        self._counted: dict[bytes, Counted] = {}  # by the key of a session
        self._behind_since = 0  # monotonic; 0: current
        self._written = ""

    @property
    def wanted(self) -> bool:
        """Is the script installed that prints it?"""
        return self._layout.status_line_script.exists()

    def changed(self, snapshot: Snapshot, warning: str, now: Now) -> str:
        """Return the new content of the file; "" if that is what it has already.

        There is room for what a warning says, before its colon, and not for since when or where.
        """
        text = "".join(f"{who}\t{words}\n" for who, words in self._lines(snapshot, warning, now))
        if text == self._written:
            return ""
        self._written = text
        return text

    def _lines(self, snapshot: Snapshot, warning: str, now: Now) -> Iterator[tuple[str, str]]:
        self._look(now)
        warnings = [*self._full(), *([warning.partition(": ")[0]] if warning else [])]
        yield "-", ", ".join([self._freshness(snapshot, now), *(f"! {one}" for one in warnings)])
        try:
            with self._readers.records.view() as view:
                for session, tokens in self._given.items():
                    yield session, ", ".join(self._of_session(view, session, tokens, now))
        except StoreError:
            return

    def _of_session(self, view: RecordView, session: str, tokens: int, now: Now) -> Iterator[str]:
        if view.switched_off(session):
            yield "not recorded (iai:off)"
        elif view.not_recorded(session):
            yield "not recorded"
        given = f"{tokens / _THOUSAND:.1f} k tokens" if tokens >= _THOUSAND else f"{tokens} tokens"
        yield f"given {given if tokens else 'nothing'}"
        if number := sum(self._secrets(view, key, now) for key in _keys(session)):
            yield f"{count(number, 'secret')} redacted"

    def _freshness(self, snapshot: Snapshot, now: Now) -> str:
        """Say how current the text is. A change that waits for the interval makes it no later."""
        if snapshot.live is None:
            return "! the records cannot be read"
        held = snapshot.claimed.watermark.revision if snapshot.claimed else 0
        behind = snapshot.revision - held
        if behind <= 0:
            self._behind_since = 0
            return "up to date"
        self._behind_since = self._behind_since or now.mono
        late = now.mono - self._behind_since > self._late_s * NS
        return f"{count(behind, 'change')} behind" if late else "up to date"

    def _full(self) -> Iterator[str]:
        try:
            if disk_space.measure(self._layout.root, self._max_gb).full:
                yield "no room: nothing new is stored"
        except OSError:
            yield "the store cannot be measured"

    def _look(self, now: Now) -> None:
        """Read what the hooks gave to sessions since the last look."""
        if self._ledger is None:
            self._ledger = ledger.Reader(self._layout.ledger, now.wall - _DAY, by="hook")
        for event in self._ledger.new():
            self._take(event)
        while len(self._given) > SESSIONS:
            forgotten = next(iter(self._given))
            del self._given[forgotten]
            for key in _keys(forgotten):
                self._counted.pop(key, None)

    def _secrets(self, view: RecordView, session: bytes, now: Now) -> int:
        """Return how many secrets were redacted in all that was said and done in a session.

        They are counted again where it has changed since, but not at every turn of a long session:
        two thousand turns and five thousand actions take 65 ms.
        """
        known = self._counted.get(session, Counted())
        revision = view.session_changed(session)
        due = known.revision == 0 or now.mono - known.at >= RECOUNTED_S * NS
        if revision != known.revision and due:
            said = chain(view.session(session), view.narration(session), view.rewound(session))
            secrets = sum(len(one.redactions) for one in said)
            secrets += sum(len(one.redactions) for one in view.all_actions(session))
            known = Counted(revision, now.mono, secrets)
            self._counted[session] = known
        return known.secrets

    def _take(self, event: dict[str, object]) -> None:
        try:
            delivery = msgspec.convert(event, Delivery)
        except msgspec.ValidationError:
            return
        if event["kind"] != deliveries.KIND or not is_file_name(delivery.session):
            return
        before = self._given.pop(delivery.session, 0)
        self._given[delivery.session] = before + delivery.tokens


def _keys(session: str) -> list[bytes]:
    """Return the keys that a session has in the records, whichever host it is of."""
    return [session_key(host.NAME, session) for host in registry.HOSTS]
