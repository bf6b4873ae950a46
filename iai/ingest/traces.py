"""Files of the spool that hold what is to be forgotten.

Events that wait are read one by one: only one that says just that, or belongs to its session, goes.
What was set aside, or left by a hook that was killed, is of no use to anyone but to its reader.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from iai.config.layout import Layout
from iai.encryption.cipher import Cipher
from iai.errors import Tampered
from iai.ingest import spool
from iai.model.phrase import says
from iai.model.record import Record

_ESCAPE = re.compile(r"""\\{1,8}(?:u([0-9a-fA-F]{4})|([nrtbf"/\\]))""")
_BLANKS = "nrtbf"
_LEAST = 8  # bytes of a text that are looked for anywhere in a file


def find(
    layout: Layout,
    records: Iterable[Record],
    sessions: Iterable[str],
    phrase: str,
    cipher: Cipher | None = None,
) -> Iterator[Path]:
    """Yield the files of the spool with these texts, of these sessions, or with this phrase."""
    waiting = spool.waiting(layout.spool_new)
    aside = [*spool.files_in(layout.spool_bad), *spool.files_in(layout.spool_tmp)]
    if not waiting and not aside:
        return
    texts, ids = {record.text.strip() for record in records}, {one for one in sessions if one}
    for path in waiting:
        spooled = spool.read(path, cipher)
        event = spooled.event if spooled is not None else None
        if event is not None and not event.turns_capture_off:  # that holds for what comes, too
            said = (event.prompt, event.last_assistant_message)
            ours = any(text.strip() in texts for text in said if text.strip())
            if ours or event.session_id in ids or any(says(t, phrase) for t in said if phrase):
                yield path
    needles = {n for text in (*texts, *ids) for n in needles_of(text) if len(n) >= _LEAST}
    if phrase:
        needles |= set(needles_of(phrase))  # however short: it is asked for
    for path in aside:
        data = _read(path, cipher)
        if any(needle in data for needle in needles) or (phrase and says(_plain(data), phrase)):
            yield path


def needles_of(text: str) -> Iterator[bytes]:
    """Yield the bytes by which a text can be in a file: as it is, and as JSON writes it."""
    for form in {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}:
        yield form.encode("utf-8", "surrogateescape")
        yield json.dumps(form)[1:-1].encode()
        yield json.dumps(form, ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")


def _plain(data: bytes) -> str:
    """Return what JSON of any depth says, even if it is cut off, with line breaks as blanks."""
    text = _ESCAPE.sub(_unescaped, data.decode("utf-8", "replace"))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # joins the pairs


def _unescaped(escape: re.Match[str]) -> str:
    code, sign = escape.groups()
    if code is not None:
        return chr(int(code, 16))
    return " " if sign in _BLANKS else sign


def _read(path: Path, cipher: Cipher | None) -> bytes:
    try:
        return spool.unsealed(path, spool.beginning(path, spool.LONGEST_EVENT), cipher)
    except Tampered:
        return b""
