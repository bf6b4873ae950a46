"""A store in which every text, path, title, branch and name tries to control what shows it."""

from pathlib import Path

from iai.config.layout import Layout
from iai.model.action import Action, Step
from iai.model.record import Project
from iai.model.session import SessionInfo
from iai.projects.identity import identify
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record


def fill(layout: Layout, here: Path, evil: str) -> str:
    """Put a text into every field of a store; return the project of the directory `here`."""
    project = identify(str(here))

    def change(unit: RecordChange) -> None:
        unit.projects.place(Project(id=project.id, name=evil, root=str(here)), str(here))
        unit.projects.place(
            Project(id="0" * 16, name=evil, root=f"/elsewhere/{evil}"), f"/else/{evil}"
        )
        for session in (f"a{evil}", f"b{evil}"):
            _session(unit, session, project.id, str(here), evil)
        _session(unit, f"c{evil}", "0" * 16, f"/else/{evil}", evil)
        for key, pinned in (("note", False), ("pinned note", True)):
            unit.records.insert(
                new_record(
                    key, text=f"{evil} {key}", tier="semantic", session="", pinned=pinned,
                    project=project.id, tags=(evil,),
                )
            )  # fmt: skip

    records = Records(layout.records, writer=True)
    records.commit(change, NOW)
    records.close()
    return project.id


def _session(unit: RecordChange, session: str, project: str, cwd: str, evil: str) -> None:
    for number, role in enumerate(("user", "assistant", "user"), 1):
        text = f"{evil} {number}\n{evil} never deploy on Fridays {evil}"
        unit.records.insert(
            new_record(
                f"{session}{number}", text=text, role=role, created_at=NOW.wall + number,
                project=project, cwd=f"{cwd}/{evil}", session=session,
            )
        )  # fmt: skip
    fields = {"kind": "command", "text": evil, "output": evil, "status": "failed", "exit_code": 1}
    done = [
        Action(key="1", kind="edit", at=NOW.wall + 1, path=f"src/{evil[:40]}.py", added=3),
        Action(key="2", kind="commit", at=NOW.wall + 1, text=evil, commit="a1b2c3d4"),
        Action(key="3", kind="pull-request", at=NOW.wall + 1, text=evil),
        Action(key="4", kind="todo", at=NOW.wall + 1, steps=(Step(evil, evil), Step(evil))),
        Action(key="5", at=NOW.wall + 1, **fields),  # type: ignore[arg-type]
        Action(key="6", at=NOW.wall + 1, **{**fields, "kind": "test"}),  # type: ignore[arg-type]
        Action(key="7", kind="read", at=NOW.wall + 1, path=f"lib/{evil}.py"),
    ]
    for action in done:
        unit.work.act(action, "claude", session, project)
    unit.work.note_session(
        SessionInfo(
            host="claude", session=session, title=evil, title_rank=9, branch=evil,
            cwd=f"{cwd}/.worktrees/{evil}",
        )
    )  # fmt: skip
