"""Search everything that was said, best match first.

Ask in your own words or with exact ones. Filters apply before the search, so a narrow filter never
loses a match. `iai help search` explains the ranking.

example: iai recall "how did we fix the login timeout" --project . --since 7d --explain
"""

import time
from argparse import ArgumentParser, Namespace

import msgspec

from iai.cli import times
from iai.cli.output import print_json
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage
from iai.model import units
from iai.model.units import ago, excerpt
from iai.process.client import Client, recall
from iai.projects.lookup import project_id
from iai.protocol.graph_cache import Hit, Recall, Recalled
from iai.recall.named_session import session_id

SHOWN = 240  # characters of each hit
FILTERS = ("project", "session", "role", "tier", "since", "until")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("query", help="a question, or words to look for")
    parser.add_argument("--k", type=int, default=10, help="how many results (default 10)")
    parser.add_argument("--project", default="", help="only this project: a path, a name or an id")
    parser.add_argument(
        "--session", default="", help="only this session: its id, or #N for the one of a record"
    )
    parser.add_argument(
        "--role", default="", choices=("user", "assistant"), help="only turns of this speaker"
    )
    parser.add_argument(
        "--tier",
        default="",
        choices=("episodic", "semantic", "procedural"),
        help="only turns of sessions (episodic), or notes (semantic, procedural)",
    )
    times.add_period(parser)
    parser.add_argument(
        "--explain", action="store_true", help="show why each result matched, and where it was said"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    if args.k < 1 or not args.query.strip():
        raise BadUsage("the query must not be empty, and --k must be at least 1")
    since, until = units.period(args.since, args.until, time.time_ns())
    layout = Layout(settings.store)
    with Client(layout) as client:
        client.require()
        question = Recall(
            query=args.query,
            k=args.k,
            project=project_id(args.project, layout),
            session=session_id(args.session, layout),
            role=args.role,
            tier=args.tier,
            since=since,
            until=until,
            explain=args.explain,
        )
        began = time.perf_counter()
        answer = recall(client, question)
        took_ms = (time.perf_counter() - began) * 1_000
    if args.json:
        hits = msgspec.to_builtins(answer.hits)
        print_json({"hits": hits, "degraded": answer.degraded, "took_ms": round(took_ms, 2)})
        return 0
    wall = time.time_ns()
    for hit in answer.hits:
        where = f"{hit.project_name}, {hit.host}, {hit.role}, {ago(hit.created_at, wall)}"
        where += f", superseded by {hit.superseded_by}" if hit.superseded_by else ""
        print(f"#{hit.label}  {hit.score:.2f}  {where}\n    {excerpt(hit.text, SHOWN)}")
        if args.explain:
            print(_explained(hit))
    if not answer.hits:
        print(_nothing(args, answer))
    for missing in answer.degraded:
        print(f"(degraded: {missing})")
    return 0


def _explained(hit: Hit) -> str:
    """Return the parts of a hit's score, the largest first, and where it was said."""
    words = {"words": ", ".join(hit.matched)}
    parts = sorted(hit.why.items(), key=lambda part: -part[1])
    lines = [f"{part:<12}{gain:>6.3f}  {words.get(part, '')}".rstrip() for part, gain in parts]
    source = hit.source
    if source.transcript:
        lines.append(f"{'said in':<12}{source.transcript}:{source.offset}")
    lines.append(f"{'session':<12}{hit.session_id or '-'}, {hit.tier}")
    if hit.tags:
        lines.append(f"{'tags':<12}{', '.join(hit.tags)}")
    return "\n".join(f"      {line}" for line in lines)


def _nothing(args: Namespace, answer: Recalled) -> str:
    behind = any(missing.startswith("words") for missing in answer.degraded)
    if not answer.revision and not behind:
        return "nothing found: the store is empty; `iai import --all` imports past sessions"
    given = [f"--{name} {value}" for name in FILTERS if (value := getattr(args, name))]
    return " ".join(["nothing found", *(["with", *given] if given else [])])
