"""Send one message to one process of the group, listen to its feed, or measure round trips.

example: iai probe cache-writer refresh '{"force": true}'
"""

from argparse import ArgumentParser, Namespace

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import GroupNotRunning
from iai.process import lock, probe


def configure(parser: ArgumentParser) -> None:
    probe.configure(parser)


def run(args: Namespace, settings: Settings) -> int:
    if not lock.held(Layout(settings.store).lease):
        raise GroupNotRunning(f"no group runs on {settings.store}; start it with `iai up --detach`")
    return probe.run(args, settings.store)
