"""The hook scripts: where the package carries them, and where the hosts find them.

The hosts are given paths below the store, which stay the same when iai is upgraded or its virtual
environment moves. What lies there is a copy.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

import iai
from iai.config.layout import Layout, private
from iai.errors import StoreError
from iai.install.hook_entries import SCRIPTS
from iai.process import files

_MODE = 0o700
_ANYWHERE = b"#!/usr/bin/env bash\n"
_BASH = b"/bin/bash"


def packaged() -> Path:
    """Directory of the scripts as they came: in the wheel, or in the checkout."""
    package = Path(iai.__file__).parent
    inside = package / "_hooks"
    return inside if inside.is_dir() else package.parent / "hooks"


def place(layout: Layout) -> None:
    """Have the scripts below the store be those of this version.

    Raises StoreError if they cannot be written.
    """
    private(layout.hooks)
    for name in SCRIPTS:
        try:
            data = _script(name)
            path = layout.hooks / name
            if not _is(path, data):
                files.replace(path, data, _MODE)
        except OSError as error:
            raise StoreError(
                f"the hook script {layout.hooks / name} cannot be written: {error.strerror}"
            ) from error


def refresh(layout: Layout) -> None:
    """Do the same where scripts were placed before; nothing where there are none."""
    if any((layout.hooks / name).exists() for name in SCRIPTS):
        place(layout)


def current(layout: Layout) -> bool:
    """Are the scripts below the store those of this version, and can they be run?"""
    return all(_is(layout.hooks / name, _script(name)) for name in SCRIPTS)


def take_away(layout: Layout) -> None:
    """Delete the scripts below the store, and the directory if nothing else is in it."""
    for name in SCRIPTS:
        files.remove(layout.hooks / name)
    with suppress(OSError):
        layout.hooks.rmdir()


def _script(name: str) -> bytes:
    """Return a script for this machine.

    Where bash is sure to be in its place, and not an old one as on macOS, the script names that: to
    have `env` look for it starts a program more, a fifth of what the hook costs.
    """
    data = (packaged() / name).read_bytes()
    sure = sys.platform == "linux" and os.access(_BASH, os.X_OK)
    return data.replace(_ANYWHERE, b"#!%b\n" % _BASH, 1) if sure else data


def _is(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data and os.access(path, os.X_OK)
    except OSError:
        return False
