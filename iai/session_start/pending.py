"""What hooks and hosts have written and ingest has not read yet: read here, and left as it is.

The hook that starts a session composes its text while the group is down, too, and what was said a
second ago is then in the spool and in the hosts' files only. Nothing is written and nothing moved.
"""

from functools import lru_cache

from msgspec import Struct, structs

from iai.config.layout import Layout
from iai.ingest import parse, spool, transcripts
from iai.ingest.parse import Identify
from iai.model.record import NewRecord, Project, Transcript
from iai.projects.identity import identify
from iai.store.records import Records

# A session start waits for this, so it reads no more than a few tenths of a second allow: the
# latest events of the spool, and of the transcripts the ends, those written last first.
EVENTS = 1_000
TAIL = 3 << 20  # bytes of one transcript
ALL = 6 << 20  # bytes of all transcripts


class Unread(Struct, frozen=True):
    """Turns that may not be in the records yet, in the order in which ingest would read them."""

    turns: tuple[NewRecord, ...] = ()
    projects: tuple[Project, ...] = ()  # that they belong to
    whole: bool = True  # is this all that there is?


class _Found:
    """What has been read so far."""

    def __init__(self) -> None:
        self.turns: list[NewRecord] = []
        self.projects: dict[str, Project] = {}
        self.whole = True
        self.room = ALL

    def add(self, turn: NewRecord, project: Project) -> None:
        self.turns.append(turn)
        self.projects.setdefault(project.id, project)


def look(layout: Layout, records: Records | None, wall: int) -> Unread:
    """Read what is waiting. A file that cannot be read costs only itself.

    The spool goes first: when ingest takes a file away it has noted its transcript in the records.
    """
    found = _Found()
    known = lru_cache(maxsize=1_024)(identify)
    named = _spool(layout, known, found)
    for transcript in _grown(records, named, wall):
        try:
            _read(transcript, known, wall, found)
        except OSError:
            found.whole = False
    return Unread(tuple(found.turns), tuple(found.projects.values()), found.whole)


def _spool(layout: Layout, known: Identify, found: _Found) -> dict[str, str]:
    """Take the words of events without a transcript; return the transcripts of the others.

    Each comes with the directory that its event names.
    """
    waiting = spool.waiting(layout.spool_new)
    found.whole = len(waiting) <= EVENTS
    named: dict[str, str] = {}
    for file in waiting[-EVENTS:]:
        spooled = spool.read(file)
        if spooled is None or spooled.event is None:
            continue
        event = spooled.event
        if event.transcript_path and transcripts.there(event.transcript_path):
            named.setdefault(event.transcript_path, event.cwd)
        else:
            for turn in parse.turns_in_event(event, spooled.arrived):
                found.add(*parse.new_record(turn, known, spooled.arrived))
    return named


def _grown(records: Records | None, named: dict[str, str], wall: int) -> list[Transcript]:
    """Return the transcripts with anything unread, the one that was written last first."""
    all_ = {path: Transcript(path=path, host="", cwd=cwd) for path, cwd in named.items()}
    if records is not None:
        with records.view() as view:
            for transcript in view.transcripts():
                if transcript.path in named or transcript.followed_until > wall:
                    all_[transcript.path] = transcript
    grown = [t for t in all_.values() if transcripts.grown(t.path, parse.mark(t))]
    return sorted(grown, key=lambda t: transcripts.written_at(t.path), reverse=True)


def _read(transcript: Transcript, known: Identify, wall: int, found: _Found) -> None:
    """Read the next slice, which may say whose session it is; then what follows, or its end.

    Raises OSError if the file cannot be read.
    """
    more, jumped = True, False
    while more:
        if found.room <= 0:
            found.whole = False
            return
        batch = parse.read(transcript, known, wall)
        projects = {project.id: project for project, _ in batch.projects}
        for turn in batch.records:
            found.add(turn, projects[turn.project])
        found.room -= batch.bytes
        transcript, more = batch.transcript, batch.more
        if more and not jumped:
            jumped = True
            mark = transcripts.near_end(transcript.path, parse.mark(transcript), TAIL)
            found.whole = found.whole and mark.offset == transcript.offset
            transcript = structs.replace(transcript, **mark._asdict())
