"""The settings in the store's `config.toml`: a flat table of names and values.

The environment overrides them. Anything unreadable is reported and ignored.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path

from iai.config import settings
from iai.config.layout import Layout
from iai.config.settings import Settings


def load(environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Return the settings of this environment and its store, and a warning for each bad one."""
    file, warnings = read(Layout(settings.store_directory(environment)).config)
    found, more = settings.from_environment(environment, file)
    return found, warnings + more


def read(path: Path) -> tuple[dict[str, object], list[str]]:
    """Return the values in the file; none, and a warning, if it cannot be read."""
    try:
        if path.exists() and not path.is_file():  # reading a pipe might never end
            return {}, [f"ignoring {path}, which is not a file"]
        text = path.read_text("utf-8")
        parser = importlib.import_module("tomllib")  # lazily: few users have the file
        return parser.loads(text), []
    except (FileNotFoundError, NotADirectoryError):
        return {}, []
    except OSError as error:
        return {}, [f"ignoring {path}, which cannot be read: {error.strerror}"]
    except (ValueError, RecursionError) as error:
        return {}, [f"ignoring {path}, which cannot be read: {error}"]
