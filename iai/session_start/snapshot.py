"""What a refresh is decided from, read from disk."""

import hashlib
import logging
from collections.abc import Iterable

import iai
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreError
from iai.freshness.inputs import LEFT_OUT, InputVersion, Snapshot
from iai.freshness.target import Target
from iai.model.clock import NS
from iai.model.record import Watermark
from iai.session_start import capture_watch
from iai.session_start.manifest import Manifest
from iai.session_start.payload_files import servable
from iai.session_start.targets import targets
from iai.store.payload_readers import PayloadReaders
from iai.store.record_view import RecordView

log = logging.getLogger(__name__)

WATCH_S = 60.0  # between two looks whether capture has stalled
STALLED_S = 10.0  # the same while it has: a warning is soon taken back


class SnapshotReader:
    """Reads the records, the graph and the payload files, and never raises.

    `stalled` says what is wrong with capture, "" if nothing: see `capture_watch`.
    """

    def __init__(
        self, layout: Layout, readers: PayloadReaders, settings: Settings, manifest: Manifest
    ) -> None:
        self._layout = layout
        self._readers = readers
        self._settings = settings
        self._manifest = manifest
        self._watched_at = 0  # wall time of the last look whether capture has stalled
        self.stalled = ""
        self._program = (
            f"iai {iai.__version__} projects={settings.payload_projects}"
            f" elsewhere={settings.elsewhere} file_history={settings.file_history}"
            f" message={settings.start_message} payload={settings.payload} here={settings.here}"
        )

    def read(self, wall: int) -> Snapshot:
        """Read all of it. `live` is None if the records cannot be read, as before the first one."""
        graph = self._graph()
        try:
            with self._readers.records.view() as view:
                wanted = tuple(
                    targets(
                        view,
                        self._layout,
                        self._settings.ready_projects,
                        file_notes=bool(self._settings.file_history),
                    )
                )
                self._watch_capture(view, wall)
                live = InputVersion(view.watermark(), graph, self._shaped(wanted, view))
        except StoreError as error:
            log.info("cannot read the records: %s", error)
            return Snapshot(live=None, graph=graph)
        payload = self._layout.payload
        sidecar = self._manifest.sidecar(payload)
        served = servable(payload, wall, self._settings.max_age_s)
        return Snapshot(
            live=live,
            graph=graph,
            targets=wanted,
            claimed=sidecar.version() if sidecar else None,
            cache_present=served and self._manifest.intact(wanted),
        )

    def watermark(self) -> Watermark | None:
        """Return the watermark of the records; None if they cannot be read."""
        try:
            with self._readers.records.view() as view:
                return view.watermark()
        except StoreError:
            return None

    def _shaped(self, targets: Iterable[Target], view: RecordView) -> str:
        """Return what shapes the text besides the records.

        Also the branches checked out, and the names of the members of a team.
        """
        found = {t.checkout.here: t.checkout.branch for t in targets if t.checkout is not None}
        said = f" stalled={_digest(self.stalled)}" if self.stalled else ""
        members = [*view.members(), *filter(None, [view.member("")])]
        said += f" members={_digest(repr(members))}" if members else ""
        return f"{self._program} branches={_digest(repr(sorted(found.items())))}{said}"

    def _watch_capture(self, view: RecordView, wall: int) -> None:
        """Look whether capture has stalled, from time to time: that reads all transcripts."""
        if 0 <= wall - self._watched_at < (STALLED_S if self.stalled else WATCH_S) * NS:
            return
        self._watched_at = wall
        silent = capture_watch.silent_hooks(view, self._layout)
        self.stalled = silent or capture_watch.unread(view, wall)

    def _graph(self) -> int:
        """Return the version of the graph; LEFT_OUT until it has caught up."""
        try:
            with self._readers.topics.view() as view:
                version = view.version()
        except StoreError:
            return LEFT_OUT
        return LEFT_OUT if version is None else version


def _digest(text: str) -> str:
    data = text.encode("utf-8", "backslashreplace")
    return hashlib.blake2b(data, digest_size=8).hexdigest()
