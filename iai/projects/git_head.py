"""Which branch is checked out: see gitrepository-layout(5). No command is run."""

import os
import re

from iai.errors import Unsearchable
from iai.process.files import read_regular

_LONGEST = 4_096  # bytes read of a file
_BRANCH = "ref: refs/heads/"
_SUSPECT = re.compile(r"[^\W_]{16}|[=@]")  # what a name with a secret in it has


def branch(top: str) -> str:
    """Return the branch checked out at the top of a working tree.

    "" where none is, as during a rebase, where git's files cannot be read, and where its name has
    a secret in it: it is shown in session-start texts.
    """
    git = f"{top}/.git"
    pointer = _first_line(git)  # a worktree or submodule: `gitdir: <path>`
    if pointer.startswith("gitdir:"):
        git = os.path.join(top, pointer.removeprefix("gitdir:").strip())  # noqa: PTH118
    head = _first_line(f"{git}/HEAD")
    name = head.removeprefix(_BRANCH).strip() if head.startswith(_BRANCH) else ""
    return "" if _SUSPECT.search(name) and _holds_secret(name) else name


def _holds_secret(name: str) -> bool:
    from iai.redaction.redactor import Redactor  # noqa: PLC0415  50 ms that few starts need

    try:
        return Redactor(b"", cautious=True).text(name) is not name  # its marks are not used
    except Unsearchable:
        return True


def _first_line(path: str) -> str:
    try:
        line = read_regular(path, _LONGEST).partition(b"\n")[0]
    except OSError:
        return ""
    return line.decode("utf-8", "replace")
