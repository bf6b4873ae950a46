"""`iai show`, `file` and `timeline` in a team: who did what, and only what one person did."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from iai.cli import session_start
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage
from iai.freshness.target import Target
from iai.mcp import schemas
from iai.mcp.calls import Memory
from iai.model.member import Member
from iai.model.record import Project
from iai.projects.identity import identify
from iai.recall.named_person import machines
from iai.session_start.composer import Composer
from iai.store.payload_readers import PayloadReaders
from iai.store.records import Records
from iai.ui import files, record, search, sessions
from iai.ui.page_request import PageRequest
from tests.iai.payload import team
from tests.iai.payload.team import EDIT, KIMS, LAPTOP, LEES, MEMBERS, WORKSTATION
from tests.iai.store.builders import NOW, know

Iai: TypeAlias = Callable[..., str]
WHO = {"mine": LAPTOP, "ours": WORKSTATION, "kims": KIMS}


@pytest.fixture
def store(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Return a store with a session of this machine, one of another of mine, and Kim's."""
    monkeypatch.chdir(tmp_path)
    layout.create()
    records = team.records_in(layout.root)
    know(records, *MEMBERS.values())
    for number, (name, machine) in enumerate(WHO.items()):
        team.session(records, name, 100 - number, machine=machine, done=[EDIT])
    records.close()
    return layout


@pytest.fixture
def view(store: Layout) -> Iterator[Records]:
    records = Records(store.records)
    yield records
    records.close()


NAMED = [
    ("me", (LAPTOP, WORKSTATION)),
    ("ada", (LAPTOP, WORKSTATION)),
    ("laptop", (LAPTOP,)),
    ("workstation", (WORKSTATION,)),
    ("Kim", (KIMS,)),
    ("quay", (KIMS,)),
    (LEES, (LEES,)),
]


@pytest.mark.parametrize(("named", "meant"), NAMED)
def test_a_person_or_a_machine_is_meant(view: Records, named: str, meant: tuple[str, ...]) -> None:
    with view.view() as records:
        assert machines(named, records) == meant


def test_of_two_people_of_one_name_only_one_is_me(store: Layout) -> None:
    other = Member(machine="dd" * 8, author="Ada", name="ketch", person="dd" * 8)
    records = Records(store.records, writer=True)
    know(records, other)
    with records.view() as view:
        assert machines("me", view) == (LAPTOP, WORKSTATION)
        assert machines("Ada", view) == (LAPTOP, WORKSTATION, other.machine)
    records.close()


def test_an_unknown_name_is_an_error_that_says_who_is_known(iai: Iai) -> None:
    for command, *words in (("timeline",), ("file", "tide.py")):
        with pytest.raises(BadUsage, match="nobody called Bo; known: me, Ada, Kim, Lee"):
            iai(command, *words, "--by", "Bo")


def test_the_timeline_says_who_and_can_be_of_one_person(iai: Iai) -> None:
    every = iai("timeline")
    assert [", Kim on quay, " in every, ", you on workstation, " in every] == [True, True]
    by = {
        name: [
            one["session_id"] for one in json.loads(iai("timeline", "--json", *words))["sessions"]
        ]
        for name, words in (("all", ()), ("me", ("--by", "me")), ("Kim", ("--by", "Kim")))
    }
    assert by == {"all": ["kims", "ours", "mine"], "me": ["ours", "mine"], "Kim": ["kims"]}


def test_the_history_of_a_file_says_who_and_can_be_of_one_person(iai: Iai) -> None:
    every = iai("file", "src/tide.py")
    assert [", Kim on quay: " in every, ", you on workstation: " in every] == [True, True]
    found = json.loads(iai("file", "src/tide.py", "--by", "kim", "--json"))["elsewhere"]
    assert [(one["session"], one["by"]) for one in found] == [("kims", "Kim on quay")]
    mine = json.loads(iai("file", "src/tide.py", "--by", "me", "--json"))["elsewhere"]
    assert [one["session"] for one in mine] == ["ours", "mine"]


def test_a_record_says_whose_it_is_where_it_is_not_of_this_machine(iai: Iai) -> None:
    assert "user, claude, " in iai("show", "1")
    assert "user, you on workstation, claude, " in iai("show", "3")
    assert "user, Kim on quay, claude, " in iai("show", "5")
    assert json.loads(iai("show", "5", "--json"))["by"] == "Kim on quay"


def test_the_tools_say_who_and_take_a_name(store: Layout) -> None:
    memory = Memory(Settings(store=store.root), start=False)
    for asked in (
        schemas.Timeline(by="kim"),
        schemas.FileHistory(path="src/tide.py", by="Kim"),
        schemas.Show(ids=["#5"]),
    ):
        answer = memory.answer(asked)
        assert ", Kim on quay" in answer.text
        assert "you on workstation" not in answer.text
    alone = memory.answer(schemas.Timeline(by="laptop"))
    assert (" on " in alone.text, "mine" in alone.text) == (False, True)


def test_the_pages_say_who_and_lead_to_the_session_of_that_machine(store: Layout) -> None:
    def asked(**fields: str) -> PageRequest:
        return PageRequest(Settings(store=store.root), fields, time.time_ns())

    assert search.show(asked())["people"] == ["me", "Kim", "Lee"]
    assert [one["at"].by for one in sessions.show(asked())["sessions"]] == [
        "Kim on quay",
        "you on workstation",
        "",
    ]
    visits = files.show(asked(path="tide.py"))["visits"]
    assert [one["at"].machine for one in visits] == [KIMS, WORKSTATION, LAPTOP]
    assert record.show(asked(ref="5"))["by"] == "Kim on quay"
    story = sessions.story(asked(host="claude", session="kims", machine=KIMS))
    assert (story["by"], story["count"]) == ("Kim on quay", 1)


@pytest.mark.parametrize(("here", "last"), [("user", "ours"), ("machine", "mine")])
def test_the_start_of_a_session_is_of_whom_the_setting_says(
    here: str, last: str, layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.create()
    home = identify(str(tmp_path))
    records = team.records_in(layout.root)
    place = Project(id=home.id, name=home.name, root=home.root)
    records.commit(lambda unit: unit.projects.place(place, home.root), NOW)
    know(records, *MEMBERS.values())
    for number, (name, machine) in enumerate(WHO.items()):
        team.session(records, name, 100 - number, machine=machine, project=home.id, done=[EDIT])
    records.close()
    parser = ArgumentParser()
    session_start.configure(parser)
    settings = Settings(store=layout.root, here=here)
    assert session_start.run(parser.parse_args(["--cwd", str(tmp_path)]), settings) == 0
    live = capsys.readouterr().out
    readers = PayloadReaders(layout)
    target = Target(project=home.id, name=home.name, path=layout.payload)
    composed = Composer(readers, 1, here=here).compose(target, time.time_ns(), with_graph=True)
    readers.close()
    for text in (live, composed.text):
        start = text[text.index("## Last session here") :]
        assert (
            start.splitlines()[1] == f"Asked: text of {last} asked (#{1 if last == 'mine' else 3})"
        )
        assert "- Kim, " in text
