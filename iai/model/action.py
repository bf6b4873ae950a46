"""PLACEHOLDER until the formats are merged."""

from typing import Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal[
    "edit",
    "write",
    "delete",
    "move",
    "read",
    "search",
    "command",
    "test",
    "commit",
    "branch",
    "pull-request",
    "todo",
    "plan",
    "question",
    "web",
    "agent",
    "skill",
    "tool",
]
Status: TypeAlias = Literal["", "ok", "failed", "refused", "interrupted"]


class Step(Struct, frozen=True):
    text: str
    state: str


class Action(Struct, frozen=True, kw_only=True):
    key: str
    kind: Kind
    at: int
    status: Status = ""
    name: str = ""
    path: str = ""
    to: str = ""
    added: int = 0
    removed: int = 0
    text: str = ""
    output: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    commit: str = ""
    number: int = 0
    steps: tuple[Step, ...] = ()
    sub_agent: bool = False
