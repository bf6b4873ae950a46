"""What the formats of all hosts come down to: turns, actions, and lines that are neither."""

from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from iai.model.action import Action
from iai.model.context import Context

Role: TypeAlias = Literal["user", "assistant"]
TurnKind: TypeAlias = Literal[
    "", "queued", "answer", "refusal", "plan", "command", "commentary"
]  # fmt: skip


class Skip(StrEnum):
    """Why a line of a transcript is no turn. A closed list, counted and shown to the user."""

    NOT_A_TURN = "not_a_turn"  # a line about the session, not of it
    TOOL = "tool"  # a call, its result, or thinking
    META = "meta"  # written by the host in the user's name
    COMMAND = "command"  # a slash or shell command and what it printed
    EDITOR = "editor"  # what an editor says about the files that are open
    HOOK = "hook"  # what a hook printed
    NOTICE = "notice"  # a background task or another agent, in the user's name
    SIDECHAIN = "sidechain"  # a sub-agent's
    SUMMARY = "compact_summary"
    INJECTED = "injected"  # our own session-start text, and nothing else
    SYNTHETIC = "synthetic"  # an error message of the host's, in the assistant's name
    PLACEHOLDER = "placeholder"  # what a host writes for an empty message
    NOT_RECORDED = "not_recorded"  # the user switched recording off: `model.recording_switch`
    REPEATED = "repeated"  # said elsewhere already: copied by a fork, or handed over from a queue
    EMPTY = "empty"
    BAD_JSON = "bad_json"
    BAD_SHAPE = "bad_shape"  # JSON, but not as this host writes it
    TOO_LONG = "too_long"


FAULTS = frozenset({Skip.BAD_JSON, Skip.BAD_SHAPE, Skip.TOO_LONG})  # worth an event each


class Turn(Struct, frozen=True, kw_only=True):
    """One text that the user or the assistant said; `created_at` is 0 where no time is known.

    `kind` says where it was said: "" in an ordinary message; `queued` while the agent worked;
    `answer` to a question of the agent's, with the question; `refusal` of a step; `plan` proposed
    by the agent, or given to it as the request; `command` as the arguments of a slash command;
    `commentary` between two steps, where the host says so.
    """

    key: str
    role: Role
    text: str
    created_at: int
    uuid: str = ""
    kind: TurnKind = ""
    session: str = ""  # where it was said, if not in the session of the file
    markup: str = ""  # name of the tag that it begins with, if no rule of the host's knows it


class Rewound(Struct, frozen=True):
    """Requests that were taken back, with all that followed each: keys of their turns."""

    keys: tuple[str, ...]


Item: TypeAlias = Turn | Action | Rewound | Skip
Parsed: TypeAlias = tuple[Context, tuple[Item, ...]]


class Host(Protocol):
    """How to read one host's transcripts. Never raises, whatever JSON it is given."""

    NAME: str
    RESTORED: frozenset[str]  # tools whose changes to files a rewind may undo

    def recognises(self, path: str, first: object) -> bool:
        """Is this the host's file? `first` is its first line's JSON, or None."""

    def begin(self, path: str) -> Context:
        """Return what the place of a file says about its lines."""

    def parse(self, line: object, context: Context) -> Parsed:
        """Return what one line of JSON holds, and the context of the next.

        A line that holds nothing gives one Skip.
        """

    def finish(self, context: Context) -> Parsed:
        """Return what was still waited for, once nobody writes to the file any longer."""
