"""Search everything that was said, best match first.

Ask in your own words or with exact ones, by files, commands or commits. A result is a request with
what was done and answered. Results from the current project come first. Filters apply before the
search, so a narrow filter never loses a match. `iai help search` explains the ranking.

example: iai recall "how did we fix the login timeout" --file login.py --since 7d --explain
"""

import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from iai.cli import options
from iai.cli.output import print_json, show
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage
from iai.model import units
from iai.model.printable import one_line, quoted
from iai.model.units import ago, excerpt
from iai.payload import hot_files
from iai.process.client import Client, recall
from iai.projects.lookup import project_here, project_id
from iai.protocol.graph_cache import Hit, Recall, Recalled
from iai.recall.named_person import machines_of
from iai.recall.named_session import session_id

LOOKS = (
    re.compile(r"(?P<number>#\d+)\b"),
    re.compile(r"^#\d+  (?P<score>\d+\.\d\d)  (?P<dim>.*)"),
    re.compile(r"^      (?P<label>asked|answer|files|commits|commands|errors|said again)\b"),
    re.compile(r"^(?P<head>In other projects:)$"),
    re.compile(r"^(?P<warn>\(degraded: .*)"),
)
LINE = 160  # characters of each file, commit, command and error
FILTERS = (
    "project", "session", "role", "tier", "since", "until", "file", "commit", "command", "by",
)  # fmt: skip


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "query", nargs="?", default="",
        help="a question, or words to look for (default: what --commit, --command or --file names)",
    )  # fmt: skip
    options.add_limit(parser, 10, "--k")
    options.add_project(parser)
    options.add_session(parser)
    parser.add_argument(
        "--role", default="", choices=("user", "assistant"), help="only turns of this speaker"
    )
    parser.add_argument(
        "--tier",
        default="",
        choices=("episodic", "semantic", "procedural"),
        help="only turns of sessions (episodic), or notes (semantic, procedural)",
    )
    parser.add_argument(
        "--everywhere", action="store_true", help="mix all projects, best match first"
    )
    parser.add_argument(
        "--file",
        default="",
        metavar="PATH",
        help="only where this file was worked on: a path, or its end",
    )
    parser.add_argument(
        "--commit",
        default="",
        metavar="TEXT",
        help="only with this commit: its hash, or words of it",
    )
    parser.add_argument(
        "--command", default="", metavar="TEXT", help="only where such a command was run"
    )
    parser.add_argument(
        "--failed", action="store_true", help="only where something failed, or that command did"
    )
    options.add_by(parser)
    options.add_period(parser)
    parser.add_argument(
        "--explain", action="store_true", help="show why each result matched, and where it was said"
    )
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    query = args.query or args.commit or args.command or args.file
    if not query.strip():
        raise BadUsage("give a query, or --commit, --command or --file")
    since, until = units.period(args.since, args.until, time.time_ns())
    layout = Layout(settings.store)
    with Client(layout) as client:
        client.require()
        question = Recall(
            query=query,
            k=args.limit,
            project=project_id(args.project, layout),
            session=session_id(args.session, layout),
            role=args.role,
            tier=args.tier,
            since=since,
            until=until,
            explain=args.explain,
            near="" if args.everywhere or args.project else project_here(layout),
            file=args.file,
            commit=args.commit,
            command=args.command,
            failed=args.failed,
            machines=machines_of(args.by, layout),
        )
        began = time.perf_counter()
        answer = recall(client, question)
        took_ms = (time.perf_counter() - began) * 1_000
    if args.json:
        hits = msgspec.to_builtins(answer.hits)
        print_json({"hits": hits, "degraded": answer.degraded, "took_ms": round(took_ms, 2)})
        return 0
    wall = time.time_ns()
    lines = _shown(answer.hits, wall, explain=args.explain)
    nothing = () if answer.hits else (_nothing(args, answer),)
    missing = (f"(degraded: {part})" for part in answer.degraded)
    show(chain(lines, nothing, missing), LOOKS)
    return 0


def _shown(hits: Sequence[Hit], wall: int, *, explain: bool) -> Iterator[str]:
    labels = {hit.id: f"#{hit.label}" for hit in hits}
    here = False
    for hit in hits:
        if hit.elsewhere and here:
            yield "In other projects:"
        here = not hit.elsewhere
        said = f"{units.when(hit.created_at)}, {ago(hit.created_at, wall)}"
        about = (hit.project_name, hit.host, hit.role, hit.by, said)
        where = ", ".join(filter(None, about))
        later = labels.get(hit.superseded_by, hit.superseded_by)
        where += f", superseded by {later}" if later else ""
        yield one_line(f"#{hit.label}  {hit.score:.2f}  {where}")
        yield quoted(hit.passage)
        yield from (one_line(f"      {part}") for part in _exchange(hit))
        if explain:
            yield _explained(hit)


def _exchange(hit: Hit) -> Iterator[str]:
    """Yield what else there is of the exchange of a hit."""
    if hit.asked:
        yield f"asked (#{hit.request}): {hit.asked}"
    yield from (f"#{line.label} {line.role}: {line.text}" for line in hit.lines)
    if hit.answer:
        yield f"answer: {hit.answer}"
    if hit.files:
        bases = hot_files.seen_from(hit.cwd, hit.files)
        files = (hot_files.relative(path, bases) for path in hit.files)
        yield f"files: {', '.join(excerpt(path, LINE) for path in files)}"
    for name in ("commits", "commands", "errors"):
        if found := getattr(hit, name):
            yield f"{name}: {'; '.join(excerpt(one, LINE) for one in found)}"
    if hit.same:
        yield f"said again: {', '.join(f'#{label}' for label in hit.same)}"


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
    return "\n".join(one_line(f"      {line}") for line in lines)


def _nothing(args: Namespace, answer: Recalled) -> str:
    behind = any(missing.startswith("words") for missing in answer.degraded)
    if not answer.revision and not behind:
        return "nothing found: the store is empty; `iai import --all` imports past sessions"
    given = [f"--{name} {value}" for name in FILTERS if (value := getattr(args, name))]
    given += ["--failed"] if args.failed else []
    return " ".join(["nothing found", *(["with", *given] if given else [])])
