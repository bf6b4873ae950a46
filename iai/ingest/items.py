"""From the lines of a transcript to what they hold: turns, actions, and reasons for neither."""

import re
from collections.abc import Sequence
from pathlib import PurePath

from msgspec import Struct, structs

from iai.hosts import registry
from iai.hosts.turn import Host, Item, Parsed, Rewound, Skip, Turn
from iai.ingest import json_line
from iai.ingest.transcripts import RawLine
from iai.model import recording_switch
from iai.model.context import Context, without_words
from iai.model.record import Transcript

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
_OWN_WORDS = ("", "queued", "command")  # kinds of turns that the user typed


class Found(Struct, frozen=True):
    """One item, where its line starts, and the context behind that line."""

    offset: int
    item: Item
    context: Context


class Reader:
    """Reads one transcript line by line, from wherever it was read up to."""

    def __init__(self, transcript: Transcript) -> None:
        self.path = transcript.path
        self.host: Host | None = registry.named(transcript.host)
        fields = Context.__struct_fields__
        self.context = Context(**{name: getattr(transcript, name) for name in fields})

    def line(self, raw: RawLine) -> list[Found]:
        """Return what a line holds. A broken one costs itself, not the whole records beside it."""
        if raw.data is None:
            return [Found(raw.offset, Skip.TOO_LONG, self.context)]
        records, whole = json_line.records(raw.data)
        found = []
        for record in records:
            found += self._record(raw.offset + record.position, record.value)
        return found if whole else [*found, Found(raw.offset, Skip.BAD_JSON, self.context)]

    def end(self) -> list[Found]:
        """Return what was waited for and does not come, since nobody writes there any longer."""
        if self.host is None:
            return []
        context, items = self.host.finish(self.context)
        self.context, items = _recorded(context, items)
        return [Found(0, item, self.context) for item in items]

    def _record(self, offset: int, value: object) -> list[Found]:
        host = self.host or self._recognised(value)
        if host is None:
            return [Found(offset, Skip.NOT_A_TURN, self.context)]
        before = self.context
        parsed = host.parse(value, before)
        if not parsed[0].session and not all(isinstance(item, Skip) for item in parsed[1]):
            # No line so far names the session: hosts name the file after it.
            before = structs.replace(before, session=_session_in_name(self.path))
            parsed = host.parse(value, before)
        self.context, items = _recorded(*parsed)
        if not self.context.began_in or self.context.session != before.session:
            self.context = _begun(self.context, items)
        return [Found(offset, item, self.context) for item in items]

    def _recognised(self, value: object) -> Host | None:
        """Look whose file it is; add what its place says to what a hook may have said before."""
        self.host = registry.detect(self.path, value)
        if self.host is not None:
            begun = self.host.begin(self.path)
            names = Context.__struct_fields__
            known = {name: getattr(begun, name) or getattr(self.context, name) for name in names}
            self.context = Context(**known)
        return self.host


def _session_in_name(path: str) -> str:
    name = PurePath(path).stem
    found = _ID.search(name)
    return found[0] if found else name


def _recorded(context: Context, items: Sequence[Item]) -> Parsed:
    """Leave out what was said and done while the user does not want the session to be recorded.

    The prompt that says so is left out as well; the one that ends it is not.
    """
    for item in items:
        if isinstance(item, Turn) and item.role == "user" and item.kind in _OWN_WORDS:
            said = recording_switch.recording(item.text)
            if said is not None:
                context = structs.replace(context, off=not said)
    if not context.off:
        return context, tuple(items)
    kept = (one if isinstance(one, Skip | Rewound) else Skip.NOT_RECORDED for one in items)
    return without_words(context), tuple(kept)


def _begun(context: Context, items: Sequence[Item]) -> Context:
    """Note where a session began, at its first item."""
    if all(isinstance(item, Skip) for item in items):
        return context
    return structs.replace(context, began_in=context.cwd)
