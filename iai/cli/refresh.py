"""Rewrite the session-start text now, if anything changed since the last time.

example: iai refresh --dry-run
"""

from argparse import ArgumentParser, Namespace

from iai.cli import options
from iai.cli.output import answer
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process.client import Client
from iai.protocol.cache_writer import Refresh, RefreshOutcome
from iai.protocol.message import Actor


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="rewrite it even if nothing changed")
    parser.add_argument("--dry-run", action="store_true", help="only print the decision")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    request = Refresh(force=args.force, dry_run=args.dry_run)
    with Client(Layout(settings.store)) as client, bar("writing"):
        done = client.call(Actor.CACHE_WRITER, request, RefreshOutcome, deadline_s=30.0)
    wanted = f", though {done.wanted}" if done.wanted else ""
    detail = f": {done.detail}" if done.detail else ""
    answer(args, done, [f"{done.outcome.replace('_', ' ')} ({done.reason}{wanted}){detail}"])
    return 1 if done.outcome == "failed" else 0
