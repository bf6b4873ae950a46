"""Where Claude Code and Codex keep their transcripts on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from iai.hosts import claude, codex
from iai.ingest import transcripts
from iai.install.installer import directory

_BELOW = {claude.NAME: ("projects",), codex.NAME: ("sessions", "archived_sessions")}
_SEVERAL = ","  # between directories in $CLAUDE_CONFIG_DIR, as other readers of histories have it


class Histories(NamedTuple):
    """The transcripts of all hosts."""

    files: int
    bytes: int


def directories(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the transcript directories that exist, each once, however many links lead to it."""
    found: dict[Path, Path] = {}
    for host, names in _BELOW.items():
        for path in (home / name for home in _homes(host, environment) for name in names):
            if path.is_dir():
                found.setdefault(path.resolve(), path)
    return tuple(found.values())


def measure(environment: Mapping[str, str]) -> Histories:
    """Count the transcripts and their bytes, without opening any."""
    every = [file for path in directories(environment) for file in transcripts.below(path)]
    return Histories(len(every), sum(file.bytes for file in every))


def _homes(host: str, environment: Mapping[str, str]) -> list[Path]:
    """Return the directories where a host may keep its user's files."""
    usual = directory(host, environment)
    if host != claude.NAME:
        return [usual]
    chosen = environment.get("CLAUDE_CONFIG_DIR", "").strip()
    if not chosen:
        config = environment.get("XDG_CONFIG_HOME", "") or usual.parent / ".config"
        return [usual, Path(config) / "claude"]
    listed = [part.strip() for part in chosen.split(_SEVERAL) if part.strip()]
    return [usual, *(Path(one).expanduser().absolute() for one in listed if len(listed) > 1)]
