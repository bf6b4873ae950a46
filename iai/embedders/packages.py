"""Packages that are installed for the data files in them; their code is never imported."""

from importlib.util import find_spec
from pathlib import Path


def directory_of(package: str) -> Path | None:
    """Return the directory of a package; None if it is not installed."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None
