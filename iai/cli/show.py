"""Print a record in full: its text, where it was said, and which records are linked to it.

--around adds the turns before and after it in its session, each shortened to a few lines; with
--json they are complete.

example: iai show '#41' --around 2
"""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from iai.cli.output import print_json
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, NotFound, StoreError
from iai.model.record import Project, Record
from iai.model.units import ago, excerpt, when
from iai.store.graph import GraphStore
from iai.store.links import Relation
from iai.store.record_view import RecordView
from iai.store.records import Records

SHOWN = 600  # characters of each turn around it
LINKS: tuple[Relation, ...] = ("supersedes", "superseded-by", "duplicate", "similar", "shares")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("ref", help="the record: its id, or #N")
    parser.add_argument(
        "--around", type=int, metavar="N", help="also print N turns before and after it"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    distance = args.around or 0
    if distance < 0:
        raise BadUsage("--around must be 0 or more")
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
        print_json(record if args.around is None else whole)
        return 0
    wall = time.time_ns()
    for turn in before:
        print(_shortened(turn, wall))
    print(_full(record, project, wall))
    if links:
        print()
    for relation, ids in links.items():
        print(f"{relation:<14}{', '.join(ids)}")
    for turn in after:
        print(f"\n{_shortened(turn, wall)}", end="")
    if distance and not record.in_session:
        print("\n(a note: it belongs to no session)")
    return 0


def _links(layout: Layout, view: RecordView, record: Record) -> dict[Relation, list[str]]:
    """Return the records linked to this one; empty without a graph."""
    try:
        store = GraphStore(layout.index)
    except StoreError:  # not built yet, or damaged and about to be rebuilt
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


def _full(record: Record, project: Project | None, wall: int) -> str:
    source = record.source
    said = f"{when(record.created_at)} ({ago(record.created_at, wall)})"
    lines = [
        f"#{record.label} {record.id}{''.join(_marks(record))}",
        f"{record.role}, {record.host}, {said}, session {record.session or '-'}",
        f"project {project.name if project else '-'}, in {record.cwd or '-'}",
        *([f"said in {source.transcript}:{source.offset}"] if source.transcript else []),
        "",
        record.text,
    ]
    return "\n".join(lines)


def _marks(record: Record) -> Iterator[str]:
    if record.pinned:
        yield ", pinned"
    if record.rewound:
        yield ", taken back"


def _shortened(turn: Record, wall: int) -> str:
    said = f"#{turn.label} {turn.role}, {ago(turn.created_at, wall)}"
    return f"{said}\n    {excerpt(turn.text, SHOWN)}\n"
