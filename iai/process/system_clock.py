"""The clocks of this machine, read: for the outermost loops and the commands, never a behaviour."""

import time

from iai.model.clock import Now


def read() -> Now:
    """Read both clocks."""
    return Now(time.time_ns(), time.monotonic_ns())
