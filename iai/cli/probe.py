"""Send one message to one process, listen to its feed, or measure round trips.

example: iai probe cache-writer refresh '{"force": true}'
"""

from argparse import ArgumentParser, Namespace

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process import probe
from iai.process.client import Client


def configure(parser: ArgumentParser) -> None:
    probe.configure(parser)


def run(args: Namespace, settings: Settings) -> int:
    with Client(Layout(settings.store)) as client:
        client.require()
    return probe.run(args, settings.store)
