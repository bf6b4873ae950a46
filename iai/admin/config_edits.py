"""Edits of `config.toml`: each is atomic and keeps the user's comments.

Separate from `iai.config.config_file`, so that commands that only read settings don't load tomlkit.
"""

import tomllib
from pathlib import Path
from typing import get_type_hints

import tomlkit
from tomlkit.exceptions import TOMLKitError

from iai.config import settings
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, StoreError
from iai.process import files


def put(path: Path, name: str, text: str) -> None:
    """Set a setting in the file.

    Raises BadUsage for an unknown setting or an invalid value, StoreError if the file is not TOML.
    """
    setting = _known(name)
    try:
        value = settings.parsed(text, get_type_hints(Settings)[name], setting)
    except ValueError as error:
        raise BadUsage(f"{name} = {text!r} {error}") from None
    document = _document(path)
    document[name] = int(value) if isinstance(value, float) and value.is_integer() else value
    _write(path, document)


def drop(path: Path, name: str) -> bool:
    """Remove a setting from the file; return whether it was there."""
    document = _document(path)
    if name not in document:
        _known(name)
        return False
    del document[name]
    _write(path, document)
    return True


def _known(name: str) -> settings.Setting:
    known = settings.declared()
    if name == "store":
        raise BadUsage(
            "config.toml is inside the store, so it cannot set the store; use IAI_MCP_STORE"
        )
    if name not in known:
        raise BadUsage(f"unknown setting {name!r}; `iai config list` lists them")
    return known[name]


def _document(path: Path) -> tomlkit.TOMLDocument:
    try:
        text = path.read_text("utf-8")
        tomllib.loads(text)  # which reads the settings, and refuses more than tomlkit
        return tomlkit.parse(text)
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, ValueError, RecursionError, TOMLKitError) as error:
        raise StoreError(f"cannot read {path}: {error}; fix or delete it") from error


def _write(path: Path, document: tomlkit.TOMLDocument) -> None:
    Layout(path.parent).create()
    try:
        files.replace(path, tomlkit.dumps(document).encode())
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
