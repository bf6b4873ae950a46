"""Whether capture has stalled: hooks that no longer come, or a transcript that stays unread.

It speaks up only where nothing else explains what is on disk, because a false alarm is worse than
none. Hooks no longer come if a session that they once reported has gone on for two prompts, so that
a hook was due for both and for the end between them, and no hook of the same host has come since. A
transcript stays unread if it holds whole turns, or cannot be opened, for much longer than ingest
ever takes. What is old may have been copied here just now, so that counts from when ingest could
have read it, and one look is enough.
"""

import importlib
from collections.abc import Iterator
from itertools import islice

from iai.config.layout import Layout
from iai.ingest import spool, transcripts
from iai.model.clock import NS
from iai.model.record import Record, Transcript
from iai.model.units import when
from iai.projects.identity import ProjectIdentity
from iai.store.record_view import RecordView

SILENT_S = 300.0  # how much later than the last hook a prompt must be; a stored time lags by 60 s
UNREAD_S = 600.0
LOOKED_AT = 200  # newest records among which prompts are looked for
_DUE = 2  # prompts without a hook; one alone may have waited in a queue for a long turn to end
_NAMES = {"claude": "Claude Code", "codex": "Codex"}


def silent_hooks(view: RecordView, layout: Layout) -> str:
    """Say that the hooks of a host no longer come; "" if they do, or it is not certain."""
    for prompt, transcript in _latest_prompts(view):
        if not _later(prompt, transcript.heard_at):
            continue
        last = max(t.heard_at for t in view.transcripts() if t.host == prompt.host)
        turns = view.session(prompt.session_key, newest_first=True)
        missed = [turn for turn in islice(turns, LOOKED_AT) if _later(turn, last)]
        if len(missed) >= _DUE and not spool.waiting(layout.spool_new):
            name = _NAMES.get(prompt.host, prompt.host)
            return (
                f"the hooks of {name} no longer reach iai: the last one did at {when(last)}, and a"
                " session went on since; `iai hooks status` says more"
            )
    return ""


def unread(view: RecordView, wall: int) -> str:
    """Say which transcript is not read, though iai runs; "" if none is."""
    for transcript in view.transcripts():
        if transcript.followed_until <= wall:
            continue
        if not transcripts.grown(transcript.path, transcripts.mark(transcript)):
            continue
        since = _unread_since(transcript)
        if since and wall - since > UNREAD_S * NS:
            return (
                f"a session has not been read since {when(since)}: {transcript.path};"
                " `iai doctor` says more"
            )
    return ""


def _later(turn: Record, heard_at: int) -> bool:
    """Is it a prompt for which a hook was due, long after the last one came?"""
    typed = turn.role == "user" and not turn.kind and turn.in_session
    return typed and turn.created_at - heard_at > SILENT_S * NS


def _latest_prompts(view: RecordView) -> Iterator[tuple[Record, Transcript]]:
    """Yield the last prompt of each host in a session that a hook once reported."""
    newest = view.watermark().max_vec_label
    seen: set[str] = set()
    for label in range(newest, max(0, newest - LOOKED_AT), -1):
        record = view.get(label)
        if record is None or record.host in seen or not _later(record, 0):
            continue
        path = record.source.transcript
        transcript = view.transcript(path) if path else None
        if transcript is not None and transcript.heard_at:
            seen.add(record.host)
            yield record, transcript


def _unread_since(transcript: Transcript) -> int:
    """Return since when ingest could have read what it has not; 0 if there is no whole turn.

    A last line that its host never finished is no turn.
    """
    written = transcripts.written_at(transcript.path)
    copied = transcripts.changed_at(transcript.path)
    parse = importlib.import_module("iai.ingest.parse")  # lazily: a session start is not asked this
    try:
        batch = parse.read(transcript, lambda _cwd, _remote: ProjectIdentity("", "", ""), written)
    except FileNotFoundError:
        return 0
    except OSError:
        return max(copied, transcript.read_at)
    said: int = min((record.created_at for record in batch.records), default=0)
    if not said:
        return 0
    # After a hook of its session, a turn was written when it was said: the session goes on here.
    return max(said, transcript.read_at, 0 if transcript.heard_at > said else copied)
