"""Print what makes a shell complete the commands and options of iai.

Bash reads it by `eval "$(iai completion bash)"` in ~/.bashrc; zsh as a file _iai in a directory of
$fpath; fish as ~/.config/fish/completions/iai.fish.

example: iai completion bash >> ~/.local/share/bash-completion/completions/iai
"""

import importlib
from argparse import ArgumentParser, Namespace

import shtab

from iai.cli import COMMANDS, Command
from iai.config.settings import Settings

SHELLS = ("bash", "zsh", "fish")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS)


def run(args: Namespace, _settings: Settings) -> int:
    print(shtab.complete(_whole(), shell=args.shell))
    return 0


def _whole() -> ArgumentParser:
    """Return one parser of all commands."""
    whole = ArgumentParser(prog="iai", allow_abbrev=False)
    whole.add_argument("--version", action="store_true", help="what a bug report has to say")
    commands = whole.add_subparsers()
    for name, what in COMMANDS.items():
        command: Command = importlib.import_module(f"iai.cli.{name.replace('-', '_')}")
        command.configure(commands.add_parser(name, help=what))
    return whole
