"""The note of a file: who changed it, when and what for, short and safe to put into JSON."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from iai.model.action import Action
from iai.model.clock import NS
from iai.model.record import Record
from iai.model.session import SessionInfo
from iai.payload.budget import tokens
from iai.payload.file_notes import SESSIONS, TOKENS, encode, notes
from iai.payload.summary import FileWork, Summary


def session(days: int, *files: FileWork, asked: str = "mend the tide", **fields: Any) -> Summary:
    at = days * 86_400 * NS
    request = Record(
        id="0" * 26, label=days, tier="episodic", role="user", text=asked, host="claude",
        session=str(days), project="p", cwd="/p", created_at=at, ingested_at=at, updated_at=at,
    )  # fmt: skip
    info = SessionInfo(host="claude", session=str(days), branch="main")
    return Summary(info=info, began_at=at, ended_at=at, requests=(request,), files=files, **fields)


def changed(path: str, **fields: Any) -> FileWork:
    return FileWork(path=path, **{"changes": 1, "added": 3, **fields})


def test_a_note_tells_each_session_that_changed_the_file_the_latest_first() -> None:
    commit = Action(key="k", kind="commit", at=1, commit="a1b2c3d4", text="Mend it")
    found = notes([
        session(9, changed("/p/tide.py"), asked="later"),
        session(8, changed("/w/tide.py", added=1, removed=2), asked="before", commits=(commit,)),
        session(7, FileWork(path="/p/tide.py", reads=1), asked="only read"),
    ])  # fmt: skip
    assert found["tide.py"].splitlines()[1:] == [
        '- Sat 10 Jan, main: "later" (#9) -> tide.py +3',
        '- Fri 9 Jan, main: "before" (#8) -> tide.py +1 -2; a1b2c3d "Mend it"',
    ]


def test_a_file_that_was_only_read_has_no_note() -> None:
    assert notes([session(1, FileWork(path="/p/tide.py", reads=1))]) == {}


@given(st.lists(st.text(max_size=300), min_size=1, max_size=12), st.text(max_size=40))
def test_a_note_is_short_and_its_line_is_json(asked: list[str], name: str) -> None:
    every = [session(n, changed(f"/p/{name}"), asked=text) for n, text in enumerate(asked)]
    for note in notes(every).values():
        assert tokens(note) <= TOKENS
        assert len(note.splitlines()) <= SESSIONS + 1
    for line in encode(every).decode().split("\n")[:-1]:
        _, _, note = line.partition("\t")
        assert json.loads(f'"{note}"').splitlines()
