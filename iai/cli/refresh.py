"""Rewrite the session-start text now, if anything changed since the last time.

example: iai refresh --dry-run
"""

from argparse import ArgumentParser, Namespace

from iai.cli import options
from iai.cli.output import print_json
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
        answer = client.call(Actor.CACHE_WRITER, request, RefreshOutcome, deadline_s=30.0)
    if args.json:
        print_json(answer)
    else:
        wanted = f", though {answer.wanted}" if answer.wanted else ""
        detail = f": {answer.detail}" if answer.detail else ""
        print(f"{answer.outcome.replace('_', ' ')} ({answer.reason}{wanted}){detail}")
    return 1 if answer.outcome == "failed" else 0
