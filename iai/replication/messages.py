"""How the changes of a project are put into messages, each with its position."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from iai.errors import Forged
from iai.model import change
from iai.model.change import AmendChange, Change, ForgetChange, TurnChange
from iai.replication import content
from iai.replication.positions import position
from iai.team import envelope

MOST_JOINED, JOINED_BYTES = 32, 64 << 10  # changes in one message of several, and their bytes


class Message(Struct, frozen=True):
    """A message that is not published yet."""

    position: int
    plain: bytes
    about: tuple[str, ...] | None = None  # subjects of words of one's own; None: it is for all
    through: int = 0  # revision up to which all is published with it; 0: more of it follows


def placed(changes: Iterable[tuple[int, Change]]) -> Iterator[tuple[int, Change]]:
    """Yield changes with their positions."""
    part, revision = 0, -1
    for at, one in changes:
        part = part + 1 if at == revision else 0
        revision = at
        yield position(at, part), one


def joined(placed: Iterable[tuple[int, Change]]) -> Iterator[Message]:
    """Yield messages with several changes each: a signature and a write to the disk for all.

    What is to be forgotten has a message of its own, which is never deleted for the sake of others;
    so has what is large, which the server may not take. What is one's own is in none with others.
    """
    parts, size, last = list[tuple[Change, bytes]](), 0, 0
    for here, one in placed:
        encoded = change.encode(one)
        alone = isinstance(one, ForgetChange) or len(encoded) > JOINED_BYTES
        full = len(parts) == MOST_JOINED or size + len(encoded) > JOINED_BYTES
        if parts and (alone or full or _is_own(one) != _is_own(parts[-1][0])):
            yield _message(last, parts)
            parts, size = [], 0
        parts.append((one, encoded))
        size += len(encoded)
        last = here
        if alone:
            yield _message(last, parts)
            parts, size = [], 0
    if parts:
        yield _message(last, parts)


def _message(position: int, parts: list[tuple[Change, bytes]]) -> Message:
    plain = content.join([encoded for _, encoded in parts])
    if not _is_own(parts[0][0]):
        return Message(position, plain)
    # A pin, or what is dismissed, has no words to be deleted, and nobody is to know of it.
    said = (one for one, _ in parts if isinstance(one, TurnChange) or _is_edit(one))
    return Message(position, plain, tuple(s for one in said for s in change.subjects(one)))


def _is_edit(one: Change) -> bool:
    return isinstance(one, AmendChange) and one.text is not None


def _is_own(one: Change) -> bool:
    """Is it sealed for one's own machines? All have to delete what is to be forgotten."""
    return one.own and not isinstance(one, ForgetChange)


def last_position(data: bytes | None) -> tuple[int, int]:
    """Return the position of a message of this machine, and of the one before it."""
    if data is None:
        return 0, 0
    try:
        header = envelope.read_header(data)
    except Forged:
        return 0, 0
    return header.revision, header.after
