"""How the past gets in: transcripts and commits, with a progress bar, and the offer to do so."""

import os
import sys
import time
from pathlib import Path
from typing import Never

from msgspec import Struct
from tqdm import tqdm

from iai.config.layout import Layout
from iai.errors import IaiError
from iai.ingest import git_history
from iai.install import histories
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
from iai.store.records import Records

LOOK_S = 0.05
BATCH = 200  # commits: a message of some hundred kilobytes
GOES_ON = (
    "\nthe group goes on reading. The same command again shows how far it is; after `iai down` it"
    " reads what is left"
)


class Seeded(Struct, frozen=True, kw_only=True):
    """What came of a project's git history."""

    project: str
    root: str
    commits: int  # that were looked at
    kept: int  # that say something
    added: int
    revision: int


def transcripts(client: Client, paths: tuple[str, ...]) -> ImportProgress:
    """Have the group read transcripts, and wait for it. Ctrl-C ends only the waiting."""
    progress = client.call(Actor.INGEST, Import(paths=paths), ImportProgress, 60.0)
    request = ImportStatus(job=progress.job)
    with _bar(progress.bytes, "B") as bar:
        try:
            while not progress.done:
                time.sleep(LOOK_S)
                progress = client.call(Actor.INGEST, request, ImportProgress)
                bar.set_postfix(files=progress.files_done, records=progress.records_added)
                bar.update(progress.bytes_done - bar.n)
        except KeyboardInterrupt:
            bar.close()
            print(GOES_ON, file=sys.stderr)
            raise
    return progress


def commits(client: Client, path: str, limit: int) -> Seeded:
    """Keep what the last commits of a project say.

    Raises BadUsage if the directory is in no repository.
    """
    project = identify(os.path.abspath(path))  # noqa: PTH100  symlinks are for identify
    logged = git_history.commits(Path(project.root), limit)
    turns = list(git_history.turns(logged, project))
    added = revision = 0
    with _bar(len(turns), " commits") as bar:
        for start in range(0, len(turns), BATCH):
            batch = tuple(turns[start : start + BATCH])
            answer = client.call(Actor.INGEST, Capture(turns=batch), Captured, 60.0)
            added, revision = added + answer.added, answer.revision
            bar.update(len(batch))
    return Seeded(
        project=project.name,
        root=project.root,
        commits=len(logged),
        kept=len(turns),
        added=added,
        revision=revision,
    )


def offer(layout: Layout) -> None:
    """Say what could be read, if nothing is kept yet. On a terminal, ask whether to do it now."""
    found = histories.measure(os.environ) if _empty(layout) else None
    if found is None or not found.files:
        return
    what = f"{count(found.files, 'transcript')} of earlier sessions ({size(found.bytes)})"
    if not (sys.stdin.isatty() and sys.stdout.isatty() and lock.held(layout.lease)):
        print(f"{what} can be read, too: iai import --all")
    elif input(f"{what} can be read, too. Now? [y/N] ").strip().lower() in ("y", "yes"):
        with Client(layout) as client:
            progress = transcripts(client, tuple(map(str, histories.directories(os.environ))))
        print(f"{count(progress.records_added, 'turn')} kept")


def _empty(layout: Layout) -> bool:
    """Is nothing kept yet? What cannot be looked at is somebody else's to tell."""
    try:
        records = Records(layout.records)
    except IaiError:
        return not layout.records.exists()
    with records.view() as view:
        kept = view.watermark().records_count
    records.close()
    return not kept


def _bar(total: int, unit: str) -> "tqdm[Never]":
    return tqdm(total=total, unit=unit, unit_scale=unit == "B", disable=not sys.stderr.isatty())
