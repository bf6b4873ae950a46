"""What was done in a session: one action for each tool call that says something. Plain data, pure.

An action is small whatever it was made from: it names files, commands and outcomes, and never holds
the content of a file.
"""

import hashlib
import re
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct, structs

from iai.redaction import marks

LARGEST = 2_048  # bytes of an encoded action
STEP = 160  # bytes of one step of a list

Kind: TypeAlias = Literal[
    "edit", "write", "delete", "move", "read", "search", "command", "test", "commit", "branch",
    "pull-request", "todo", "plan", "question", "web", "agent", "skill", "tool",
]  # fmt: skip
Status: TypeAlias = Literal["", "ok", "failed", "refused", "interrupted"]  # "" is unknown

COMMAND = "command"  # name of the tool of a "skill" that the user called with a slash command
CHANGES: frozenset[Kind] = frozenset({"edit", "write", "delete", "move"})  # to files
_KEPT: frozenset[Kind] = frozenset({"commit", "branch", "pull-request"})  # whatever is taken back

_KEY, _NAME, _PATH, _TO, _COMMIT = 160, 80, 350, 250, 64  # bytes; the sum stays below LARGEST
_TEXT, _TEXT_ALONE, _OUTPUT = 400, 800, 400
_WORD = 128  # characters of a word that is left out rather than cut
_REST_OF_WORD = re.compile(r"^[\w.+/=~-]*[^\w.+/=~-]")
_COUNTS = 1 << 31  # no honest count of lines, tests or pull requests is as high
_TIMES = 1 << 63
_EXIT_CODES = (None, *range(256))


class Step(Struct, frozen=True):
    """One item of a to-do list or a plan; the state is the host's word for it."""

    text: str
    state: str = ""


class Action(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that an agent did, as soon as its outcome is known.

    Only `undone` is ever changed afterwards. Texts that are too long are cut: a command keeps its
    beginning, an output its end.
    """

    key: str  # the same whenever the same call is read again
    kind: Kind
    at: int  # when it was called: nanoseconds UTC, 0 if unknown
    status: Status = ""
    name: str = ""  # the host's name of the tool
    path: str = ""
    to: str = ""  # where a file was moved
    added: int = 0  # lines
    removed: int = 0  # lines
    text: str = ""  # the command, pattern, URL, subject or question
    output: str = ""  # the last lines, only of what failed
    exit_code: int | None = None
    seconds: float = 0.0  # 0 if the host does not say
    passed: int = 0  # tests
    failed: int = 0  # tests
    commit: str = ""  # its hash, as it was printed
    number: int = 0  # of a pull request
    steps: tuple[Step, ...] = ()
    sub_agent: bool = False
    undone: bool = False  # its request was taken back, and it did not outlast that
    project: str = ""  # that it was done in, where its request was made in another one

    @property
    def words(self) -> tuple[str, ...]:
        """All that it says in words."""
        steps = (step.text for step in self.steps)
        return (self.name, self.path, self.to, self.text, self.output, self.commit, *steps)

    def __post_init__(self) -> None:
        if not self._is_small():
            self._cut()

    @property
    def redactions(self) -> tuple[str, ...]:
        """The kinds of what was redacted in its texts."""
        steps = (step.text for step in self.steps)
        found = marks.kinds(self.path, self.to, self.text, self.output, *steps)
        return tuple(sorted(found.elements()))

    def _is_small(self) -> bool:
        """Is there nothing to cut? Of nearly every action this is all that is asked."""
        return (
            len(self.key) <= _KEY
            and len(self.path) <= _PATH
            and len(self.text) <= _TEXT
            and len(self.output) <= _OUTPUT
            and not self.to
            and not self.steps
            and self.key.isascii()
            and self.path.isascii()
            and self.text.isascii()
            and self.output.isascii()
            and self.name.isascii()
            and self.commit.isascii()
            and len(self.name) <= _NAME
            and len(self.commit) <= _COMMIT
            and 0 <= self.at < _TIMES
            and 0 <= self.added < _COUNTS
            and 0 <= self.removed < _COUNTS
            and 0 <= self.passed + self.failed + self.number < _COUNTS
            and self.exit_code in _EXIT_CODES
        )

    def _cut(self) -> None:
        cut = {
            "key": _short_key(self.key),
            "name": _head(self.name, _NAME),
            "path": beginning(self.path, _PATH),
            "to": beginning(self.to, _TO),
            "text": beginning(self.text, _TEXT if self.output or self.steps else _TEXT_ALONE),
            "output": _end(self.output, _OUTPUT),
            "commit": _head(self.commit, _COMMIT),
            "at": max(0, min(self.at, _TIMES - 1)),
            "exit_code": None if self.exit_code is None else _bounded(self.exit_code, -_COUNTS),
        }
        for name in ("added", "removed", "passed", "failed", "number"):
            cut[name] = _bounded(getattr(self, name), 0)
        for name, value in cut.items():
            structs.force_setattr(self, name, value)
        if self.steps:
            structs.force_setattr(self, "steps", self._steps_that_fit())

    def _steps_that_fit(self) -> tuple[Step, ...]:
        steps = [Step(beginning(step.text, STEP), _head(step.state, 20)) for step in self.steps]
        structs.force_setattr(self, "steps", ())
        room = LARGEST - len(msgspec.msgpack.encode(self)) - 16
        kept = []
        for step in steps:
            room -= len(msgspec.msgpack.encode(step))
            if room < 0:
                break
            kept.append(step)
        return tuple(kept)


def outlasts_rewind(action: Action, restored: frozenset[str]) -> bool:
    """Return whether what was done is still there once its request is taken back.

    Commits, branches and pull requests are, and files that were changed, except by one of these
    tools: the host may have restored them then (see `iai.hosts.turn.Host`).
    """
    return action.kind in _KEPT or (action.kind in CHANGES and action.name not in restored)


def beginning(text: str, most: int) -> str:
    """Return at most so many bytes of a text, up to the end of a word.

    Half a secret could not be told from a word. Nor is half of a mark left of one.
    """
    head = _head(text, most)
    if len(head) < len(text) and not text[len(head)].isspace():
        end = max(head.rfind(space, -_WORD) for space in " \n\t")
        head = head[:end] if end > 0 else head
    opened = head.rfind(marks.OPENING)
    return (
        head[:opened]
        if opened >= 0 and len(head) < len(text) and "]" not in head[opened:]
        else head
    )


def _end(text: str, most: int) -> str:
    """Return at most so many bytes of the end of a text, from the start of a line, or of a word."""
    tail = _tail(text, most)
    if len(tail) == len(text) or text[-len(tail) - 1] == "\n":
        return tail
    rest_of_line, _, lines = tail.partition("\n")
    return lines or _REST_OF_WORD.sub("", rest_of_line) or tail


def _bounded(count: int, least: int) -> int:
    return max(least, min(count, _COUNTS - 1))


def _short_key(key: str) -> str:
    if len(key.encode("utf-8", "replace")) <= _KEY:
        return key
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return f"{_head(key, _KEY - 33)}:{digest}"


def _head(text: str, most: int) -> str:
    if len(text) <= most and text.isascii():
        return text
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def _tail(text: str, most: int) -> str:
    if len(text) <= most and text.isascii():
        return text
    return text.encode("utf-8", "replace")[-most:].decode("utf-8", "ignore")
