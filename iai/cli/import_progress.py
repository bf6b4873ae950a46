"""Importing transcripts and commits with a progress bar, and offering to do so."""

import os
import sys
import time
from pathlib import Path

from msgspec import Struct

from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.errors import IaiError
from iai.ingest import git_history
from iai.install import host_transcripts
from iai.model.units import count, size
from iai.process import lock
from iai.process.client import Client
from iai.projects.identity import identify
from iai.protocol.ingest import (
    Capture,
    Captured,
    Import,
    ImportProgress,
    ImportStatus,
)
from iai.protocol.message import Actor
from iai.store.records import view_of

POLL_S = 0.05
BATCH = 200  # commits per message, some hundred kilobytes
CONTINUES = (
    "\nthe import continues in the background. Run the same command again to see its progress, or"
    " to resume it after `iai down`"
)


class CommitsImported(Struct, frozen=True, kw_only=True):
    """The outcome of importing a project's commits."""

    project: str
    root: str
    commits: int  # read
    kept: int  # worth keeping
    added: int
    revision: int


def transcripts(client: Client, paths: tuple[str, ...]) -> ImportProgress:
    """Import transcripts and wait. Ctrl-C stops only the progress display."""
    progress = client.call(Actor.INGEST, Import(paths=paths), ImportProgress, 60.0)
    request = ImportStatus(job=progress.job)
    try:
        with bar("importing", progress.bytes) as shown:
            while not progress.done:
                time.sleep(POLL_S)
                progress = client.call(Actor.INGEST, request, ImportProgress)
                files = f"{progress.files_done} of {count(progress.files, 'file')}"
                added = f"{count(progress.records_added, 'record')} new"
                shown.reach(progress.bytes_done, f"{files}, {added}")
    except KeyboardInterrupt:
        print(CONTINUES, file=sys.stderr)
        raise
    return progress


def commits(client: Client, path: str, limit: int) -> CommitsImported:
    """Store the latest commit messages of a project.

    Raises BadUsage if the directory is not in a repository.
    """
    project = identify(os.path.abspath(path))  # noqa: PTH100  `identify` resolves symlinks
    logged = git_history.commits(Path(project.root), limit)
    turns = list(git_history.turns(logged, project))
    added = revision = 0
    with bar("storing commits", len(turns)) as shown:
        for start in range(0, len(turns), BATCH):
            batch = tuple(turns[start : start + BATCH])
            answer = client.call(Actor.INGEST, Capture(turns=batch), Captured, 60.0)
            added, revision = added + answer.added, answer.revision
            shown.reach(start + len(batch))
    return CommitsImported(
        project=project.name,
        root=project.root,
        commits=len(logged),
        kept=len(turns),
        added=added,
        revision=revision,
    )


def offer(layout: Layout) -> None:
    """If the store is empty, mention past sessions. On a terminal, offer to import them now."""
    found = host_transcripts.measure(os.environ) if _empty(layout) else None
    if found is None or not found.files:
        return
    what = f"{count(found.files, 'past session')} ({size(found.bytes)})"
    if not (sys.stdin.isatty() and sys.stdout.isatty() and lock.held(layout.lease)):
        print(f"found {what}; `iai import --all` imports them")
    elif input(f"found {what}. Import them now? [y/N] ").strip().lower() in ("y", "yes"):
        with Client(layout) as client:
            progress = transcripts(
                client, tuple(map(str, host_transcripts.directories(os.environ)))
            )
        print(f"imported {count(progress.records_added, 'turn')}")


def _empty(layout: Layout) -> bool:
    """Is the store empty? One that cannot be read counts as not empty; others report why."""
    try:
        with view_of(layout.records) as view:
            return not view.watermark().records_count
    except IaiError:
        return not layout.records.exists()
