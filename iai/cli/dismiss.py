"""Leave the line with this number out of every session start, for good.

The first or the last request of a session takes the whole session out; an answer goes with its
request. Nothing is deleted: recall still finds it. --undo brings the line back.

example: iai dismiss '#41'
"""

from argparse import ArgumentParser, Namespace

from iai.cli import marks
from iai.config.settings import Settings


def configure(parser: ArgumentParser) -> None:
    marks.configure(parser, undo="bring it back")


def run(args: Namespace, settings: Settings) -> int:
    marks.apply(args, settings, "dismissed", undone="no longer dismissed")
    return 0
