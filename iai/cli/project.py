"""List projects, merge two, ignore one, or share one with your team.

list      every project and what is stored for it; works whether or not iai is running
merge     move all records of a project to another, also future ones; unmerge undoes it.
          Use it after you moved a checkout or changed its remote:
          iai project merge OLD_PATH NEW_PATH; `list` suggests when
ignore    stop recording a project; its sessions start without memory. If you name it by its
          path, everything below is ignored too. Earlier records stay until you forget them;
          --off resumes, without what was said in between.
share     share a project with your team (see `iai help team`), including all that was said in it
          so far; unshare stops that, and others keep what they already have.
          Other machines know it by its git remote, so it needs one.

A file .iai-project makes its directory a project of its own; it may contain a name.

example: iai project merge ~/old/api .
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from msgspec import Struct

from iai.cli import options
from iai.cli.output import answer, print_json
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, NoAnswer, NoTeam, Refused
from iai.model.printable import one_line
from iai.model.record import Project
from iai.model.units import ago, count
from iai.process.client import Client
from iai.projects.identity import identify, known_by_path
from iai.projects.lookup import is_path, project
from iai.protocol.cache_writer import Refresh, RefreshOutcome
from iai.protocol.ingest import (
    Changed,
    IgnoreProject,
    MergeProjects,
    NameProject,
    Place,
)
from iai.protocol.message import Actor, Request
from iai.protocol.replicator import ShareProject, TeamReport
from iai.store.record_view import RecordView
from iai.store.records import Records

POLL_S = 0.05


class Listed(Struct, frozen=True, kw_only=True):
    """A project as `list` shows it. Times are nanoseconds UTC."""

    id: str
    name: str
    root: str  # "": all records are from other machines
    directories: tuple[str, ...]
    records: int
    sessions: int
    last_active_at: int  # 0: never
    merged_into: str  # a project's id, or ""
    ignored: str  # "", "project", or "below": with everything below its root
    gone: bool  # its root is no longer a directory


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    listing = actions.add_parser("list", help="list projects, the most recently active first")
    merging = actions.add_parser("merge", help="move all records of one to another")
    merging.add_argument("project", help="the one to merge: a path, a name or an id")
    merging.add_argument("into", help="the one that gets its records")
    parting = actions.add_parser("unmerge", help="undo a merge")
    parting.add_argument("project", help="the one that was merged: a path, a name or an id")
    ignoring = actions.add_parser("ignore", help="stop recording it")
    ignoring.add_argument("project", help="a path, a name or an id")
    ignoring.add_argument("--off", action="store_true", help="record it again")
    sharing = actions.add_parser("share", help="share it with your team")
    unsharing = actions.add_parser("unshare", help="stop sharing it")
    for action in (sharing, unsharing):
        action.add_argument("project", help="a path, a name or an id")
    for action in (listing, merging, parting, ignoring, sharing, unsharing):
        options.add_json(action)


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    records = Records(layout.records)
    try:
        if args.action == "list":
            with records.view() as view:
                found = _listed(view)
            answer(args, {"projects": found}, _lines(found))
            return 0
        with Client(layout) as client:
            client.require()
            if args.action == "ignore":
                return _ignore(args, client, records)
            if args.action in ("share", "unshare"):
                return _share(args, client, records, layout)
            return _merge(args, client, records)
    finally:
        records.close()


def _merge(args: Namespace, client: Client, records: Records) -> int:
    with records.view() as view:
        one = project(args.project, view)
        into = project(args.into, view) if args.action == "merge" else None
    changed = _change(client, MergeProjects(project=one, into=into))
    with bar("moving"):
        while _unsettled(records):
            client.require()
            time.sleep(POLL_S)
    _refresh(client)
    moved = f"{count(changed.count, 'record')} moved"
    if into is not None:
        undo = f"  to undo: iai project unmerge {one.id}"
        lines = [f"merged {_label(one)} into {_label(into)}: {moved}", undo]
    else:
        lines = [f"{_label(one)} is a separate project again: {moved}"]
    answer(args, {"project": one, "into": into, "moved": changed.count}, lines)
    return 0


def _ignore(args: Namespace, client: Client, records: Records) -> int:
    named, off = args.project, args.off
    with records.view() as view:
        one = project(named, view)
    below = is_path(named) and os.path.realpath(named) == one.root
    changed = _change(client, IgnoreProject(project=one, below=below, ignored=not off))
    with records.view() as view:
        still = view.ignored(one.id, one.root)
    _refresh(client)
    if args.json:
        print_json({"project": one, "ignored": still, "below": below, "kept": changed.count})
    elif not off:
        wide = " and everything below it" if below else ""
        print(f"ignoring {_label(one)}{wide}; sessions there start without memory")
        if changed.count:
            kept = count(changed.count, "record")
            print(f"  {kept} from before stay until you forget them; recall still finds them")
    elif still:
        print("iai: still ignored, because of a directory above it; see `iai project list`",
              file=sys.stderr)  # fmt: skip
    else:
        print(f"recording {_label(one)} again")
    return 1 if off and still else 0


def _share(args: Namespace, client: Client, records: Records, layout: Layout) -> int:
    if not layout.team_file.exists():
        raise NoTeam
    on = args.action == "share"
    with records.view() as view:
        one = project(args.project, view)
        id_ = view.belongs(one.id)
        known = view.project_named(id_)
        before = sum(not r.machine and r.mine != "note" for r in view.project(id_)) if on else 0
    if on:
        _require_shareable(one, known)
        if known is None:
            _change(client, NameProject(project=one))
    report = client.call(Actor.REPLICATOR, ShareProject(project=id_, on=on), TeamReport, 30.0)
    lines = [f"not sharing {_label(one)} any more; what others have of it stays with them"]
    if on:
        lines = [
            f"sharing {_label(one)} with {report.name}: {count(before, 'record')} from before,",
            "and from now on all that is said and done in it on this machine",
            f"  but for <private> and secrets; to stop: iai project unshare {id_}",
        ]
    answer(args, {"project": one, "shared": on, "records": before}, lines)
    return 0


def _require_shareable(one: Place, known: Project | None) -> None:
    """Raise BadUsage unless other machines can tell that it is the same project."""
    git = known.git if known is not None else identify(one.root).git
    root = known.root if known is not None else one.root
    if git or known_by_path(known.id if known is not None else one.id, root):
        raise BadUsage(
            f"{_label(one)} has no git remote, and other machines know a project by that: add one"
            " (`git remote add origin URL`), start a session there, and try again"
        )
    if known is not None and known.ignored:
        raise BadUsage(f"{_label(one)} is ignored: `iai project ignore --off` records it again")


def _change(client: Client, request: Request) -> Changed:
    return client.call(Actor.INGEST, request, Changed, 30.0)


def _unsettled(records: Records) -> bool:
    with records.view() as view:
        return any(True for _ in view.misfiled())


def _refresh(client: Client) -> None:
    """Rewrite the session-start text now. If that fails, the next refresh is due in a minute."""
    with suppress(NoAnswer, Refused):
        client.call(Actor.CACHE_WRITER, Refresh(force=True), RefreshOutcome, 30.0)


def _listed(view: RecordView) -> list[Listed]:
    """Return every project, the most recently active first."""
    found = [_listing(one, view) for one in view.every_project()]
    return sorted(found, key=lambda one: (-one.last_active_at, one.name))


def _listing(one: Project, view: RecordView) -> Listed:
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
        gone=one.root != "" and not os.path.isdir(one.root),  # noqa: PTH112  pathlib raises for some invalid paths
    )


def _lines(found: list[Listed]) -> Iterator[str]:
    names = {one.id: one.name for one in found}
    for one in found:
        facts = [count(one.records, "record"), count(one.sessions, "session")]
        if one.last_active_at:
            facts.append(ago(one.last_active_at, time.time_ns()))
        if one.merged_into:
            facts = [f"merged into {names.get(one.merged_into, '?')} ({one.merged_into})"]
        if one.ignored:
            facts.append("ignored" + (", with everything below" if one.ignored == "below" else ""))
        gone = " (gone)" if one.gone else ""
        where = (
            f"{one.root}{gone}" if one.root else "shared by others, and in no directory here yet"
        )
        yield one_line(f"{one.name or '-'}  {one.id}  {', '.join(facts)}")
        yield one_line(f"    {where}")
        if now := _moved_to(one, found):
            yield one_line(f"    {now[0]} If so: iai project merge {one.id} {now[1]}")
    if not found:
        yield "no projects yet"


def _moved_to(one: Listed, found: list[Listed]) -> tuple[str, str] | None:
    """Return a question about where a project may have gone, and the project it may be now.

    Either its directory has another remote, or it is gone and the only project of the same name is
    elsewhere. Only the user knows whether that is a new project, so nothing is merged unasked.
    """
    if one.merged_into or not one.records or not one.root:
        return None
    if not one.gone:
        now = identify(one.root).id
        return None if now == one.id else ("Is the project that is there now the same?", one.root)
    there = [o for o in found if o.name == one.name and not o.gone and not o.merged_into]
    return ("Was it moved?", there[0].id) if len(there) == 1 else None


def _label(one: Place) -> str:
    return one_line(f"{one.name} ({one.root})")
