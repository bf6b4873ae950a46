"""A payload file to keep ready. Plain data."""

from pathlib import Path

from msgspec import Struct


class Target(Struct, frozen=True):
    """One payload file, and the directories whose sessions start with it."""

    path: Path
    project: str  # its id; "" for the global payload
    name: str
    directories: tuple[str, ...] = ()
