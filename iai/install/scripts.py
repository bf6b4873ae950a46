"""The hook scripts: where the package has them, and the copies that hosts run.

Hosts run copies below the store, because their paths stay the same when iai is upgraded or its
virtual environment moves.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

import iai
from iai.config.layout import Layout, private
from iai.errors import StoreError
from iai.install import status_line
from iai.install.hook_entries import SCRIPTS
from iai.process import files

_EVERY = (*SCRIPTS, status_line.SCRIPT)
_MODE = 0o700
_ANYWHERE = b"#!/usr/bin/env bash\n"
_BASH = b"/bin/bash"


def packaged() -> Path:
    """Return the directory of the original scripts, in the wheel or the checkout."""
    package = Path(iai.__file__).parent
    inside = package / "_hooks"
    return inside if inside.is_dir() else package.parent / "hooks"


def install(layout: Layout, *, status_line_too: bool = False) -> None:
    """Copy the scripts of this version below the store.

    That of the status line is copied if it is asked for, or was before. Raises StoreError if they
    can't be written.
    """
    private(layout.hooks)
    for name in _EVERY if status_line_too else _wanted(layout):
        try:
            data = _script(name)
            path = layout.hooks / name
            if not _matches(path, data):
                files.replace(path, data, _MODE)
        except OSError as error:
            raise StoreError(
                f"cannot write the hook script {layout.hooks / name}: {error.strerror}"
            ) from error


def refresh(layout: Layout) -> None:
    """Update the copies, if there are any. Raises StoreError like `install`."""
    if any((layout.hooks / name).exists() for name in _EVERY):
        install(layout)


def current(layout: Layout) -> bool:
    """Are the copies below the store those of this version, and executable?"""
    return all(_matches(layout.hooks / name, _script(name)) for name in _wanted(layout))


def remove(layout: Layout) -> None:
    """Delete the copies below the store, and their directory if it is empty then."""
    for name in _EVERY:
        files.remove(layout.hooks / name)
    with suppress(OSError):
        layout.hooks.rmdir()


def remove_status_line(layout: Layout) -> None:
    """Delete the copy of the status line's script: the group keeps no file for it then."""
    files.remove(layout.status_line_script)


def _wanted(layout: Layout) -> tuple[str, ...]:
    """Return the scripts that belong below the store."""
    return _EVERY if layout.status_line_script.exists() else SCRIPTS


def _script(name: str) -> bytes:
    """Return a script for this machine.

    On Linux its first line names /bin/bash, because `env` is one more program to start: a fifth of
    what the hook costs. On macOS, /bin/bash is old.
    """
    data = (packaged() / name).read_bytes()
    sure = sys.platform == "linux" and os.access(_BASH, os.X_OK)
    return data.replace(_ANYWHERE, b"#!%b\n" % _BASH, 1) if sure else data


def _matches(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data and os.access(path, os.X_OK)
    except OSError:
        return False
