"""Where Claude Code and Codex keep their transcripts on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from iai.hosts import claude, codex
from iai.ingest import transcripts
from iai.install.installer import directory

_BELOW = {claude.NAME: ("projects",), codex.NAME: ("sessions", "archived_sessions")}


class Histories(NamedTuple):
    """The transcripts of all hosts."""

    files: int
    bytes: int


def directories(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the transcript directories that exist."""
    every = (directory(host, environment) / name for host in _BELOW for name in _BELOW[host])
    return tuple(path for path in every if path.is_dir())


def measure(environment: Mapping[str, str]) -> Histories:
    """Count the transcripts and their bytes, without opening any."""
    every = [file for path in directories(environment) for file in transcripts.below(path)]
    return Histories(len(every), sum(file.bytes for file in every))
