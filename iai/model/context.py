"""What the lines of a transcript read so far say about the lines to come. Plain data, pure.

It is kept with the offset, so that reading can stop after any line and go on in another process.
"""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct, structs

from iai.model.action import Action, Step

CALLS = 64  # calls that wait for their result; an agent starts some ten at once
CALL_INPUT = 4_096  # characters of what a call was given
QUEUED = 32  # prompts that wait for the agent
QUEUED_TEXT = 16_384  # characters of one that waits
COMMITS = 16  # that may be taken back
HEADS = 16  # places where HEAD was
HEARD = 8  # messages of which one of two forms has come
HEARD_TEXT = 262_144  # characters of one that waits for the other form
REQUESTS = 32  # as many as a rewind is looked for in
LINEAGE = 16  # sessions that were forked one from the other


class Call(Struct, frozen=True):
    """A tool call without its result: the action that it becomes, and what decides about it."""

    id: str
    action: Action
    input: str = ""  # a command, or the questions, each on a line


class Made(Struct, frozen=True):
    """A commit, and the directory that it was made in."""

    place: str
    action: Action
    pushed: bool = False
    key: str = ""  # of the action that made it first
    parent: str = ""  # the key of that which it was made on, or of none that is known
    branch: str = ""  # that it was made on; "" if that is not known
    shared: bool = False  # it may be on other branches as well
    gone: bool = False  # it is taken back
    fixes: str = ""  # the commit that it is to be folded into, as that was named


class Head(Struct, frozen=True):
    """Where HEAD was in a directory: at the commit with this key, or at none that is known."""

    place: str
    at: str


class Queued(Struct, frozen=True):
    """What was said and may come again: a prompt typed while the agent worked, or an event."""

    at: int
    digest: bytes
    text: str = ""  # "" for what the host itself put into the queue
    role: str = "user"


class Origin(Struct, frozen=True):
    """A session that this one continues, and when that began."""

    session: str
    began: int


class Context(Struct, kw_only=True, frozen=True):
    """The state of reading one transcript."""

    session: str = ""
    cwd: str = ""
    began_in: str = ""  # directory of the first turn of `session`
    remote: str = ""  # of the repository, where the host notes it; without credentials
    skip: str = ""  # why nothing in this file is a turn
    branch: str = ""
    title: str = ""
    title_rank: int = 0  # how much the title is worth: a person's choice is worth more
    unattended: bool = False  # a program started it, not a person
    forked_from: str = ""  # session
    sub_agent: bool = False  # all of it is another agent's, working for `session`
    last_at: int = 0  # time of the latest line that has one
    calls: tuple[Call, ...] = ()
    queue: tuple[Queued, ...] = ()
    handed: tuple[bytes, ...] = ()  # digests of queued prompts that are turns already
    commits: tuple[Made, ...] = ()  # the latest
    heads: tuple[Head, ...] = ()  # where HEAD was, the latest last
    items: tuple[Queued, ...] = ()  # messages without their words, whose second form may come
    todos: tuple[Step, ...] = ()  # the to-do list, for versions that send it item by item
    todo_ids: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()  # keys of the latest prompts
    parents: tuple[str, ...] = ()  # of each of these, the line that it follows
    lineage: tuple[Origin, ...] = ()  # this session first
    copied_until: int = 0  # in a fork: the time of the last line that is a copy
    commands_told: bool = False  # the host itself tells of the commands that scripts run
    off: bool = False  # the user said that it is not recorded; see `iai.model.recording_switch`


C = TypeVar("C", bound=Context)


def without_words(context: C) -> C:
    """Return a context without anything that was said or done."""
    return structs.replace(
        context, title="", title_rank=0, calls=(), queue=(), commits=(), heads=(), todos=()
    )


def without(context: C, says: Callable[[str], bool]) -> C:
    """Return a context without its title, branch, calls and so on that say something."""
    titled = not says(context.title)
    kept = [not says(item.text) for item in context.todos]
    named = [not says(key) for key in context.requests]  # of old lines, with the words themselves
    return structs.replace(
        context,
        title=context.title if titled else "",
        title_rank=context.title_rank if titled else 0,
        branch="" if says(context.branch) else context.branch,
        calls=tuple(c for c in context.calls if not any(map(says, (c.input, *c.action.words)))),
        commits=tuple(
            structs.replace(
                made,
                branch="" if says(made.branch) else made.branch,
                fixes="" if says(made.fixes) else made.fixes,
            )
            for made in context.commits
            if not any(map(says, made.action.words))
        ),
        queue=tuple(prompt for prompt in context.queue if not says(prompt.text)),
        todos=tuple(item for item, keep in zip(context.todos, kept, strict=True) if keep),
        todo_ids=tuple(i for i, keep in zip(context.todo_ids, kept, strict=False) if keep),
        requests=tuple(key for key, keep in zip(context.requests, named, strict=True) if keep),
        parents=tuple(one for one, keep in zip(context.parents, named, strict=False) if keep),
    )
