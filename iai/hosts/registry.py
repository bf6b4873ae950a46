"""Which host wrote a transcript."""

from iai.hosts import claude, codex
from iai.hosts.turn import Host

HOSTS: tuple[Host, ...] = (codex, claude)  # in the order in which they are asked


def detect(path: str, first: object) -> Host | None:
    """Return the host of a file; `first` is the JSON of its first line, None if it is not JSON."""
    return next((host for host in HOSTS if host.recognises(path, first)), None)


def named(name: str) -> Host | None:
    """Return a host by its name."""
    return next((host for host in HOSTS if name == host.NAME), None)
