"""List sessions, the most recently active first, whether or not iai is running.

A session that spans several projects is listed under each of them.

example: iai timeline --project . --since 7d
"""

import re
import time
from argparse import ArgumentParser, Namespace
from itertools import islice
from typing import Any

from iai.cli import options
from iai.cli.output import print_json, show
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.index.filters import Filter
from iai.model import units
from iai.model.printable import one_line
from iai.model.record import Record
from iai.model.units import ago, excerpt, when
from iai.payload import phrases
from iai.payload.summary import Summary
from iai.projects.lookup import project_id
from iai.recall.named_person import machines_of
from iai.recall.timeline import Stretch, length, stretches
from iai.recall.work_lines import session_line
from iai.store.records import view_of

LOOKS = (
    re.compile(r"^(?P<head>\d{4}-\S+ \S+ to [^(]*)(?P<dim>\(.*?\)):"),
    re.compile(r"^    (?P<label>title|first|last)  "),
    re.compile(r"^    (?:title|first|last)   ?(?P<number>#\d+)"),
    re.compile(r"^    (?P<label>on [^:]*:)"),
)
SHOWN = 160  # characters of each text


def configure(parser: ArgumentParser) -> None:
    options.add_project(parser)
    options.add_by(parser)
    options.add_period(parser)
    options.add_limit(parser, 20)
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    wall = time.time_ns()
    since, until = units.period(args.since, args.until, wall)
    layout = Layout(settings.store)
    only = Filter(
        project=project_id(args.project, layout),
        since=since,
        until=until,
        machines=machines_of(args.by, layout),
    )
    with view_of(layout.records) as view:
        found = list(islice(stretches(view, only), args.limit))
    if args.json:
        print_json({"sessions": [_document(one) for one in found]})
        return 0
    show((_lines(one, wall) for one in found), LOOKS)
    if not found:
        print("no matching session" if not only.open else "no sessions yet")
    return 0


def _document(one: Stretch) -> dict[str, Any]:
    names = ("project", "project_name", "host", "session_id", "began_at", "ended_at", "turns")
    return {
        **{name: getattr(one, name) for name in names},
        "exchanges": one.exchanges,
        "more_exchanges": one.more,
        "first_request": _text(one.first_request) if one.first_request else None,
        "last_said": _text(one.last_said),
        "by": one.by,
        **_work(one.summary),
    }


def _work(session: Summary) -> dict[str, Any]:
    return {
        "title": session.title,
        "branch": session.info.branch,
        "outcome": session.outcome,
        "unattended": session.info.unattended,
        "files": session.files,
        "commits": session.commits,
        "pull_requests": session.pull_requests,
        "test": session.test,
        "open_steps": () if session.closed else session.open_steps,
    }


def _text(record: Record) -> dict[str, Any]:
    text = excerpt(record.text, SHOWN)
    return {"id": record.id, "label": record.label, "role": record.role, "text": text}


def _lines(one: Stretch, wall: int) -> str:
    began, ended = when(one.began_at), when(one.ended_at)
    day = began.split()[0]
    until = ended.removeprefix(f"{day} ")  # most sessions end on the day they began
    where = ", ".join(filter(None, (one.project_name, one.host, one.by, length(one))))
    lines = [f"{began.removesuffix(' UTC')} to {until} ({ago(one.ended_at, wall)}): {where}"]
    if one.summary.title:
        lines.append(f"    title  {excerpt(one.summary.title, SHOWN)}")
    if one.first_request:
        lines.append(f"    first  #{one.first_request.label} {_summary(one.first_request)}")
    if one.first_request != one.last_said:
        lines.append(f"    last   #{one.last_said.label} {_summary(one.last_said)}")
    branch = one.summary.info.branch
    lines.append(f"    {'on ' + branch + ': ' if branch else ''}{session_line(one.summary)}")
    return "\n".join(map(one_line, lines))


def _summary(record: Record) -> str:
    return f"{record.role}: {phrases.said(record, SHOWN)}"
