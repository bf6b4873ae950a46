"""List who changed a file, when, what for, and whether it was committed, the latest first.

A relative path starts at this directory. This project comes first, in all its checkouts;
the same path in other projects follows under a heading. Works whether or not iai is running.

example: iai file src/overlap.py --limit 5
"""

import os
import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from iai.cli import options
from iai.cli.output import print_json, show
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage
from iai.model.printable import one_line
from iai.model.units import ago, excerpt, when
from iai.projects.identity import identify
from iai.projects.lookup import project_id
from iai.recall.file_history import FileVisit, FileVisits, as_seen, change_line, find, history
from iai.recall.named_person import machines
from iai.recall.work_lines import commit_line
from iai.store.record_view import RecordView
from iai.store.records import view_of

LOOKS = (
    re.compile(r"^(?P<head>\d{4}-\S+ \S+ UTC) (?P<dim>\([^)]*\), [^:]*)"),
    re.compile(r"^    (?P<number>#\d+) "),
    re.compile(r"^    (?P<label>commit) "),
    re.compile(r"^(?P<head>## .*)"),
)
SHOWN = 200  # characters of each text


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("path", help="the file; it need not exist any more")
    options.add_project(parser)
    options.add_by(parser)
    options.add_limit(parser, 10)
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    if not args.path.strip():
        raise BadUsage("the path must not be empty")
    layout = Layout(settings.store)
    only = project_id(args.project, layout)
    with view_of(layout.records) as view:
        by = machines(args.by, view) if args.by else ()
        found = _found(view, args.path, only, by, args.limit)
        names = {project.id: project.name for project in view.projects()}
        seen = partial(as_seen, view)
        lines = [] if args.json else list(_lines(found, names, time.time_ns(), seen))
    if args.json:
        print_json({name: [_document(visit, names) for visit in visits]
                    for name, visits in msgspec.structs.asdict(found).items()})  # fmt: skip
        return 0
    show(lines or [f"nothing is known of {args.path}"], LOOKS)
    return 0


def _found(view: RecordView, path: str, only: str, by: tuple[str, ...], k: int) -> FileVisits:
    cwd = os.path.realpath(".")
    home = identify(cwd)
    own = view.belongs(home.id)
    if only and only != own:
        return FileVisits(tuple(islice(history(view, path, only, by), k)), ())
    found = find(view, path, cwd, home.root, own, k, by)
    return msgspec.structs.replace(found, elsewhere=()) if only else found


def _lines(
    found: FileVisits,
    names: dict[str, str],
    wall: int,
    as_seen: Callable[[FileVisit], FileVisit],
) -> Iterator[str]:
    for visit in found.here:
        yield from _visit(as_seen(visit), wall)
    if found.elsewhere:
        yield "## In other projects"
    for visit in found.elsewhere:
        yield from _visit(as_seen(visit), wall, names.get(visit.project, "-"))


def _visit(visit: FileVisit, wall: int, project: str = "") -> Iterator[str]:
    about = (project, visit.host, visit.by, visit.branch and f"branch {visit.branch}")
    where = ", ".join(part for part in about if part)
    yield one_line(f"{when(visit.at)} ({ago(visit.at, wall)}), {where}: {change_line(visit)}")
    if visit.request is not None:
        yield f"    #{visit.request.label} {excerpt(visit.request.text, SHOWN)}"
    yield from (f"    commit {commit_line(action)}" for action in visit.commits)


def _document(visit: FileVisit, names: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(visit)
    return {**document, "project_name": names.get(visit.project, "")}
