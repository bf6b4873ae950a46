"""List what each session was given: when, how many tokens, and why.

example: iai injections --since 7d --project .
"""

import os
import time
from argparse import ArgumentParser, Namespace

from iai.cli import times
from iai.cli.output import print_json
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model import units
from iai.model.units import count, when
from iai.projects.identity import identify
from iai.projects.lookup import project_id
from iai.session_start.deliveries import (
    Delivery,
    Totals,
    read,
    totals,
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--since", default="", metavar="T", help=f"not before {times.FORMS}")
    parser.add_argument("--session", default="", help="only this session: the host's id")
    parser.add_argument("--project", default="", help="only this project: a path or a name")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    since = units.moment("--since", args.since, time.time_ns())
    project = args.project
    if os.sep in project or project in (".", ".."):
        project = identify(os.path.abspath(project)).name  # noqa: PTH100  `identify` resolves symlinks
    layout = Layout(settings.store)
    every = list(read(layout, since))
    if project not in ("", *(one.project for one in every)):
        project_id(args.project, layout)  # raises BadUsage if there is no such project
    found = [
        one for one in every if args.session in ("", one.session) and project in ("", one.project)
    ]
    if args.json:
        print_json({"injections": found, "totals": totals(found)})
        return 0
    for one in found:
        print(_line(one))
    print(_summary(totals(found)))
    return 0


def _line(one: Delivery) -> str:
    who = f"{one.host or '-'} {one.session or '-'} {one.source or '-'}"
    gave = count(one.tokens, "token") if one.tokens else "nothing"
    return f"{when(one.at_ns)}  {who}  {one.project or '-'}  {gave}  {one.outcome} ({one.reason})"


def _summary(total: Totals) -> str:
    parts = [
        f"{count(total.times, 'injection')} in {count(total.sessions, 'session')}",
        f"{count(total.tokens, 'token')} in total, {total.mean_tokens:g} per non-empty one",
    ]
    for name, tokens in (("source", total.tokens_by_source), ("host", total.tokens_by_host)):
        if tokens:
            sums = ", ".join(f"{key or 'unknown'} {n}" for key, n in sorted(tokens.items()))
            parts.append(f"by {name}: {sums}")
    return "; ".join(parts)
