"""Payload files and their sidecars as they are on disk."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from iai.config.layout import Layout
from iai.freshness.claude_file import claude_path, encode_claude_file
from iai.freshness.sidecar import Sidecar, is_intact, sidecar_path
from iai.freshness.target import Target
from iai.model import framing


def read_sidecar(payload: Path) -> Sidecar | None:
    """Return the sidecar of a payload; None if it is absent or unreadable."""
    try:
        return msgspec.json.decode(sidecar_path(payload).read_bytes(), type=Sidecar)
    except (OSError, ValueError, RecursionError):
        return None


def claim(payload: Path) -> Sidecar | None:
    """Return the sidecar of a payload with the revision that the payload really holds.

    The revision is 0 if the payload was cut or is not one, or if either was changed. None if
    either file is absent or unreadable.
    """
    sidecar, text = read_sidecar(payload), read_payload(payload)
    return bounded(sidecar, text) if sidecar and text is not None else None


def read_payload(payload: Path) -> str | None:
    """Return the text of a payload; None if it is absent or unreadable."""
    try:
        return payload.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def shown_intact(payload: Path, sidecar: Sidecar, text: str) -> bool:
    """Is the file with the line for the person what was written, or absent if there is none?"""
    path = claude_path(payload)
    if not sidecar.message:
        return not path.exists()
    try:
        return path.read_bytes() == encode_claude_file(text, sidecar.message)
    except OSError:
        return False


def bounded(sidecar: Sidecar, text: str) -> Sidecar:
    """Return a sidecar that claims no later revision than the text of its payload names.

    That is 0 if either is not what was written.
    """
    if not is_intact(sidecar, text):
        return structs.replace(sidecar, revision=0)
    return structs.replace(sidecar, revision=min(sidecar.revision, framing.revision(text)))


def links(target: Target, layout: Layout) -> dict[Path, Path]:
    """Return the links by which the hooks find a payload, each with what it points to."""
    pairs = [
        pair
        for cwd in target.directories
        for pair in (
            (layout.payload_link(cwd), target.path),
            (layout.shown_link(cwd), claude_path(target.path)),
            (layout.news_link(cwd), layout.project_news(target.project)),
        )
    ]
    pairs += [(layout.files_link(top), layout.project_files(target.project)) for top in target.tops]
    return {link: to for link, to in pairs if link is not None}


def leftovers(targets: Sequence[Target], layout: Layout) -> list[Path]:
    """Return the files below `session-start/` that belong to none of the payloads."""
    kept = {path for t in targets for path in (t.path, sidecar_path(t.path), claude_path(t.path))}
    kept |= {layout.project_files(target.project) for target in targets if target.tops}
    current_links = {link for t in targets for link in links(t, layout)}
    kinds = ("*.md", "*.json", "*.files", "*.claude")
    files = [path for kind in kinds for path in layout.session_start.glob(kind)]
    every_link = [
        path
        for kind in ("*.md", "*.news", "*.files", "*.claude")
        for path in layout.by_cwd.glob(kind)
    ]
    old_links = [path for path in every_link if path not in current_links]
    return [path for path in files if path not in kept] + old_links


def files_of(payload: Path) -> list[Path]:
    """Return the files of a payload: those beside it that are there, and itself last.

    Without it nothing is shown: its removal ends a write of nothing, even where it is not there.
    """
    beside = (sidecar_path(payload), claude_path(payload))
    return [*(path for path in beside if path.exists()), payload]


def servable(path: Path, wall: int, max_age_s: float) -> bool:
    """Would the hook print this file? Not if it is empty, too old, or dated in the future."""
    try:
        status = path.stat()
    except OSError:
        return False
    age_s = (wall - status.st_mtime_ns) / 1_000_000_000
    return status.st_size > 0 and age_s >= -1 and (max_age_s == 0 or age_s <= max_age_s)
