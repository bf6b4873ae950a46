"""What git's configuration says about remotes: see git-config(1). No command is run."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from iai.process.files import read_regular

_SECTION = re.compile(
    r'^\s*\[\s*(?P<section>[\w-]+)(?:\.(?P<dotted>[^\]"\s]+)|\s+"(?P<name>(?:[^"\\]|\\.)*)")?\s*\]'
)
_VALUE = re.compile(r"^\s*(?P<key>[A-Za-z][\w-]*)\s*=\s*(?P<value>.*)")
_PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"|((?:[^"\\#;]|\\.)+)')  # up to a comment
_GLOB = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?|\[[^]]+\]")
_LONGEST = 1 << 20  # bytes read of a file
_MOST = 32  # files that include one another


class GitDirectory(NamedTuple):
    """Where the configuration of a checkout is: two places for a worktree (git-worktree(1))."""

    own: Path
    common: Path


class _Setting(NamedTuple):
    section: str  # in lower case
    name: str
    key: str  # in lower case
    value: str


def origin(git: GitDirectory) -> str:
    """Return the URL of the remote `origin`, else of the first remote; "" if there is none.

    Only the repository's own configuration counts: a remote of the user's would make one project of
    all repositories without any.
    """
    urls: dict[str, str] = {}
    for section, name, key, value in _of_repository(git):
        if (section, key) == ("remote", "url") and value:
            urls.setdefault(name, value)
    return urls.get("origin") or next(iter(urls.values()), "")


def rewritten(url: str, git: GitDirectory | None) -> str:
    """Return the URL that git uses in place of one, by the user's and a repository's settings."""
    settings = [one for file in _of_user() for one in _settings(file, git, url)]
    if git is not None:
        settings += _of_repository(git, url)
    bases = {
        value: name
        for section, name, key, value in settings
        if (section, key) == ("url", "insteadof") and value and url.startswith(value)
    }
    if not bases:
        return url
    prefix = max(bases, key=len)
    return bases[prefix] + url[len(prefix) :]


def _of_repository(git: GitDirectory, url: str = "") -> list[_Setting]:
    """Return the settings of a repository, then those of one of its worktrees."""
    settings = list(_settings(f"{git.common}/config", git, url))
    for section, _, key, value in settings:
        if (section, key) == ("extensions", "worktreeconfig") and value.lower() != "false":
            return [*settings, *_settings(f"{git.own}/config.worktree", git, url)]
    return settings


def _of_user() -> list[str]:
    system = [] if os.environ.get("GIT_CONFIG_NOSYSTEM") else ["/etc/gitconfig"]
    if chosen := os.environ.get("GIT_CONFIG_GLOBAL"):
        return [*system, chosen]
    home = os.path.expanduser("~")  # noqa: PTH111  never raises
    own = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return [*system, f"{own}/git/config", f"{home}/.gitconfig"]


def _settings(path: str, git: GitDirectory | None, url: str) -> Iterator[_Setting]:
    """Yield the settings of a file, those of included ones in their place, but no file twice."""
    seen: set[str] = set()

    def read(file: str) -> Iterator[_Setting]:
        if file in seen or len(seen) >= _MOST:
            return
        seen.add(file)
        for one in _in_file(file):
            directory = os.path.dirname(file)  # noqa: PTH120
            if one.key == "path" and _includes(one, directory, git, url):
                inner = os.path.expanduser(one.value)  # noqa: PTH111
                yield from read(os.path.join(directory, inner))  # noqa: PTH118
            else:
                yield one

    yield from read(path)


def _includes(one: _Setting, directory: str, git: GitDirectory | None, url: str) -> bool:
    """Is a file included? Not by a branch: a project is the same on all of them."""
    if one.section != "includeif":
        return one.section == "include"
    kind, _, pattern = one.name.partition(":")
    if kind in ("gitdir", "gitdir/i") and git is not None:
        if pattern.startswith("./"):
            pattern = directory + pattern[1:]
        pattern = os.path.expanduser(pattern)  # noqa: PTH111
        pattern = pattern if pattern.startswith("/") else f"**/{pattern}"
        pattern += "**" if pattern.endswith("/") else ""
        return _matches(pattern, str(git.own), ignore_case=kind.endswith("/i"))
    return kind == "hasconfig" and _matches(pattern.removeprefix("remote.*.url:"), url)


def _matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Match a pattern as git does: two stars for any directories (gitignore(5))."""
    parts, at = [], 0
    for found in _GLOB.finditer(pattern):
        parts += [re.escape(pattern[at : found.start()]), _translated(found[0])]
        at = found.end()
    parts.append(re.escape(pattern[at:]))
    try:
        return re.fullmatch("".join(parts), text, re.IGNORECASE if ignore_case else 0) is not None
    except re.error:
        return False


def _translated(wildcard: str) -> str:
    fixed = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return fixed.get(wildcard) or wildcard.replace("[!", "[^", 1)


def _in_file(path: str) -> Iterator[_Setting]:
    section = name = ""
    for line in _read(path).replace("\\\r\n", "").replace("\\\n", "").splitlines():
        if found := _SECTION.match(line):
            section, name = found["section"].lower(), found["dotted"] or found["name"] or ""
            name = re.sub(r"\\(.)", r"\1", name)
            line = line[found.end() :]  # noqa: PLW2901  a value may follow on the same line
        elif line.lstrip().startswith("["):
            section = name = ""
        if section and (found := _VALUE.match(line)):
            yield _Setting(section, name, found["key"].lower(), _unquoted(found["value"]))


def _unquoted(text: str) -> str:
    """Return a value without its quotes, escapes and comment."""
    value, at = "", 0
    while found := _PIECE.match(text, at):
        value, at = value + (found[1] if found[1] is not None else found[2]), found.end()
    value = value if text[:at].endswith('"') else value.rstrip()
    return re.sub(r"\\(.)", r"\1", value)


def _read(path: str) -> str:
    try:
        data = read_regular(path, _LONGEST)
    except OSError:
        return ""
    return data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
