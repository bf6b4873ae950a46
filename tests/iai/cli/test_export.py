"""`iai export`, of a store whose group does not run."""

import json
from contextlib import closing
from functools import partial

from iai.model.record import Project
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record, put
from tests.shell import Shell


def _place(place: Project, unit: RecordChange) -> None:
    unit.projects.place(place, place.root)


def test_what_is_kept_is_exported_whole_while_the_group_is_down(shell: Shell) -> None:
    g = shell
    g.layout.create()
    with closing(Records(g.layout.records, writer=True)) as records:
        for project, *texts in (("p", "first\n\nline three", "second"), ("q", "a fact")):
            place = Project(id=project * 16, name=project, root=f"/{project}")
            records.commit(partial(_place, place), NOW)
            put(records, *(new_record(text, text=text, project=place.id) for text in texts))
    lines = [json.loads(line) for line in g.iai("export").stdout.splitlines()]
    assert {line["text"] for line in lines} == {"first\n\nline three", "second", "a fact"}
    told = g.iai("export", "--format", "markdown", "--project", "/p").stdout
    assert told.startswith("# p\n")
    assert "> first\n>\n> line three\n" in told
    assert told.index("> first") < told.index("> second")
    assert "a fact" not in told
    out = g.work / "out"
    g.iai("export", "--format", "markdown", "--out", str(out))
    assert len(list(out.glob("*.md"))) == 2
    elsewhere = g.work / "elsewhere"
    elsewhere.write_text("mine")
    planted = next(out.iterdir())
    planted.unlink()
    planted.symlink_to(elsewhere)
    g.iai("export", "--format", "markdown", "--out", str(out))
    assert elsewhere.read_text() == "mine"
    assert not planted.is_symlink()
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.iterdir())
