"""Where each thing lies below the store directory. Every path of the project is made here."""

import hashlib
import os
import stat
from pathlib import Path
from urllib.parse import quote

from iai.errors import StoreError
from iai.protocol.message import Actor

LONGEST_SOCKET_PATH = 100  # bytes; sun_path is 104 on macOS and 108 on Linux, NUL included


class Layout:
    """The paths of one store. Making one touches no disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.records = root / "records"
        self.vectors = root / "vectors"
        self.index = root / "index"
        self.lexical = root / "index" / "lexical"
        self.models = root / "models"
        self.spool_new = root / "spool" / "new"
        self.spool_tmp = root / "spool" / "tmp"
        self.spool_bad = root / "spool" / "bad"
        self.session_start = root / "session-start"
        self.by_cwd = root / "session-start" / "by-cwd"
        self.deliveries = root / "session-start" / "given"
        self.news = root / "session-start" / "news"
        self.payload = root / ".session-start-payload.cached.md"
        self.lifecycle = root / "lifecycle.json"
        self.config = root / "config.toml"
        self.backups = root / "backups"
        self.ledger = root / "ledger"
        self.logs = root / "logs"
        self.group_log = root / "logs" / "group.log"
        self.recall_log = root / "logs" / "recall-hook.log"
        self.hooks = root / "hooks"
        self.run = root / "run"
        self.lease = root / "run" / "group.lock"
        self.command = root / "run" / "command"
        self.max_age = root / "run" / "max-age"
        self.bell = root / "run" / "ingest.bell"

    def project_payload(self, project_id: str) -> Path:
        """Payload of one project; `project_id` is hexadecimal."""
        return self.session_start / f"{project_id}.md"

    def project_news(self, project_id: str) -> Path:
        """File with the revision that its payload must hold (`iai.freshness.required_revision`)."""
        return self.news / project_id

    def payload_link(self, cwd: str) -> Path | None:
        """Link by which the hook finds the payload of a working directory.

        The name is the percent-encoded path: the hook can make it without starting a process, and
        no two directories share one. None where the name would be longer than file systems allow;
        the hook then composes live.
        """
        return self._by_cwd(cwd, ".md")

    def news_link(self, cwd: str) -> Path | None:
        """Link by which the hook finds the news of a working directory. See `payload_link`."""
        return self._by_cwd(cwd, ".news")

    def _by_cwd(self, cwd: str, suffix: str) -> Path | None:
        name = quote(cwd, safe="") + suffix
        return self.by_cwd / name if len(name) <= os.pathconf("/", "PC_NAME_MAX") else None

    def beat(self, actor: Actor) -> Path:
        """File through which an actor shows that its loop is getting on."""
        return self.run / f"{actor}.beat"

    def lock(self, actor: Actor) -> Path:
        """File that the one process of this actor holds locked."""
        return self.run / f"{actor}.lock"

    @property
    def digest(self) -> str:
        """Short name of the store for where its path is too long."""
        return hashlib.blake2b(os.fsencode(self.root), digest_size=8).hexdigest()

    @property
    def sockets(self) -> Path:
        """Directory of the sockets: `run/`, or a short one where that path is too long for ipc."""
        longest = max(len(os.fsencode(self.run / f"{actor}.sock")) for actor in Actor)
        if longest <= LONGEST_SOCKET_PATH:
            return self.run
        return Path("/tmp") / f"iai-{os.getuid()}-{self.digest}"  # noqa: S108  checked in `private`

    def inbox(self, actor: Actor) -> str:
        """Address of an actor's ROUTER socket."""
        return f"ipc://{self.sockets / actor}.sock"

    def feed(self, actor: Actor) -> str:
        """Address of an actor's PUB socket."""
        return f"ipc://{self.sockets / actor}.pub"

    def owned(self, actor: Actor) -> Path | None:
        """Environment that only this actor writes."""
        return {
            Actor.INGEST: self.records,
            Actor.EMBEDDING: self.vectors,
            Actor.GRAPH_CACHE: self.index,
        }.get(actor)

    def create(self) -> None:
        """Make the directories that more than one process needs, each for its user alone."""
        if self.root.is_dir() and any(self.root.iterdir()) and not self.run.exists():
            known = {"spool", "logs", "hooks", "ledger", "session-start", "config.toml", "service"}
            theirs = {entry.name for entry in self.root.iterdir()} <= known
            if not theirs:  # what there may be before the group ever ran
                raise StoreError(
                    f"{self.root} holds other things and is no iai store;"
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


def private(directory: Path) -> None:
    """Make a directory that only its user can enter, and refuse one that somebody else owns.

    Raises StoreError if it cannot be made or belongs to another user.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
        if found.st_uid != os.getuid():
            raise StoreError(f"{directory} belongs to another user (uid {found.st_uid})")
        if stat.S_IMODE(found.st_mode) & 0o077:
            directory.chmod(0o700)
    except OSError as error:
        raise StoreError(f"cannot use {directory}: {error.strerror}; check its owner") from error
