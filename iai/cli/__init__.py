"""The command `iai`: one module for each subcommand, imported only when it is asked for."""

import importlib
import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Protocol

from iai.config.config_file import load
from iai.config.settings import Settings
from iai.errors import BadUsage, GroupNotRunning, IaiError

# Exit codes, the same for all commands.
DONE, FAILED, BAD_USAGE, NOT_RUNNING = 0, 1, 2, 3
_INTERRUPTED = 130  # as shells have it: 128 + SIGINT

COMMANDS = {
    "up": "start the group of processes",
    "down": "stop it",
    "status": "how far each stage has come",
    "hooks": "have Claude Code and Codex call iai",
    "mcp": "serve the memory to any host that speaks MCP",
    "recall": "find what was said",
    "show": "print a record whole, and what was said around it",
    "timeline": "what was worked on when",
    "remember": "keep a text",
    "pin": "have every session of a project start with a record",
    "edit": "put another text in the place of a record's",
    "forget": "remove records for good",
    "import": "read whole transcripts",
    "project": "which projects there are; merge two, ignore one",
    "session-start": "print what the next session starts with",
    "preview": "show exactly what the next session would start with",
    "injections": "what was given to which session, and what it cost",
    "prompt-recall": "print what bears on a prompt, for the hook",
    "refresh": "write the session-start payload now",
    "events": "what has happened",
    "backup": "copy what cannot be made again into one file",
    "restore": "have the store hold what a backup does",
    "export": "write what is kept as JSON lines or Markdown",
    "doctor": "say whether all is well, and what to do where it is not",
    "service": "have the machine start the group and keep it running",
    "config": "show and set the settings",
    "completion": "print what makes a shell complete commands and options",
    "probe": "send one message to one process",
}


class Command(Protocol):
    """What the module of a subcommand holds."""

    def configure(self, parser: ArgumentParser) -> None:
        """Declare its arguments."""

    def run(self, args: Namespace, settings: Settings) -> int:
        """Do it, and return the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words else "--help"
    if name in ("-h", "--help", "help"):
        print(_overview())
        return DONE
    if name in ("-V", "--version"):
        print("\n".join(importlib.import_module("iai.admin.version").lines()))
        return DONE
    if name not in COMMANDS:
        print(f"iai: there is no command {name!r}; `iai --help` lists them", file=sys.stderr)
        return BAD_USAGE
    return _run(name, words[1:])


def _run(name: str, words: list[str]) -> int:
    module = importlib.import_module(f"iai.cli.{name.replace('-', '_')}")
    command: Command = module
    parser = ArgumentParser(
        prog=f"iai {name}",
        description=module.__doc__,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.configure(parser)
    args = parser.parse_args(words)
    settings, warnings = load(os.environ)
    for warning in warnings:
        print(f"iai: {warning}", file=sys.stderr)
    try:
        return command.run(args, settings)
    except BadUsage as error:
        print(f"iai: {error}", file=sys.stderr)
        return BAD_USAGE
    except GroupNotRunning as error:
        print(f"iai: {error}", file=sys.stderr)
        return NOT_RUNNING
    except IaiError as error:
        print(f"iai: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough; nothing may be flushed into it any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: iai COMMAND [ARGUMENT ...]",
            "",
            "A local memory for coding agents that is never stale.",
            "",
            *lines,
            "",
            "`iai COMMAND --help` says more. With --json, standard output is one JSON document.",
            "exit codes: 0 done, 1 failed, 2 bad usage, 3 the group is not running",
        ]
    )
