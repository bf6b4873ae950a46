"""Which project a directory belongs to. Writers and readers share this one function.

A project is identified by its git remote, else by its git directory, else by its path. So worktrees
and clones of one repository are one project, and directories that only share a name are not. No
command is run; a few of git's own files are read. A project identified by its git directory also
has a birth, by which it is recognised after a move: see `iai.projects.relocation`. That is also
where the records help: here, a directory that is gone is known only by its path.

A repository at the home directory is of that directory alone: else dotfiles kept in git would make
all below it one project. A worktree that is gone counts as the repository that its path names.

A file `.iai-project` makes its directory, with everything below, a project of its own: a package of
a large repository, or a tree outside any repository. The file may contain a name. Directories of
one repository whose markers have the same name are one project, even if moved within the
repository. At the top of a repository a marker only sets the name.
"""

import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from iai.model.remote import normalised, parsed
from iai.process.files import read_regular
from iai.projects.git_config import GitDirectory, origin, rewritten
from iai.projects.ssh_config import host_name

_LONGEST = 1 << 20  # bytes read of a file
_LONGEST_LINE = 4_096  # bytes of the first line of a log or a marker
_LONGEST_NAME = 100  # characters, in a marker
_TEMPORARY = ("/tmp", "/var/tmp", "/private/tmp", "/private/var/tmp")  # noqa: S108  names, not uses
_HOMES = ("/home", "/Users", "/var/home")
_POINTERS = 4  # files `.git` that point to one another
MARKER = ".iai-project"


class ProjectIdentity(NamedTuple):
    """What identifies a project."""

    id: str  # 16 hexadecimal digits
    name: str  # for people
    root: str  # top of the working tree, or the marked directory; else the directory itself
    git: str = ""  # the git directory, if that is what identifies it
    born: str = ""  # its birth: 16 digits of how the history in `git` began; survives a move
    former: tuple[str, ...] = ()  # ids by which it was known to earlier versions


def identify(cwd: str, remote: str = "") -> ProjectIdentity:
    """Return the project of a working directory, which need not exist any more.

    `remote` is the URL a host noted; it is used if git's own files name no remote.
    """
    path = _resolved(cwd) if cwd else Path("/")
    top = _top(path)
    marked = _marked(path, top)
    root = marked or top or _repository_of_worktree(path) or path
    place = _git_directory(top) if top is not None else None
    git = place.common if place is not None else None
    url = (origin(place) if place is not None else "") or _of_itself(remote, path, top)
    former = [f"path {path}"] if root not in (path, top, marked) else []
    if url:
        same = normalised(rewritten(url, place), host_name)
        identity, name = f"remote {same}", _last_part(url)
        former = [f"remote {parsed(url).spelling}", *([f"git {git}"] if git else [])]
        git = None
    elif git is not None:
        identity, name = f"git {git}", _called(git)
    else:
        directory = top or root
        identity, name = f"path {directory}", directory.name
    package = ""
    if marked is not None:
        given = _name(marked)
        if top is not None and marked != top:
            package = f" package {given or marked.relative_to(top)}"
            name = marked.name
        name = given or name
    own = _digest(identity + package)
    before = tuple(id_ for one in former if (id_ := _digest(one + package)) != own)
    found = ProjectIdentity(own, _shown(name) or "/", str(root), former=before)
    birth = _birth(git) if git is not None else ""
    return found._replace(git=str(git), born=_digest(birth + package)) if birth else found


def checkout_top(cwd: str) -> str:
    """Return the top of the working tree that a directory is in, by the name given; "" if none."""
    home = str(_home())
    while cwd not in ("", home):
        if os.path.exists(f"{cwd}/.git"):  # noqa: PTH110  asked some hundred times in a row
            return cwd
        cwd = cwd.rpartition("/")[0]
    return ""


def known_by_path(id_: str, root: str) -> bool:
    """Is nothing but its path known of a project: no repository, no remote?"""
    return id_ == _digest(f"path {root}")


def began_otherwise(git: str, born: str) -> bool:
    """Is there another repository now, where one that had been born so was?"""
    birth = _birth(Path(git)) if git and born else ""
    return birth != "" and _digest(birth) != born


def holds_many(directory: str) -> bool:
    """Is this a place for many projects: a root, a home directory, or one for temporary files?

    Also the home directories of other people and machines, as imported sessions name them.
    """
    directory = directory.rstrip("/") or "/"
    above, home = os.path.dirname(directory), str(_home())  # noqa: PTH120  see `_upwards`
    temporary = (*_TEMPORARY, _real(os.environ.get("TMPDIR") or "/tmp"))  # noqa: S108
    return (
        above in ("", directory)
        or directory in (*temporary, *_HOMES, "/root")
        or above in _HOMES
        or directory in (home, os.path.dirname(home))  # noqa: PTH120
    )


def _called(common: Path) -> str:
    """Return the name people use for a repository."""
    hidden = common.name in (".git", ".bare")  # else a bare repository beside its worktrees
    return common.parent.name if hidden else common.name.removesuffix(".git")


def _birth(common: Path) -> str:
    """Return the first line of HEAD's log: the first commit, its author and time (git-reflog(1)).

    "" before the first commit. git drops lines after 90 days, so the birth of one place may change.
    """
    return _read(f"{common}/logs/HEAD", _LONGEST_LINE).partition("\n")[0]


def _digest(identity: str) -> str:
    return hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _last_part(url: str) -> str:
    return parsed(url).spelling.rsplit("/", 1)[-1]


def _of_itself(remote: str, path: Path, top: Path | None) -> str:
    """Return the remote that a host noted, unless it is that of the home directory above."""
    home = _home()
    if remote and top is None and home in path.parents and (home / ".git").is_dir():
        at_home = origin(GitDirectory(home / ".git", home / ".git"))
        if at_home and normalised(at_home, host_name) == normalised(remote, host_name):
            return ""
    return remote


def _home() -> Path:
    return _real_path(os.path.expanduser("~"))  # noqa: PTH111  never raises


@lru_cache(maxsize=16)  # asked for each checkout, many times in a row
def _real_path(path: str) -> Path:
    return Path(_real(path))


@lru_cache(maxsize=16)
def _real(path: str) -> str:
    return os.path.realpath(path)


def _repository_of_worktree(path: Path) -> Path | None:
    """Return the repository that the path of a worktree names, if the worktree is gone.

    The path is `<repository>/.worktrees/x`, `<repository>/worktrees/x`, or the same below a hidden
    directory such as `.claude`.
    """
    for name in (".worktrees", "worktrees"):
        if name in path.parts[:-1] and not os.path.isdir(path):  # noqa: PTH112  see `_there`
            above = Path(*path.parts[: path.parts.index(name)])
            if above.name.startswith("."):
                above = above.parent
            return None if holds_many(str(above)) else above
    return None


def _upwards(path: Path) -> Iterator[str]:
    """Yield a directory and all above it, as text: with pathlib a look at each takes far longer."""
    at, below = str(path), ""
    while at != below:
        yield at
        at, below = os.path.dirname(at), at  # noqa: PTH120


def _top(path: Path) -> Path | None:
    """Return the top of a working tree or of a bare repository."""
    own, home = str(path), str(_home())
    for directory in _upwards(path):
        if directory == home != own:
            return None
        if _there(f"{directory}/.git") or _is_bare(directory):
            return Path(directory)
    return None


def _is_bare(directory: str) -> bool:
    """Does it look like a git directory? By git's own test (gitrepository-layout(5))."""
    return all(_there(f"{directory}/{name}") for name in ("HEAD", "objects", "refs"))


def _marked(path: Path, top: Path | None) -> Path | None:
    """Return the nearest directory with a marker, not above the top of the repository."""
    last = str(top)
    for directory in _upwards(path):
        if _there(f"{directory}/{MARKER}"):
            return Path(directory)
        if directory == last:
            return None
    return None


def _name(marked: Path) -> str:
    # A repository can hold a link to anywhere; what that says is not the name of a project.
    line = next(iter(_read(f"{marked}/{MARKER}", _LONGEST_LINE, follow=False).splitlines()), "")
    return _shown(line).strip()[:_LONGEST_NAME]


def _shown(name: str) -> str:
    """Return a name for people. A directory or a URL may hold a NUL, or an escape sequence."""
    return name if name.isprintable() else "".join(c for c in name if c.isprintable())


def _there(path: str) -> bool:
    """Does it exist? Impossible names and unreachable paths do not."""
    return os.path.exists(path)  # noqa: PTH110  pathlib raises if a directory is not readable


def _resolved(path: str) -> Path:
    """Return a path without symbolic links. One that no file can have is made one that it can."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # it has NULs, or half a character
        return Path(path.encode("utf-8", "replace").decode().replace("\0", "\ufffd"))


def _git_directory(top: Path) -> GitDirectory | None:
    """Return the git directory of a checkout, and that of all its worktrees.

    See gitrepository-layout(5).
    """
    git = f"{top}/.git"
    if os.path.isdir(git):  # noqa: PTH112  see `_there`
        own = _resolved(git)
        return GitDirectory(own, own)
    if not _there(git):
        return GitDirectory(top, top)  # a bare repository
    own = top
    for _ in range(_POINTERS):  # a worktree or submodule: `gitdir: <path>`
        pointer = _read(git)
        if not pointer.startswith("gitdir:"):
            return None
        beside = os.path.dirname(git)  # noqa: PTH120
        own = _resolved(os.path.join(beside, pointer.removeprefix("gitdir:").strip()))  # noqa: PTH118
        git = str(own)
        if not os.path.isfile(git):  # noqa: PTH113
            break
    common = _read(f"{own}/commondir").strip()
    if not common and own.parent.name == "worktrees":  # the repository was moved, or is gone
        common = "../.."
    if not common:
        return GitDirectory(own, _of_main_checkout(own))
    return GitDirectory(own, _resolved(os.path.join(own, common)))  # noqa: PTH118


def _of_main_checkout(own: Path) -> Path:
    """Return the directory that a submodule in a worktree has in the repository itself.

    git keeps it a second time, as `worktrees/<name>/modules/<path>`.
    """
    parts = own.parts
    if "worktrees" in parts[:-3]:
        at = len(parts) - 1 - parts[::-1].index("worktrees")
        same = Path(*parts[:at], *parts[at + 2 :])
        if parts[at + 2 : at + 3] == ("modules",) and same.is_dir():
            return same
    return own


def _read(path: str, longest: int = _LONGEST, *, follow: bool = True) -> str:
    try:
        return read_regular(path, longest, follow=follow).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
