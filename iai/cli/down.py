"""Stop iai. Each process finishes its current work first, in the order of the pipeline.

example: iai down
"""

import contextlib
import os
import signal
import time
from argparse import ArgumentParser, Namespace

from iai.cli import options
from iai.cli.output import answer
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import NoAnswer, WireError
from iai.process import lock
from iai.process.client import Client
from iai.protocol.message import Actor
from iai.protocol.supervisor import Accepted, Stop

PATIENCE_S = 70.0  # enough to kill six processes, one after the other: see `STOP_LIMIT_S`


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        type=float,
        default=PATIENCE_S,
        metavar="SECONDS",
        help=f"how long to wait (default {PATIENCE_S:g})",
    )
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    with Client(layout) as client:
        if not client.running():
            answer(args, {"stopped": False}, [f"iai is not running on {settings.store}"])
            return 0
        try:
            client.call(Actor.SUPERVISOR, Stop(), Accepted, 2.0)
        except (NoAnswer, WireError):  # stuck or still starting: a signal gets through
            if pid := lock.holder(layout.lease):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + args.timeout
        with bar("stopping"):
            while client.running():
                if time.monotonic() > deadline:
                    raise NoAnswer(f"iai did not stop within {args.timeout:g} s")
                time.sleep(0.02)
    answer(args, {"stopped": True}, ["stopped"])
    return 0
