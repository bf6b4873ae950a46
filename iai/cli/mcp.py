"""Serve the memory over MCP, on standard input and output.

Tools: memory_recall, memory_show, memory_timeline, memory_file_history, memory_capture, memory_pin,
memory_forget and memory_status. The host starts and ends this command; the first call that needs
iai starts it. --print-config prints the configuration for a host, and on standard error the file it
belongs in.

example: iai mcp --print-config codex >> ~/.codex/config.toml
"""

import importlib
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from iai.config.settings import Settings
from iai.errors import BadUsage, IaiError
from iai.mcp.snippets import HOSTS, snippet

_SDK = ("mcp", "mcp_types", "anyio")


class NoSdk(IaiError):
    """The MCP SDK, an extra, is not installed."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--print-config", choices=HOSTS, metavar="HOST", help=f"one of {', '.join(HOSTS)}"
    )
    parser.add_argument(
        "--no-start", action="store_true", help="never start iai; calls fail while it is down"
    )
    parser.add_argument("--cwd", default="", help="the project's directory (default: this one)")


def run(args: Namespace, settings: Settings) -> int:
    if args.print_config:
        # Hosts pass on only the variables they know.
        store = {"IAI_MCP_STORE": str(settings.store)} if "IAI_MCP_STORE" in os.environ else {}
        text, place = snippet(args.print_config, _command(), store)
        print(text)
        print(f"iai: add this to {place}", file=sys.stderr)
        return 0
    if args.cwd:
        try:
            os.chdir(args.cwd)
        except OSError as error:
            raise BadUsage(f"--cwd {args.cwd}: {error.strerror}") from error
    try:
        server = importlib.import_module("iai.mcp.server")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _SDK:
            raise
        raise NoSdk(
            "the MCP SDK is not installed; add it with `pipx inject iai-memory mcp`"
            " or `pip install 'iai-memory[mcp]'`"
        ) from error
    if sys.stdin.isatty():
        print("iai: waiting for an MCP host on standard input; Ctrl-D quits", file=sys.stderr)
    server.serve(settings, start=not args.no_start)
    return 0


def _command() -> list[str]:
    """Return a command line for this installation that doesn't depend on the host's PATH."""
    script = Path(sys.executable).with_name("iai")
    own = [str(script)] if script.exists() else [sys.executable, "-P", "-m", "iai"]
    return [*own, "mcp"]
