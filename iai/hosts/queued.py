"""Prompts that are typed while the agent works: each is a turn once, in whichever form it comes.

The host logs each enqueue and, later, each removal. A prompt delivered at the end of a turn comes
again as an ordinary message, and that one counts. One delivered in mid-turn is in no message, at
most in an attachment. Pure.
"""

import hashlib
import re
import unicodedata

from msgspec import structs

from iai.hosts.turn import Turn
from iai.model.context import QUEUED, QUEUED_TEXT, Context, Queued

_PASTED = re.compile(r"\[Pasted text #\d+(?: \+\d+ lines)?\]")
_COMMAND = re.compile(r"/[\w:.-]+(?:\s+(?P<arguments>\S.*))?", re.DOTALL)  # no path


def enqueued(context: Context, text: str, at: int, *, said: bool) -> tuple[Context, Turn | None]:
    """Note what was put into the queue. One too long to wait is a turn at once.

    `said`: a person typed it; the host puts notices of its own into the queue too.
    """
    one = Queued(at, _digest(text), text if said else "")
    if len(text) > QUEUED_TEXT and said:
        return _handed(context, one)
    return structs.replace(context, queue=(*context.queue[1 - QUEUED :], one)), None


def came_again(context: Context, text: str) -> tuple[Context, tuple[Turn, ...], bool]:
    """Take the prompts that a message holds out of the queue; was the message a turn already?

    A message that holds none of them was typed at an idle agent, whose queue is empty: what still
    waits was handed over without a trace, and is returned as turns.
    """
    if not context.queue and not context.handed:
        return context, (), False
    repeated = len(text) > QUEUED_TEXT and _digest(text) in context.handed
    lines = f"\n{_plain(text)}\n"
    left = tuple(q for q in context.queue if not _holds(lines, q))
    turns: tuple[Turn, ...] = ()
    if len(left) == len(context.queue) and not repeated:
        context, turns = emptied(context)
        left = ()
    return structs.replace(context, queue=left, handed=()), turns, repeated


def command_came(context: Context) -> Context:
    """Take a slash command that comes as a message out of the queue."""
    one = next((q for q in context.queue if _COMMAND.fullmatch(q.text)), None)
    if one is None:
        return context
    return structs.replace(context, queue=tuple(q for q in context.queue if q is not one))


def removed(context: Context, text: str, *, given: bool = True) -> tuple[Context, Turn | None]:
    """Take out the first prompt, or the one with this text; it was handed over if it was `given`.

    Slash commands are never handed over in mid-turn: they wait for the end of it.
    """
    digest = _digest(text) if text else b""
    for one in context.queue:
        if one.digest == digest or (not text and not _COMMAND.fullmatch(one.text)):
            left = structs.replace(context, queue=tuple(q for q in context.queue if q is not one))
            return _handed(left, one) if one.text and given else (left, None)
    return context, None


def attached(context: Context, text: str) -> tuple[Context, Turn | None, bool]:
    """Take a prompt that was handed over in an attachment; was it a turn already?"""
    digest = _digest(text)
    if digest in context.handed:
        first = context.handed.index(digest)  # the same may have been said twice
        left = context.handed[:first] + context.handed[first + 1 :]
        return structs.replace(context, handed=left), None, True
    one = next((q for q in context.queue if q.digest == digest and q.text), None)
    if one is None:
        return context, None, False
    rest = tuple(q for q in context.queue if q is not one)
    return structs.replace(context, queue=rest), _turn(one), False


def emptied(context: Context) -> tuple[Context, tuple[Turn, ...]]:
    """Hand over all that waits, commands left out: those come as lines of their own."""
    if not context.queue:
        return context, ()
    turns = tuple(
        _turn(one) for one in context.queue if one.text and not _COMMAND.fullmatch(one.text)
    )
    handed = tuple(one.digest for one in context.queue if one.text)
    return structs.replace(context, queue=(), handed=(context.handed + handed)[-QUEUED:]), turns


def never_run(context: Context) -> tuple[Turn, ...]:
    """Return what was said with the commands that still wait when the session is over."""
    found = ((one, _COMMAND.fullmatch(one.text)) for one in context.queue)
    return tuple(
        structs.replace(_turn(one), text=match["arguments"].strip(), kind="command")
        for one, match in found
        if match and match["arguments"]
    )


def taken_back(context: Context) -> Context:
    """Forget what waits: it went back into the editor."""
    return structs.replace(context, queue=()) if context.queue else context


def _handed(context: Context, one: Queued) -> tuple[Context, Turn]:
    handed = (*context.handed[1 - QUEUED :], one.digest)
    return structs.replace(context, handed=handed), _turn(one)


def _turn(one: Queued) -> Turn:
    # No line of the queue has an id. A copy in a forked session has the same time and words.
    key = f"claude:queued:{one.at}:{one.digest.hex()}"
    return Turn(key=key, role="user", text=one.text, created_at=one.at, kind="queued")


def _holds(lines: str, one: Queued) -> bool:
    said = _plain(one.text)
    if "[Pasted text #" in said:  # of which the message has the text
        parts = (re.escape(part.strip()) for part in _PASTED.split(said))
        return re.search(rf"\n{'.*?'.join(parts)}\n", lines, re.DOTALL) is not None
    return f"\n{said}\n" in lines if said else _digest(lines) == one.digest


def _plain(text: str) -> str:
    """Return a text with line ends of one kind, and no blanks before them."""
    return "\n".join(line.rstrip() for line in _normal(text).strip().splitlines())


def _digest(text: str) -> bytes:
    said = _normal(text).strip().encode("utf-8", "replace")
    return hashlib.blake2b(said, digest_size=12).digest()


def _normal(text: str) -> str:
    """Return a text with letters composed: input methods and file systems take them apart."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
