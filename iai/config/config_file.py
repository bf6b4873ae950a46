"""The settings that a user keeps in the store: `config.toml`, a flat table of names and values.

The environment goes before it. What cannot be read there is said, and changes nothing.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path

from iai.config import settings
from iai.config.layout import Layout
from iai.config.settings import Settings


def load(environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Return the settings of this environment and its store, and what is wrong with any of them."""
    file, warnings = read(Layout(settings.store_directory(environment)).config)
    found, more = settings.from_environment(environment, file)
    return found, warnings + more


def read(path: Path) -> tuple[dict[str, object], list[str]]:
    """Return what the file says; nothing, and a warning, where it cannot be read."""
    try:
        text = path.read_text("utf-8")
        parser = importlib.import_module("tomllib")  # here: few have the file, and a session waits
        return parser.loads(text), []
    except (FileNotFoundError, NotADirectoryError):
        return {}, []
    except (OSError, ValueError) as error:
        return {}, [f"{path} cannot be read, and is not used: {error}"]
