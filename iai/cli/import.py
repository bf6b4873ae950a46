"""Read what was said before: whole transcripts of Claude Code and Codex, and commits.

Give files, or directories with all below them; or --all for every history on this machine: below
~/.claude/projects ($CLAUDE_CONFIG_DIR is heeded), ~/.codex/sessions and ~/.codex/archived_sessions
($CODEX_HOME). The latest go first. What was read before is not read again, so it can be repeated;
and what a host deletes later stays. The group does the reading: Ctrl-C ends the waiting for it.

--git keeps what the commits of a project say, each as a record to be found by recall. Merges,
version bumps and the like are left out. It is not shown at the start of a session.

--explain prints what would become of each line of a transcript, and keeps nothing.

example: iai import --all --wait
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from typing import Any

import msgspec
from tqdm import tqdm

from iai.admin import health
from iai.cli import import_progress
from iai.cli.import_progress import LOOK_S, Seeded
from iai.cli.output import as_json
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, NoAnswer
from iai.ingest.explain import explain
from iai.ingest.git_history import COMMITS
from iai.install import histories
from iai.process.client import Client
from iai.protocol.cache_writer import Reason, Refresh, RefreshOutcome
from iai.protocol.ingest import ImportProgress
from iai.protocol.message import Actor


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="path", help="a transcript, or a directory")
    parser.add_argument("--all", action="store_true", help="every history on this machine")
    parser.add_argument(
        "--git", nargs="?", const=".", metavar="DIRECTORY", help="a project's commits (default: .)"
    )
    parser.add_argument(
        "--commits",
        type=int,
        default=COMMITS,
        metavar="N",
        help="with --git: how many at most, the latest (default %(default)s)",
    )
    parser.add_argument(
        "--explain", metavar="FILE", help="print what becomes of each line of a transcript"
    )
    parser.add_argument("--wait", action="store_true", help="until every stage has caught up")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    if args.explain:
        return _explain(args.explain, json=args.json)
    if not (args.paths or args.all or args.git) or args.commits < 1:
        raise BadUsage("name transcripts, or give --all or --git; --commits is at least 1")
    layout = Layout(settings.store)
    paths = tuple(os.path.abspath(path) for path in args.paths)  # noqa: PTH100  keeps symlinks
    if args.all:
        paths += tuple(map(str, histories.directories(os.environ)))
    began = time.monotonic()
    document: dict[str, Any] = {}
    with Client(layout) as client:
        client.require()
        progress = import_progress.transcripts(client, paths) if paths or args.all else None
        seconds = time.monotonic() - began
        seeded = import_progress.commits(client, args.git, args.commits) if args.git else None
        if args.wait:
            _wait(client, layout, max(one.revision for one in (progress, seeded) if one))
    if progress is not None:
        document |= _document(progress)
        if not args.json:
            _print(progress, seconds)
    if seeded is not None:
        document["git"] = msgspec.to_builtins(seeded)
        if not args.json:
            _print_seeded(seeded)
    if args.json:
        document["seconds"] = round(time.monotonic() - began, 3)
        as_json(document)
    return 1 if progress is not None and progress.unreadable else 0


def _explain(path: str, *, json: bool) -> int:
    try:
        outcomes = explain(path)
        if json:
            as_json({"lines": [outcome._asdict() for outcome in outcomes]})
        else:
            for outcome in outcomes:
                print(f"{outcome.offset:>12}  {outcome.what:<12}  {outcome.about}")
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror}") from error
    return 0


def _document(progress: ImportProgress) -> dict[str, Any]:
    names = ("files", "bytes", "turns_read", "records_added", "duplicates", "skipped", "unreadable")
    return {name: getattr(progress, name) for name in names}


def _wait(client: Client, layout: Layout, revision: int) -> None:
    """Wait until vectors and graph have caught up, then have the payload written."""
    total = None
    with tqdm(unit="", disable=not sys.stderr.isatty(), desc="indexing") as bar:
        while True:
            client.require()
            stages = health.measure(layout, time.time_ns()).stages
            behind = [stages[name] for name in ("vectors", "graph") if name in stages]
            left = max((stage.lag_records for stage in behind), default=revision)
            total = total or left
            bar.total = total
            bar.update(max(0, total - left - bar.n))
            if behind and not any(stage.lag_records or stage.note for stage in behind):
                break
            time.sleep(LOOK_S)
    while (written := _refresh(client)).reason == Reason.REFRESH_IN_PROGRESS:
        time.sleep(LOOK_S)  # one that holds all of it is being written, but is not there yet
    if written.outcome == "failed":
        raise NoAnswer(f"the payload could not be written: {written.detail}")


def _refresh(client: Client) -> RefreshOutcome:
    return client.call(Actor.CACHE_WRITER, Refresh(force=True), RefreshOutcome, 60.0)


def _print_seeded(seeded: Seeded) -> None:
    print(
        f"{seeded.kept} of {seeded.commits} commits of {seeded.project} ({seeded.root}) say"
        f" something, {seeded.added} new"
    )


def _print(progress: ImportProgress, seconds: float) -> None:
    print(
        f"{progress.files} files, {progress.turns_read} turns read, {progress.records_added} new,"
        f" {progress.duplicates} known already, in {seconds:.1f} s"
    )
    for reason, count in sorted(progress.skipped.items()):
        print(f"  {count} lines skipped: {reason}")
    for problem in progress.unreadable:
        print(f"  not read: {problem}", file=sys.stderr)
