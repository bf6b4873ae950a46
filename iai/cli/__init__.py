"""The command line, `iai`: one module per command, imported only when it runs."""

import importlib
import os
import re
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn, Protocol

from iai.cli import output
from iai.config.config_file import load
from iai.config.settings import Settings
from iai.errors import BadUsage, GroupNotRunning, IaiError, StoreCorrupt
from iai.model.printable import one_line

# Exit codes of every command.
DONE, FAILED, BAD_USAGE, NOT_RUNNING = 0, 1, 2, 3
SUMMARY = (
    re.compile(r"^(?P<head>iai is .*)"),
    re.compile(r"^(?:(?P<warn>warn)|(?P<fail>fail)) "),
    re.compile(r" (?P<todo>-> .*)"),
)
_INTERRUPTED = 130  # 128 + SIGINT, as in shells

# In the order of the overview. Each command has a module of its own.
GROUPS: dict[str, dict[str, str]] = {
    "run": {
        "up": "start iai",
        "down": "stop iai",
        "status": "show what is running and how current each stage is",
        "freshness": "show how far behind the session-start text was over time",
        "service": "start iai at login and restart it after a crash",
        "refresh": "rewrite the session-start text now",
    },
    "find": {
        "ui": "show the memory on a local web page",
        "recall": "search everything that was said",
        "show": "print an exchange: a request, what was done, and the answer",
        "file": "list who changed a file, when and what for",
        "timeline": "list recent sessions",
        "preview": "print what the next session would start with",
        "injections": "list what each session was given, and its cost in tokens",
    },
    "keep": {
        "remember": "store a note",
        "pin": "start every session in a project with a record",
        "done": "close what is open in a session",
        "dismiss": "leave a line out of every session start",
        "edit": "change the text of a record",
        "forget": "delete records",
        "purge-secrets": "redact secrets in what was stored earlier",
        "project": "list, merge, ignore or share projects",
        "import": "import past sessions and git history",
        "export": "export what was said and done as JSON lines or Markdown",
    },
    "connect": {
        "hooks": "connect iai to Claude Code and Codex",
        "team": "share the memory of projects with other machines",
        "mcp": "serve the memory to any host that speaks MCP",
        "session-start": "compose the session-start text from the store (used by the hook)",
        "prompt-recall": "print memories related to a prompt (used by the hook)",
        "completion": "print a shell completion script",
    },
    "look after": {
        "doctor": "diagnose problems and suggest fixes",
        "config": "show and change settings",
        "events": "print the event log",
        "backup": "back up the store to one file",
        "restore": "restore the store from a backup",
        "crypto": "encrypt the store, or show how it is encrypted",
        "probe": "send one message to one process",
        "help": "print this overview, a topic, or the help of a command",
    },
}
COMMANDS = {name: what for commands in GROUPS.values() for name, what in commands.items()}
# What other tools call them, which a likeness in spelling does not find.
ELSEWHERE = {
    **dict.fromkeys(("search", "find", "query"), "recall"),
    **dict.fromkeys(("log", "history", "sessions", "list"), "timeline"),
    **dict.fromkeys(("add", "note", "save"), "remember"),
    **dict.fromkeys(("delete", "remove", "rm"), "forget"),
    **dict.fromkeys(("page", "web", "dashboard"), "ui"),
    **dict.fromkeys(("check", "health"), "doctor"),
    "start": "up",
    "stop": "down",
    "next": "preview",
    "unpin": "pin --off",
    "install": "hooks install",
    "settings": "config",
    "encrypt": "crypto init",
    "version": "--version",
}


class Command(Protocol):
    """The interface of a subcommand's module."""

    def configure(self, parser: ArgumentParser) -> None:
        """Declare its arguments."""

    def run(self, args: Namespace, settings: Settings) -> int:
        """Run it, and return the exit code."""


class Parser(ArgumentParser):
    """A parser that answers bad usage with one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and what is near to an unknown option or choice; exit."""
        near = self._near(message)
        hint = f"did you mean {near}?" if near else f"`{self.prog} --help` says how to use it"
        _complain(f"{self.prog}: {message}; {hint}")
        self.exit(BAD_USAGE)

    def _near(self, message: str) -> str:
        if option := re.match("unrecognized arguments: (--[^ =]+)", message):
            return nearest(option[1], self._option_string_actions)
        if choice := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)$", message):
            return nearest(choice[1], re.findall(r"[\w-]+", choice[2]))
        return ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    if argv is None:
        sys.excepthook = output.print_fault
    with output.plain_streams():
        return _main(argv)


def _main(argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        return _guarded(_summary)
    name = words[0]
    if name in ("-h", "--help"):
        name = "help"
    if name in ("-V", "--version"):
        print("\n".join(importlib.import_module("iai.admin.version").lines()))
        return DONE
    if name not in COMMANDS:
        alike = ELSEWHERE.get(name) or nearest(name, COMMANDS)
        hint = f"did you mean `iai {alike}`?" if alike else "`iai help` lists the commands"
        _complain(f"iai: unknown command {name!r}; {hint}")
        return BAD_USAGE
    return _run(name, words[1:])


def _complain(line: str) -> None:
    """Print a problem as one line, whatever it quotes."""
    print(one_line(line), file=sys.stderr)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the one of these names that is spelt most like this; "" if none is."""
    near = importlib.import_module("difflib").get_close_matches(name, names, 1)
    return near[0] if near else ""


def command(name: str) -> Command:
    """Import the module of a subcommand."""
    module: Command = importlib.import_module(f"iai.cli.{name.replace('-', '_')}")
    return module


def parser(name: str) -> ArgumentParser:
    """Return the argument parser of a subcommand."""
    module = command(name)
    result = Parser(
        prog=f"iai {name}",
        description=module.__doc__,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(result)
    return result


def _summary(settings: Settings) -> int:
    """Print whether all is well and what to do next; return the exit code."""
    found = importlib.import_module("iai.admin.summary").summarize(settings, os.environ)
    output.show(found.lines, SUMMARY)
    if found.well:
        return DONE
    return FAILED if found.running else NOT_RUNNING


def _run(name: str, words: list[str]) -> int:
    args = parser(name).parse_args(words)
    return _guarded(lambda settings: command(name).run(args, settings))


def _guarded(run: Callable[[Settings], int]) -> int:
    """Run it with the settings; print an error as one line, and return its exit code."""
    settings, warnings = load(os.environ)
    for warning in warnings:
        _complain(f"iai: {warning}")
    try:
        return run(settings)
    except BadUsage as error:
        _complain(f"iai: {error}")
        return BAD_USAGE
    except GroupNotRunning as error:
        _complain(f"iai: {error}")
        return NOT_RUNNING
    except StoreCorrupt as error:
        _complain(f"iai: {error}; `iai doctor` says what can be done")
        return FAILED
    except IaiError as error:
        _complain(f"iai: {error}")
        return FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # the reader has left; the flush at exit must not hit the pipe again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:  # a full or read-only disk, a directory out of reach
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"iai: {where}{error.strerror or error}")
        return FAILED
