"""Patches: how many lines each file gained and lost. Pure."""

import re
from typing import Any, NamedTuple

from iai.hosts.json_fields import slashed, text
from iai.model.action import Kind

APPLIED = "Success. Updated the following files:"  # what `apply_patch` prints
_BEGIN, _END = "*** Begin Patch", "*** End Patch"

_EMPTY_DOCUMENT = re.compile(
    r"(?<![ \t])[ \t]*<<-?[ \t]{0,8}(['\"]?)([\w.-]{1,80})\1([^\n]{0,500})\n\s{0,80}^\2"
    r"[ \t]{0,80}(?=\r?$|[\"')])",
    re.MULTILINE,
)

_ALONE = re.compile(r"^[ \t]*apply_?patch[ \t]*\n", re.MULTILINE)


class FilePatch(NamedTuple):
    """What a patch does to one file."""

    kind: Kind
    path: str
    to: str = ""
    added: int = 0
    removed: int = 0


def hunks(structured: list[Any]) -> tuple[int, int]:
    """Count the lines added and removed by hunks of the form {lines: ["+...", "-...", " ..."]}."""
    added = removed = 0
    for hunk in structured:
        lines = hunk.get("lines") if isinstance(hunk, dict) else None
        for line in lines if isinstance(lines, list) else ():
            first = line[:1] if isinstance(line, str) else ""
            added += first == "+"
            removed += first == "-"
    return added, removed


def replaced(old: str, new: str) -> tuple[int, int]:
    """Count the lines added and removed by putting `new` for `old`, without those at both ends."""
    before, after = old.splitlines(), new.splitlines()
    ends = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        ends += 1
    same = min(len(before), len(after)) - ends
    for one, other in zip(reversed(before), reversed(after), strict=False):
        if same <= 0 or one != other:
            break
        same -= 1
        ends += 1
    return len(after) - ends, len(before) - ends


def envelope(patch: str) -> list[FilePatch]:
    """Read a patch as `apply_patch` takes it; empty if the text has no patch."""
    start = patch.find(_BEGIN)
    if start < 0:
        return []
    files: list[FilePatch] = []
    for line in patch[start:].splitlines():
        if line.startswith(_END):
            break
        if found := _header(line):
            files.append(found)
        elif files and line.startswith("*** Move to: "):
            to = slashed(line.removeprefix("*** Move to: ").strip())
            files[-1] = files[-1]._replace(kind="move", to=to)
        elif files and line.startswith("+"):
            files[-1] = files[-1]._replace(added=files[-1].added + 1)
        elif files and line.startswith("-"):
            files[-1] = files[-1]._replace(removed=files[-1].removed + 1)
    return files


def left_out(line: str) -> str:
    """Return a line of shell without its patches, and the here-documents that they were in."""
    before, *rest = line.split(_BEGIN)
    left = before + "".join(part.partition(_END)[2] for part in rest)
    return _ALONE.sub("", _EMPTY_DOCUMENT.sub(r"\3", left))


def changes(told: dict[str, Any]) -> list[FilePatch]:
    """Read what a host says that a patch did to each file: its content or its differences."""
    found = []
    for name, change in told.items():
        path = slashed(name)
        kind, about = text(change, "type"), change
        if not kind and isinstance(change, dict):  # older: {"update": {"unified_diff": ...}}
            kind, about = next(iter(change.items()), ("", None))
        lines = len(text(about, "content").splitlines())
        match kind:
            case "add":
                found.append(FilePatch("write", path, added=lines))
            case "delete":
                found.append(FilePatch("delete", path, removed=lines))
            case "update":
                to = slashed(text(about, "move_path"))
                counts = hunks([{"lines": _below_its_head(text(about, "unified_diff"))}])
                found.append(FilePatch("move" if to else "edit", path, to, *counts))
            case _:
                pass
    return found


def _below_its_head(diff: str) -> list[str]:
    """Return the lines of a unified difference without the names of the files above it."""
    start = re.search(r"^@@", diff, re.MULTILINE)
    return diff[start.start() if start else 0 :].splitlines()


def _header(line: str) -> FilePatch | None:
    kinds: tuple[tuple[str, Kind], ...] = (
        ("*** Update File: ", "edit"), ("*** Add File: ", "write"), ("*** Delete File: ", "delete"),
    )  # fmt: skip
    for words, kind in kinds:
        if line.startswith(words):
            return FilePatch(kind, slashed(line.removeprefix(words).strip()))
    return None
