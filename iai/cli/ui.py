"""Show the memory on a local web page, for this browser only.

The page shows how fresh the next session's text is, what exactly it will be and where each line
comes from, sessions, search, the history of files, and what sessions were given; records can be
pinned, edited, dismissed and forgotten there. It is served on 127.0.0.1, to the browser that opens
the address, which works once. Ctrl-C ends it. `iai help ui` explains more.

example: iai ui
"""

import importlib
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from iai.config.settings import Settings
from iai.errors import IaiError

_NEEDED = ("starlette", "uvicorn", "jinja2", "markupsafe")
_PORTS = 1 << 16


class NoPages(IaiError):
    """What serves the page, an extra, is not installed."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="listen there (default: any free port)"
    )
    parser.add_argument("--no-open", action="store_true", help="only print the address")


def run(args: Namespace, settings: Settings) -> int:
    try:
        server = importlib.import_module("iai.ui.server")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _NEEDED:
            raise
        raise NoPages(
            "what serves the page is not installed; add it with `pipx inject iai-memory starlette"
            " uvicorn jinja2` or `pip install 'iai-memory[ui]'`"
        ) from error
    server.serve(settings, args.port, browse=not args.no_open and _has_screen())
    return 0


def _has_screen() -> bool:
    """Can a browser show itself? In a terminal alone, a text browser would take that over."""
    screens = (os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return sys.platform == "darwin" or any(screens)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) >= _PORTS:
        raise ArgumentTypeError(f"{text}: must be 0 to {_PORTS - 1}")
    return int(text)
