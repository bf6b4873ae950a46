"""Transcripts that are read again, for what an earlier version did not take from them. Plain data.

It is kept with the records.
"""

from msgspec import Struct

from iai.model.record import Transcript


class Rereading(Struct, frozen=True, kw_only=True):
    """How far a file was read again, whatever is read of it meanwhile in the ordinary way."""

    transcript: Transcript
    forgotten: tuple[str, ...] = ()  # sessions whose latest request up to there is forgotten


class RereadProgress(Struct, frozen=True):
    """How many transcripts were read again, and how many there are."""

    done: int
    total: int

    @property
    def left(self) -> int:
        """How many are still to be read again."""
        return self.total - self.done
