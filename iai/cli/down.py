"""Stop the group: every process in the order of the pipeline, what is under way first.

example: iai down
"""

import contextlib
import os
import signal
import time
from argparse import ArgumentParser, Namespace

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import NoAnswer, WireError
from iai.process import lock
from iai.process.client import Client
from iai.protocol.message import Actor
from iai.protocol.supervisor import Accepted, Stop

PATIENCE_S = 70.0  # five processes that have to be killed one after the other


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--timeout", type=float, default=PATIENCE_S, help="seconds to wait")


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    with Client(layout) as client:
        if not client.running():
            print(f"no group runs on {settings.store}")
            return 0
        try:
            client.call(Actor.SUPERVISOR, Stop(), Accepted, 2.0)
        except (NoAnswer, WireError):  # its loop is stuck or still starting; the signal waits there
            if pid := lock.holder(layout.lease):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + args.timeout
        while client.running():
            if time.monotonic() > deadline:
                raise NoAnswer(f"the group did not stop within {args.timeout:g} s")
            time.sleep(0.02)
    print("stopped")
    return 0
