"""Say which projects there are, have two be one, or keep nothing of one.

list      every project with what is kept of it; works without a running group
merge     all records of a project belong to another one, past and to come; unmerge takes it back.
          So does a checkout keep its memory that was moved, or was given another remote:
          iai project merge OLD_PATH NEW_PATH; `list` says where that may be so
ignore    nothing more is kept of a project, and its sessions start without memory. Named by the
          path of its directory, all that lies below is ignored, too. What was kept before stays
          until it is forgotten; what is said until --off is not taken in later.

A file .iai-project makes a directory a project of its own; it may hold a name.

example: iai project merge ~/old/api .
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from itertools import islice

from msgspec import Struct

from iai.cli.output import as_json
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import NoAnswer, Refused
from iai.model.record import Project
from iai.model.units import ago, count
from iai.process.client import Client
from iai.projects.identity import identify
from iai.projects.lookup import is_path, project
from iai.protocol.cache_writer import Refresh, RefreshOutcome
from iai.protocol.ingest import (
    Changed,
    IgnoreProject,
    MergeProjects,
    Place,
)
from iai.protocol.message import Actor, Request
from iai.store.records import Records, View

LOOK_S = 0.05


class Listed(Struct, frozen=True, kw_only=True):
    """What is said of a project. Times are nanoseconds UTC."""

    id: str
    name: str
    root: str
    directories: tuple[str, ...]
    records: int
    sessions: int
    last_active_at: int  # 0: nothing is kept of it
    merged_into: str  # a project's id, or ""
    ignored: str  # "", "project", or "below": all that lies below its root
    gone: bool  # is its root no directory any more?


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    listing = actions.add_parser("list", help="every project, the one active last first")
    listing.add_argument("--json", action="store_true", help="print one JSON document")
    merging = actions.add_parser("merge", help="have all of one belong to another")
    merging.add_argument("project", help="the one to merge: a path, a name or an id")
    merging.add_argument("into", help="the one that it then belongs to")
    parting = actions.add_parser("unmerge", help="have it be a project of its own again")
    parting.add_argument("project", help="the one that was merged: a path, a name or an id")
    ignoring = actions.add_parser("ignore", help="keep nothing more of it")
    ignoring.add_argument("project", help="a path, a name or an id")
    ignoring.add_argument("--off", action="store_true", help="keep it again, from now on")


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    records = Records(layout.records)
    try:
        if args.action == "list":
            with records.view() as view:
                _list(_listed(view), as_document=args.json)
            return 0
        with Client(layout) as client:
            client.require()
            if args.action == "ignore":
                return _ignore(args.project, client, records, off=args.off)
            return _merge(args, client, records)
    finally:
        records.close()


def _merge(args: Namespace, client: Client, records: Records) -> int:
    with records.view() as view:
        one = project(args.project, view)
        into = project(args.into, view) if args.action == "merge" else None
    changed = _change(client, MergeProjects(project=one, into=into))
    while _unsettled(records):
        client.require()
        time.sleep(LOOK_S)
    _refresh(client)
    moved = f"{count(changed.count, 'record')} moved"
    if into is not None:
        print(f"{_said(one)} belongs to {_said(into)} now: {moved}")
        print(f"  iai project unmerge {one.id}  takes it back")
    else:
        print(f"{_said(one)} is a project of its own: {moved}")
    return 0


def _ignore(named: str, client: Client, records: Records, *, off: bool) -> int:
    with records.view() as view:
        one = project(named, view)
    below = is_path(named) and os.path.realpath(named) == one.root
    changed = _change(client, IgnoreProject(project=one, below=below, ignored=not off))
    with records.view() as view:
        still = view.ignored(one.id, one.root)
    _refresh(client)
    if not off:
        wide = ", and of all that lies below it," if below else ""
        print(f"nothing more is kept of {_said(one)}{wide} and sessions there start without memory")
        if changed.count:
            kept = count(changed.count, "record")
            print(f"  {kept} of it stay until you forget them; recall still finds them")
    elif still:
        print("iai: it is still ignored, with a directory above: see `iai project list`",
              file=sys.stderr)  # fmt: skip
        return 1
    else:
        print(f"{_said(one)} is kept again, from now on")
    return 0


def _change(client: Client, request: Request) -> Changed:
    return client.call(Actor.INGEST, request, Changed, 30.0)


def _unsettled(records: Records) -> bool:
    with records.view() as view:
        return any(True for _ in view.misfiled())


def _refresh(client: Client) -> None:
    """Have the next session start with what is true now. If it cannot be, it is in a minute."""
    with suppress(NoAnswer, Refused):
        client.call(Actor.CACHE_WRITER, Refresh(force=True), RefreshOutcome, 30.0)


def _listed(view: View) -> list[Listed]:
    """Return every project, the one active last first."""
    found = [_look(one, view) for one in view.projects()]
    return sorted(found, key=lambda one: (-one.last_active_at, one.name))


def _look(one: Project, view: View) -> Listed:
    latest = next(islice(view.project(one.id), 1), None)
    return Listed(
        id=one.id,
        name=one.name,
        root=one.root,
        directories=one.cwds,
        records=view.count(one.id),
        sessions=sum(1 for _ in view.sessions(one.id)),
        last_active_at=latest.created_at if latest else 0,
        merged_into=view.belongs(one.id) if one.into else "",
        ignored=one.ignored,
        gone=not os.path.isdir(one.root),  # noqa: PTH112  pathlib's raises for what can be none
    )


def _list(found: list[Listed], *, as_document: bool) -> None:
    if as_document:
        as_json({"projects": found})
        return
    names = {one.id: one.name for one in found}
    for one in found:
        told = [count(one.records, "record"), count(one.sessions, "session")]
        if one.last_active_at:
            told.append(ago(one.last_active_at, time.time_ns()))
        if one.merged_into:
            told = [f"merged into {names.get(one.merged_into, '?')} ({one.merged_into})"]
        if one.ignored:
            told.append("ignored" + (", with all below" if one.ignored == "below" else ""))
        gone = " (gone)" if one.gone else ""
        print(f"{one.name}  {one.id}  {', '.join(told)}\n    {one.root}{gone}")
        if now := _become(one, found):
            print(f"    {now[0]} then: iai project merge {one.id} {now[1]}")
    if not found:
        print("no project is known yet")


def _become(one: Listed, found: list[Listed]) -> tuple[str, str] | None:
    """Return what may have become of a project, as a question, and what it may be now.

    Its directory has another remote, or is gone while the only one of that name is elsewhere. Both
    can be told from a new project by the user alone, so nothing is joined unasked.
    """
    if one.merged_into or not one.records:
        return None
    if not one.gone:
        now = identify(one.root).id
        return None if now == one.id else ("is what is there now the same project?", one.root)
    there = [o for o in found if o.name == one.name and not o.gone and not o.merged_into]
    return ("was it moved?", there[0].id) if len(there) == 1 else None


def _said(one: Place) -> str:
    return f"{one.name} ({one.root})"
