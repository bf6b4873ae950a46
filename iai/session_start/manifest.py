"""What the payload files hold, remembered so that their writer need not read them back.

A file is trusted while its stamp (inode, size and times) is the one it had when it was written or
last read, which costs one `stat`. `expire` ends that trust, so a change that no stamp shows is
found at the next check after it.
"""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from iai.freshness.claude_file import claude_path, encode_claude_file
from iai.freshness.sidecar import Sidecar, encode_sidecar, sidecar_path
from iai.freshness.target import Target
from iai.session_start.payload_files import bounded, read_payload, read_sidecar, shown_intact


class _Stamp(Struct, frozen=True):
    """What changes when a file is replaced or written to."""

    inode: int
    size: int
    modified: int  # ns
    changed: int  # ns; unlike `modified`, no program can set it


class _Entry(Struct, frozen=True):
    stamps: tuple[_Stamp | None, ...]  # of payload, sidecar and shown file; None: no such file
    sidecar: Sidecar | None  # None: absent or unreadable
    intact: bool  # the payload holds what the sidecar claims


class Manifest:
    """The payloads of one store, by path."""

    def __init__(self) -> None:
        self._entries: dict[Path, _Entry] = {}

    def wrote(self, payload: Path, text: str, sidecar: Sidecar) -> None:
        """Note a payload and its sidecar just written, unless they were changed already."""
        stamps = _stamps(payload)
        sizes = [stamp.size for stamp in stamps if stamp is not None]
        shown = [len(encode_claude_file(text, sidecar.message))] if sidecar.message else []
        if sizes == [len(text.encode()), len(encode_sidecar(sidecar)), *shown]:
            intact = bounded(sidecar, text) == sidecar
            self._entries[payload] = _Entry(stamps, sidecar, intact)

    def expire(self) -> None:
        """Have every file read again at the next check."""
        self._entries.clear()

    def sidecar(self, payload: Path) -> Sidecar | None:
        """Return the sidecar of a payload; None if it is absent or unreadable."""
        return self._check(payload).sidecar

    def intact(self, targets: Sequence[Target]) -> bool:
        """Does every payload hold what its sidecar claims?

        The global payload, which is the last, may lack its sidecar: `decide` handles that.
        """
        last = self._check(targets[-1].path)
        return all(self._check(target.path).intact for target in targets[:-1]) and (
            last.sidecar is None or last.intact
        )

    def _check(self, payload: Path) -> _Entry:
        stamps = _stamps(payload)  # before reading: a change in between is found next time
        entry = self._entries.get(payload)
        if entry is None or entry.stamps != stamps:
            sidecar = read_sidecar(payload)
            text = read_payload(payload)
            intact = (
                sidecar is not None
                and text is not None
                and bounded(sidecar, text) == sidecar
                and shown_intact(payload, sidecar, text)
            )
            entry = self._entries[payload] = _Entry(stamps, sidecar, intact)
        return entry


def _stamps(payload: Path) -> tuple[_Stamp | None, ...]:
    return _stamp(payload), _stamp(sidecar_path(payload)), _stamp(claude_path(payload))


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _Stamp(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
