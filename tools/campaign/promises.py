"""What the group was given, what of it was acknowledged, and whether the store holds just that.

Each text is numbered at both ends, so that a part of one is recognised, and none is like another.
"""

import random
import re
import threading
from collections import Counter
from collections.abc import Iterable

from harness.corpus import text
from msgspec import Struct

_NUMBER = re.compile(r"^turn-(\d+) ")


class Audit(Struct, frozen=True, kw_only=True):
    """What the store has of the texts that it was given."""

    offered: int
    acknowledged: int
    lost: tuple[str, ...]  # acknowledged, and not there
    doubled: tuple[str, ...]  # there more than once
    torn: tuple[str, ...]  # there, but not byte for byte
    unknown: tuple[str, ...]  # there, and never offered


class Promises:
    """The texts of one campaign, from any thread."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._chance = random.Random(seed)  # noqa: S311
        self._texts: list[str] = []
        self._acknowledged: set[str] = set()

    def offer(self) -> str:
        """Return a new text to give to the group."""
        with self._lock:
            number = len(self._texts)
            said = text(self._chance, self._chance.randint(5, 60))
            self._texts.append(f"turn-{number} {said} end-{number}")
            return self._texts[-1]

    def acknowledge(self, *texts: str) -> None:
        """Note that the group has taken these texts over."""
        with self._lock:
            self._acknowledged.update(texts)

    def acknowledged(self) -> list[str]:
        """Return what was acknowledged so far, in order."""
        with self._lock:
            return [said for said in self._texts if said in self._acknowledged]

    def audit(self, stored: Iterable[str]) -> Audit:
        """Compare with all texts that the store has."""
        counted = Counter(stored)
        with self._lock:
            known = dict(enumerate(self._texts))
            acknowledged = sorted(self._acknowledged)
        offered = frozenset(known.values())
        strangers = [said for said in counted if said not in offered]
        torn = [said for said in strangers if (m := _NUMBER.match(said)) and int(m[1]) in known]
        return Audit(
            offered=len(known),
            acknowledged=len(acknowledged),
            lost=tuple(said for said in acknowledged if said not in counted),
            doubled=tuple(said for said, times in counted.items() if times > 1),
            torn=tuple(torn),
            unknown=tuple(said for said in strangers if said not in torn),
        )
