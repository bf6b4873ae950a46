"""Which project a directory belongs to: one answer for who writes and who reads.

A project is named by its git remote, else by its git directory, else by its path. So worktrees and
further clones of one repository are one project, and two directories that only share a name are
two. Nothing is run to find out: the few files that git keeps for it are read. What a git directory
names is known by its birth, too, and so wherever it is moved to: see `iai.projects.relocation`.

A file `.iai-project` makes the directory that it is in, with all below, a project of its own: a
package of a large repository, or a tree that is in no repository. It may hold a name; directories
of one repository with the same name in it are one project, wherever they are moved to there. At the
top of a repository it names the project and no more.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

_REMOTE = re.compile(r'^\s*\[remote "(?P<name>[^"]+)"\]')
_SECTION = re.compile(r"^\s*\[")
_URL = re.compile(r'^\s*url\s*=\s*"?(?P<url>[^\s"]+)')
_SCP = re.compile(r"^(?:[^/]*@)?(?P<host>[^:/]{2,}):(?P<path>(?!//).+)$")  # not `C:\`
_SCHEME = re.compile(r"^[a-z+]+://(?:[^/]*@)?(?P<host>[^/:]*)(?::\d+)?/(?P<path>.+)$")
_LONGEST_CONFIG = 1 << 20  # bytes of a git config that are read
_LONGEST_LINE = 4_096  # bytes of the first line of a log
_LONGEST_NAME = 100  # characters of a name in a marker
MARKER = ".iai-project"


class ProjectIdentity(NamedTuple):
    """What names a project."""

    id: str  # 16 hexadecimal digits
    name: str  # for people
    root: str  # top of the working tree, or of what is marked; else the directory itself
    git: str = ""  # the git directory that it is named by, if it is
    born: str = ""  # 16 digits of how the history in there began; it goes where that directory goes


def identify(cwd: str, remote: str = "") -> ProjectIdentity:
    """Return the project of a working directory, which may exist no more.

    `remote` is what a host noted about the repository, used where git's files say nothing.
    """
    path = Path(os.path.realpath(cwd)) if cwd else Path("/")
    top = _top(path)
    marked = _marked(path, top)
    root = marked or top or path
    git = _common_directory(top) if top is not None else None
    url = (_origin(git) if git is not None else "") or remote
    if url:
        identity, name, git = *_remote(url), None
    elif git is not None:
        identity, name = f"git {git}", _called(git)
    else:
        place = top or root
        identity, name = f"path {place}", place.name
    package = ""
    if marked is not None:
        given = _name(marked)
        if top is not None and marked != top:
            package = f" package {given or marked.relative_to(top)}"
            name = marked.name
        name = given or name
    found = ProjectIdentity(_digest(identity + package), name or "/", str(root))
    birth = _birth(git) if git is not None else ""
    return found._replace(git=str(git), born=_digest(birth + package)) if birth else found


def normalised(url: str) -> str:
    """Return the part of a remote's URL that is the same for all ways to reach it: host/path."""
    text = url.strip()
    found = _SCHEME.match(text) or _SCP.match(text)
    if found is None:
        return text.rstrip("/").removesuffix(".git")
    path = re.split(r"[?#]", found["path"])[0].strip("/").removesuffix(".git")
    return f"{found['host'].lower()}/{path}"


def _called(common: Path) -> str:
    """What people call a repository."""
    hidden = common.name in (".git", ".bare")  # else it is a bare one beside its worktrees
    return common.parent.name if hidden else common.name.removesuffix(".git")


def _birth(common: Path) -> str:
    """Return the first line of the log of HEAD: the first commit, by whom and when (git-reflog(1)).

    It is "" before that. git drops lines after 90 days, so what is first may change in one place.
    """
    return _read(common / "logs" / "HEAD", _LONGEST_LINE).partition("\n")[0]


def _digest(identity: str) -> str:
    return hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _remote(url: str) -> tuple[str, str]:
    same = normalised(url)
    return f"remote {same}", same.rsplit("/", 1)[-1]


def _top(path: Path) -> Path | None:
    """The top of a working tree, or of a bare repository."""
    for directory in (path, *path.parents):
        if _there(directory / ".git") or _is_bare(directory):
            return directory
    return None


def _is_bare(directory: Path) -> bool:
    """Does it look like a git directory? As git tells (gitrepository-layout(5))."""
    return all(_there(directory / name) for name in ("HEAD", "objects", "refs"))


def _marked(path: Path, top: Path | None) -> Path | None:
    """The nearest directory with a marker; above the top of a repository none counts."""
    for directory in (path, *path.parents):
        if _there(directory / MARKER):
            return directory
        if directory == top:
            return None
    return None


def _name(marked: Path) -> str:
    line = next(iter(_read(marked / MARKER).splitlines()), "")
    return "".join(c for c in line if c.isprintable()).strip()[:_LONGEST_NAME]


def _there(path: Path) -> bool:
    """Is there such a file? A name that can be none, or is out of reach, is none."""
    return os.path.exists(path)  # noqa: PTH110  pathlib's raises where a directory is closed


def _common_directory(top: Path) -> Path | None:
    """The git directory that all worktrees of a repository share (gitrepository-layout(5))."""
    git = top / ".git"
    if git.is_dir():
        return git.resolve()
    if not git.exists():
        return top  # a bare one
    pointer = _read(git)  # a worktree or submodule: `gitdir: <path>`
    if not pointer.startswith("gitdir:"):
        return None
    own = (top / pointer.removeprefix("gitdir:").strip()).resolve()
    common = _read(own / "commondir").strip()
    if not common and own.parent.name == "worktrees":  # the repository was moved, or is gone
        common = "../.."
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


def _read(path: Path, longest: int = _LONGEST_CONFIG) -> str:
    try:
        with path.open("rb") as file:
            return file.read(longest).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
