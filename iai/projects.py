"""Which project a directory belongs to: one answer for who writes and who reads.

A project is named by its git remote, else by its git directory, else by its path. So worktrees and
further clones of one repository are one project, and two directories that only share a name are
two. Nothing is run to find out: the few files that git keeps for it are read.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

_REMOTE = re.compile(r'^\s*\[remote "(?P<name>[^"]+)"\]')
_SECTION = re.compile(r"^\s*\[")
_URL = re.compile(r"^\s*url\s*=\s*(?P<url>\S+)")
_SCP = re.compile(r"^(?:[^@/]+@)?(?P<host>[^:/]{2,}):(?P<path>(?!//).+)$")  # not `C:\`
_SCHEME = re.compile(r"^[a-z+]+://(?:[^@/]+@)?(?P<host>[^/:]*)(?::\d+)?/(?P<path>.+)$")
_LONGEST_CONFIG = 1 << 20  # bytes of a git config that are read


class ProjectIdentity(NamedTuple):
    """What names a project."""

    id: str  # 16 hexadecimal digits
    name: str  # for people
    root: str  # top of the working tree; the directory itself where there is no git


def identify(cwd: str, remote: str = "") -> ProjectIdentity:
    """Return the project of a working directory, which may exist no more.

    `remote` is what a host noted about the repository, used where git's files say nothing.
    """
    path = Path(os.path.realpath(cwd)) if cwd else Path("/")
    top = _top(path)
    common = _common_directory(top) if top else None
    url = (_origin(common) if common else "") or remote
    if url:
        identity = f"remote {normalised(url)}"
        name = normalised(url).rsplit("/", 1)[-1]
    elif common:
        identity = f"git {common}"
        name = common.parent.name if common.name == ".git" else common.name
    else:
        identity = f"path {path}"
        name = path.name or "/"
    digest = hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=8)
    return ProjectIdentity(digest.hexdigest(), name or "/", str(top or path))


def normalised(url: str) -> str:
    """Return the part of a remote's URL that is the same for all ways to reach it: host/path."""
    text = url.strip()
    found = _SCHEME.match(text) or _SCP.match(text)
    if found is None:
        return text.rstrip("/").removesuffix(".git")
    path = found["path"].strip("/").removesuffix(".git")
    return f"{found['host'].lower()}/{path}"


def _top(path: Path) -> Path | None:
    for directory in (path, *path.parents):
        if (directory / ".git").exists():
            return directory
    return None


def _common_directory(top: Path) -> Path | None:
    """The git directory that all worktrees of a repository share (gitrepository-layout(5))."""
    git = top / ".git"
    if git.is_dir():
        return git.resolve()
    pointer = _read(git)  # a worktree or submodule: `gitdir: <path>`
    if not pointer.startswith("gitdir:"):
        return None
    own = (top / pointer.removeprefix("gitdir:").strip()).resolve()
    common = _read(own / "commondir").strip()
    return (own / common).resolve() if common else own


def _origin(common: Path) -> str:
    """URL of the remote `origin`, else of the first remote; "" if there is none."""
    urls: dict[str, str] = {}
    remote = ""
    for line in _read(common / "config").splitlines():
        if found := _REMOTE.match(line):
            remote = found["name"]
        elif _SECTION.match(line):
            remote = ""
        elif remote and (found := _URL.match(line)):
            urls.setdefault(remote, found["url"])
    return urls.get("origin") or next(iter(urls.values()), "")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_CONFIG).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
