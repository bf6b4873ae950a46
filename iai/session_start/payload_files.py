"""Payload files and their sidecars as they are on disk: what they hold, and what they claim to."""

from pathlib import Path

import msgspec
from msgspec import structs

from iai.config.layout import Layout
from iai.freshness.sidecar import Sidecar, sidecar_path
from iai.freshness.target import Target
from iai.model import framing


def read_sidecar(payload: Path) -> Sidecar | None:
    """Return the sidecar of a payload; None if it is not there or cannot be read."""
    try:
        return msgspec.json.decode(sidecar_path(payload).read_bytes(), type=Sidecar)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def claim(payload: Path) -> Sidecar | None:
    """Return what the sidecar claims, as far as the payload bears it out.

    The revision is 0 where the payload was cut, or is no payload; None if one of them cannot be
    read.
    """
    sidecar = read_sidecar(payload)
    try:
        text = payload.read_text()
    except (OSError, UnicodeDecodeError):
        return None
    if sidecar is None:
        return None
    return structs.replace(sidecar, revision=min(sidecar.revision, framing.revision(text)))


def whole(wanted: list[Target]) -> bool:
    """Does every payload hold what its sidecar claims?

    That the global one has no sidecar is a case of its own.
    """
    last = wanted[-1].path
    return all(_whole(t.path) for t in wanted[:-1]) and (read_sidecar(last) is None or _whole(last))


def leftovers(wanted: list[Target], layout: Layout) -> list[Path]:
    """Return the files below `session-start/` that belong to no payload any more."""
    kept = {path for t in wanted for path in (t.path, sidecar_path(t.path))}
    directories = [cwd for t in wanted for cwd in t.directories]
    links = {link(cwd) for link in (layout.payload_link, layout.news_link) for cwd in directories}
    found = [*layout.session_start.glob("*.md"), *layout.session_start.glob("*.json")]
    every = [*layout.by_cwd.glob("*.md"), *layout.by_cwd.glob("*.news")]
    old_links = [path for path in every if path not in links]
    return [path for path in found if path not in kept] + old_links


def _whole(payload: Path) -> bool:
    sidecar, borne_out = read_sidecar(payload), claim(payload)
    return sidecar is not None and borne_out == sidecar


def servable(path: Path, wall: int, max_age_s: float) -> bool:
    """Would the hook print this file? An empty, too old or future one it would not."""
    try:
        status = path.stat()
    except OSError:
        return False
    age_s = (wall - status.st_mtime_ns) / 1_000_000_000
    return status.st_size > 0 and age_s >= -1 and (max_age_s == 0 or age_s <= max_age_s)
