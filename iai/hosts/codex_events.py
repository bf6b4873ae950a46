"""Messages of Codex's that come as events: each is a turn once, in whichever form it comes.

Most versions write a message twice within moments, as an item and as an event, in either order; the
item counts. One that comes as an event only, such as a prompt given in mid-turn, counts once the
conversation has gone on without its item. Pure.
"""

import hashlib

from msgspec import structs

from iai.model.clock import NS
from iai.model.context import HEARD, HEARD_TEXT, Context, Queued

_AT_ONCE = NS // 2  # no person, and no model, says two things of their own within this time


def note_event(context: Context, role: str, text: str, at: int) -> Context:
    """Note a message that came as an event, unless its item came before.

    `role` is that of the speaker, or "commentary" for what an agent says between two steps.
    """
    one = Queued(at, _digest(role, text), text, role)
    item = next((item for item in context.items if _same(item, one)), None)
    if item is not None:
        return structs.replace(context, items=tuple(i for i in context.items if i is not item))
    if len(text) > HEARD_TEXT or len(context.queue) >= HEARD:
        return context
    return structs.replace(context, queue=(*context.queue, one))


def take_item(context: Context, role: str, text: str, at: int) -> tuple[Context, bool]:
    """Take an item for the event that waits for it; was the event a turn already?"""
    one = Queued(at, _digest(role, text), role=role)
    if one.digest in context.handed:
        left = tuple(digest for digest in context.handed if digest != one.digest)
        return structs.replace(context, handed=left), True
    event = next((event for event in context.queue if _same(event, one)), None)
    if event is None:
        return structs.replace(context, items=(*context.items[1 - HEARD :], one)), False
    rest = tuple(other for other in context.queue if other is not event)
    return structs.replace(context, queue=rest), False


def drain(context: Context) -> tuple[Context, tuple[Queued, ...]]:
    """Hand over all that waits for an item: none is coming."""
    if not context.queue:
        return context, ()
    handed = (*context.handed, *(one.digest for one in context.queue))[-HEARD:]
    return structs.replace(context, queue=(), handed=handed), context.queue


def _same(one: Queued, other: Queued) -> bool:
    """Is it one message? Of the host's words around it, each form may hold others."""
    at_once = bool(one.at and other.at) and abs(one.at - other.at) <= _AT_ONCE
    same_speaker = (one.role == "user") == (other.role == "user")
    return same_speaker and (one.digest == other.digest or at_once)


def _digest(role: str, text: str) -> bytes:
    said = f"{role == 'user'}\0{' '.join(text.split())}".encode("utf-8", "replace")
    return hashlib.blake2b(said, digest_size=12).digest()
