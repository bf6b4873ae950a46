"""What a detector reports."""

from typing import NamedTuple, Protocol


class Finding(NamedTuple):
    """A part of a text that is a secret."""

    start: int  # characters
    end: int
    kind: str  # as in a mark
    rank: int = 0  # where findings overlap, the highest one names the whole


class Detector(Protocol):
    """Finds secrets by the rules of a library, in texts that may hold any."""

    def __call__(self, text: str) -> list[Finding]: ...


BY_NAME, BY_LIBRARY, BY_FORM, BY_USER = range(4)  # ranks: the surest last
