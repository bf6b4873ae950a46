"""What was written of a record by hand: whether it is pinned, its text, its marks. Pure.

Each of these is a last-writer-wins register: of two values, that with the later stamp holds. So it
does not matter in which order machines hear of them. Forgetting has no stamp: it holds for good.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, structs

from iai.model import hybrid_clock
from iai.model.change import Named
from iai.model.hybrid_clock import NEVER, Stamp

Field: TypeAlias = Literal["pinned", "text", "done", "dismissed", "mine"]
Value: TypeAlias = bool | str


class Amended(Struct, frozen=True, omit_defaults=True):
    """The registers of a record. Its own stamps have no machine."""

    stamps: Mapping[str, Stamp] = {}  # by field; of what nobody wrote by hand, there is none
    values: Mapping[str, Value] = {}  # only while the record is unknown: else it has them
    named: Named | None = None  # likewise: by what others know the record
    project: str = ""  # likewise: that it was written in
    forgotten: bool = False

    def stamp(self, field: str) -> Stamp:
        """Return when a field was written."""
        return self.stamps.get(field, NEVER)

    def written(self, field: Field, now: int) -> "Amended":
        """Return it after a field was written on this machine."""
        stamp = hybrid_clock.next("", now, self.stamp(field))
        return structs.replace(self, stamps={**self.stamps, field: stamp})

    def news(self, other: "Amended", own: str) -> dict[str, Value]:
        """Return the values of another that were written later. `own` is the id of this machine."""
        return {
            field: value
            for field, value in other.values.items()
            if _named(other.stamp(field), own) > _named(self.stamp(field), own)
        }

    def joined(self, other: "Amended", own: str) -> "Amended":
        """Return what both say together: the later of each."""
        later = [
            f for f in other.stamps if _named(other.stamp(f), own) > _named(self.stamp(f), own)
        ]
        values = {field: value for field, value in self.values.items() if field not in later}
        values |= {field: other.values[field] for field in later if field in other.values}
        return Amended(
            stamps={**self.stamps, **{field: other.stamps[field] for field in later}},
            values=values,
            named=other.named or self.named,
            project=other.project or self.project,
            forgotten=self.forgotten or other.forgotten,
        )

    def settled(self) -> "Amended":
        """Return it for a record that is there, and has the values."""
        return Amended(stamps=self.stamps)


NOTHING = Amended()
FORGOTTEN = Amended(forgotten=True)


def _named(stamp: Stamp, own: str) -> Stamp:
    """Return a stamp with the machine that ties are broken by."""
    return stamp if stamp.machine or stamp == NEVER else structs.replace(stamp, machine=own)
