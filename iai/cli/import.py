"""Read whole transcripts of Claude Code and Codex: files, or directories with all below them.

What was read before is not read again, so it can be interrupted and repeated.

example: iai import ~/.claude/projects --wait
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace

from tqdm import tqdm

from iai import health
from iai.cli.output import as_json
from iai.client import Client
from iai.errors import NoAnswer
from iai.layout import Layout
from iai.messages import Actor, Import, ImportProgress, ImportStatus, Refresh, RefreshOutcome
from iai.settings import Settings

LOOK_S = 0.05


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="path", help="a transcript, or a directory")
    parser.add_argument("--wait", action="store_true", help="until every stage has caught up")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    paths = tuple(os.path.abspath(path) for path in args.paths)  # noqa: PTH100  keeps symlinks
    began = time.monotonic()
    with Client(layout) as client:
        progress = _read(client, paths)
        if args.wait:
            _wait(client, layout, progress.revision)
    seconds = time.monotonic() - began
    if args.json:
        as_json(
            {
                "files": progress.files,
                "turns_read": progress.turns_read,
                "records_added": progress.records_added,
                "duplicates": progress.duplicates,
                "skipped": progress.skipped,
                "unreadable": progress.unreadable,
                "seconds": round(seconds, 3),
            }
        )
    else:
        _print(progress, seconds)
    return 1 if progress.unreadable else 0


def _read(client: Client, paths: tuple[str, ...]) -> ImportProgress:
    progress = client.call(Actor.INGEST, Import(paths=paths), ImportProgress, 60.0)
    with tqdm(
        total=progress.bytes, unit="B", unit_scale=True, disable=not sys.stderr.isatty()
    ) as bar:
        while not progress.done:
            time.sleep(LOOK_S)
            request = ImportStatus(job=progress.job)
            progress = client.call(Actor.INGEST, request, ImportProgress)
            bar.set_postfix(files=progress.files_done, records=progress.records_added)
            bar.update(progress.bytes_done - bar.n)
    return progress


def _wait(client: Client, layout: Layout, revision: int) -> None:
    """Wait until vectors and graph have caught up, then have the payload written."""
    total = None
    with tqdm(unit="", disable=not sys.stderr.isatty(), desc="indexing") as bar:
        while True:
            client.require()
            stages = health.look(layout, time.time_ns()).stages
            behind = [stages[name] for name in ("vectors", "graph") if name in stages]
            left = max((stage.lag_records for stage in behind), default=revision)
            total = total or left
            bar.total = total
            bar.update(max(0, total - left - bar.n))
            if behind and not any(stage.lag_records or stage.note for stage in behind):
                break
            time.sleep(LOOK_S)
    written = client.call(Actor.CACHE_WRITER, Refresh(force=True), RefreshOutcome, 60.0)
    if written.outcome == "failed":
        raise NoAnswer(f"the payload could not be written: {written.detail}")


def _print(progress: ImportProgress, seconds: float) -> None:
    print(
        f"{progress.files} files, {progress.turns_read} turns read, {progress.records_added} new,"
        f" {progress.duplicates} known already, in {seconds:.1f} s"
    )
    for reason, count in sorted(progress.skipped.items()):
        print(f"  {count} lines skipped: {reason}")
    for problem in progress.unreadable:
        print(f"  not read: {problem}", file=sys.stderr)
