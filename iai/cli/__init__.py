"""The command line, `iai`: one module per command, imported only when it runs."""

import importlib
import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Protocol

from iai.cli.output import plain_streams
from iai.config.config_file import load
from iai.config.settings import Settings
from iai.errors import BadUsage, GroupNotRunning, IaiError

# Exit codes of every command.
DONE, FAILED, BAD_USAGE, NOT_RUNNING = 0, 1, 2, 3
_INTERRUPTED = 130  # 128 + SIGINT, as in shells

COMMANDS = {
    "up": "start iai",
    "down": "stop iai",
    "status": "show what is running and how current each stage is",
    "hooks": "connect iai to Claude Code and Codex",
    "mcp": "serve the memory to any host that speaks MCP",
    "recall": "search everything that was said",
    "show": "print an exchange: a request, what was done, and the answer",
    "file": "list who changed a file, when and what for",
    "timeline": "list recent sessions",
    "remember": "store a note",
    "pin": "start every session in a project with a record",
    "done": "close what is open in a session",
    "dismiss": "leave a line out of every session start",
    "edit": "change the text of a record",
    "forget": "delete records",
    "purge-secrets": "redact secrets in what was stored earlier",
    "import": "import past sessions and git history",
    "project": "list, merge or ignore projects",
    "session-start": "compose the session-start text from the store",
    "preview": "print what the next session would start with",
    "injections": "list what each session was given, and its cost in tokens",
    "prompt-recall": "print memories related to a prompt (used by the hook)",
    "refresh": "rewrite the session-start text now",
    "events": "print the event log",
    "backup": "back up the store to one file",
    "restore": "restore the store from a backup",
    "crypto": "encrypt the store, or show how it is encrypted",
    "export": "export what was said and done as JSON lines or Markdown",
    "doctor": "diagnose problems and suggest fixes",
    "service": "start iai at login and restart it after a crash",
    "config": "show and change settings",
    "completion": "print a shell completion script",
    "probe": "send one message to one process",
    "help": "print this overview, a topic, or the help of a command",
}


class Command(Protocol):
    """The interface of a subcommand's module."""

    def configure(self, parser: ArgumentParser) -> None:
        """Declare its arguments."""

    def run(self, args: Namespace, settings: Settings) -> int:
        """Run it, and return the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    with plain_streams():
        return _main(argv)


def _main(argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words else "--help"
    if name in ("-h", "--help"):
        name = "help"
    if name in ("-V", "--version"):
        print("\n".join(importlib.import_module("iai.admin.version").lines()))
        return DONE
    if name not in COMMANDS:
        alike = importlib.import_module("difflib").get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean `iai {alike[0]}`?" if alike else "`iai help` lists the commands"
        print(f"iai: unknown command {name!r}; {hint}", file=sys.stderr)
        return BAD_USAGE
    return _run(name, words[1:])


def command(name: str) -> Command:
    """Import the module of a subcommand."""
    module: Command = importlib.import_module(f"iai.cli.{name.replace('-', '_')}")
    return module


def parser(name: str) -> ArgumentParser:
    """Return the argument parser of a subcommand."""
    module = command(name)
    result = ArgumentParser(
        prog=f"iai {name}",
        description=module.__doc__,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(result)
    return result


def _run(name: str, words: list[str]) -> int:
    args = parser(name).parse_args(words)
    settings, warnings = load(os.environ)
    for warning in warnings:
        print(f"iai: {warning}", file=sys.stderr)
    try:
        return command(name).run(args, settings)
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
    except BrokenPipeError:  # the reader has left; the flush at exit must not hit the pipe again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:  # a full or read-only disk, a directory out of reach
        where = f"{error.filename}: " if error.filename else ""
        print(f"iai: {where}{error.strerror or error}", file=sys.stderr)
        return FAILED
