"""One payload file that is to be kept ready. Plain data."""

from pathlib import Path

from msgspec import Struct


class Target(Struct, frozen=True):
    """One payload file, and the directories whose sessions start with it."""

    path: Path
    project: str  # "" for the global one
    name: str
    directories: tuple[str, ...] = ()
