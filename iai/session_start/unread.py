"""Whether hooks and hosts have written anything that ingest has not read yet.

Apart from `pending`, which reads it: what that needs (the formats of the hosts, redaction) takes as
long to import as all else that composes a text, and most of the time there is nothing to read.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from iai.config.layout import Layout
from iai.ingest import spool, transcripts
from iai.model.record import NewRecord, Project, Transcript
from iai.model.session import SessionInfo
from iai.store.records import Records

if TYPE_CHECKING:
    from iai.ingest.batch import Performed, TakenBack


class Pending(Struct, frozen=True):
    """Turns that may not be in the records yet, in the order ingest would read them."""

    turns: tuple[NewRecord, ...] = ()
    projects: tuple[Project, ...] = ()  # that the turns belong to
    actions: "tuple[Performed, ...]" = ()
    sessions: tuple[SessionInfo, ...] = ()
    rewound: "tuple[TakenBack, ...]" = ()
    whole: bool = True  # nothing was left out


def anything(layout: Layout, records: Records | None, wall: int) -> bool:
    """Is there anything to read? The spool is looked at first, as `pending.read` does."""
    return bool(spool.waiting(layout.spool_new)) or any(grown(followed(records, wall)))


def followed(
    records: Records | None, wall: int, named: Collection[str] = ()
) -> Iterator[Transcript]:
    """Yield the known transcripts that are named, or that the hosts may still write to."""
    if records is not None:
        with records.view() as view:
            for transcript in view.transcripts():
                if transcript.path in named or transcript.followed_until > wall:
                    yield transcript


def grown(found: Iterable[Transcript]) -> Iterator[Transcript]:
    """Yield those of some transcripts that have anything unread."""
    return (t for t in found if transcripts.grown(t.path, transcripts.mark(t)))
