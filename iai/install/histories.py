"""Where Claude Code and Codex keep what was said, all of it that is on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from iai.hosts import claude, codex
from iai.ingest import transcripts
from iai.install.installer import directory

_BELOW = {claude.NAME: ("projects",), codex.NAME: ("sessions", "archived_sessions")}


class Histories(NamedTuple):
    """What lies in the directories of all hosts."""

    files: int
    bytes: int


def places(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the directories of histories that are there."""
    every = (directory(host, environment) / name for host in _BELOW for name in _BELOW[host])
    return tuple(place for place in every if place.is_dir())


def look(environment: Mapping[str, str]) -> Histories:
    """Count what there is to be read; no file is opened."""
    found = [file for place in places(environment) for file in transcripts.below(place)]
    return Histories(len(found), sum(file.bytes for file in found))
