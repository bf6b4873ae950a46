"""Status messages to the service manager that started us, by the protocol of sd_notify(3).

Each is a NAME=VALUE datagram to the socket $NOTIFY_SOCKET.
"""

import logging
import math
import os
import socket
from collections.abc import MutableMapping

log = logging.getLogger(__name__)

_PINGS = 4  # watchdog messages in each interval after which the manager would kill us
_MICROSECONDS = 1e-6


class Notifier:
    """Notifies the manager about this process. Does nothing if there is no manager."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Take the manager's variables out of `environment`: no child may notify for us."""
        address = environment.pop("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        limit = environment.pop("WATCHDOG_USEC", "")
        pid = environment.pop("WATCHDOG_PID", "")
        wanted = limit.isdecimal() and int(limit) > 0 and pid in ("", str(os.getpid()))
        self.watchdog_s = int(limit) * _MICROSECONDS / _PINGS if wanted else math.inf
        self._last_watchdog = -math.inf
        self._status = ""

    def ready(self) -> None:
        """Report that the start is complete."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Report that a stop has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Report a line of status, if it has changed."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def watchdog(self, now: float) -> None:
        """Keep the manager's watchdog quiet; call it often, while healthy.

        Sends at most one message in `watchdog_s`. `now` is in monotonic seconds.
        """
        if now - self._last_watchdog >= self.watchdog_s:
            self._last_watchdog = now
            self._send("WATCHDOG=1")

    def _send(self, line: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.settimeout(0)
                manager.sendto(line.encode(), self._address)
        except OSError as error:
            log.warning("cannot send %s to the service manager: %s", line, error)
