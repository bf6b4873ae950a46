"""Files of an encrypted store that are in the clear, though they would be sealed if written now.

The owner of each seals or replaces it when it starts; those in `backups/` are left to the user.
What is never sealed is not among them: `iai help privacy` has the list.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption.cipher import is_sealed
from iai.index import lexical
from iai.ingest import spool
from iai.model import framing


def left(layout: Layout, settings: Settings) -> list[Path]:
    """Return these files and directories."""
    found = [*_spooled(layout), *_copies(layout)]
    if lexical.in_the_clear(layout.lexical):
        found.append(layout.lexical)
    if layout.redaction_key.exists() and not is_sealed(layout.redaction_key.read_bytes()):
        found.append(layout.redaction_key)
    if not settings.payload_on_disk:
        found += _payloads(layout)
    return found


def _spooled(layout: Layout) -> Iterator[Path]:
    """Yield events that hooks have written and nobody has read, and what was set aside before."""
    for directory in (layout.spool_new, layout.spool_tmp, layout.spool_bad):
        yield from spool.unsealed_in(directory)


def _copies(layout: Layout) -> Iterator[Path]:
    """Yield copies of the records without the keys to open them: they need none."""
    for data in sorted(layout.backups.rglob("data.mdb")):
        above = data.parent, data.parent.parent
        if not any((directory / layout.crypto.name).exists() for directory in above):
            yield data.parent


def _payloads(layout: Layout) -> Iterator[Path]:
    with suppress(OSError):
        if framing.has_text(layout.payload.read_text(errors="replace")):
            yield layout.payload
    for pattern in ("*.md", "*.claude", "*.files", "by-cwd/*"):
        yield from sorted(layout.session_start.glob(pattern))
