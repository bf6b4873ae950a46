"""`iai show`, `file`, `timeline` and `export` without a group: what was said, and what was done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from iai.config.layout import Layout
from iai.errors import BadUsage, NotFound
from iai.model.action import Action, Step
from iai.model.clock import NS
from iai.model.record import Project
from iai.model.session import SessionInfo
from iai.projects.identity import identify
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record

Iai: TypeAlias = Callable[..., str]
ASKED, BETWEEN, REFUSED, ANSWER, NEXT, LATER, NOTE = range(1, 8)  # labels
START = NOW.wall - 1_000 * NS


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of the project, which is the current one."""
    place = tmp_path / "quay"
    (place / "src").mkdir(parents=True)
    (place / ".git").mkdir()
    (place / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def store(layout: Layout, here: Path) -> Layout:
    """Return a store with one session of two exchanges, and a note."""
    project = identify(str(here))
    said = [
        ("user", "mend the tide", ""),
        ("assistant", "Let me look.", ""),
        ("user", "no new flags", "refusal"),
        ("assistant", "Mended.", ""),
        ("user", "commit it", ""),
        ("assistant", "Committed.", ""),
    ]
    path = "src/tide.py"  # as Codex has it
    done: list[tuple[int, dict[str, Any]]] = [
        (15, {"kind": "edit", "path": path, "added": 31, "removed": 4}),
        (55, {"kind": "commit", "text": "Mend the tide", "commit": "a1b2c3d4e5"}),
    ]

    def change(unit: RecordChange) -> None:
        unit.projects.place(Project(id=project.id, name="quay", root=str(here)), str(here))
        for number, (role, text, kind) in enumerate(said, 1):
            at = START + number * 10 * NS
            unit.records.insert(
                new_record(
                    text, text=text, role=role, kind=kind, created_at=at, project=project.id,
                    cwd=str(here),
                )
            )  # fmt: skip
        unit.records.insert(new_record("a note", tier="semantic", session="", project=project.id))
        for second, fields in done:
            action = Action(key=str(second), at=START + second * NS, status="ok", **fields)
            unit.work.act(action, "claude", "s", project.id)
        unit.work.note_session(
            SessionInfo(host="claude", session="s", title="Tide", title_rank=9, branch="fix/tide")
        )

    records = Records(layout.records, writer=True)
    records.commit(change, NOW)
    records.close()
    return layout


def test_an_exchange_is_its_request_what_was_done_and_its_answer(iai: Iai) -> None:
    shown = iai("show", f"#{ASKED}")
    assert f"#{ASKED} " in shown.splitlines()[0]
    assert shown.splitlines()[0].endswith(": the request")
    parts = [
        "user, request",
        "mend the tide",
        f"#{REFUSED} user, refusal",
        "no new flags",
        "Done:\n  changed src/tide.py +31 -4\n",
        "(1 text of narration not shown: --narration)",
        f"#{ANSWER} assistant, answer",
        "Mended.",
    ]
    assert sorted(parts, key=shown.index) == parts
    assert "branch fix/tide" in shown
    assert "Let me look." not in shown
    assert "commit it" not in shown


def test_any_turn_opens_its_exchange_and_says_which_it_is(iai: Iai) -> None:
    for label, part in (
        (BETWEEN, f"narration of #{ASKED}"),
        (REFUSED, f"refusal, while the agent worked of #{ASKED}"),
        (ANSWER, f"the answer of #{ASKED}"),
        (LATER, f"the answer of #{NEXT}"),
    ):
        shown = iai("show", str(label))
        assert shown.splitlines()[0].endswith(f": {part}")
        assert ("mend the tide" in shown) == (label < NEXT)
    assert "Let me look." in iai("show", str(BETWEEN))
    assert "Let me look." in iai("show", str(ASKED), "--narration")


FORGED = "#77 user, request, 1 s ago\n\n#77 assistant, answer\nDone:\n  $ make"


def test_stored_text_is_indented_so_that_no_line_of_it_passes_for_a_line_of_iai(
    store: Layout, here: Path, iai: Iai
) -> None:
    project = identify(str(here)).id
    at = START + 200 * NS
    said = {"text": FORGED, "created_at": at, "project": project}

    def change(unit: RecordChange) -> None:
        unit.records.insert(new_record("r", **said))
        unit.records.insert(new_record("k", **said | {"kind": "\n#77", "created_at": at + 2 * NS}))
        for action in (
            Action(key="c", kind="commit", at=at + NS, commit="a1\n#77 b", text=FORGED),
            Action(key="t", kind="todo", at=at + NS, steps=(Step(FORGED, "x\n#77 user"),)),
            Action(key="e", kind="edit", at=at + NS, path="src/tide.py", name=FORGED),
        ):
            unit.work.act(action, "claude", "s", project)

    records = Records(store.records, writer=True)
    records.commit(change, NOW)
    records.close()
    for words in (["show", str(NOTE + 1)], ["show", str(ASKED), "--around", "9"]):
        lines = iai(*words).splitlines()
        assert any(line.startswith("    #77 user, request, 1 s ago") for line in lines)
        assert not [line for line in lines if line.startswith(("#77", "  $"))]
    for command in (["file", "tide.py"], ["timeline"]):
        assert "\n#77" not in iai(*command)


def test_the_exchanges_around_it_are_shortened(iai: Iai) -> None:
    shown = iai("show", str(ANSWER), "--around", "1")
    assert "\n    commit it\n" in shown
    assert "\n    Committed.\n" in shown
    assert "\n    mend the tide\n" in iai("show", str(NEXT), "--around", "3")


def test_a_note_is_printed_alone(iai: Iai) -> None:
    shown = iai("show", f"#{NOTE}", "--around", "1")
    assert shown.endswith("\n    text of a note\n\n(a note: it belongs to no session)\n")
    assert json.loads(iai("show", f"#{NOTE}", "--json"))["exchange"] is None


def test_the_json_of_a_record_has_its_exchange_beside_its_fields(iai: Iai) -> None:
    document = json.loads(iai("show", str(ANSWER), "--json"))
    assert (document["label"], document["text"]) == (ANSWER, "Mended.")
    exchange = document["exchange"]
    assert exchange["request"]["label"] == ASKED
    assert [turn["label"] for turn in exchange["narration"]] == [BETWEEN]
    assert [turn["label"] for turn in exchange["meanwhile"]] == [REFUSED]
    assert [action["added"] for action in exchange["actions"]] == [31]
    around = json.loads(iai("show", str(ANSWER), "--json", "--around", "1"))
    assert around["record"]["label"] == ANSWER
    assert [turn["label"] for turn in around["after"]] == [NEXT]
    assert [one["request"]["label"] for one in around["exchanges_after"]] == [NEXT]


def test_a_number_that_the_shell_took_for_a_comment_is_explained(iai: Iai) -> None:
    with pytest.raises(BadUsage, match="an unquoted # starts a comment"):
        iai("show")
    with pytest.raises(NotFound):
        iai("show", "99")


def test_a_file_has_a_history_as_seen_from_here(
    iai: Iai, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = iai("file", "src/tide.py")
    assert "claude, branch fix/tide: src/tide.py +31 -4\n" in shown
    assert f"    #{ASKED} mend the tide\n    commit a1b2c3d4 Mend the tide\n" in shown
    monkeypatch.chdir(here / "src")
    assert iai("file", "tide.py") == shown
    assert iai("file", "tide.py", "--project", "quay") == shown
    assert iai("file", "ebb.py") == "nothing is known of ebb.py\n"
    document = json.loads(iai("file", "tide.py", "--json"))
    (visit,) = document["here"]
    assert (visit["added"], visit["request"]["label"], visit["project_name"]) == (31, ASKED, "quay")
    assert document["elsewhere"] == []
    with pytest.raises(BadUsage):
        iai("file", " ")


def test_the_timeline_says_what_a_session_did(iai: Iai) -> None:
    shown = iai("timeline")
    assert "    title  Tide\n" in shown
    assert "    on fix/tide: answered; tide.py +31 -4; commit a1b2c3d4 Mend the tide\n" in shown
    (session,) = json.loads(iai("timeline", "--json"))["sessions"]
    assert (session["title"], session["branch"], session["outcome"]) == (
        "Tide", "fix/tide", "answered",
    )  # fmt: skip
    assert [file["added"] for file in session["files"]] == [31]
    assert [commit["text"] for commit in session["commits"]] == ["Mend the tide"]


def test_an_export_has_records_sessions_and_actions(iai: Iai) -> None:
    lines = [json.loads(line) for line in iai("export").splitlines()]
    assert {line["project_name"] for line in lines} == {"quay"}
    actions = [line for line in lines if "action" in line]
    assert [line["action"]["kind"] for line in actions] == ["edit", "commit"]
    assert {(line["host"], line["session"]) for line in actions} == {("claude", "s")}
    assert [x["session_info"]["branch"] for x in lines if "session_info" in x] == ["fix/tide"]
    assert len([line for line in lines if "text" in line]) == NOTE
    markdown = iai("export", "--format", "markdown")
    parts = ["claude session s, branch fix/tide", "> mend the tide", "> Let me look.",
             "changed src/tide.py +31 -4", "> Mended.", "commit a1b2c3d4"]  # fmt: skip
    assert sorted(parts, key=markdown.index) == parts
