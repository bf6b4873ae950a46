"""Sessions of a host by the hundred against one group, through the hooks that it has installed.

In several projects at once they start, talk, are compacted, cleared, forked and resumed. Counted
is what must not be: a hook that blocks its session, text of another project (but where it says so),
and a start that got nothing and the ledger does not say why.
"""

import random
import re
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from harness.corpus import text
from harness.group import Group
from harness.host import (
    ClaudeCode,
    Codex,
    Host,
    Session,
)
from msgspec import Struct

from benchmarks.stats import Stats, quantiles
from iai.session_start import deliveries
from iai.session_start.deliveries import Delivery

PROJECTS = 5
STARTS = ("cache-hit", "nothing-new")  # outcomes that need no Python
ELSEWHERE = re.compile(
    r"^## Recent work in other projects$.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE
)
MARK = re.compile(r"\bsecret-of-(\w+)")


class Start(Struct, frozen=True):
    """One start of a session, and what it was given."""

    session: str
    project: str
    given: str
    ms: float
    floor_ms: float  # of a hook that does nothing, at the same time


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=2, help="sessions at any time")
    what = "what passes before somebody starts or goes on, and while a session is compacted"
    parser.add_argument("--think", type=float, default=0.0, metavar="SECONDS", help=what)
    parser.add_argument("--host", choices=("claude", "codex"), help="only this one")


def run(args: Namespace) -> Stats:
    return {
        name: _host(name, args.sessions, args.at_once, args.think)
        for name in ("claude", "codex")
        if args.host in (None, name)
    }


def _host(name: str, sessions: int, at_once: int, think_s: float) -> Stats:
    with Group() as group:
        group.up()
        group.iai("hooks", "install", "--host", name)
        projects = [group.work / f"project{number}" for number in range(PROJECTS)]
        for project in projects:
            project.mkdir()
            group.iai("remember", f"secret-of-{project.name}", "--project", str(project))
        group.settle()

        def one(number: int) -> tuple[Host, list[Start]]:
            host = _connected(name, group)
            project = projects[number % PROJECTS]
            return host, list(_story(Session(host, project, f"session-{number}", think_s)))

        with ThreadPoolExecutor(at_once) as pool:
            told = list(pool.map(one, range(sessions)))
        group.settle()
        noted = deliveries.read(group.layout)
    return _stats([host for host, _ in told], [s for _, starts in told for s in starts], noted)


def _connected(name: str, group: Group) -> Host:
    if name == "claude":
        return ClaudeCode(group.work, group.environment)
    codex = Codex(group.work, group.environment)
    if not (codex.directory / "config.toml").exists():
        codex.trust_all()
    return codex


def _story(session: Session) -> Iterator[Start]:
    """Play one session and what follows from it; yield each start."""
    host, project, name = session.host, session.cwd, session.name
    chance = random.Random(name)  # noqa: S311

    def started(session: Session, given: str) -> Start:
        ms = next(c.ms for c in reversed(host.calls) if c.event == "SessionStart")
        return Start(session.name, project.name, given, ms, host.floor(project))

    def talk(session: Session) -> None:
        for number in range(chance.randint(1, 3)):
            said = f"secret-of-{project.name} {name} {number} {text(chance, 20)}"
            session.turn(said, f"secret-of-{project.name} {text(chance, 60)}")

    yield started(session, session.start())
    talk(session)
    for then in chance.sample(("compact", "resume", "clear", "fork"), k=2):
        match then:
            case "compact":
                yield started(session, session.compact())
            case "resume":
                session.end()
                yield started(session, session.resume())
                yield started(session, session.resume())
            case _:
                follow = session.clear if then == "clear" else session.fork
                session, given = follow(f"{session.name}-{then}")
                yield started(session, given)
        talk(session)
    session.end()


def _stats(hosts: list[Host], starts: list[Start], noted: list[Delivery]) -> Stats:
    by_session: dict[str, list[Delivery]] = {}
    for delivery in noted:
        by_session.setdefault(delivery.session, []).append(delivery)
    notes = {name: iter(found) for name, found in by_session.items()}
    pairs = [(start, next(notes.get(start.session, iter(())), None)) for start in starts]
    calls = [call for host in hosts for call in host.calls]
    silent = [s for s, note in pairs if not s.given and not (note and note.reason)]
    ready = [start.ms for start, note in pairs if note and _ready(note)]
    composed = [start.ms for start, note in pairs if note and not _ready(note)]
    turns = [call.ms for call in calls if call.event != "SessionStart"]
    return {
        "sessions": len(by_session),
        "starts": len(starts),
        "blocked": sum(call.blocked for call in calls),
        "wrong project": sum(_of_another(start) for start in starts),
        "silent and empty": len(silent),
        "starts from the file": f"{len(ready) / max(1, len(pairs)):.0%}",
        "outcomes": dict(Counter(note.outcome if note else "not noted" for _, note in pairs)),
        "composed because": dict(
            Counter(_why(note) for _, note in pairs if note and not _ready(note))
        ),
        "late": sum("took longer" in note.reason for _, note in pairs if note),
        "start hook": quantiles([start.ms for start in starts], "ms"),
        "start hook, from the file": quantiles(ready, "ms") if ready else {},
        "start hook, composing": quantiles(composed, "ms") if composed else {},
        "the host's own way of starting a hook": quantiles([s.floor_ms for s in starts], "ms"),
        "turn hook": quantiles(turns, "ms"),
    }


def _ready(note: Delivery) -> bool:
    """Did the hook print a file, without Python?"""
    return note.outcome in STARTS and note.reason.startswith("age=")


def _why(note: Delivery) -> str:
    """Return the first word of why a text was composed."""
    return note.reason.split(" ")[0].rstrip(":")


def _of_another(start: Start) -> bool:
    return bool(set(MARK.findall(ELSEWHERE.sub("", start.given))) - {start.project})
