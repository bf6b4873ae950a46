"""What is kept: records, and what is known of their projects and transcripts. Plain data, pure.

How it lies on disk is for `iai.store.records` to know.
"""

import hashlib
from typing import Literal, TypeAlias

from msgspec import Struct, structs

from iai.model.clock import NS

SEEDED = "git"  # host of the commit messages that a project was seeded with
DIGEST = 16  # bytes of what stands for a text of any length
JUST_NOW = 3_600 * NS  # between when a text was said and when it is put in

Operation: TypeAlias = Literal["insert", "edit", "pin", "unpin", "forget", "move", "project"]
Tier: TypeAlias = Literal["episodic", "semantic", "procedural"]


class Source(Struct, frozen=True):
    """Where a text was read: a transcript, the byte its line starts at, the host's own id."""

    transcript: str = ""
    offset: int = 0
    uuid: str = ""


class NewRecord(Struct, frozen=True, kw_only=True):
    """A text on its way into the store. `key` is the same whenever the same text is read again."""

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

    def kept(self, label: int, at: int, order: int) -> "Record":
        """Return the record that it becomes."""
        fields = {name: getattr(self, name) for name in _COPIED}
        return Record(label=label, ingested_at=at, updated_at=at, order=order, **fields)


class Record(Struct, frozen=True, kw_only=True):
    """One text as it is kept. Times are nanoseconds UTC; `created_at` is when it was said.

    `order` is where it stands among others: the same, unless the clock was wrong (`order_of`).
    """

    id: str
    label: int  # number of the record, which is also that of its vector; never used again
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
    order: int = 0  # 0 in what was written before there was one
    tags: tuple[str, ...] = ()
    pinned: bool = False
    supersedes: str = ""
    source: Source = Source()
    origin: str = ""  # project of its directory, where that one is merged into `project`

    def __post_init__(self) -> None:
        if not self.order:
            structs.force_setattr(self, "order", self.created_at)

    @property
    def in_session(self) -> bool:
        """Was it said in a conversation, rather than noted by itself?"""
        return self.tier == "episodic"

    @property
    def is_fact(self) -> bool:
        """Was it noted by itself, to be shown by itself? Commits are there to be found only."""
        return not self.in_session and self.host != SEEDED


class LogEntry(Struct, frozen=True):
    """One change of one record. Says which, not what: whoever follows reads the record itself.

    A change of a project alone has the label 0, which no record has.
    """

    operation: Operation
    label: int
    at: int


class Watermark(Struct, frozen=True):
    """How far the store has come, over the records that are in it now (SEED R8 to R11)."""

    revision: int = 0
    records_count: int = 0
    max_vec_label: int = (
        0  # highest label ever given: it never falls, not even when one is forgotten
    )
    max_created_at: int = 0
    max_updated_at: int = 0


class Project(Struct, frozen=True, kw_only=True):
    """A body of work, and the directories in which it was worked on, the latest last."""

    id: str
    name: str
    root: str
    cwds: tuple[str, ...] = ()
    into: str = ""  # the project that it is merged into
    ignored: Literal["", "project", "below"] = ""  # by itself, or all below its root
    git: str = ""  # the git directory that names it
    born: str = ""  # how the history in there began: see `iai.projects.identity`

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


class Transcript(Struct, frozen=True, kw_only=True):
    """How far a host's file has been read, committed together with what was read from it."""

    path: str
    host: str
    offset: int = 0
    inode: int = 0
    head: bytes = b""  # digest of its first bytes: the same name may come to hold another file
    session: str = ""  # what earlier lines said about the later ones
    cwd: str = ""
    remote: str = ""
    skip: str = ""  # why the whole file is no conversation of the user's; "" if it is one
    followed_until: int = 0  # when to stop looking for more, in wall time


_COPIED = tuple(name for name in NewRecord.__struct_fields__ if name != "key")


def order_of(created_at: int, now: int, ahead: int) -> int:
    """Where a text stands among others; `ahead` is 0 for what is not said just now.

    Nothing was said later than now. What is said just now comes after what was said before, also
    where that was under a clock that has been set back since.
    """
    order = min(created_at, now)
    return order + ahead if now - order < JUST_NOW else order


def digest(text: str) -> bytes:
    """A key of fixed length for a text of any: LMDB takes at most 511 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=DIGEST).digest()


def session_key(host: str, session: str) -> bytes:
    """Return what names a session in the store."""
    return digest(f"{host}\0{session}")
