"""What a service manager is told of this process, if one started it and asked to be told.

The protocol is that of sd_notify(3): NAME=VALUE in a datagram to the socket $NOTIFY_SOCKET.
"""

import logging
import math
import os
import socket
from collections.abc import MutableMapping

log = logging.getLogger(__name__)

_SHARE = 4  # signs of life within the time after which the manager would end us
_MICROSECONDS = 1e-6


class Notifier:
    """Speaks for one process. Where no manager listens, it says nothing."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Take the manager's variables out of the environment: no child is to speak for us."""
        address = environment.pop("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        limit = environment.pop("WATCHDOG_USEC", "")
        whom = environment.pop("WATCHDOG_PID", "")
        asked = limit.isdecimal() and int(limit) > 0 and whom in ("", str(os.getpid()))
        self.every_s = int(limit) * _MICROSECONDS / _SHARE if asked else math.inf
        self._last_sign = -math.inf
        self._status = ""

    def ready(self) -> None:
        """The start is over."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Say in one line how it is, if that is news."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def sign_of_life(self, now: float) -> None:
        """Call it again and again, as long as all is well; `now` is in monotonic seconds."""
        if now - self._last_sign >= self.every_s:
            self._last_sign = now
            self._send("WATCHDOG=1")

    def _send(self, line: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.settimeout(0)
                manager.sendto(line.encode(), self._address)
        except OSError as error:
            log.warning("cannot tell the service manager %s: %s", line, error)
