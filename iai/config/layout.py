"""The path of every file in the store."""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from iai.config.permissions import secure
from iai.errors import StoreError
from iai.protocol.message import Actor

LONGEST_SOCKET_PATH = 100  # bytes; sun_path is 104 on macOS and 108 on Linux, NUL included


class _Below:
    """A path below the root of a layout. Each is made when it is first asked for, few of many.

    Then it is kept: pathlib interns the parts of every path that it parses, and CPython's table of
    interned strings is made anew, of twice the size, once it has seen enough that were dropped.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __set_name__(self, _: type, attribute: str) -> None:
        self._attribute = attribute

    def __get__(self, layout: "Layout", _: type) -> Path:
        path = layout.root / self._name
        layout.__dict__[self._attribute] = path  # is found before this descriptor from now on
        return path


class Layout:
    """The paths of one store. Creating a layout touches no disk."""

    records = _Below("records")
    vectors = _Below("vectors")
    index = _Below("index")
    lexical = _Below("index/lexical")
    models = _Below("models")
    spool_new = _Below("spool/new")
    spool_tmp = _Below("spool/tmp")
    spool_bad = _Below("spool/bad")
    session_start = _Below("session-start")
    by_cwd = _Below("session-start/by-cwd")
    deliveries = _Below("session-start/given")
    news = _Below("session-start/news")
    payload = _Below(".session-start-payload.cached.md")
    team = _Below("team")
    team_file = _Below("team.json")
    lifecycle = _Below("lifecycle.json")
    config = _Below("config.toml")
    crypto = _Below("crypto.json")
    backups = _Below("backups")
    ledger = _Below("ledger")
    logs = _Below("logs")
    group_log = _Below("logs/group.log")
    recall_log = _Below("logs/recall-hook.log")
    hooks = _Below("hooks")
    status_line_script = _Below("hooks/iai-mcp-status-line.sh")
    redaction = _Below("redaction")
    redaction_key = _Below("redaction/key")
    redaction_rules = _Below("redaction/rules")
    run = _Below("run")
    lease = _Below("run/group.lock")
    command = _Below("run/command")
    max_age = _Below("run/max-age")
    status_line = _Below("run/status-line")
    wakeup_pipe = _Below("run/ingest.bell")

    def __init__(self, root: Path) -> None:
        self.root = root

    def project_payload(self, project_id: str) -> Path:
        """Return the payload of a project; `project_id` is hexadecimal."""
        return self.session_start / f"{project_id}.md"

    def checkout_payload(self, project_id: str, top: str) -> Path:
        """Return the payload of a project for one of its checkouts, which are known by their top.

        That is for those besides the main one.
        """
        digest = hashlib.blake2b(os.fsencode(top), digest_size=4).hexdigest()
        return self.session_start / f"{project_id}-{digest}.md"

    def project_files(self, project_id: str) -> Path:
        """Return the notes on the files of a project: see `iai.payload.file_notes`."""
        return self.session_start / f"{project_id}.files"

    def project_news(self, project_id: str) -> Path:
        """Return the file with the revision that a project's payload must hold.

        See `iai.freshness.required_revision`.
        """
        return self.news / project_id

    def payload_link(self, cwd: str) -> Path | None:
        """Return the link by which the hook finds the payload of a working directory.

        Its name is the percent-encoded path: the hook can build it without a process, and no two
        directories share one. None if the name is too long for the file system; then the hook has
        the payload composed live.
        """
        return self._by_cwd(cwd, ".md")

    def shown_link(self, cwd: str) -> Path | None:
        """Return the link by which the hook finds it with the line for the person."""
        return self._by_cwd(cwd, ".claude")

    def news_link(self, cwd: str) -> Path | None:
        """Return the link by which the hook finds the `project_news` of a working directory."""
        return self._by_cwd(cwd, ".news")

    def files_link(self, top: str) -> Path | None:
        """Return the link by which the hook finds the `project_files` of a checkout."""
        return self._by_cwd(top, ".files")

    def _by_cwd(self, cwd: str, suffix: str) -> Path | None:
        name = quote(cwd, safe="") + suffix
        return self.by_cwd / name if len(name) <= os.pathconf("/", "PC_NAME_MAX") else None

    def heartbeat(self, actor: Actor) -> Path:
        """Return the heartbeat file of an actor."""
        return self.run / f"{actor}.beat"

    def lock(self, actor: Actor) -> Path:
        """Return the file that the process of an actor keeps locked."""
        return self.run / f"{actor}.lock"

    @property
    def digest(self) -> str:
        """A short name for the store, where its path is too long."""
        return hashlib.blake2b(os.fsencode(self.root), digest_size=8).hexdigest()

    @property
    def sockets(self) -> Path:
        """The directory of the sockets: `run/`, or a short one if that is too long for ipc."""
        longest = max(len(os.fsencode(self.run / f"{actor}.sock")) for actor in Actor)
        if longest <= LONGEST_SOCKET_PATH:
            return self.run
        return Path("/tmp") / f"iai-{os.getuid()}-{self.digest}"  # noqa: S108  checked in `private`

    def inbox(self, actor: Actor) -> str:
        """Return the address of an actor's ROUTER socket."""
        return f"ipc://{self.sockets / actor}.sock"

    def feed(self, actor: Actor) -> str:
        """Return the address of an actor's PUB socket."""
        return f"ipc://{self.sockets / actor}.pub"

    def owned(self, actor: Actor) -> Path | None:
        """Return the LMDB environment of an actor; None if it has none."""
        return {
            Actor.INGEST: self.records,
            Actor.EMBEDDING: self.vectors,
            Actor.GRAPH_CACHE: self.index,
            Actor.REPLICATOR: self.team,
        }.get(actor)

    @property
    def replaced_in(self) -> tuple[Path, ...]:
        """The directories in which actors replace files."""
        shown = (self.session_start, self.by_cwd, self.news)
        kept = (self.spool_new, self.spool_bad, self.redaction)
        return self.root, self.run, *shown, *kept

    @property
    def directories(self) -> tuple[Path, ...]:
        """The directories that the processes of iai make as they need them."""
        environments = (self.records, self.vectors, self.index, self.team)
        spool = (self.spool_new.parent, self.spool_new, self.spool_tmp, self.spool_bad)
        shown = (self.session_start, self.by_cwd, self.deliveries, self.news)
        kept = (self.backups, self.redaction, self.ledger, self.logs, self.hooks, self.run)
        return *environments, *spool, *shown, *kept

    @property
    def files(self) -> tuple[Path, ...]:
        """The files without which a process cannot do its work, if they cannot be written."""
        environments = (self.records, self.vectors, self.index, self.team)
        single = (self.payload, self.lifecycle, self.config, self.crypto, self.team_file)
        return *(path / "data.mdb" for path in environments), *single, self.redaction_key

    def create(self) -> None:
        """Create the directories that several processes share, with mode 0700.

        Raises StoreError if the directory holds other files and is not a store, or something in it
        is not its user's alone: see `iai.config.permissions`.
        """
        if self.root.is_dir() and any(self.root.iterdir()) and not self.run.exists():
            known = {"spool", "logs", "hooks", "ledger", "session-start", "config.toml", "service"}
            theirs = {entry.name for entry in self.root.iterdir()} <= known
            if not theirs:  # `known` can exist before the group first runs
                raise StoreError(
                    f"{self.root} has other files in it and is not an iai store;"
                    " point IAI_MCP_STORE at a new or empty directory"
                )
        for directory in (
            self.root,
            self.run,
            self.logs,
            self.spool_tmp.parent,
            self.spool_tmp,
            self.spool_new,
        ):
            private(directory)
        secure(self.root)

    def create_sockets(self) -> None:
        """Create the directory of the sockets, with mode 0700.

        Raises StoreError if it is not ours: outside the store, anybody could have created it.
        """
        self.check_sockets()
        private(self.sockets)

    def check_sockets(self) -> None:
        """Raise StoreError if the directory of the sockets is another user's, or a link.

        Whoever owns it can answer there in the group's name, and is told what is asked.
        """
        with suppress(FileNotFoundError):
            found = self.sockets.lstat()
            if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
                todo = "" if self.sockets == self.run else "; delete it"
                raise StoreError(f"{self.sockets} is not a directory of yours{todo}")


def private(directory: Path) -> None:
    """Create a directory with mode 0700, or restrict an existing one to it.

    Raises StoreError if that fails, or the directory belongs to another user.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
        if found.st_uid != os.getuid():
            raise StoreError(f"{directory} belongs to another user (uid {found.st_uid})")
        if stat.S_IMODE(found.st_mode) & 0o077:
            directory.chmod(0o700)
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreError(f"{directory} is not a directory: move it away") from error
    except OSError as error:
        raise StoreError(f"cannot use {directory}: {error.strerror}; check its owner") from error
