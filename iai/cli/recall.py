"""Find what was said, the best match first.

example: iai recall "how did we fix the login timeout" --project .
"""

import time
from argparse import ArgumentParser, Namespace

import msgspec

from iai.cli.named_project import project_id
from iai.cli.output import ago, as_json
from iai.client import Client, recall
from iai.errors import BadUsage
from iai.layout import Layout
from iai.settings import Settings

SHOWN = 240  # characters of each hit


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("query", help="in your own words, or words that must be in it")
    parser.add_argument("--k", type=int, default=10, help="how many (default 10)")
    parser.add_argument("--project", default="", help="only this project: a path, a name or an id")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    if args.k < 1 or not args.query.strip():
        raise BadUsage("give a question, and --k of at least 1")
    layout = Layout(settings.store)
    with Client(layout) as client:
        client.require()
        project = project_id(args.project, layout)
        began = time.perf_counter()
        answer = recall(client, args.query, args.k, project)
        took_ms = (time.perf_counter() - began) * 1_000
    if args.json:
        hits = msgspec.to_builtins(answer.hits)
        as_json({"hits": hits, "degraded": answer.degraded, "took_ms": round(took_ms, 2)})
        return 0
    wall = time.time_ns()
    for hit in answer.hits:
        text = " ".join(hit.text.split())
        text = text if len(text) <= SHOWN else text[:SHOWN].rsplit(" ", 1)[0] + " ..."
        where = f"{hit.project_name}, {hit.host}, {hit.role}, {ago(hit.created_at, wall)}"
        print(f"#{hit.label}  {hit.score:.2f}  {where}\n    {text}")
    if not answer.hits:
        print("nothing was found")
    for missing in answer.degraded:
        print(f"(without {missing})")
    return 0
