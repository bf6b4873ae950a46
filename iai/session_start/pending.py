"""Turns that hooks and hosts have written and ingest has not read yet. Reading changes nothing.

The session-start hook also composes its text while the group is down, and what was said a second
ago is then only in the spool and in the hosts' files.
"""

from functools import lru_cache

from msgspec import structs

from iai.config.layout import Layout
from iai.encryption.cipher import Cipher
from iai.ingest import admission, captured, parse, redact, spool, transcripts
from iai.ingest.batch import Identify, Performed, TakenBack
from iai.ingest.redact import Redact
from iai.ingest.spool import HookEvent
from iai.model import recording_switch
from iai.model.record import NewRecord, Project, Transcript
from iai.model.session import SessionInfo
from iai.projects.identity import identify
from iai.session_start import unread
from iai.session_start.unread import Pending
from iai.store.records import Records

# A session start waits for this, so it reads what takes a few tenths of a second: the latest events
# of the spool, and the ends of the transcripts, the most recently written first.
EVENTS = 1_000
TAIL = 3 << 20  # bytes of one transcript
ALL = 6 << 20  # bytes of all transcripts


class _Collected:
    """What has been read so far."""

    def __init__(self, redact_text: Redact) -> None:
        self.redact = redact.or_left_out(redact_text)
        self.not_recorded: set[str] = set()  # sessions
        self.turns: list[NewRecord] = []
        self.projects: dict[str, Project] = {}
        self.actions: list[Performed] = []
        self.sessions: list[SessionInfo] = []
        self.rewound: list[TakenBack] = []
        self.whole = True
        self.bytes_left = ALL

    def add(self, turn: NewRecord, project: Project) -> None:
        self.turns.append(turn)
        self.projects.setdefault(project.id, project)


def read(
    layout: Layout,
    records: Records | None,
    wall: int,
    redact_text: Redact,
    cipher: Cipher | None = None,
) -> Pending:
    """Read every pending turn, redacted. A file that cannot be read loses only its own turns.

    The spool is read first: by the time ingest removes an event, its transcript is in the records.
    """
    collected = _Collected(redact_text)
    cached_identify = lru_cache(maxsize=1_024)(identify)
    named = _read_spool(layout, records, cached_identify, collected, cipher)
    for transcript in _grown(records, named, wall):
        try:
            _read_transcript(transcript, records, cached_identify, wall, collected)
        except OSError:
            collected.whole = False
    projects = tuple(collected.projects.values())
    return Pending(
        tuple(collected.turns),
        projects,
        tuple(collected.actions),
        tuple(collected.sessions),
        tuple(collected.rewound),
        collected.whole,
    )


class _Recorded:
    """Which sessions are recorded: by what the records know, and by prompts that still wait."""

    def __init__(self, records: Records | None) -> None:
        self._records = records
        self._said: dict[str, bool] = {}

    def hear(self, event: HookEvent) -> None:
        said = recording_switch.recording(event.prompt)
        if said is not None:
            self._said[event.session_id] = said

    def is_on(self, session: str) -> bool:
        if session not in self._said and self._records is not None:
            with self._records.view() as view:
                self._said[session] = not view.switched_off(session)
        return self._said.get(session, True)


def _read_spool(
    layout: Layout,
    records: Records | None,
    project_of: Identify,
    collected: _Collected,
    cipher: Cipher | None,
) -> dict[str, str]:
    """Collect the turns of events without a transcript; return the transcripts of the others.

    Each transcript comes with the directory that its event names.
    """
    waiting = spool.waiting(layout.spool_new)
    collected.whole = len(waiting) <= EVENTS
    named: dict[str, str] = {}
    read_now = [spool.read(file, cipher) for file in waiting[-EVENTS:]]
    events = [(s.event, s.arrived) for s in read_now if s is not None and s.event is not None]
    collected.not_recorded = {e.session_id for e, _ in events if e.turns_capture_off}
    recorded = _Recorded(records)
    for event, arrived in events:
        recorded.hear(event)
        if event.session_id in collected.not_recorded:
            continue
        if event.transcript_path and transcripts.there(event.transcript_path):
            named.setdefault(event.transcript_path, event.cwd)
        elif recorded.is_on(event.session_id):
            redacted = redact.event(event, collected.redact)
            for turn, project in captured.turns_in_event(redacted, arrived, project_of):
                collected.add(turn, project)
    return named


def _grown(records: Records | None, named: dict[str, str], wall: int) -> list[Transcript]:
    """Return the transcripts with anything unread, the most recently written first."""
    by_path = {path: Transcript(path=path, host="", cwd=cwd) for path, cwd in named.items()}
    known = unread.followed(records, wall, named)
    grown = unread.grown((by_path | {t.path: t for t in known}).values())
    return sorted(grown, key=lambda t: transcripts.written_at(t.path), reverse=True)


def _read_transcript(
    transcript: Transcript,
    records: Records | None,
    project_of: Identify,
    wall: int,
    collected: _Collected,
) -> None:
    """Read the next slice, which may name the session; then the rest, or only its end.

    Raises OSError if the file cannot be read.
    """
    more, jumped = True, False
    while more:
        if collected.bytes_left <= 0:
            collected.whole = False
            return
        batch = parse.read(transcript, project_of, wall)
        after, more = batch.transcript, batch.more
        if records is not None:
            with records.view() as view:
                batch = admission.wanted(batch, view, collected.not_recorded)
        batch = redact.batch(batch, collected.redact)
        projects = {place.project.id: place.project for place in batch.places}
        for turn in batch.records:
            collected.add(turn, projects[turn.project])
        collected.actions += batch.actions
        collected.sessions += batch.sessions
        collected.rewound += batch.rewound
        collected.bytes_left -= batch.bytes
        transcript = after
        if more and not jumped:
            jumped = True
            mark = transcripts.near_end(transcript.path, transcripts.mark(transcript), TAIL)
            collected.whole = collected.whole and mark.offset == transcript.offset
            transcript = structs.replace(transcript, **mark._asdict())
