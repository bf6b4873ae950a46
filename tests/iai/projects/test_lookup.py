"""The project that a path names."""

from iai.config.layout import Layout
from iai.model.record import Project
from iai.projects.identity import identify
from iai.projects.lookup import project_id
from iai.store.records import Records
from tests.iai.store.builders import NOW


def test_a_path_that_is_gone_names_the_project_it_was_part_of(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    own = Project(**identify("/w/cli")._asdict())
    records.commit(lambda unit: unit.projects.place(own, "/w/cli"), NOW)
    records.close()
    for path in ("/w/cli", "/w/cli/cmd/sub", "/w/cli/.worktrees/soph/branch"):
        assert project_id(path, layout) == own.id
    assert project_id("/w/other", layout) == identify("/w/other").id
