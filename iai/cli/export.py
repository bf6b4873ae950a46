"""Export all records as JSON lines or Markdown, whether or not iai is running.

Writes to standard output, or one file per project with --out.

example: iai export --format markdown --out ~/iai-export
"""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreError
from iai.model.record import Project, Record
from iai.model.units import when
from iai.projects.lookup import project_id
from iai.store.record_view import RecordView
from iai.store.records import Records

_ENDINGS = {"jsonl": "jsonl", "markdown": "md"}
_NAME = 60  # characters of a project's name in that of its file


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=tuple(_ENDINGS), default="jsonl")
    parser.add_argument("--project", default="", help="only this project: a path, a name or an id")
    parser.add_argument(
        "--out", default="-", metavar="DIR", help="write one file per project to this directory"
    )


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    wanted = project_id(args.project, layout)
    records = Records(layout.records)
    write = _jsonl if args.format == "jsonl" else _markdown
    try:
        with records.view() as view:
            projects = view.active()
        for project in projects:
            if wanted in ("", project.id):
                with records.view() as view, _output(args.out, project, args.format) as out:
                    write(view, project, out)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise StoreError(f"{args.out} cannot be written: {error.strerror}") from error
    finally:
        records.close()
    return 0


@contextmanager
def _output(out: str, project: Project, form: str) -> Iterator[TextIO]:
    if out == "-":
        yield sys.stdout
        return
    directory = Path(out)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in project.name)[:_NAME]
    path = directory / f"{name}-{project.id[:8]}.{_ENDINGS[form]}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield file
    print(path)


def _jsonl(view: RecordView, project: Project, out: TextIO) -> None:
    for record in view.project(project.id):
        document = {"project_name": project.name, **msgspec.to_builtins(record)}
        print(json.dumps(document, ensure_ascii=False), file=out)


def _markdown(view: RecordView, project: Project, out: TextIO) -> None:
    print(f"# {project.name}\n\n{project.root}\n", file=out)
    facts = list(view.facts(project.id))
    if facts:
        print("## Noted\n", file=out)
    for record in facts:
        print(_said(record), file=out)
    for session in view.sessions(project.id):
        turns = [turn for turn in view.session(session) if turn.project == project.id]
        if turns:
            first = turns[0]
            print(f"## {when(first.created_at)}, {first.host} session {first.session}\n", file=out)
        for turn in turns:
            print(_said(turn), file=out)


def _said(record: Record) -> str:
    pinned = ", pinned" if record.pinned else ""
    text = "\n".join(f"> {line}".rstrip() for line in record.text.splitlines())
    return f"**{record.role}**, {when(record.created_at)} (#{record.label}{pinned})\n\n{text}\n"
