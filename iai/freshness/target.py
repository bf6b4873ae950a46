"""A payload file to keep ready. Plain data."""

from pathlib import Path

from msgspec import Struct

from iai.payload.checkouts import Checkout


class Target(Struct, frozen=True):
    """One payload file, and the directories whose sessions start with it."""

    path: Path
    project: str  # its id; "" for the global payload
    name: str
    directories: tuple[str, ...] = ()
    checkout: Checkout | None = None  # whose sessions come first in it
    tops: tuple[str, ...] = ()  # of the project's checkouts, where notes on its files are kept too
