"""Redact the secrets in what was stored earlier, by today's rules.

Everything new is redacted before it is stored. This goes through what is stored already: use it for
sessions recorded by an earlier version, after an update of the rules, or after a change of
IAI_MCP_REDACT. Recall and the session-start text are updated on their own.

example: iai purge-secrets --dry-run
"""

import time
from argparse import ArgumentParser, Namespace

from iai.cli import options
from iai.cli.output import answer
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model.units import count, kinds
from iai.process.client import Client
from iai.protocol.ingest import PurgeProgress, PurgeSecrets, PurgeStatus
from iai.protocol.message import Actor

POLL_S = 0.1


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only count the secrets")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    with Client(Layout(settings.store)) as client:
        progress = client.call(Actor.INGEST, PurgeSecrets(dry_run=args.dry_run), PurgeProgress)
        with bar("looking for secrets") as shown:
            while not progress.done:
                time.sleep(POLL_S)
                progress = client.call(Actor.INGEST, PurgeStatus(), PurgeProgress)
                shown.reach(progress.texts, f"in {count(progress.texts, 'text')}")
    lines = [_line(progress), *([_unsearchable(progress)] if progress.unsearchable else [])]
    answer(args, progress, lines)
    return 1 if progress.unsearchable else 0


def _line(progress: PurgeProgress) -> str:
    if not progress.changed:
        return f"no secrets in {count(progress.texts, 'text')}"
    does = "would be redacted in" if progress.dry_run else "redacted in"
    found = sum(progress.redacted.values())
    texts = f"{progress.changed} of {count(progress.texts, 'text')}"
    return f"{count(found, 'secret')} {does} {texts}: {kinds(progress.redacted)}"


def _unsearchable(progress: PurgeProgress) -> str:
    named = ", ".join(progress.unsearchable_in)
    return (
        f"{count(progress.unsearchable, 'text')} could not be searched, through a fault of iai's,"
        f" and may hold secrets: {named}; look with `iai show`, and edit or forget them"
    )
