"""What git's configuration says about remotes: see git-config(1). No command is run."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from iai.process.files import read_regular

_SECTION = re.compile(r'^\s*\[(?P<section>\w+)(?:\s+"(?P<name>[^"]+)")?\s*\]', re.IGNORECASE)
_VALUE = re.compile(r'^\s*(?P<key>\w+)\s*=\s*"?(?P<value>[^\s"]+)')
_LONGEST = 1 << 20  # bytes read of a file


def origin(git: Path) -> str:
    """Return the URL of the remote `origin`, else of the first remote; "" if there is none."""
    urls: dict[str, str] = {}
    for section, name, key, value in _values(f"{git}/config"):
        if (section, key) == ("remote", "url"):
            urls.setdefault(name, value)
    return urls.get("origin") or next(iter(urls.values()), "")


def rewritten(url: str, git: Path | None) -> str:
    """Return the URL that git uses in place of one, by the user's and a repository's settings."""
    files = [*_of_user(), *([f"{git}/config"] if git is not None else [])]
    bases = {
        value: name
        for file in files
        for section, name, key, value in _values(file)
        if (section, key) == ("url", "insteadof") and url.startswith(value)
    }
    if not bases:
        return url
    prefix = max(bases, key=len)
    return bases[prefix] + url[len(prefix) :]


def _of_user() -> list[str]:
    if chosen := os.environ.get("GIT_CONFIG_GLOBAL"):
        return [chosen]
    home = os.path.expanduser("~")  # noqa: PTH111  never raises
    own = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return [f"{own}/git/config", f"{home}/.gitconfig"]


def _values(path: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield section, its name, key and value; sections and keys in lower case."""
    section = name = ""
    for line in _read(path).splitlines():
        if found := _SECTION.match(line):
            section, name = found["section"].lower(), found["name"] or ""
            line = line[found.end() :]  # noqa: PLW2901  a value may follow on the same line
        elif line.lstrip().startswith("["):
            section = name = ""
        if section and (found := _VALUE.match(line)):
            yield section, name, found["key"].lower(), found["value"]


def _read(path: str) -> str:
    try:
        return read_regular(path, _LONGEST).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
