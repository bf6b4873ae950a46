"""A payload is composed from the records, and from the graph if there is one."""

from iai.config.layout import Layout
from iai.freshness.target import Target
from iai.model.record import Project
from iai.session_start.composer import WITHOUT_GRAPH, Composer
from iai.store.readers import Readers
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record, put


def test_a_payload_says_when_the_graph_is_missing(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    records.commit(lambda unit: unit.place(Project(id=PROJECT, name="mine", root="/p"), "/p"), NOW)
    put(records, new_record("a", text="remember the milk"))
    records.close()
    readers = Readers(layout)
    composer = Composer(readers)
    target = Target(layout.project_payload(PROJECT), PROJECT, "mine")
    composer.prepare(target)
    with_graph, without = (
        composer.compose(target, NOW.wall, with_graph=choice) for choice in (True, False)
    )
    readers.close()
    assert "remember the milk" in with_graph
    assert WITHOUT_GRAPH not in with_graph
    assert f"({WITHOUT_GRAPH})" in without


def test_preparing_ignores_a_store_that_cannot_be_read(layout: Layout) -> None:
    Composer(Readers(layout)).prepare(Target(layout.payload, "", ""))
