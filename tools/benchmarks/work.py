"""How well real sessions are remembered: at the next one's start, by recall, and word by word.

The sessions of `--sessions` (see `harness.real_sessions`) are taken in as they were written, line
by line in time, so that nothing knows what came after it.

payload: of the files that a session edited and read, and of the names (files, identifiers) in its
first prompts, the share that the payload before it names: the mean over the sessions that have any,
and, "pooled", of all such files together. A file is named if its base name is a whole word of the
payload; "by suffix", if its last two components are. "last turns" is the same of the newest texts
said before, cut to as many characters.
commit, file: is a session that made a commit among the first that recall finds for the commit's
subject; for the paths of its files as one text; for the path of one file, of all commits? All
sessions are in the store. "told": how often one of these sessions edited one of the files.
said and kept: what people said, by kind, of which the words are in a user record of the session. By
the host are user records that open as only hosts write, or that the transcript marks as the host's.
In those "said by nobody known" nothing is that was counted as said: accepted plans, for one.
"""

from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from harness import real_sessions
from harness.naming import holds
from harness.real_sessions import Session
from harness.replay import Replay
from harness.utterances import normal

from benchmarks import commits, kept, starts
from benchmarks.commits import Found
from benchmarks.kept import Kept
from benchmarks.starts import Start
from benchmarks.stats import Stats

T = TypeVar("T")

_ALL = {"": (0.0, 1.0)}
_HALVES = {**_ALL, "first half: ": (0.0, 0.5), "second half: ": (0.5, 1.0)}


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--sessions", type=Path, required=True, help="the directory they are in")
    parser.add_argument("--limit", type=int, help="take only so many, the oldest")
    parser.add_argument("--halves", action="store_true", help="also over halves, by time")
    parser.add_argument("--examples", type=int, default=0, help="how many of what is not right")
    parser.add_argument("--show", metavar="SESSION", help="print the payload before this session")


def run(args: Namespace) -> Stats:
    sessions = real_sessions.load(args.sessions, args.limit)
    with Replay(sessions) as replay:
        if args.show:
            return _shown(args.show, sessions, replay)
        begun = list(starts.before_each(sessions, replay))
        replay.take_in(max(line.at for session in sessions for line in session.lines) + 1)
        words = _kept(sessions, replay)
        replay.index()
        questions = commits.questions(real_sessions.commits(args.sessions, sessions))
        found = [commits.ask(question, sessions, replay) for question in questions]
    place = {session.name: number for number, session in enumerate(sessions)}
    found.sort(key=lambda one: place[one.session])
    measured: Stats = {}
    for name, part in (_HALVES if args.halves else _ALL).items():
        measured |= {f"{name}{what}": value for what, value in _figures(part, begun, found, words)}
    return measured | kept.examples(words, args.examples)


def _figures(
    part: tuple[float, float], begun: list[Start], found: list[Found], words: list[Kept]
) -> Iterator[tuple[str, Any]]:
    """Yield what is measured of a part of each, in the order of time."""
    yield from starts.figures(_cut(begun, part)).items()
    for kind in commits.KINDS:
        yield from commits.figures(_cut([one for one in found if one.kind == kind], part)).items()
    yield from kept.figures(_cut(words, part)).items()


def _cut(items: list[T], part: tuple[float, float]) -> list[T]:
    first, last = (round(len(items) * share) for share in part)
    return items[first:last]


def _kept(sessions: Sequence[Session], replay: Replay) -> list[Kept]:
    records = defaultdict(list)
    for record in replay.records():
        if record.role == "user":
            records[record.session].append(record.text)
    return [kept.of(session, records[session.name]) for session in sessions]


def _shown(name: str, sessions: Sequence[Session], replay: Replay) -> Stats:
    """Print the payload before a session; return what it names of the session's work."""
    session = next((one for one in sessions if one.name.startswith(name)), None)
    if session is None:
        raise SystemExit(f"no session {name}")
    for earlier in sessions[: sessions.index(session) + 1]:  # as when all are measured
        replay.take_in(earlier.began)
    payload = replay.payload(session)
    print(payload)
    named = {
        part: ", ".join(f"{'+' if holds(payload, one) else '-'}{one}" for one in sorted(names))
        for part, names in starts.wanted(session).items()
    }
    return {"first prompt": normal(session.prompts[0]) if session.prompts else "", **named}
