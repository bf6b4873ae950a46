"""A project that several machines work on: what each said and did, in few words."""

from pathlib import Path
from typing import Any

from msgspec import structs

from iai.model.action import Action, Step
from iai.model.clock import NS, Now
from iai.model.member import Member
from iai.model.record import Project, session_key
from iai.model.session import SessionInfo
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record

WALL = NOW.wall
OTHER = "fedcba9876543210"
EDIT = ("edit", {"path": "/mine/src/tide.py", "added": 31, "removed": 4, "status": "ok"})
KIMS_EDIT = ("edit", {**EDIT[1], "path": "/home/kim/mine/src/ebb.py"})
COMMIT = ("commit", {"text": "Mend the tide", "commit": "a1b2c3d4e5", "status": "ok"})
LAPTOP, WORKSTATION, KIMS, LEES = "", "aa" * 8, "bb" * 8, "cc" * 8
MEMBERS = {
    machine: Member(machine=machine, author=author, name=name, person=person)
    for machine, author, name, person in (
        (LAPTOP, "Ada", "laptop", "ada"),
        (WORKSTATION, "Ada", "workstation", "ada"),
        (KIMS, "Kim", "quay", "kim"),
        (LEES, "Lee", "slip", "lee"),
    )
}


def records_in(path: Path) -> Records:
    """Return an empty store with two projects."""
    records = Records(path / "records", writer=True)
    for project, name in ((PROJECT, "mine"), (OTHER, "theirs")):
        found = Project(id=project, name=name, root=f"/{name}")
        records.commit(lambda unit, found=found: unit.projects.place(found, found.root), NOW)  # type: ignore[misc]
    return records


def session(records: Records, name: str, seconds: int, **fields: Any) -> None:
    """Keep a session that began so many seconds ago: a request, what was done, an answer.

    It arrived here `after` seconds later.
    """
    at = WALL - seconds * NS
    machine = fields.get("machine", "")
    project = fields.get("project", PROJECT)
    info = SessionInfo(
        host="claude", session=name, branch=fields.get("branch", ""), machine=machine,
        title=fields.get("title", ""), title_rank=9,
        unattended=fields.get("unattended", False),
    )  # fmt: skip
    common = {"session": name, "machine": machine, "project": project}
    asked = new_record(f"{name} asked", created_at=at, **common)
    said = new_record(f"{name} said", created_at=at + 9 * NS, role="assistant", **common)

    asked = structs.replace(asked, key=f"{machine}{asked.key}")
    said = structs.replace(said, key=f"{machine}{said.key}")

    def change(unit: RecordChange) -> None:
        unit.records.insert(structs.replace(asked, text=fields.get("asked", asked.text)))
        for number, (kind, how) in enumerate(fields.get("done", ())):
            done = Action(key=f"{name}{number}", kind=kind, at=at + (number + 1) * NS, **how)
            unit.actions.add_action(session_key("claude", name, machine), done)
        if chosen := fields.get("chosen"):
            turn = new_record(f"{name} chose", created_at=at + 5 * NS, kind="answer", **common)
            unit.records.insert(structs.replace(turn, text=chosen))
        unit.records.insert(structs.replace(said, text=fields.get("said", said.text)))
        unit.work.note_session(info)

    records.commit(change, Now(at + fields.get("after", 10) * NS, NOW.mono))


def alone(records: Records) -> None:
    """Fill a store with one of everything that a payload shows, all of this machine."""
    steps = (Step("answer the reviewer", "pending"), Step("mend it", "completed"))
    failed = ("test", {"text": "pytest", "passed": 2, "failed": 1, "status": "failed"})
    session(records, "one", 90_000, done=[EDIT, failed], branch="fix/one")
    session(records, "two", 70_000, done=[EDIT, COMMIT], chosen="Which? \u2192 the small one")
    session(records, "elsewhere", 60_000, project=OTHER, done=[EDIT])
    session(records, "bot", 50_000, unattended=True)
    session(records, "hello", 40_000, asked="hello")
    session(
        records, "three", 3_600, done=[EDIT, ("todo", {"steps": steps, "status": "ok"})],
        branch="fix/three", title="The tide", asked="Mend the tide. We never round down here.",
    )  # fmt: skip
    pinned = new_record("p", session="", tier="semantic", pinned=True, text="Deploy by hand.")
    fact = new_record("f", session="", tier="semantic", text="The pilot is called Noor.")
    records.commit(lambda unit: [unit.records.insert(one) for one in (pinned, fact)], NOW)
