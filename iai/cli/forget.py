"""Delete what was said and done, for good, from every file of the store.

Name records, or say what to look for: a match has to meet all the conditions. Matches are listed
first and deleted once you confirm (--yes: without asking). Later imports don't bring them back. If
one of the named records doesn't exist, nothing is deleted.

Then iai rewrites its files without them. Its automatic backups are replaced; copies that it set
aside are named, and --backups deletes them. See `iai help privacy`.

example: iai forget '#41' '#42'
example: iai forget --text hunter2
example: iai forget --project . --since 2d --dry-run
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from iai.admin import scrub_check
from iai.cli import options
from iai.cli.output import print_json
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption.keys import load_cipher
from iai.errors import BadUsage, NoRecord, NotFound, Refused
from iai.ingest import traces
from iai.model import units
from iai.model.units import count, excerpt, when
from iai.process.client import Client
from iai.projects.lookup import project_id
from iai.protocol.ingest import Changed, Erase, Flush, Flushed, Forget
from iai.protocol.message import Actor
from iai.recall.selection import Selected, Wanted, select, titles_of, work_of
from iai.store.record_view import RecordView
from iai.store.records import view_of

T = TypeVar("T")

SHOWN, WIDTH = 10, 100  # records in the preview, and characters of each
BATCH = 500  # records that are deleted at once: some 50 ms
DEADLINE_S = 60.0
WAIT_S = 600.0  # for all files to be rewritten: 10 s for a million records on an idle machine
LOOK_S = 0.1
_GONE = "its process is down or busy; it is done when that goes on (see `iai doctor`)"


class Outcome(Struct, frozen=True, kw_only=True):
    """The document that --json prints."""

    records: int
    actions: int
    titles: int
    branches: int
    half_read: int  # transcripts of which something with it was kept
    events: int  # hook events with it that waited, or were set aside
    forgotten: bool
    left: list[str]  # parts of the store that may still have it
    copies: list[str]  # paths of copies that iai put aside, which --backups deletes
    found_in: list[str]  # files in which the text of --text is still found


def configure(parser: ArgumentParser) -> None:
    options.add_refs(parser)
    parser.add_argument(
        "--whole-session", action="store_true", help="also delete everything else in their sessions"
    )
    options.add_session(parser)
    options.add_project(parser)
    options.add_period(parser)
    parser.add_argument("--file", default="", metavar="PATH", help="exchanges that touched it")
    parser.add_argument(
        "--text",
        default="",
        metavar="TEXT",
        help="texts, actions, titles and branches with exactly this",
    )
    parser.add_argument("--backups", action="store_true", help="delete copies that iai put aside")
    parser.add_argument("--dry-run", action="store_true", help="list it, and delete nothing")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    wanted = _wanted(args, layout)
    if args.refs and not wanted.open:
        raise BadUsage("name records, or say what to look for, not both")
    if wanted.open and not args.refs and not args.backups:
        options.refs_of(args)  # raises
    with Client(layout) as client:
        if not args.dry_run:
            client.require()
        if client.running() and not wanted.open:
            with suppress(Refused):  # the store is full: what waits is not in it
                client.call(Actor.INGEST, Flush(), Flushed, DEADLINE_S)
        selected = _selected(args, wanted, layout)
        if not _agreed(args, selected, layout):
            return _report(args, wanted, selected, layout, forgotten=False)
        if args.refs:
            request = Forget(refs=tuple(args.refs), whole_sessions=args.whole_session)
            client.call(Actor.INGEST, request, Changed, DEADLINE_S)
        else:
            for part in _requests(selected, wanted.text):
                client.call(Actor.INGEST, part, Changed, DEADLINE_S)
    if args.backups:
        _discard(args, layout)
    _wait(layout)
    return _report(args, wanted, selected, layout, forgotten=True)


def _discard(args: Namespace, layout: Layout) -> None:
    """Delete the copies that iai put aside, and name them."""
    copies = scrub_check.copies(layout)
    scrub_check.discard(layout)
    if not args.json:
        for path in copies:
            print(f"deleted {path}")


def _wanted(args: Namespace, layout: Layout) -> Wanted:
    since, until = units.period(args.since, args.until, time.time_ns())
    return Wanted(
        session=args.session,
        project=project_id(args.project, layout),
        since=since,
        until=until,
        file=args.file,
        text=args.text,
    )


def _selected(args: Namespace, wanted: Wanted, layout: Layout) -> Selected:
    with view_of(layout.records) as view:
        if args.refs:
            return _named(args, view)
        selected = Selected() if wanted.open else select(view, wanted)
    if wanted.anywhere:
        cipher = load_cipher(layout.root)
        found = list(traces.find(layout, (), (), wanted.text, cipher))
        selected.events = len(found)
        if selected.empty:  # of an earlier title, for example, there may be bytes in a free page
            selected.files = len(scrub_check.holding(layout, wanted.text))
    return selected


def _named(args: Namespace, view: RecordView) -> Selected:
    """Return the named records. Raises NotFound if one does not exist."""
    found = {ref: view.find(ref) for ref in args.refs}
    if missing := [ref for ref, record in found.items() if record is None]:
        raise NotFound(f"{NoRecord(*missing)}; nothing was forgotten")
    named = {record.label: record for record in found.values() if record is not None}
    if not args.whole_session:
        records = list(named.values())
        gone = len(work_of(view, records))
        return Selected(records=records, actions=gone, titles=list(titles_of(view, records)))
    sessions = {r.session_key: f"#{r.label}" for r in named.values() if r.in_session}
    every = [select(view, Wanted(session=session)) for session in sessions.values()]
    named |= {record.label: record for one in every for record in one.records}
    return Selected(
        records=list(named.values()),
        actions=sum(one.actions for one in every),
        titles=[title for one in every for title in one.titles],
    )


def _agreed(args: Namespace, selected: Selected, layout: Layout) -> bool:
    """Show what would be deleted, and ask."""
    copies = scrub_check.copies(layout) if args.backups else []
    nothing = selected.empty and not args.refs and not copies
    agreed = bool(args.yes or (args.refs and not _asks()))
    if not args.json and (args.dry_run or nothing or not agreed):
        if nothing or not selected.empty:
            print("\n".join(_preview(selected)))
        if layout.team_file.exists():
            print("What of it is shared is deleted on all machines of the team.")
        for path in copies:
            print(f"  copy    {path}")
    if args.dry_run or nothing:
        return False
    if agreed:
        return True
    if not _asks():
        raise BadUsage("nothing was deleted: add --yes to delete it, or --dry-run to list it")
    print("Delete this for good? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _asks() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _preview(selected: Selected) -> Iterator[str]:
    for record in selected.records[:SHOWN]:
        said = excerpt(record.text, WIDTH)
        yield f"  #{record.label:<6} {when(record.created_at)} {record.role}: {said}"
    if len(selected.records) > SHOWN:
        yield f"  and {count(len(selected.records) - SHOWN, 'more record')}"
    for title in selected.titles[:SHOWN]:
        yield f"  title   {excerpt(title, WIDTH)}"
    for branch in selected.branches[:SHOWN]:
        yield f"  branch  {excerpt(branch, WIDTH)}"
    yield _counted(selected)


def _counted(selected: Selected) -> str:
    if selected.empty:
        return "nothing matches"
    parts = [count(len(selected.records), "record")] if selected.records else []
    parts += [count(selected.actions, "action")] if selected.actions else []
    parts += [count(len(selected.titles), "title")] if selected.titles else []
    if selected.branches:
        parts.append(f"the branch of {count(len(selected.branches), 'session')}")
    if selected.events:
        parts.append(count(selected.events, "hook event"))
    if not parts and selected.half_read:  # else it goes with them
        parts.append(f"what is kept of {count(selected.half_read, 'half-read transcript')}")
    return ", ".join(parts) or f"what {count(selected.files, 'file')} may have left of it"


def _requests(selected: Selected, text: str) -> Iterator[Erase]:
    labels = [record.label for record in selected.records]
    for some in _batches(labels):
        yield Erase(labels=tuple(some))
    for parts in _batches(selected.parts):
        yield Erase(parts=tuple(parts))
    yield Erase(projects=tuple(selected.projects), text=text)


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), BATCH):
        yield items[at : at + BATCH]


def _wait(layout: Layout) -> None:
    """Wait until every stage has rewritten its files, or none gets on any more."""
    deadline = time.monotonic() + WAIT_S
    with Client(layout) as client, bar("rewriting without it") as shown:
        while (left := scrub_check.left(layout)) and time.monotonic() < deadline:
            shown.reach(0, ", ".join(left))
            if not client.running():
                break
            time.sleep(LOOK_S)


def _report(
    args: Namespace, wanted: Wanted, selected: Selected, layout: Layout, *, forgotten: bool
) -> int:
    left = scrub_check.left(layout) if forgotten else []
    look = selected.files or (forgotten and wanted.anywhere and not left)
    found = scrub_check.holding(layout, wanted.text) if look else []
    outcome = Outcome(
        records=len(selected.records),
        actions=selected.actions,
        titles=len(selected.titles),
        branches=len(selected.branches),
        half_read=selected.half_read,
        events=selected.events,
        forgotten=forgotten,
        left=left,
        copies=[str(path) for path in scrub_check.copies(layout)],
        found_in=[str(path) for path in found],
    )
    if args.json:
        print_json(outcome)
    elif forgotten:
        if not selected.empty and not (selected.files and found):
            print(f"forgot {_counted(selected)}")
        print("\n".join(_rest(outcome)), end="\n" if list(_rest(outcome)) else "")
    return 0


def _rest(outcome: Outcome) -> Iterator[str]:
    """Say what may still have it, and what to do."""
    if outcome.left:
        yield f"not rewritten yet: {', '.join(outcome.left)}: {_GONE}"
    for path in islice(outcome.copies, SHOWN):
        yield f"a copy from before may still have it: {path} (`iai forget --backups` deletes it)"
    for path in islice(outcome.found_in, SHOWN):
        yield f"still in {Path(path)}: as part of the name of a file, a directory or a project"
