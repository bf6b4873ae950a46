"""What a service manager hears of a process that it has started."""

import socket
import sys
from pathlib import Path

import pytest

from iai.process.sd_notify import Notifier


@pytest.fixture(params=["file", "abstract"])
def address(request: pytest.FixtureRequest, short_path: Path) -> str:
    """Return the address of the manager's socket, as it puts it into the environment."""
    if request.param == "file":
        return str(short_path / "notify")
    if sys.platform != "linux":
        pytest.skip("only Linux has sockets without a file")
    return f"@{short_path.name}"


def test_the_manager_hears_each_status_once_and_the_watchdog_in_time(address: str) -> None:
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "4000000", "PATH": "/bin"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0"))
        notifier = Notifier(environment)
        assert environment == {"PATH": "/bin"}, "no child notifies for us"
        notifier.ready()
        for now in (10.0, 10.5, 11.0):
            notifier.status("5 of 5 processes ready")
            notifier.watchdog(now)
        notifier.stopping()
        manager.settimeout(0)
        heard = [manager.recv(1_000) for _ in range(5)]
    assert heard == [
        b"READY=1", b"STATUS=5 of 5 processes ready", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1",
    ]  # fmt: skip


def test_without_a_manager_nothing_is_sent() -> None:
    notifier = Notifier({})
    notifier.ready()
    assert notifier.watchdog_s == float("inf")
