"""One session as a few facts: what was asked, what was done, how it ended, what is open. Pure."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from msgspec import Struct, structs

from iai.model.action import CHANGES, Action, Step
from iai.model.exchange import Exchange
from iai.model.record import Record
from iai.model.session import SessionInfo

Outcome: TypeAlias = Literal["answered", "interrupted", "unanswered"]

REQUESTS = 8  # kept of a session beside its first
SMALL_TALK = 2  # requests of a session that may be too little to go on with
SMALL_TALK_LOOKS = 3  # what it looked at, at most
SMALL_TALK_TEXT = 300  # characters of what was asked, at most
_DONE = frozenset({"completed", "done", "cancelled", "deleted"})  # states of a step, by any host
_SUMMARY_RANK = 1  # of a title: see `iai.hosts.claude`
_THROWAWAY = re.compile(r"(initial( commit)?|init|wip|test|tmp)\W*", re.IGNORECASE)  # subjects
_LOOKS = frozenset({"read", "command", "search", "test", "web", "agent", "tool"})
_TEMPORARY = ("/tmp/", "/private/tmp/", "/var/folders/", "/private/var/folders/")  # noqa: S108
_WORK = CHANGES | {"commit", "pull-request", "todo", "plan", "question", "branch"}


class FileWork(Struct, frozen=True, kw_only=True):
    """What a session did to one file."""

    path: str
    added: int = 0  # lines
    removed: int = 0
    changes: int = 0  # calls that wrote to it; 0: it was only read
    reads: int = 0
    last_at: int = 0  # when it was last touched, nanoseconds UTC
    gone: bool = False  # deleted, or moved elsewhere


class Summary(Struct, frozen=True, kw_only=True):
    """A session, seen from the next one. Times are nanoseconds UTC."""

    info: SessionInfo
    began_at: int
    ended_at: int
    requests: tuple[Record, ...] = ()  # the first, then the latest `REQUESTS`
    last: Exchange = Exchange()  # without its narration
    said: tuple[Record, ...] = ()  # what the user answered, or said with a refusal
    files: tuple[FileWork, ...] = ()  # the most changed first, then those only read
    commits: tuple[Action, ...] = ()
    pull_requests: tuple[Action, ...] = ()
    test: Action | None = None  # the last run of its tests
    open_steps: tuple[Step, ...] = ()  # of its last to-do list
    outcome: Outcome = "answered"
    closed: bool = False  # the user said that it is done
    dismissed: bool = False  # the user does not want to see it again
    worktree: str = ""  # name of the other checkout that it was held in; "": in this one
    trivial: bool = False  # nothing to go on with: a greeting, a question about a setting

    @property
    def changed(self) -> tuple[FileWork, ...]:
        """The files that were written to, and are still there."""
        return tuple(file for file in self.files if file.changes)

    @property
    def title(self) -> str:
        """What it is called, if that can be trusted; else "".

        A `summary` line of Claude Code stands in the files of other sessions as well.
        """
        return self.info.title if self.info.title_rank > _SUMMARY_RANK else ""

    @property
    def goal(self) -> Record | None:
        """The first request; None where nothing was asked."""
        return next(iter(self.requests), None)


def summarise(exchanges: Sequence[Exchange], info: SessionInfo, at: tuple[int, int]) -> Summary:
    """Return a session as its facts; `at` is when it began and when it last moved."""
    actions = [action for exchange in exchanges for action in exchange.actions]
    tests = [action for action in actions if action.kind == "test"]
    lists = [action for action in actions if action.kind == "todo"]
    requests = [e.request for e in exchanges if e.request is not None]
    said = [t for e in exchanges for t in e.meanwhile if t.kind in ("answer", "refusal")]
    last = exchanges[-1] if exchanges else Exchange()
    between = [request for request in requests[1:] if not request.dismissed]
    meanwhile = tuple(turn for turn in last.meanwhile if not turn.dismissed)
    return Summary(
        info=info,
        began_at=at[0],
        ended_at=at[1],
        requests=(*requests[:1], *between[-REQUESTS:]),
        last=structs.replace(last, narration=(), meanwhile=meanwhile),
        said=tuple(said),
        files=files_of(actions),
        commits=tuple(a for a in actions if a.kind == "commit" and not throwaway(a)),
        pull_requests=_once(action for action in actions if action.kind == "pull-request"),
        test=tests[-1] if tests else None,
        open_steps=_open(lists[-1].steps if lists else ()),
        closed=any("done" in turn.marks for e in exchanges for turn in e.turns),
        dismissed=any(request.dismissed for request in (*requests[:1], *requests[-1:])),
        outcome=_outcome(last),
        trivial=_trivial(requests, said, actions),
    )


def throwaway(commit: Action) -> bool:
    """Return whether a commit says nothing, as one in a repository made for a test."""
    return _THROWAWAY.fullmatch(commit.text) is not None


def _open(steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.state not in _DONE)


def _trivial(requests: Sequence[Record], said: Sequence[Record], actions: list[Action]) -> bool:
    worked = any(action.kind in _WORK for action in actions)
    looked = sum(action.kind in _LOOKS for action in actions)
    text = sum(len(request.text) for request in requests)
    little = len(requests) <= SMALL_TALK and looked <= SMALL_TALK_LOOKS and text <= SMALL_TALK_TEXT
    return little and not worked and not said


def files_of(actions: Iterable[Action]) -> tuple[FileWork, ...]:
    """Return what was done to each file, the most changed first, then the latest read."""
    found: dict[str, FileWork] = {}
    for action in actions:
        if action.status in ("refused", "interrupted") or not action.path:
            continue
        if action.kind in CHANGES or action.kind == "read":
            for path in (action.path, action.to) if action.to else (action.path,):
                if path.startswith(_TEMPORARY):
                    continue
                found[path] = _touched(found.get(path, FileWork(path=path)), action)
    changed = (file for file in found.values() if file.changes)
    read = (file for file in found.values() if not file.changes)
    return (
        *sorted(changed, key=lambda f: (-(f.added + f.removed), -f.last_at)),
        *sorted(read, key=lambda f: -f.last_at),
    )


def name_of(path: str) -> str:
    """Return the last part of a path, by which a file is recognised."""
    return PurePosixPath(path.replace("\\", "/")).name or path


def _touched(file: FileWork, action: Action) -> FileWork:
    reads = int(action.kind == "read")
    return FileWork(
        path=file.path,
        added=file.added + action.added,
        removed=file.removed + action.removed,
        changes=file.changes + 1 - reads,
        reads=file.reads + reads,
        last_at=action.at,
        gone=action.kind == "delete" or (action.kind == "move" and file.path == action.path),
    )


def _once(actions: Iterable[Action]) -> tuple[Action, ...]:
    by_number = {action.number: action for action in actions}
    return tuple(by_number.values())


def _outcome(last: Exchange) -> Outcome:
    """Return how a session ended, by its last exchange."""
    if any(action.status == "interrupted" for action in last.actions[-1:]):
        return "interrupted"
    return "answered" if last.answer is not None else "unanswered"
