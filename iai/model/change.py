"""What one machine of a team tells the others: a change of what is remembered. Plain data, pure.

A change is the content of one message, before it is encrypted. Two kinds follow from who may say
what:

- *Base*: a turn, what was done, what is known of a session, or of the machine itself. Only the
  machine that it was said on may say that; of several versions, the one with the highest revision
  of that machine holds.
- *Amendment*: a pin, an edit, a mark, or that something is to be forgotten. Every member may say
  that of every record of the project.

Of both there is what is a user's own, which only the machines of that user can read, but for what
is to be forgotten: all have to delete that.

A change names its project, which has to be the one under whose key it was sent. It never names the
machine that says it: that is whoever has signed the message. What it says of an unknown record is
kept until the record comes. All changes can be applied in any order, and any number of times. Of
the directory that something was said or done in, a change says nothing.

It is msgpack, a map with the tag in `what`, and is written by one version and read by the next:

- A field may be added with a default. Unknown fields are ignored.
- A field may be dropped if it has a default.
- A field never changes its type or its meaning; a new tag takes the place of an old one.
- A tag that this version does not know is from a newer one: `decode` raises NewerChange.
"""

from collections.abc import Iterator
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from iai.errors import BadChange, NewerChange
from iai.model import hybrid_clock
from iai.model.action import Action
from iai.model.hybrid_clock import Stamp
from iai.model.record import DIGEST, Tier, digest

MOST_AT_ONCE = 1 << 12  # turns of a session that are said at one time
LARGEST = 256 << 10  # bytes that an encoded WorkChange or ForgetChange is meant to have at most

# Keys of the store are made of these, so that their form matters.
ProjectId: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
MachineId: TypeAlias = Annotated[str, Meta(pattern="^([0-9a-f]{16})?$")]  # "": who has signed it
RecordId: TypeAlias = Annotated[str, Meta(pattern="^[0-9A-Z]{26}$")]
RecordIds: TypeAlias = Annotated[tuple[RecordId, ...], Meta(min_length=1)]
Digest: TypeAlias = Annotated[bytes, Meta(min_length=DIGEST, max_length=DIGEST)]
Role: TypeAlias = Annotated[str, Meta(pattern="^(user|assistant)$")]
Name: TypeAlias = Annotated[str, Meta(max_length=512)]  # of a host, a session, a kind
Path: TypeAlias = Annotated[str, Meta(max_length=4_096)]
Time: TypeAlias = Annotated[int, Meta(ge=-(1 << 62), le=(1 << 62))]  # UTC nanoseconds
Revision: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 62))]


class Named(Struct, frozen=True, omit_defaults=True):
    """A record by all that it is known by: two machines may have read one turn."""

    ids: RecordIds  # the one that it has on this machine comes first
    keys: tuple[Digest, ...] = ()  # hashes of its idempotency keys; none of an older version's


class SessionName(Struct, frozen=True, omit_defaults=True):
    """A session, which belongs to the machine that it was held on."""

    host: Name
    session: Name
    machine: MachineId = ""


class Said(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all changes have."""

    project: ProjectId
    revision: Revision  # of the machine's records
    own: bool = False  # is it for the machines of its user alone?


class TurnChange(Said, frozen=True, kw_only=True, omit_defaults=True, tag_field="what", tag="turn"):
    """A turn as it is now by its author's reading, or a text that was captured on its own."""

    record: Named
    tier: Tier
    role: Role
    text: str
    host: Name
    session: Name
    created_at: Time
    nth: Annotated[int, Meta(ge=0, le=MOST_AT_ONCE)] = 0  # of those said at that time before it
    order: Time = 0  # its place in its session, where that does not follow from these two
    kind: Name = ""  # narration included
    tags: tuple[Name, ...] = ()
    pinned: bool = False  # when it was captured
    rewound: bool = False

    @property
    def placed_at(self) -> int:
        """Its `Record.order`, by the clock of its machine."""
        return self.order or self.created_at + self.nth


class WorkChange(Said, frozen=True, kw_only=True, omit_defaults=True, tag_field="what", tag="work"):
    """Some of what was done in a session. Paths below the project's root are relative to it."""

    host: Name
    session: Name
    actions: tuple[Action, ...]


class SessionChange(
    Said, frozen=True, kw_only=True, omit_defaults=True, tag_field="what", tag="session"
):
    """What is known of a session besides its turns: see `SessionInfo`."""

    host: Name
    session: Name
    title: Path = ""
    title_rank: Annotated[int, Meta(ge=0, le=1_000)] = 0
    branch: Path = ""
    unattended: bool = False
    forked_from: Name = ""


class MemberChange(
    Said, frozen=True, kw_only=True, omit_defaults=True, tag_field="what", tag="member"
):
    """Who works on the machine: see `Member`. Nobody sends it: the machine itself finds it out."""

    author: Name = ""
    name: Name = ""
    person: MachineId = ""


class Written(Struct, frozen=True, omit_defaults=True):
    """When a value was written: a stamp whose machine is the one that has signed the message."""

    wall: Annotated[int, Meta(ge=0, le=hybrid_clock.LATEST)]
    counter: Annotated[int, Meta(ge=0, le=hybrid_clock.MOST)] = 0

    def by(self, machine: str) -> Stamp:
        """Return the stamp of that machine."""
        return Stamp(self.wall, self.counter, machine)


class Flag(Written, frozen=True, omit_defaults=True):
    """Something that is so, or not."""

    on: bool = True


class Edited(Written, frozen=True, omit_defaults=True):
    """A text that takes the place of what was said."""

    text: str = ""


class AmendChange(
    Said, frozen=True, kw_only=True, omit_defaults=True, tag_field="what", tag="amend"
):
    """What this machine wrote of a record last, whoever is its author."""

    record: Named
    pinned: Flag | None = None
    text: Edited | None = None
    done: Flag | None = None
    dismissed: Flag | None = None
    mine: Flag | None = None  # a pin for one's own sessions


class ForgottenWork(Struct, frozen=True):
    """Some of what was done in a session."""

    session: SessionName
    actions: tuple[Digest, ...]  # hashes of their keys


class ForgottenTitle(Struct, frozen=True):
    """A title by its hash."""

    session: SessionName
    title: Digest


class ForgetChange(
    Said, frozen=True, kw_only=True, omit_defaults=True, tag_field="what", tag="forget"
):
    """What every machine has to delete, and never to store again. It beats all else."""

    records: tuple[Named, ...] = ()
    work: tuple[ForgottenWork, ...] = ()
    titles: tuple[ForgottenTitle, ...] = ()
    sessions: tuple[SessionName, ...] = ()  # of which nothing was left


Change: TypeAlias = (
    TurnChange | WorkChange | SessionChange | MemberChange | AmendChange | ForgetChange
)

_TAGS = {"turn", "work", "session", "member", "amend", "forget"}
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Change] = msgspec.msgpack.Decoder(Change)


class _Tagged(Struct):
    what: str


def encode(change: Change) -> bytes:
    """Return a change in bytes."""
    return _encoder.encode(change)


def decode(data: bytes) -> Change:
    """Return the change of some bytes.

    Raises NewerChange if a newer version wrote it, BadChange if it is none.
    """
    try:
        return _decoder.decode(data)
    except (ValueError, RecursionError) as error:
        if _tag(data) not in _TAGS:
            raise NewerChange(f"a change of an unknown kind: {error}") from error
        raise BadChange(f"not a change: {error}") from error


def _tag(data: bytes) -> str:
    """Return the tag of what cannot be read; a known one where it has none."""
    try:
        return msgspec.msgpack.decode(data, type=_Tagged).what
    except (ValueError, RecursionError):
        return "turn"


def subjects(change: Change) -> Iterator[str]:
    """Yield what a message is about, as a ForgetChange names it too.

    What a ForgetChange shares with an earlier message is in that one, so it has to be deleted from
    the stream. That may take more with it: its author publishes the rest again, since each machine
    notices a gap.
    """
    match change:
        case TurnChange(record=record) | AmendChange(record=record):
            yield from record.ids
        case WorkChange(actions=actions):
            for action in actions:
                yield digest(action.key).hex()
        case SessionChange(title=title):
            if title:
                yield _title(change.host, change.session, digest(title))
        case MemberChange():
            pass
        case ForgetChange():
            yield from _forgotten(change)


def _forgotten(change: ForgetChange) -> Iterator[str]:
    for record in change.records:
        yield from record.ids
    for work in change.work:
        yield from (key.hex() for key in work.actions)
    for one in change.titles:
        yield _title(one.session.host, one.session.session, one.title)


def _title(host: str, session: str, title: bytes) -> str:
    return f"{digest(host + chr(0) + session).hex()}/{title.hex()}"
