"""Export everything that was said and done as JSON lines or Markdown.

A JSON line is a record, or has the key `session_info` or `action`. Works whether or not iai is
running.

Writes to standard output, or one file per project with --out.

example: iai export --format markdown --out ~/iai-export
"""

import os
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import msgspec

from iai.cli import options
from iai.cli.output import json_text
from iai.cli.progress import Bar, bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreError
from iai.model.exchange import Exchange
from iai.model.printable import one_line
from iai.model.record import Project, Record
from iai.model.session import SessionInfo
from iai.model.units import when
from iai.projects.lookup import project_id
from iai.recall.conversation import of_session
from iai.recall.work_lines import work_lines
from iai.store.record_view import RecordView
from iai.store.records import Records

_ENDINGS = {"jsonl": "jsonl", "markdown": "md"}
_NAME = 60  # characters of a project's name in that of its file


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=tuple(_ENDINGS), default="jsonl", help="default: jsonl")
    options.add_project(parser)
    parser.add_argument(
        "--out", default="-", metavar="DIR", help="write one file per project to this directory"
    )


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    if layout.crypto.exists() and args.out != "-":
        warning = f"warning: what is written to {args.out} is not encrypted"
        print(warning, file=sys.stderr)
    wanted = project_id(args.project, layout)
    records = Records(layout.records)
    write = _jsonl if args.format == "jsonl" else _markdown
    try:
        with records.view() as view:
            projects = view.active()
        chosen = [project for project in projects if wanted in ("", project.id)]
        with _bar(args.out, len(chosen)) as shown:
            for number, project in enumerate(chosen, 1):
                with records.view() as view, _output(args.out, project, args.format) as out:
                    write(view, project, out)
                shown.reach(number, project.name)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise StoreError(f"{args.out} cannot be written: {error.strerror}") from error
    finally:
        records.close()
    return 0


def _bar(out: str, total: int) -> AbstractContextManager[Bar]:
    """Show progress, unless what is exported is printed."""
    return nullcontext(Bar()) if out == "-" else bar("exporting", total)


@contextmanager
def _output(out: str, project: Project, form: str) -> Iterator[TextIO]:
    if out == "-":
        yield sys.stdout
        return
    directory = Path(out)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in project.name)[:_NAME]
    path = directory / f"{name}-{project.id[:8]}.{_ENDINGS[form]}"
    path.unlink(missing_ok=True)  # a link to elsewhere, perhaps, or a file that others can read
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield file
    print(path)


def _jsonl(view: RecordView, project: Project, out: TextIO) -> None:
    """Print a line for each record, then for each session, then for each action of it."""
    for record in view.project(project.id):
        _line(project, msgspec.to_builtins(record), out)
    for session in view.sessions(project.id):
        info = view.session_info(session)
        if info is not None:
            _line(project, {"session_info": msgspec.to_builtins(info)}, out)
        for exchange in _exchanges(view, session, project):
            turn = exchange.turns[0]
            whose = {"host": turn.host, "session": turn.session}
            for action in exchange.actions:
                _line(project, {**whose, "action": msgspec.to_builtins(action)}, out)


def _line(project: Project, document: dict[str, Any], out: TextIO) -> None:
    print(json_text({"project_name": project.name, **document}), file=out)


def _markdown(view: RecordView, project: Project, out: TextIO) -> None:
    print(f"# {one_line(project.name)}\n\n{one_line(project.root)}\n", file=out)
    facts = list(view.facts(project.id))
    if facts:
        print("## Noted\n", file=out)
    for record in facts:
        print(_said(record), file=out)
    for session in view.sessions(project.id):
        info = view.session_info(session)
        for number, exchange in enumerate(_exchanges(view, session, project)):
            turns = [turn for turn in exchange.turns if turn.project == project.id]
            if not number:
                print(_heading(turns[0], info), file=out)
            for turn in turns:
                if turn is exchange.answer:
                    print(_done(exchange, project), end="", file=out)
                print(_said(turn), file=out)
            if exchange.answer is None:
                print(_done(exchange, project), end="", file=out)


def _exchanges(view: RecordView, session: bytes, project: Project) -> Iterator[Exchange]:
    """Yield the exchanges of a session that began in a project."""
    for exchange in of_session(view, session):
        if exchange.turns and exchange.turns[0].project == project.id:
            yield exchange


def _heading(first: Record, info: SessionInfo | None) -> str:
    branch = f", branch {info.branch}" if info and info.branch else ""
    session = f"{first.host} session {first.session}{branch}"
    return one_line(f"## {when(first.created_at)}, {session}") + "\n"


def _done(exchange: Exchange, project: Project) -> str:
    """Return what was done in an exchange, as a block of its own."""
    lines = list(work_lines(exchange.actions, [project.root, *project.cwds]))
    fence = max((run for line in lines for run in re.findall("`{3,}", line)), key=len, default="``")
    return "\n".join([f"{fence}`", *lines, f"{fence}`\n\n"]) if lines else ""


def _said(record: Record) -> str:
    marks = "".join(f", {mark}" for mark in (*["pinned"][: record.is_pinned], *record.marks))
    text = "\n".join(f"> {line}".rstrip() for line in record.text.splitlines())
    return f"**{record.role}**, {when(record.created_at)} (#{record.label}{marks})\n\n{text}\n"
