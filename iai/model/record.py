"""What is stored: records, and the state of their projects and transcripts.

`iai.store.records` knows the layout on disk.
"""

import hashlib
from functools import lru_cache
from typing import Literal, TypeAlias

from msgspec import Struct, structs

from iai.model.clock import NS
from iai.model.context import Context
from iai.redaction import marks

SEEDED = "git"  # host of the commit messages that a project was seeded with
CLIENT = "client"  # host of turns captured by a program that names none: all are answers
DIGEST = 16  # bytes
JUST_NOW = 3_600 * NS  # a text stored within this time of being said counts as live

Operation: TypeAlias = Literal[
    "insert", "edit", "pin", "unpin", "forget", "move", "project", "narrate", "act", "mark"
]
MarkByHand: TypeAlias = Literal["done", "dismissed"]
Mark: TypeAlias = MarkByHand | Literal["rewound"]
Tier: TypeAlias = Literal["episodic", "semantic", "procedural"]
Mine: TypeAlias = Literal["", "pin", "note"]


class Source(Struct, frozen=True):
    """Where a text was read."""

    transcript: str = ""  # path; "": from no transcript
    offset: int = 0  # byte at which its line starts
    uuid: str = ""  # the host's own id of it; "": it has none


class NewRecord(Struct, frozen=True, kw_only=True):
    """A text to store. `key` is the same each time the same text is read."""

    key: str
    id: str
    tier: Tier
    role: str
    text: str
    host: str
    session: str
    project: str
    cwd: str
    created_at: int
    tags: tuple[str, ...] = ()
    pinned: bool = False
    source: Source = Source()
    origin: str = ""
    kind: str = ""  # of the turn: see `iai.hosts.turn.Turn`
    heard: bool = False  # it came with a hook event: see `iai.model.duplicate_turns`
    machine: str = ""  # that it was said on; "": this one
    mine: Mine = ""  # see `Record`

    @property
    def session_key(self) -> bytes:
        """The key of its session: see `session_key`."""
        return session_key(self.host, self.session, self.machine)

    def kept(self, label: int, at: int, order: int) -> "Record":
        """Return the record that it becomes, stored at `at`."""
        fields = structs.asdict(self)
        del fields["key"], fields["heard"]
        redactions = redactions_in(self.text)
        return Record(
            label=label, ingested_at=at, updated_at=at, order=order, redactions=redactions, **fields
        )


class Record(Struct, frozen=True, kw_only=True):
    """One text as it is stored. Times are UTC nanoseconds; `created_at` is when it was said.

    `order` sorts records: it equals `created_at`, unless the clock was wrong (see `order_of`).
    """

    id: str
    label: int  # number of the record and of its vector; never reused
    tier: Tier
    role: str
    text: str
    host: str
    session: str
    project: str
    cwd: str
    created_at: int
    ingested_at: int
    updated_at: int
    order: int = 0  # 0 on disk, in old records: equal to `created_at`
    tags: tuple[str, ...] = ()
    pinned: bool = False  # for its project, on all machines
    source: Source = Source()
    origin: str = ""  # project of its directory, where that one is merged into `project`
    kind: str = ""  # of turn, as `hosts.turn.Turn` has it, or `exchange.NARRATION`
    marks: tuple[Mark, ...] = ()
    redactions: tuple[str, ...] = ()  # the kinds of what was redacted in its text
    machine: str = ""  # that it was said on; "": this one
    mine: Mine = ""  # what of it is its user's alone: a pin besides `pinned`, or all of it

    def __post_init__(self) -> None:
        if not self.order:
            structs.force_setattr(self, "order", self.created_at)

    @property
    def session_key(self) -> bytes:
        """The key of its session: see `session_key`."""
        return session_key(self.host, self.session, self.machine)

    @property
    def in_session(self) -> bool:
        """Was it said in a conversation, rather than captured on its own?"""
        return self.tier == "episodic"

    @property
    def is_pinned(self) -> bool:
        """Is it pinned here: for its project, or for this user alone?"""
        return self.pinned or self.mine == "pin"

    @property
    def rewound(self) -> bool:
        """Was it taken back, with the request that it belongs to? It is kept, and not used."""
        return "rewound" in self.marks

    @property
    def dismissed(self) -> bool:
        """Does the user not want to see it at the start of a session again?"""
        return "dismissed" in self.marks

    @property
    def is_fact(self) -> bool:
        """Was it captured on its own, to be shown so? Commits are only for recall."""
        return not self.in_session and self.host != SEEDED


class LogEntry(Struct, frozen=True):
    """One change of one record: which one, not what. Stages read the record itself."""

    operation: Operation
    label: int  # 0: a change of a project alone
    at: int  # UTC nanoseconds


class Watermark(Struct, frozen=True):
    """The state of the records, in a few numbers (SEED R8 to R11). Times are UTC nanoseconds."""

    revision: int = 0  # of the last change
    records_count: int = 0
    max_vec_label: int = 0  # highest label ever given; it never falls, not even after a forget
    max_created_at: int = 0
    max_updated_at: int = 0


class Project(Struct, frozen=True, kw_only=True):
    """A body of work, and the directories that it was worked on in, the latest last."""

    id: str
    name: str
    root: str
    cwds: tuple[str, ...] = ()
    into: str = ""  # id of the project that it is merged into; "": none
    ignored: Literal["", "project", "below"] = ""  # itself, or also all below its root
    git: str = ""  # the git directory that identifies it; "": something else does
    born: str = ""  # start of its history in git: see `iai.projects.identity`
    former: tuple[str, ...] = ()  # ids of projects that turned out to be this one, and joined it

    def holds(self, place: str) -> bool:
        """Is this directory its root, or below?"""
        return place == self.root or place.startswith(self.root.rstrip("/") + "/")


class LastChange(
    Struct,
    frozen=True,
    kw_only=True,
    rename={"last_session": "speaker", "last_foreign_revision": "others"},  # as stored
):
    """Who changed a project last: the session whose turn came last, and everyone else."""

    last_session: str = ""  # "" if no session ever said anything there
    last_foreign_revision: int = 0  # of the last change that was not a turn of that session
    revision: int = 0  # of the last change

    def then(self, revision: int, session: str) -> "LastChange":
        """Return the state after one more change: a turn of `session`, or "" for any other."""
        if not session:
            return structs.replace(self, last_foreign_revision=revision, revision=revision)
        same = session == self.last_session
        return LastChange(
            last_session=session,
            last_foreign_revision=self.last_foreign_revision if same else self.revision,
            revision=revision,
        )


class Transcript(Context, frozen=True, kw_only=True):
    """How far a host's file has been read, committed together with the records from it."""

    path: str
    host: str
    offset: int = 0
    inode: int = 0
    head: bytes = b""  # digest of its first bytes: the path may come to name another file
    tail: bytes = b""  # digest of the bytes before `offset`: a file may be rewritten in place
    followed_until: int = 0  # when to stop polling it for more, UTC nanoseconds
    heard_at: int = 0  # when a hook last named it, to a minute; 0: none ever did
    read_at: int = 0  # when it was last read, or began to be followed: unread for no longer


def redactions_in(text: str) -> tuple[str, ...]:
    """Return the kinds of what was redacted in a text, one for each mark."""
    return tuple(sorted(marks.kinds(text).elements())) if marks.OPENING in text else ()


def order_of(created_at: int, now: int, ahead: int) -> int:
    """Return the `order` of a text; `ahead` is 0 for a text that is not live.

    It is never later than now. A live text comes after all earlier ones, even if the clock has been
    set back since.
    """
    order = min(created_at, now)
    return order + ahead if now - order < JUST_NOW else order


def digest(text: str) -> bytes:
    """Return a key of `DIGEST` bytes for any text: LMDB keys have at most 511."""
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=DIGEST).digest()


@lru_cache(maxsize=16)  # a turn is looked up by its key, and then stored under it
def key_digest(key: str) -> bytes:
    """Return the hash of an idempotency key."""
    return digest(key)


@lru_cache(maxsize=256)  # a session is asked for many times in a row
def session_key(host: str, session: str, machine: str = "") -> bytes:
    """Return the key of a session in the store; `machine` is that of its turns.

    So a session of another machine is never part of one of this, even if both have the same id: a
    home directory that two machines share, or a session that was forked. The turns that both have
    are stored once, in the session of whichever machine they belong to.
    """
    return digest(f"{host}\0{session}\0{machine}" if machine else f"{host}\0{session}")
