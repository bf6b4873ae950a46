"""Says of each line of a transcript what becomes of it, and why. Keeps nothing."""

from collections.abc import Iterator
from typing import NamedTuple

from iai.hosts.times import moment
from iai.hosts.turn import Item, Rewound, Skip, Turn
from iai.ingest import json_line, transcripts
from iai.ingest.items import Reader
from iai.ingest.transcripts import RawLine
from iai.model.framing import inline
from iai.model.record import Transcript

_WIDTH = 80  # characters of a text that are shown
_TIME = 40  # characters of a time that cannot be read


class Outcome(NamedTuple):
    """What became of a part of a line: the byte where it starts, one word, and the rest."""

    offset: int
    what: str
    about: str


def explain(path: str) -> Iterator[Outcome]:
    """Yield what a whole transcript holds, as if none of it had been read.

    Raises OSError if the file cannot be read.
    """
    reader = Reader(Transcript(path=path.removesuffix(transcripts.COMPRESSED), host=""))
    mark, more = transcripts.Mark(), True
    while more:
        piece = transcripts.read(reader.path, mark)
        mark, more = piece.mark, piece.more
        for raw in piece.lines:
            unread = _unreadable_time(raw)
            for found in reader.line(raw):
                outcome = _outcome(found.offset, found.item)
                counts = unread and not isinstance(found.item, Skip)
                yield outcome._replace(about=outcome.about + unread) if counts else outcome
    for found in reader.end():
        yield _outcome(mark.offset, found.item)


def _unreadable_time(raw: RawLine) -> str:
    """Return what to say of a line with a time that cannot be read; "" of any other."""
    try:
        value = json_line.decode(raw.data or b"")
    except ValueError:
        return ""
    said = value.get("timestamp") if isinstance(value, dict) else None
    if said in (None, "") or moment(said):
        return ""
    shown = inline(str(said), _TIME)
    return f" (dated by the lines around it: {shown!r} may be several times, or none)"


def _outcome(offset: int, item: Item) -> Outcome:
    if isinstance(item, Skip):
        return Outcome(offset, "skipped", item)
    if isinstance(item, Turn):
        kind = f" ({item.kind})" if item.kind else ""
        return Outcome(offset, item.role, f"{inline(item.text, _WIDTH)}{kind}")
    if isinstance(item, Rewound):
        return Outcome(offset, "rewound", " ".join(item.keys))
    about = item.path or inline(item.text, _WIDTH)
    return Outcome(offset, item.kind, f"{about} {item.status}".strip())
