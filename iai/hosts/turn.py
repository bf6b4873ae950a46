"""What the formats of all hosts come down to: turns, lines that are none, and where one stands."""

from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct


class Skip(StrEnum):
    """Why a line of a transcript is no turn. A closed list, counted and shown to the user."""

    NOT_A_TURN = "not_a_turn"  # a line about the session, not of it
    TOOL = "tool"  # a call, its result, or thinking
    META = "meta"  # written by the host in the user's name
    COMMAND = "command"  # a slash or shell command and what it printed
    SIDECHAIN = "sidechain"  # a sub-agent's
    SUMMARY = "compact_summary"
    INJECTED = "injected"  # our own session-start text, and nothing else
    SYNTHETIC = "synthetic"  # an error message of the host's, in the assistant's name
    EMPTY = "empty"
    BAD_JSON = "bad_json"
    BAD_SHAPE = "bad_shape"  # JSON, but not as this host writes it
    TOO_LONG = "too_long"


FAULTS = frozenset({Skip.BAD_JSON, Skip.BAD_SHAPE, Skip.TOO_LONG})  # worth an event each


class Turn(Struct, frozen=True, kw_only=True):
    """One text that the user or the assistant said; `created_at` is 0 where no time is given."""

    key: str
    role: Literal["user", "assistant"]
    text: str
    created_at: int
    uuid: str = ""


class Context(Struct, frozen=True, kw_only=True):
    """What the lines up to here said about the lines to come."""

    session: str = ""
    cwd: str = ""
    remote: str = ""  # of the repository, where the host notes it
    skip: str = ""  # why nothing in this file is a turn


Line: TypeAlias = Turn | Skip


class Host(Protocol):
    """How to read one host's transcripts."""

    NAME: str

    def recognises(self, path: str, first: object) -> bool:
        """Is this the host's file? `first` is its first line's JSON, or None."""

    def parse(self, line: object, context: Context) -> tuple[Context, Line]:
        """Return what one line of JSON is, and the context of the next.

        Never raises for whatever JSON it is given.
        """
