"""Close what is open in the session of a record: to-do items, tests that failed, a plan.

The next sessions no longer start with it. --undo opens it again.

example: iai done '#41'
"""

from argparse import ArgumentParser, Namespace

from iai.cli import marks
from iai.config.settings import Settings


def configure(parser: ArgumentParser) -> None:
    marks.configure(parser, undo="open it again")


def run(args: Namespace, settings: Settings) -> int:
    marks.apply(args, settings, "done", undone="open again")
    return 0
