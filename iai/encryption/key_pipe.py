"""Keys from a process to the one that it starts or becomes: over an inherited pipe.

The number of its descriptor is all that the command line has. A pipe takes 64 KB without a reader
(pipe(7)), which is far more than they are.
"""

import json
import os
from collections.abc import Sequence
from typing import NamedTuple

from iai.encryption import keys

OPTION = "--keys"  # of `python -m actors`, before the number


class Handover(NamedTuple):
    """What hands keys down: words of the command line, and descriptors that the child inherits."""

    words: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()


def give() -> Handover:
    """Return what hands down all that is unlocked. To be closed once the child is started."""
    unlocked = keys.unlocked()
    if not unlocked:
        return Handover()
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe:
        json.dump({name: key.hex() for name, key in unlocked.items()}, pipe)
    os.set_inheritable(reader, True)  # noqa: FBT003
    return Handover((OPTION, str(reader)), (reader,))


def take(words: Sequence[str]) -> None:
    """Take the keys that the words of a command line hand down."""
    if words and words[0] == OPTION:
        with os.fdopen(int(words[1])) as pipe:
            keys.adopt({name: bytes.fromhex(key) for name, key in json.load(pipe).items()})
