"""Real sessions to measure on: transcripts of Claude Code, and what their raw lines say.

A directory holds `s/<session>.jsonl`, `order.txt` (sessions, the oldest first), and
`questions.json` (`q`: a commit's subject, `gold`: its sessions, `files`: its files). Files that a
session edited or read are those of its own calls of tools, refused ones too; its sub-agents' calls
are in other lines and do not count. iai's parser is not asked: it is what is measured.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from harness import utterances
from harness.utterances import Line, Utterance
from iai.model.clock import parse_iso

_EDITS = frozenset({"Edit", "MultiEdit", "NotebookEdit", "Write"})
_READS = frozenset({"Read", "NotebookRead"})


class Written(NamedTuple):
    """When a line was written, in wall nanoseconds, and the byte at which it ends."""

    at: int
    end: int


class Session(Struct, frozen=True, kw_only=True):
    """One session, by its raw lines."""

    name: str
    path: Path
    cwd: str
    branch: str  # that was checked out when it began; "" if no line says
    began: int  # wall nanoseconds, of its earliest line
    lines: tuple[Written, ...]  # in the order of the file, and so of time
    edited: frozenset[str]  # paths
    read: frozenset[str]
    prompts: tuple[str, ...]  # as typed, in order
    said: tuple[Utterance, ...]
    by_host: frozenset[str]  # what user lines say that are marked as the host's, as `normal` has it
    turns: tuple[tuple[int, str], ...]  # what user and assistant said, with the time


class Commit(Struct, frozen=True):
    """One commit: its subject, its files, and the sessions that made it."""

    q: str
    gold: list[str]
    files: list[str]


def load(directory: Path, limit: int | None) -> list[Session]:
    """Return the first sessions, the oldest first."""
    names = (directory / "order.txt").read_text().split()[:limit]
    return [session(directory / "s" / f"{name}.jsonl") for name in names]


def commits(directory: Path, sessions: list[Session]) -> list[Commit]:
    """Return the commits that were made by these sessions alone."""
    given = (directory / "questions.json").read_bytes()
    names = {session.name for session in sessions}
    every = msgspec.json.decode(given, type=list[Commit])
    return [commit for commit in every if names.issuperset(commit.gold)]


def session(path: Path) -> Session:
    """Read one transcript."""
    ends: list[int] = []
    lines: list[Line] = []
    for end, line in _lines(path.read_bytes()):
        ends.append(end)
        lines.append(line)
    own = [_time(line) for line in lines]
    times = list(_written(own))
    calls = [call for line in lines for call in utterances.tool_calls(line)]
    return Session(
        name=path.stem,
        path=path,
        cwd=next((str(line["cwd"]) for line in lines if line.get("cwd")), ""),
        branch=next((str(line["gitBranch"]) for line in lines if line.get("gitBranch")), ""),
        began=min((time for time in own if time), default=0),
        lines=tuple(map(Written, times, ends)),
        edited=_files(calls, _EDITS),
        read=_files(calls, _READS),
        prompts=tuple(text for line in lines for text in utterances.prompts(line)),
        said=tuple(utterances.said(lines)),
        by_host=frozenset(_by_host(lines)),
        turns=tuple(_turns(lines, times)),
    )


def _lines(data: bytes) -> Iterator[tuple[int, Line]]:
    """Yield the end of each line, with its JSON; {} for one that cannot be read."""
    end = 0
    for raw in data.splitlines(keepends=True):
        end += len(raw)
        try:
            line = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            line = None
        yield end, line if isinstance(line, dict) else {}


def _time(line: Line) -> int:
    try:
        return parse_iso(str(line.get("timestamp", "")))
    except ValueError:
        return 0


def _written(times: list[int]) -> Iterator[int]:
    """Yield when each line was written: a line without a time has that of a neighbour.

    Lines are appended: none was written before the one above it, whatever its own time says.
    """
    latest = next((time for time in times if time), 0)
    for time in times:
        latest = max(latest, time)
        yield latest


def _files(calls: list[Line], tools: frozenset[str]) -> frozenset[str]:
    inputs = [call.get("input") for call in calls if call.get("name") in tools]
    given = [
        one.get("file_path") or one.get("notebook_path") for one in inputs if isinstance(one, dict)
    ]
    return frozenset(path for path in given if isinstance(path, str) and path)


def _by_host(lines: list[Line]) -> Iterator[str]:
    for line in lines:
        if line.get("type") == "user" and utterances.by_host(line):
            blocks = utterances.blocks(line)
            yield from map(utterances.normal, [*blocks, "\n".join(blocks)])


def _turns(lines: list[Line], times: list[int]) -> Iterator[tuple[int, str]]:
    for line, time in zip(lines, times, strict=True):
        if line.get("type") == "assistant" and not utterances.by_host(line):
            texts = utterances.blocks(line)
        else:
            texts = utterances.prompts(line)
        yield from ((time, text) for text in texts if text.strip())
