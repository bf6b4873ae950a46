"""Print a completion script for bash, zsh or fish.

bash: add `eval "$(iai completion bash)"` to ~/.bashrc
zsh:  save it as _iai in a directory of $fpath
fish: save it as ~/.config/fish/completions/iai.fish

example: iai completion bash > ~/.local/share/bash-completion/completions/iai
"""

from argparse import ArgumentParser, Namespace

import shtab

from iai.cli import COMMANDS, command
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
    whole.add_argument("--version", action="store_true", help="print what a bug report should say")
    commands = whole.add_subparsers()
    for name, what in COMMANDS.items():
        command(name).configure(commands.add_parser(name, help=what))
    return whole
