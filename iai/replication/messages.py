"""How the changes of a project are put into messages, each with its position."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from iai.errors import Forged
from iai.model import change
from iai.model.change import Change, ForgetChange
from iai.replication import content
from iai.replication.positions import position
from iai.team import envelope

MOST_JOINED, JOINED_BYTES = 32, 64 << 10  # changes in one message of several, and their bytes


class Message(Struct, frozen=True):
    """A message that is not published yet."""

    position: int
    plain: bytes
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
    so has what is large, which the server may not take.
    """
    parts, size, last = list[bytes](), 0, 0
    for here, one in placed:
        encoded = change.encode(one)
        alone = isinstance(one, ForgetChange) or len(encoded) > JOINED_BYTES
        if parts and (alone or len(parts) == MOST_JOINED or size + len(encoded) > JOINED_BYTES):
            yield Message(last, content.join(parts))
            parts, size = [], 0
        parts.append(encoded)
        size += len(encoded)
        last = here
        if alone:
            yield Message(last, content.join(parts))
            parts, size = [], 0
    if parts:
        yield Message(last, content.join(parts))


def last_position(data: bytes | None) -> tuple[int, int]:
    """Return the position of a message of this machine, and of the one before it."""
    if data is None:
        return 0, 0
    try:
        header = envelope.read_header(data)
    except Forged:
        return 0, 0
    return header.revision, header.after
