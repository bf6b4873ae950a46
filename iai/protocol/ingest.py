"""The requests, replies and events of ingest."""

from typing import Literal

from msgspec import Struct, field

from iai.protocol.message import Event, Reply, Request


class CapturedTurn(Struct, frozen=True, kw_only=True):
    """One text to store as a record."""

    text: str  # not blank
    role: Literal["user", "assistant"] = "user"  # who said it
    tier: Literal["episodic", "semantic", "procedural"] = "episodic"  # said, a fact, or a how-to
    host: str = "client"  # the program that it comes from
    session: str = ""  # the host's session id; "": none
    cwd: str = ""  # working directory, which names the project; "": not known
    created_at: int = 0  # when it was said, UTC nanoseconds; 0: now
    tags: tuple[str, ...] = ()  # free words, stored as they are
    pinned: bool = False  # pin it at once
    key: str = ""  # idempotency key; "": derived from host, session, role, cwd and text
    mine: bool = False  # a note for the machines of this user alone, whatever its project does


class Capture(Request, frozen=True):
    """Store texts, in one commit."""

    turns: tuple[CapturedTurn, ...]  # in the order in which they were said


class Captured(Reply, frozen=True):
    """The texts are stored and durable."""

    ids: tuple[str, ...]  # of their records, in the order of the turns, duplicates included
    added: int  # records that are new
    duplicates: int  # turns that were stored already
    revision: int  # of the records, after it


class Pin(Request, frozen=True):
    """Pin a record, or unpin it."""

    ref: str  # a record's id, or `#` and its label
    pinned: bool = True  # False: unpin it
    mine: bool = False  # for the sessions of this user alone; others of a team don't hear of it


class Edit(Request, frozen=True):
    """Replace the text of a record."""

    ref: str  # a record's id, or `#` and its label
    text: str  # the new text


class Mark(Request, frozen=True):
    """Mark a record, or take a mark off it."""

    ref: str  # a record's id, or `#` and its label
    mark: Literal["done", "dismissed"]  # nothing in its session is open; it is in no start again
    on: bool = True  # False: take it off


class Forget(Request, frozen=True):
    """Delete records for good; none of them if one is unknown.

    A forgotten text is never stored again, not even by an import.
    """

    refs: tuple[str, ...]  # each a record's id, or `#` and its label
    whole_sessions: bool = False  # also every other record of their sessions


class SessionPart(Struct, frozen=True, kw_only=True):
    """Some of what is known of a session besides its turns."""

    session: str  # its key in the store, hexadecimal
    since: int = 0  # what was done at this time or later, UTC nanoseconds; 0: from its start
    until: int = 0  # what was done before this time, UTC nanoseconds; 0: to its end
    text: str = ""  # only what has this in it; "": all
    title: bool = False  # its title instead of what was done
    branch: bool = False  # the name of its branch, likewise


class Erase(Request, frozen=True):
    """Delete for good what a client has selected; what is gone already is skipped.

    Like `Forget`. Both have all files of the store scrubbed of the words.
    """

    labels: tuple[int, ...] = ()  # of records; a request takes with it what was done for it
    parts: tuple[SessionPart, ...] = ()  # of sessions
    projects: tuple[str, ...] = ()  # ids; name and directories, where nothing needs them
    text: str = ""  # what was read, but not stored yet, if it has this in it; "": nothing


class Place(Struct, frozen=True, kw_only=True):
    """A project, as derived from its directory (see `projects.identity.identify`)."""

    id: str  # hexadecimal
    name: str  # for people
    root: str  # absolute path


class MergeProjects(Request, frozen=True):
    """Make all records of a project, past and future, belong to another one.

    Answered once that holds for future records; past ones are moved from then on.
    """

    project: Place  # the one to merge
    into: Place | None  # the one that it becomes part of; None: undo its merge


class IgnoreProject(Request, frozen=True):
    """Store nothing more from a project, and give its sessions no memory. Its records stay."""

    project: Place  # the one to ignore
    below: bool = False  # also all projects below its root
    ignored: bool = True  # False: stop ignoring it


class NameProject(Request, frozen=True):
    """Keep the name and the directory of a project before anything is stored of it.

    So what other machines of a team say in it has a name here. A project that is known stays as it
    is. Answered with `Changed`.
    """

    project: Place  # whose id stays its own, whatever it is merged into later


class Changed(Reply, frozen=True):
    """The change is durable."""

    count: int  # records that it concerns
    revision: int  # of the records, after it


class Flush(Request, frozen=True):
    """Read the spool and every followed transcript now, without waiting for the next poll."""


class Flushed(Reply, frozen=True):
    """Everything that was on disk has been read."""

    revision: int  # of the records, after it


class Import(Request, frozen=True):
    """Begin to import transcripts. Answered at once with the `ImportProgress` of the job."""

    paths: tuple[str, ...]  # files, or directories with all transcripts below them


class ImportStatus(Request, frozen=True):
    """Report the progress of an import."""

    job: str  # from `ImportProgress`


class ImportProgress(Reply, frozen=True, omit_defaults=True):
    """The progress of an import."""

    job: str  # name of the job, for `ImportStatus`
    done: bool  # whether all files were read
    files: int  # transcripts found
    files_done: int  # of these, read to the end or given up
    bytes: int  # size of all of them
    bytes_done: int  # of these, read
    turns_read: int  # turns in what was read, ignored projects excepted
    records_added: int  # of these, new
    duplicates: int  # of these, stored already
    skipped: dict[str, int]  # lines that are no turn, counted by reason
    unreadable: tuple[str, ...]  # files that cannot be read, each with the reason
    revision: int  # of the records, now
    actions_added: int = 0  # what was done, and is new
    redacted: dict[str, int] = field(default_factory=dict)  # secrets in it, by kind


class PurgeSecrets(Request, frozen=True):
    """Begin to redact what was stored earlier by today's rules; or join it, if that has begun.

    Answered at once with a `PurgeProgress`.
    """

    dry_run: bool = False  # only count


class PurgeStatus(Request, frozen=True):
    """Report the progress of the last `PurgeSecrets`."""


class PurgeProgress(Reply, frozen=True, omit_defaults=True):
    """The progress of redacting what was stored earlier."""

    done: bool  # whether all was gone through
    dry_run: bool  # whether it only counts
    texts: int  # records, actions and sessions gone through
    changed: int  # of these, with secrets
    redacted: dict[str, int]  # those secrets, counted by kind
    revision: int  # of the records, now
    unsearchable: int = 0  # of these, those that could not be searched, and stay as they are
    unsearchable_in: tuple[str, ...] = ()  # where the first of them are: `#12`, or in words


class RecordsCommitted(Event, frozen=True, omit_defaults=True):
    """The records have changed."""

    revision: int  # after the change
    ingested: int  # records added; 0: some were pinned, edited, forgotten or moved
    local: bool = True  # False: by other machines of the team


class SessionEnded(Event, frozen=True):
    """A session has ended, and all that its host wrote of it is stored."""

    revision: int  # of the records, then
    project: str = ""  # id of its project, where the next session may start; "": not known


class LineSkipped(Event, frozen=True):
    """One line of a transcript could not be read; the rest was."""

    transcript: str  # its path
    offset: int  # byte at which the line starts
    reason: str  # what is wrong with it


class ChangeSkipped(Event, frozen=True):
    """What another machine of the team sent could not be applied; the rest was."""

    sequence: int  # of the message in the stream
    machine: str  # id of the machine that signed it
    reason: str  # what is wrong with it


class SpoolRejected(Event, frozen=True):
    """What lay in the spool is not a hook event: it was moved to `spool/bad/`.

    Another program's event was removed instead, and so was a pipe, a device or a link.
    """

    file: str  # its name
    reason: str  # what is wrong with it


class StoreFull(Event, frozen=True):
    """The store has no room: what comes stays in the spool and in the transcripts."""

    used: int  # bytes of the store
    free: int  # bytes on its disk
    limit: int  # bytes that the user set; 0: none


class StoreHasRoom(Event, frozen=True):
    """The store has room again, and takes what has waited."""

    used: int  # bytes of the store
    free: int  # bytes on its disk
    limit: int  # bytes that the user set; 0: none


class ProjectMoved(Event, frozen=True):
    """A project turned out to be another one, such as a checkout at a new path.

    Its records belong to that one now.
    """

    project: str  # its id before
    into: str  # id of the other
    was: str  # old root
    now: str  # new root
