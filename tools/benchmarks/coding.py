"""Coding sessions, and questions about them in other words than the answers'.

46 short sessions in 13 projects, made up for iai (`sessions.txt`), with what such sessions are full
of: code, paths, errors, numbers, decisions, and turns that say nothing but "ok". Around them lie
generated sessions without sense (`histories.py`). All are in one store; questions name no project.
"""

from argparse import ArgumentParser, Namespace
from datetime import timedelta
from pathlib import Path

from harness.corpus import START, as_turns, coding_session

from benchmarks import quality
from benchmarks.quality import History, Question
from benchmarks.stats import Stats
from iai.model.clock import NS
from iai.protocol.ingest import CapturedTurn

SESSIONS = Path(__file__).with_name("sessions.txt")
_BETWEEN_SESSIONS = timedelta(hours=31)
_BETWEEN_TURNS = 90 * NS
_NOISE = 60  # turns in a generated session


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--noise", type=int, default=40, help="generated sessions around them")
    quality.configure(parser)


def run(args: Namespace) -> Stats:
    sessions, questions = _read(SESSIONS.read_text())
    for number in range(args.noise):
        text = coding_session(f"noise {number}", f"/home/dev/p{number % 7}", _NOISE, seed=number)
        sessions.append(as_turns(text))
    asked, turns, seconds = quality.run(History("code", sessions, questions), args.embedder)
    return quality.stats(asked, turns, seconds, halves=args.halves)


def _read(text: str) -> tuple[list[list[CapturedTurn]], list[Question]]:
    """Read sessions: "= project", then turns, "u" or "a", then "? number of the turn: question"."""
    sessions: list[list[CapturedTurn]] = []
    questions: list[Question] = []
    project = ""
    for line in text.splitlines():
        kind, said = line.split(" ", 1)
        if kind == "=":
            project = said
            sessions.append([])
        elif kind == "?":
            number, question = said.split(": ", 1)
            evidence = sessions[-1][int(number) - 1].key
            questions.append(Question(question, frozenset({evidence}), "code"))
        else:
            sessions[-1].append(_turn(kind, said, project, len(sessions), len(sessions[-1])))
    return sessions, questions


def _turn(kind: str, text: str, project: str, session: int, place: int) -> CapturedTurn:
    at = int((START + session * _BETWEEN_SESSIONS).timestamp()) * NS + place * _BETWEEN_TURNS
    return CapturedTurn(
        text=text,
        role="user" if kind == "u" else "assistant",
        session=f"code {session}",
        cwd=f"/home/dev/{project}",
        created_at=at,
        key=f"{session}:{place}",
    )
