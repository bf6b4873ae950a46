"""Delete records from the store, the indexes and the session-start text.

Later imports don't bring them back. If one of the records doesn't exist, nothing is deleted.

example: iai forget '#41' '#42'
"""

from argparse import ArgumentParser, Namespace

from iai.cli import refs
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process.client import Client
from iai.protocol.ingest import Changed, Forget
from iai.protocol.message import Actor


def configure(parser: ArgumentParser) -> None:
    refs.add_several(parser)
    parser.add_argument(
        "--whole-session", action="store_true", help="also delete everything else in their sessions"
    )


def run(args: Namespace, settings: Settings) -> int:
    request = Forget(refs=refs.several(args), whole_sessions=args.whole_session)
    with Client(Layout(settings.store)) as client:
        answer = client.call(Actor.INGEST, request, Changed, deadline_s=60.0)
    print(f"forgot {answer.count} record{'s' if answer.count != 1 else ''}")
    return 0
