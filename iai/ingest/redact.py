"""Takes secrets out of what ingest is given, before it is stored or shown anywhere.

All that leads to a record, an action, a session's title or the state of a transcript passes here
first, once; what a session start reads of it before ingest does, passes here too.
"""

import logging
import re
from collections.abc import Callable

from msgspec import structs

from iai.errors import Unsearchable
from iai.ingest.batch import Batch, Performed
from iai.ingest.spool import HookEvent
from iai.model.action import Action, Step
from iai.model.change import AmendChange, Change, SessionChange, TurnChange, WorkChange
from iai.model.context import Call
from iai.model.record import Transcript
from iai.model.session import SessionInfo
from iai.protocol.ingest import CapturedTurn, Edit
from iai.protocol.message import Request
from iai.redaction import marks

log = logging.getLogger(__name__)

# A key of a request that has no words in it; those of lines without an id, in old files, have.
_OF_IDS = re.compile(r"[a-z]+:[\w-]{1,64}(?::\d+:[a-z]+:[0-9a-f]{24})?")
_KEYED_BY_TEXT = ("pull-request",)  # kinds of actions whose key is more than ids: a URL
Redact = Callable[[str], str]  # returns the same object where there is nothing to redact


def or_left_out(redact: Redact) -> Redact:
    """Return a redaction that leaves out what cannot be searched, with a mark in its place."""

    def redacted(text: str) -> str:
        try:
            return redact(text)
        except Unsearchable as error:
            log.warning("%s; it is left out", error)
            return marks.unsearchable()

    return redacted


def request(made: Request, redact: Redact) -> Request:
    """Redact the new text of a record; other requests have none."""
    return structs.replace(made, text=redact(made.text)) if isinstance(made, Edit) else made


def turns(captured: tuple[CapturedTurn, ...], redact: Redact) -> tuple[CapturedTurn, ...]:
    """Redact texts that clients captured. An idempotency key is only ever stored as a hash."""
    return tuple(
        structs.replace(turn, text=redact(turn.text), tags=tuple(map(redact, turn.tags)))
        for turn in captured
    )


def event(heard: HookEvent, redact: Redact) -> HookEvent:
    """Redact what was said in a hook event."""
    return structs.replace(
        heard,
        prompt=redact(heard.prompt),
        last_assistant_message=redact(heard.last_assistant_message),
    )


def rejected(data: bytes, redact: Redact) -> bytes:
    """Redact a file of the spool that is no event, whatever it is."""
    return redact(data.decode("utf-8", "replace")).encode()


def batch(read: Batch, redact: Redact) -> Batch:
    """Redact a slice of a transcript: what was said and done, and what later slices need."""
    return structs.replace(
        read,
        transcript=transcript(read.transcript, redact),
        records=tuple(
            structs.replace(record, text=text)
            if (text := redact(record.text)) is not record.text
            else record
            for record in read.records
        ),
        actions=tuple(_performed(done, redact) for done in read.actions),
        sessions=tuple(session(info, redact) for info in read.sessions),
    )


def transcript(state: Transcript, redact: Redact) -> Transcript:
    """Redact what is kept with a transcript to understand its next lines."""
    return structs.replace(
        state,
        title=redact(state.title),
        branch=redact(state.branch),
        calls=tuple(
            Call(call.id, action(call.action, redact), redact(call.input)) for call in state.calls
        ),
        commits=tuple(
            structs.replace(
                made,
                action=action(made.action, redact),
                branch=redact(made.branch),
                fixes=redact(made.fixes),
            )
            for made in state.commits
        ),
        queue=tuple(structs.replace(one, text=redact(one.text)) for one in state.queue),
        todos=_steps(state.todos, redact),
        requests=tuple(key if _OF_IDS.fullmatch(key) else redact(key) for key in state.requests),
    )


def session(info: SessionInfo, redact: Redact) -> SessionInfo:
    """Redact the title of a session, and its branch."""
    title, branch = redact(info.title), redact(info.branch)
    if title is info.title and branch is info.branch:
        return info
    return structs.replace(info, title=title, branch=branch)


def action(done: Action, redact: Redact) -> Action:
    """Redact the texts of an action; most have nothing to redact, which one look shows."""
    whole = f"{done.path}\n{done.to}\n{done.text}\n{done.output}"
    if done.kind in _KEYED_BY_TEXT:
        whole = f"{done.key}\n{whole}"
    if done.steps:
        whole = "\n".join([whole, *(step.text for step in done.steps)])
    if redact(whole) is whole:
        return done
    text = redact(done.text)
    return structs.replace(
        done,
        key=redact(done.key) if done.kind in _KEYED_BY_TEXT else done.key,
        path=redact(done.path),
        to=redact(done.to),
        text=text,
        output=_output(text, done.output, redact),
        steps=_steps(done.steps, redact),
    )


def change(said: Change, redact: Redact) -> Change:
    """Redact what another machine said: the rules here may be newer than those there."""
    match said:
        case TurnChange():
            return structs.replace(said, text=redact(said.text), tags=tuple(map(redact, said.tags)))
        case WorkChange():
            done = tuple(action(one, redact) for one in said.actions)
            return structs.replace(said, actions=done)
        case SessionChange():
            return structs.replace(said, title=redact(said.title), branch=redact(said.branch))
        case AmendChange(text=text) if text is not None:
            edited = structs.replace(text, text=redact(text.text))
            return structs.replace(said, text=edited)
        case _:
            return said


def _performed(done: Performed, redact: Redact) -> Performed:
    redacted = action(done.action, redact)
    return done if redacted is done.action else structs.replace(done, action=redacted)


def _output(command: str, output: str, redact: Redact) -> str:
    """Redact what a command printed, below the command: that alone may say what it is."""
    above = f"{command}\n"
    both = redact(above + output)
    return both.removeprefix(above) if both.startswith(above) else redact(output)


def _steps(steps: tuple[Step, ...], redact: Redact) -> tuple[Step, ...]:
    return tuple(Step(redact(step.text), step.state) for step in steps)
