"""Changes to `config.toml`: each in one step, and the comments of whoever edits it stay.

Apart from `iai.config.config_file`, so that no command that only reads the settings loads what
writes them.
"""

from pathlib import Path
from typing import get_type_hints

import tomlkit

from iai.config import settings
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, StoreError
from iai.process import files


def put(path: Path, name: str, text: str) -> None:
    """Have the file say that a setting has this value.

    Raises BadUsage for a setting or a value that cannot be, StoreError where the file is no TOML.
    """
    setting = _known(name)
    try:
        value = settings.parsed(text, get_type_hints(Settings)[name], setting.minimum)
    except ValueError as error:
        raise BadUsage(f"{name} = {text!r} {error}") from None
    document = _document(path)
    document[name] = int(value) if isinstance(value, float) and value.is_integer() else value
    _write(path, document)


def drop(path: Path, name: str) -> bool:
    """Have the file say nothing of a setting; return whether it did."""
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
            "the file lies in the store, so it cannot say where that is: set IAI_MCP_STORE"
        )
    if name not in known:
        raise BadUsage(f"there is no setting {name!r}; `iai config list` names them")
    return known[name]


def _document(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text("utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, ValueError) as error:  # what tomlkit and the decoder raise are ValueErrors
        raise StoreError(f"{path} cannot be read: {error}; put it right or delete it") from error


def _write(path: Path, document: tomlkit.TOMLDocument) -> None:
    Layout(path.parent).create()
    try:
        files.replace(path, tomlkit.dumps(document).encode())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
