"""Aliases of hosts in the user's configuration of SSH: see ssh_config(5)."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from iai.process.files import read_regular

_LINE = re.compile(r"^\s*(?P<key>\w+)(?:\s*=\s*|\s+)(?P<value>.*)")
_LONGEST = 1 << 20  # bytes read of a file
_MOST = 64  # files that include one another


def host_name(alias: str) -> str:
    """Return the host that an alias stands for; the alias itself if it is none.

    Blocks with `Match` are passed over: what they test is not known here.
    """
    name, applies = alias.lower(), True
    for key, value in _lines(Path.home() / ".ssh" / "config", set()):
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


def _lines(path: Path, read: set[Path]) -> Iterator[tuple[str, str]]:
    """Yield keywords and values, those of included files in their place, but no file twice."""
    read.add(path)
    for line in _read(path).splitlines():
        if (found := _LINE.match(line.strip())) is None:
            continue
        key, value = found["key"].lower(), found["value"]
        if key != "include":
            yield key, value
        else:
            for included in _included(value):
                if included not in read and len(read) < _MOST:
                    yield from _lines(included, read)


def _included(value: str) -> Iterator[Path]:
    home = Path.home()
    for pattern in value.replace('"', "").split():
        path = home / ".ssh" / pattern.replace("~", str(home), 1 if pattern[0] == "~" else 0)
        try:
            # As in glob(7), two stars mean no more than one: no walk through all directories.
            yield from sorted(Path("/").glob(str(path.relative_to("/")).replace("**", "*")))
        except (OSError, ValueError):
            continue


def _read(path: Path) -> str:
    try:
        return read_regular(path, _LONGEST).decode("utf-8", "replace")
    except OSError:
        return ""
