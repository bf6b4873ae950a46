"""Which files a shell command edits in place, or writes with words that stand in the command. Pure.

What a program prints into a file is left out: nobody knows of what that file is.
"""

import posixpath
import re
from typing import NamedTuple

from iai.hosts.commands import Command
from iai.model.action import Kind

TELLING = re.compile(  # without this, a command is none of these
    r"\b(?:g?sed|perl|ruby) (?:-\S+ )*-(?:\w*i|-in-place)|<<|\b(?:echo|printf)\b[^\n|]*>"
)
_IN_PLACE = re.compile(r"-(?!-)[A-Za-z0-9]*i.*|--in-place(?:=.*)?")
_SCRIPT = re.compile(r"-(?!-)\w*[ef]|--expression|--file")  # the next word is a script
_NO_FILE = re.compile(r"/dev/.*|-")


class ShellEdit(NamedTuple):
    """What a command does to one file."""

    kind: Kind
    path: str
    added: int = 0


def edits(command: Command) -> list[ShellEdit]:
    """Return the files that a command edits or writes; relative paths are in its directory."""
    match command.program:
        case "sed" | "gsed" | "perl" | "ruby":
            found = [ShellEdit("edit", path) for path in _edited_in_place(command.words[1:])]
        case "cat" | "tee" if command.given:
            found = _written(command, len(command.given.splitlines()))
        case "echo" | "printf":
            said = " ".join(command.words[1:]).replace("\\n", "\n")
            found = _written(command, len(said.splitlines()))
        case _:
            found = []
    return [one._replace(path=posixpath.join(command.directory, one.path)) for one in found]


def _edited_in_place(words: tuple[str, ...]) -> list[str]:
    """Return the files of `sed -i`, or of `perl -pi -e`."""
    if not any(map(_IN_PLACE.fullmatch, words)):
        return []
    scripted = any(map(_SCRIPT.fullmatch, words))
    operands = [
        word
        for before, word in zip(("", *words), words, strict=False)
        if word and not word.startswith("-") and not _SCRIPT.fullmatch(before)
    ]
    return operands if scripted else operands[1:]


def _written(command: Command, lines: int) -> list[ShellEdit]:
    """Return the files that what is in a command goes to; appended lines are an edit."""
    into = list(command.into)
    if command.program == "tee":
        append = not {"-a", "--append"}.isdisjoint(command.words)
        into = [(path, append) for path in command.words[1:] if not path.startswith("-")]
    return [
        ShellEdit("edit" if append else "write", path, lines)
        for path, append in into
        if not _NO_FILE.fullmatch(path)
    ]
