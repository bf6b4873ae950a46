"""Which process writes and reads which files of a store. Each file has one writer.

A name that ends in `/` is a directory with all below it; `*` matches as in a shell. The README has
this table, the simulation holds every effect to it, and a test what real processes open.
"""

from fnmatch import fnmatchcase

from msgspec import Struct

from iai.protocol.message import Actor


class Access(Struct, frozen=True):
    """The files of one process, relative to the store."""

    writes: tuple[str, ...]
    reads: tuple[str, ...] = ()  # of those that others write
    outside: str = ""  # what it reads outside the store; "": nothing


ACCESS: dict[Actor, Access] = {
    Actor.SUPERVISOR: Access(
        writes=("run/group.lock", "run/command", "run/max-age"),
        reads=("run/*.beat", "config.toml", "crypto.json"),
    ),
    Actor.INGEST: Access(
        writes=(
            "records/",
            "backups/",
            "spool/",
            "session-start/news/",
            "session-start/given/",
            "ledger/*.hook.jsonl",
            "redaction/",
            "run/ingest.bell",
        ),
        reads=("team/", "crypto.json"),
        outside="transcripts, and git's files in checkouts",
    ),
    Actor.EMBEDDING: Access(
        writes=("vectors/",), reads=("records/", "index/", "models/", "crypto.json")
    ),
    Actor.GRAPH_CACHE: Access(writes=("index/",), reads=("records/", "vectors/", "crypto.json")),
    Actor.LIFECYCLE: Access(writes=("lifecycle.json",)),
    Actor.CACHE_WRITER: Access(
        writes=(
            ".session-start-payload.cached.md",
            ".session-start-payload.cached.meta.json",
            "session-start/*.md",
            "session-start/*.meta.json",
            "session-start/*.files",
            "session-start/*.claude",
            "session-start/by-cwd/",
            "run/status-line",
        ),
        reads=("records/", "index/", "crypto.json", "ledger/*.hook.jsonl"),
        outside="which branch a checkout is on, and transcripts that stay unread",
    ),
    Actor.REPLICATOR: Access(
        writes=("team/",),
        reads=("records/", "team.json", "crypto.json"),
        outside="the team's server, the only use of a network",
    ),
}


def own(actor: Actor) -> tuple[str, ...]:
    """Return the files that every process has for itself, and the log that all append to."""
    return (f"run/{actor}.*", f"ledger/*.{actor}.jsonl", "logs/group.log")


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Is a path, relative to the store, one of these files or below one of these directories?"""
    return any(
        f"{name}/".startswith(pattern) if pattern.endswith("/") else fnmatchcase(name, pattern)
        for pattern in patterns
    )


def may_write(actor: Actor, name: str) -> bool:
    """May this process write a path, relative to the store?"""
    return matches(name, ACCESS[actor].writes + own(actor))
