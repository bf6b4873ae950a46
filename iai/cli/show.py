"""Print a record whole, as it was said, where it was said, and which others are linked to it.

With --around, also what was said just before and after it in its session, each turn cut to a few
lines; with --json they are whole.

example: iai show '#41' --around 2
"""

import time
from argparse import ArgumentParser, Namespace

from iai.cli.output import as_json
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, NotFound, StoreError
from iai.model.record import Project, Record
from iai.model.units import ago, excerpt, when
from iai.store.graph import GraphStore
from iai.store.links import Relation
from iai.store.record_view import RecordView
from iai.store.records import Records

SHOWN = 600  # characters of a turn beside it
LINKS: tuple[Relation, ...] = ("supersedes", "superseded-by", "duplicate", "similar", "shares")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("ref", help="its id, or # and its number")
    parser.add_argument(
        "--around", type=int, metavar="N", help="with N turns before and N after it"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    distance = args.around or 0
    if distance < 0:
        raise BadUsage("--around is how many turns, 0 or more")
    records = Records(Layout(settings.store).records)
    with records.view() as view:
        record = view.find(args.ref)
        project = view.project_named(record.project) if record else None
        sides = view.around(record, distance) if record else ([], [])
        before, after = ([r for label in side if (r := view.get(label))] for side in sides)
        links = _links(Layout(settings.store), view, record) if record else {}
    records.close()
    if record is None:
        raise NotFound(f"there is no record {args.ref}")
    before.reverse()
    if args.json:
        whole = {"record": record, "before": before, "after": after, "links": links}
        as_json(record if args.around is None else whole)
        return 0
    wall = time.time_ns()
    for turn in before:
        print(_beside(turn, wall))
    print(_whole(record, project, wall))
    if links:
        print()
    for relation, ids in links.items():
        print(f"{relation:<14}{', '.join(ids)}")
    for turn in after:
        print(f"\n{_beside(turn, wall)}", end="")
    if distance and not record.in_session:
        print("\n(noted by itself: nothing was said around it)")
    return 0


def _links(layout: Layout, view: RecordView, record: Record) -> dict[Relation, list[str]]:
    """Return the ids of the records that are linked to it; none where there is no graph."""
    try:
        store = GraphStore(layout.index)
    except StoreError:  # not made yet, or damaged: then it is made again
        return {}
    with store.view() as graph:
        edges = graph.links(record.label)
    store.close()
    found: dict[Relation, list[str]] = {}
    for relation in LINKS:
        others = [view.get(edge.to) for edge in edges if edge.relation == relation]
        if ids := [f"#{other.label} {other.id}" for other in others if other]:
            found[relation] = ids
    return found


def _whole(record: Record, project: Project | None, wall: int) -> str:
    source = record.source
    said = f"{when(record.created_at)} ({ago(record.created_at, wall)})"
    lines = [
        f"#{record.label} {record.id}{', pinned' if record.pinned else ''}",
        f"{record.role}, {record.host}, {said}, session {record.session or '-'}",
        f"project {project.name if project else '-'}, in {record.cwd or '-'}",
        *([f"said in {source.transcript}:{source.offset}"] if source.transcript else []),
        "",
        record.text,
    ]
    return "\n".join(lines)


def _beside(turn: Record, wall: int) -> str:
    said = f"#{turn.label} {turn.role}, {ago(turn.created_at, wall)}"
    return f"{said}\n    {excerpt(turn.text, SHOWN)}\n"
