"""Import past Claude Code and Codex sessions, and commit messages.

Name transcripts or directories, or pass --all for every session on this machine: ~/.claude/projects
(or $CLAUDE_CONFIG_DIR), ~/.codex/sessions and ~/.codex/archived_sessions (or $CODEX_HOME). The
newest are read first. Ctrl-C stops the progress display; the import continues in the background,
and running it twice is harmless. What iai has read stays, even after the host deletes its own copy.

--git stores the commit messages of a project for recall, except for merges, version bumps and the
like. They are not shown at session start.

--explain prints what would become of each line of a transcript, and stores nothing.

example: iai import --all --wait
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from typing import Any

import msgspec

from iai.admin import health
from iai.cli import import_progress, options
from iai.cli.import_progress import POLL_S, CommitsImported
from iai.cli.output import print_json
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, NoAnswer
from iai.hosts.turn import Skip
from iai.ingest.explain import explain
from iai.ingest.git_history import COMMITS
from iai.ingest.import_job import IGNORED
from iai.install import host_transcripts
from iai.model.printable import one_line
from iai.model.units import count, kinds
from iai.process.client import Client
from iai.protocol.cache_writer import Reason, Refresh, RefreshOutcome
from iai.protocol.ingest import ImportProgress
from iai.protocol.message import Actor

WHY: dict[str, str] = {  # by the reasons of `iai.hosts.turn.Skip`
    Skip.NOT_A_TURN: "about the session, nothing said or done",
    Skip.TOOL: "calls and results of tools without a text; what was done is kept as actions",
    Skip.META: "written by the host in the user's name",
    Skip.COMMAND: "commands of the host or a shell, and what they printed",
    Skip.EDITOR: "what an editor said about open files",
    Skip.HOOK: "what a hook printed",
    Skip.NOTICE: "from a background task or another agent, in the user's name",
    Skip.SIDECHAIN: "said by a sub-agent, or to it",
    Skip.SUMMARY: "a summary by which the host shortened the session",
    Skip.INJECTED: "our own text from the start of a session",
    Skip.SYNTHETIC: "an error message of the host in the assistant's name",
    Skip.PLACEHOLDER: "the host's placeholder for an empty message",
    Skip.NOT_RECORDED: "said or done after `iai:off`",
    Skip.REPEATED: "said elsewhere already: copied by a fork, or handed over from a queue",
    Skip.EMPTY: "without a text",
    Skip.BAD_JSON: "broken, not JSON",
    Skip.BAD_SHAPE: "JSON, but not as this host writes it",
    Skip.TOO_LONG: "too long to read",
    IGNORED: "of an ignored project, or of a session that is not recorded",
}


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="path", help="a transcript or a directory")
    parser.add_argument("--all", action="store_true", help="every session on this machine")
    parser.add_argument(
        "--git", nargs="?", const=".", metavar="DIRECTORY", help="a project's commits (default: .)"
    )
    parser.add_argument(
        "--limit",
        type=options.at_least_one,
        default=COMMITS,
        metavar="N",
        help="with --git: the latest N commits (default %(default)s)",
    )
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait until all of it is searchable and the session-start text is rewritten",
    )
    parser.add_argument(
        "--explain", metavar="FILE", help="print what becomes of each line of a transcript"
    )
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    if args.explain:
        return _explain(args.explain, json=args.json)
    if not (args.paths or args.all or args.git):
        raise BadUsage("name transcripts, or pass --all or --git")
    layout = Layout(settings.store)
    paths = tuple(os.path.abspath(path) for path in args.paths)  # noqa: PTH100  keeps symlinks
    if args.all:
        paths += tuple(map(str, host_transcripts.directories(os.environ)))
    began = time.monotonic()
    document: dict[str, Any] = {}
    with Client(layout) as client:
        client.require()
        progress = import_progress.transcripts(client, paths) if paths or args.all else None
        seconds = time.monotonic() - began
        commits = import_progress.commits(client, args.git, args.limit) if args.git else None
        if args.wait:
            _wait(client, layout, max(one.revision for one in (progress, commits) if one))
    if progress is not None:
        document |= _document(progress)
        if not args.json:
            _print_transcripts(progress, seconds)
    if commits is not None:
        document["git"] = msgspec.to_builtins(commits)
        if not args.json:
            _print_commits(commits)
    if args.json:
        document["seconds"] = round(time.monotonic() - began, 3)
        print_json(document)
    return 1 if progress is not None and progress.unreadable else 0


def _explain(path: str, *, json: bool) -> int:
    try:
        outcomes = explain(path)
        if json:
            print_json({"lines": [outcome._asdict() for outcome in outcomes]})
        else:
            for outcome in outcomes:
                print(f"{outcome.offset:>12}  {outcome.what:<12}  {one_line(outcome.about)}")
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror}") from error
    return 0


def _document(progress: ImportProgress) -> dict[str, Any]:
    names = (
        "files", "bytes", "turns_read", "records_added", "duplicates", "actions_added", "redacted",
        "skipped", "unreadable",
    )  # fmt: skip
    return {name: getattr(progress, name) for name in names}


def _wait(client: Client, layout: Layout, revision: int) -> None:
    """Wait until vectors and graph have caught up, then rewrite the session-start text."""
    total = 0
    with bar("indexing", total) as shown:
        while True:
            client.require()
            stages = health.measure(layout, time.time_ns()).stages
            behind = [stages[name] for name in ("vectors", "graph") if name in stages]
            left = max((stage.lag_records for stage in behind), default=revision)
            total = max(total, left)
            shown.reach(total - left, f"{count(left, 'change')} left", total)
            if behind and not any(stage.lag_records or stage.note for stage in behind):
                break
            time.sleep(POLL_S)
    while (written := _refresh(client)).reason == Reason.REFRESH_IN_PROGRESS:
        time.sleep(POLL_S)  # another rewrite, with all of it, is under way
    if written.outcome == "failed":
        raise NoAnswer(f"the session-start text could not be written: {written.detail}")


def _refresh(client: Client) -> RefreshOutcome:
    return client.call(Actor.CACHE_WRITER, Refresh(force=True), RefreshOutcome, 60.0)


def _print_commits(commits: CommitsImported) -> None:
    print(
        f"{commits.project} ({commits.root}): {commits.kept} of {count(commits.commits, 'commit')}"
        f" worth keeping, {commits.added} new"
    )


def _print_transcripts(progress: ImportProgress, seconds: float) -> None:
    print(
        f"{count(progress.files, 'file')}, {count(progress.turns_read, 'turn')} read,"
        f" {progress.records_added} new, {progress.duplicates} already known,"
        f" {count(progress.actions_added, 'action')} new,"
        f" in {seconds:.1f} s"
    )
    if progress.redacted:
        print(f"  redacted: {kinds(progress.redacted)}")
    for reason, number in sorted(progress.skipped.items(), key=lambda pair: -pair[1]):
        print(f"  left out: {count(number, 'line')}, {WHY.get(reason, reason)}")
    for problem in progress.unreadable:
        print(one_line(f"  not read: {problem}"), file=sys.stderr)
    if not progress.files and not progress.unreadable:
        print("  there is no transcript of a known host there", file=sys.stderr)
