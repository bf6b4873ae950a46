"""List what each session was given: when, how many tokens, and why.

example: iai injections --since 7d --project .
"""

import os
import time
from argparse import ArgumentParser, Namespace

from iai.cli import options
from iai.cli.output import answer
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model import units
from iai.model.printable import one_line
from iai.model.units import count, when
from iai.projects import lookup
from iai.projects.identity import identify
from iai.projects.lookup import is_path
from iai.recall.named_session import session_id
from iai.session_start.deliveries import (
    Delivery,
    Totals,
    read,
    totals,
)
from iai.store.records import view_of


def configure(parser: ArgumentParser) -> None:
    options.add_since(parser)
    options.add_session(parser)
    options.add_project(parser)
    options.add_latest(parser)
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    since = units.moment("--since", args.since, time.time_ns())
    layout = Layout(settings.store)
    every = read(layout, since)
    project = _project_name(args.project, every, layout)
    session = session_id(args.session, layout)
    found = [one for one in every if session in ("", one.session) and project in ("", one.project)]
    found = options.latest(found, args)
    total = totals(found)
    lines = [*map(_line, found), _summary(total)]
    answer(args, {"injections": found, "totals": total}, lines)
    return 0


def _project_name(named: str, every: list[Delivery], layout: Layout) -> str:
    """Return the name of a project, by which deliveries know it; "" for "" (all).

    Raises BadUsage if there is no such project.
    """
    if is_path(named):
        return identify(os.path.abspath(named)).name  # noqa: PTH100  `identify` resolves symlinks
    if named in ("", *(one.project for one in every)):
        return named
    with view_of(layout.records) as view:
        return lookup.project(named, view).name


def _line(one: Delivery) -> str:
    who = f"{one.host or '-'} {one.session or '-'} {one.source or '-'}"
    gave = count(one.tokens, "token") if one.tokens else "nothing"
    gave = f"{gave}  {one.outcome} ({one.reason})"
    return one_line(f"{when(one.at_ns)}  {who}  {one.project or '-'}  {gave}")


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
