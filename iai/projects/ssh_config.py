"""Aliases of hosts in the user's configuration of SSH: see ssh_config(5)."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

_LINE = re.compile(r"^\s*(?P<key>\w+)(?:\s*=\s*|\s+)(?P<value>.*?)\s*$")
_LONGEST = 1 << 20  # bytes read of a file
_DEEPEST = 8  # files that include one another


def host_name(alias: str) -> str:
    """Return the host that an alias stands for; the alias itself if it is none.

    Blocks with `Match` are passed over: what they test is not known here.
    """
    name, applies = alias.lower(), True
    for key, value in _lines(Path.home() / ".ssh" / "config", _DEEPEST):
        if key == "host":
            applies = _matches(name, value.lower().split())
        elif key == "match":
            applies = value.lower() == "all"
        elif key == "hostname" and applies:
            return value.strip('"').replace("%h", name).replace("%%", "%")
    return alias


def _matches(name: str, patterns: list[str]) -> bool:
    plain = [pattern.strip('"') for pattern in patterns]
    if any(fnmatchcase(name, p[1:]) for p in plain if p.startswith("!")):
        return False
    return any(fnmatchcase(name, p) for p in plain if not p.startswith("!"))


def _lines(path: Path, depth: int) -> Iterator[tuple[str, str]]:
    """Yield keywords and values, those of included files in their place."""
    for line in _read(path).splitlines():
        if (found := _LINE.match(line)) is None:
            continue
        key, value = found["key"].lower(), found["value"]
        if key != "include":
            yield key, value
        elif depth:
            for included in _included(value):
                yield from _lines(included, depth - 1)


def _included(value: str) -> Iterator[Path]:
    home = Path.home()
    for pattern in value.replace('"', "").split():
        path = home / ".ssh" / pattern.replace("~", str(home), 1 if pattern[0] == "~" else 0)
        try:
            yield from sorted(Path("/").glob(str(path.relative_to("/"))))
        except (OSError, ValueError):
            continue


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace")
    except OSError:
        return ""
