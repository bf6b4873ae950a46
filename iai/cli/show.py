"""Print the exchange that a record belongs to: the request, what was done, and the answer.

Any turn's number opens its exchange. Narration, what the agent said while it worked, is only
counted; --narration prints it. A note is printed alone. --around adds the exchanges before and
after; with --json, the turns. Quote the number: to a shell, an unquoted # starts a comment. Without
the #, it needs no quotes: `iai show 41`.

example: iai show '#41' --around 2
"""

import re
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from iai.cli import options
from iai.cli.output import print_json, show
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, NoRecord, StoreError
from iai.model.exchange import NARRATION, Exchange
from iai.model.people import People
from iai.model.printable import one_line, quoted
from iai.model.record import Record, session_key
from iai.model.session import SessionInfo
from iai.model.units import ago, count, excerpt, when
from iai.recall import conversation
from iai.recall.work_lines import work_lines
from iai.store.graph import GraphStore
from iai.store.links import Relation
from iai.store.record_view import RecordView
from iai.store.records import view_of

LOOKS = (
    re.compile(r"^(?P<number>#\d+)(?P<head> (?:user|assistant|[0-9A-Z]{26})\b.*)"),
    re.compile(r"^(?P<dim>(?:user|assistant), .*|project .*, in .*|said in .*|\(.*\))$"),
    re.compile(r"^(?P<label>Done:)$"),
    re.compile(r"^(?P<label>supersedes|superseded-by|duplicate|similar|shares)  "),
)
SHOWN = 600  # characters of each turn around it
MARKED = {"rewound": "taken back"}  # what a mark is called, where not by its name
LINKS: tuple[Relation, ...] = ("supersedes", "superseded-by", "duplicate", "similar", "shares")


class Shown(Struct, frozen=True, kw_only=True):
    """All that is read to show a record."""

    record: Record
    project: str  # its name
    by: str  # who said it, and on which machine; "": said on this one
    root: str  # of its working tree
    info: SessionInfo
    exchange: Exchange | None  # None for a note, or what was taken back
    exchanges_before: list[Exchange]
    exchanges_after: list[Exchange]
    before: list[Record]  # turns
    after: list[Record]
    links: dict[Relation, list[str]]


def configure(parser: ArgumentParser) -> None:
    options.add_ref(parser)
    parser.add_argument(
        "--around", type=int, metavar="N", help="also print N exchanges before and after it"
    )
    parser.add_argument(
        "--narration", action="store_true", help="print the narration, too, word for word"
    )
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    distance = min(args.around or 0, sys.maxsize)
    ref = options.ref_of(args)
    if distance < 0:
        raise BadUsage("--around must be 0 or more")
    layout = Layout(settings.store)
    with view_of(layout.records) as view:
        shown = _read(layout, view, ref, distance)
    if args.json:
        print_json(_document(shown, whole=args.around is not None))
        return 0
    wall = time.time_ns()
    show(_lines(shown, wall, narration=args.narration), LOOKS)
    if distance and not shown.record.in_session:
        print("\n(a note: it belongs to no session)")
    return 0


def _read(layout: Layout, view: RecordView, ref: str, distance: int) -> Shown:
    record = view.find(ref)
    if record is None:
        raise NoRecord(ref)
    before, after = ([r for label in side if (r := view.get(label))] for side in
                     view.around(record, distance))  # fmt: skip
    earlier, exchange, later = conversation.around(view, record, distance)
    project = view.project_named(record.project)
    return Shown(
        record=record,
        project=project.name if project else "-",
        by=str(People(view.member).whose(record.machine)),
        root=project.root if project else "",
        info=view.session_info(session_key(record.host, record.session, record.machine))
        or SessionInfo(host=record.host, session=record.session),
        exchange=exchange if exchange.turns else None,
        exchanges_before=earlier,
        exchanges_after=later,
        before=before[::-1],
        after=after,
        links=_links(layout, view, record),
    )


def _document(shown: Shown, *, whole: bool) -> dict[str, Any]:
    record: dict[str, Any] = msgspec.to_builtins(shown.record)
    exchange = msgspec.to_builtins(shown.exchange)
    if not whole:
        return {**record, "by": shown.by, "exchange": exchange}
    around = ("before", "after", "links", "exchanges_before", "exchanges_after")
    more = {name: msgspec.to_builtins(getattr(shown, name)) for name in around}
    return {"record": record, "by": shown.by, "exchange": exchange, **more}


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


def _lines(shown: Shown, wall: int, *, narration: bool) -> Iterator[str]:
    for exchange in shown.exchanges_before:
        yield from (*_shortened(exchange, wall), "")
    yield from map(one_line, _head(shown, wall))
    if shown.exchange is None:
        yield from ("", quoted(shown.record.text))
    else:
        yield from _exchange(shown.exchange, shown, wall, narration=narration)
    if shown.links:
        yield ""
    for relation, ids in shown.links.items():
        yield f"{relation:<14}{', '.join(ids)}"
    for exchange in shown.exchanges_after:
        yield from ("", *_shortened(exchange, wall))


def _head(shown: Shown, wall: int) -> Iterator[str]:
    """Yield which turn was asked for, and where it was said."""
    record, source = shown.record, shown.record.source
    marks = [*_kept(record), *(MARKED.get(m, m) for m in record.marks)]
    yield f"#{record.label} {', '.join([record.id, *marks])}" + (
        f": {conversation.part(shown.exchange, record)}" if shown.exchange else ""
    )
    said = f"{when(record.created_at)} ({ago(record.created_at, wall)})"
    by = f", {shown.by}" if shown.by else ""
    yield f"{record.role}{by}, {record.host}, {said}, session {record.session or '-'}"
    branch = f", branch {shown.info.branch}" if shown.info.branch else ""
    yield f"project {shown.project}, in {record.cwd or '-'}{branch}"
    if source.transcript:
        yield f"said in {source.transcript}:{source.offset}"


def _kept(record: Record) -> Iterator[str]:
    """Yield how it is pinned, and whether it is kept from the team."""
    if record.pinned:
        yield "pinned"
    if record.mine:
        yield {"pin": "pinned for you alone", "note": "yours alone"}[record.mine]


def _exchange(exchange: Exchange, shown: Shown, wall: int, *, narration: bool) -> Iterator[str]:
    if exchange.request:
        yield from _turn(exchange.request, wall, "request")
    between = [
        turn
        for turn in exchange.narration
        if narration or turn.kind not in conversation.FOLDED or turn.label == shown.record.label
    ]
    for turn in sorted((*exchange.meanwhile, *between), key=lambda t: (t.order, t.label)):
        what = (
            NARRATION
            if turn.role == "assistant" and turn.kind in conversation.FOLDED
            else turn.kind
        )
        yield from _turn(turn, wall, what or "meanwhile")
    done = list(work_lines(exchange.actions, [shown.root, shown.record.cwd]))
    if done:
        yield from ("", "Done:", *(f"  {line}" for line in done))
    if folded := len(exchange.narration) - len(between):
        yield from ("", f"({count(folded, 'text')} of narration not shown: --narration)")
    if exchange.answer:
        yield from _turn(exchange.answer, wall, "answer")
    else:
        yield from ("", "(not answered)")


def _turn(turn: Record, wall: int, what: str) -> Iterator[str]:
    head = f"#{turn.label} {turn.role}, {what}, {ago(turn.created_at, wall)}"
    yield from ("", one_line(head), quoted(turn.text))


def _shortened(exchange: Exchange, wall: int) -> Iterator[str]:
    for turn in exchange.turns:
        if turn.kind != NARRATION and turn not in exchange.narration:
            yield one_line(f"#{turn.label} {turn.role}, {ago(turn.created_at, wall)}")
            yield quoted(excerpt(turn.text, SHOWN))
