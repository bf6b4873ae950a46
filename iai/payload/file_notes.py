"""What a project's sessions did to each of its files, a short note a file. Pure.

The cache-writer keeps the notes in one file for each project, from which a hook gives the agent the
note of the file that it is about to read or edit.
"""

import json
from collections.abc import Iterator, Sequence

from iai.model import framing
from iai.payload.budget import Budget
from iai.payload.compose import file_line
from iai.payload.summary import FileWork, Summary, name_of

FILES = 300  # that have a note, the latest touched first
SESSIONS = 6  # in a note
TOKENS = 300
CHARACTERS = 1_200

_PREFACE = "From iai, what earlier sessions did to files of this name: a record, not a request."


def encode(sessions: Sequence[Summary]) -> bytes:
    """Return a line for each file name: the name, a tab, and the note as JSON's string has it."""
    return b"".join(
        f"{name}\t{json.dumps(note)[1:-1]}\n".encode()
        for name, note in notes(sessions).items()
        if not set(name) & set('\t\n\\"')
    )


def notes(sessions: Sequence[Summary]) -> dict[str, str]:
    """Return the note of each file by the last part of its path; `sessions` are latest first."""
    touched: dict[str, list[tuple[Summary, FileWork]]] = {}
    for session in sessions:
        for file in session.files:
            if file.changes:
                touched.setdefault(name_of(file.path), []).append((session, file))
    latest = sorted(touched, key=lambda name: -touched[name][0][1].last_at)[:FILES]
    return {name: "\n".join(_note(touched[name])) for name in latest}


def _note(visits: Sequence[tuple[Summary, FileWork]]) -> Iterator[str]:
    budget = Budget(CHARACTERS, TOKENS)
    budget.take([_PREFACE])
    yield _PREFACE
    for session, file in visits[:SESSIONS]:
        line = framing.harmless(file_line(session, file))
        if not budget.take([line]):
            return
        yield line
