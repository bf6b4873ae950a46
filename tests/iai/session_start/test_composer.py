"""A payload is composed from the records, and from the graph if there is one."""

from iai.config.layout import Layout
from iai.freshness.target import Target
from iai.model import framing
from iai.model.record import Project
from iai.session_start.composer import WITHOUT_GRAPH, Composer
from iai.store.payload_readers import PayloadReaders
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record, put


def test_a_payload_says_when_the_graph_is_missing(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    records.commit(
        lambda unit: unit.projects.place(Project(id=PROJECT, name="mine", root="/p"), "/p"), NOW
    )
    put(records, new_record("a", text="remember the milk"))
    records.close()
    readers = PayloadReaders(layout)
    composer = Composer(readers, 20)
    target = Target(layout.project_payload(PROJECT), PROJECT, "mine")
    composer.prepare(target)
    with_graph, without = (
        composer.compose(target, NOW.wall, with_graph=choice).text for choice in (True, False)
    )
    readers.close()
    assert "remember the milk" in with_graph
    assert WITHOUT_GRAPH not in with_graph
    assert f"({WITHOUT_GRAPH})" in without


def test_other_projects_are_left_out_where_that_is_set(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    for id_, name in ((PROJECT, "mine"), ("b" * 16, "theirs")):
        place = Project(id=id_, name=name, root=f"/{name}")
        records.commit(lambda unit, place=place: unit.projects.place(place, place.root), NOW)  # type: ignore[misc]
    put(records, new_record("a"), new_record("b", project="b" * 16, session="b"))
    records.close()
    readers = PayloadReaders(layout)
    target = Target(layout.project_payload(PROJECT), PROJECT, "mine")
    texts = [
        Composer(readers, 20, elsewhere=choice).compose(target, NOW.wall, with_graph=True).text
        for choice in (True, False)
    ]
    readers.close()
    assert ["theirs" in text for text in texts] == [True, False]
    assert all("text of a" in text for text in texts)


def test_where_nothing_is_to_be_shown_the_payload_is_a_frame_and_not_missing(
    layout: Layout,
) -> None:
    texts = []
    for keys in ((), ("a",)):
        records = Records(layout.records, writer=True)
        put(records, *(new_record(key) for key in keys))
        records.close()
        readers = PayloadReaders(layout)
        composer = Composer(readers, 20, elsewhere=False)
        target = Target(layout.payload, "", "")
        texts.append(composer.compose(target, NOW.wall, with_graph=True).text)
        readers.close()
    nothing, text = texts
    assert nothing == ""
    assert framing.revision(text) == 1
    assert framing.without(text) == ""


def test_preparing_ignores_a_store_that_cannot_be_read(layout: Layout) -> None:
    Composer(PayloadReaders(layout), 20).prepare(Target(layout.payload, "", ""))
    assert not layout.records.exists()
