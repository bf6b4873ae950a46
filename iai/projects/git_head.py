"""Which branch is checked out: see gitrepository-layout(5). No command is run."""

import os

from iai.process.files import read_regular
from iai.redaction.redactor import Redactor

_LONGEST = 4_096  # bytes read of a file
_BRANCH = "ref: refs/heads/"
_SECRETS = Redactor(b"", cautious=True)  # its marks are not used


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
    return name if _SECRETS.text(name) is name else ""


def _first_line(path: str) -> str:
    try:
        line = read_regular(path, _LONGEST).partition(b"\n")[0]
    except OSError:
        return ""
    return line.decode("utf-8", "replace")
