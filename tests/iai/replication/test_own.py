"""What is one user's own: it reaches that user's machines, and nobody else's."""

from pathlib import Path

import pytest
from msgspec import structs

from iai.protocol.ingest import Edit, Forget, Mark, Pin
from iai.protocol.replicator import LeaveTeam
from iai.replication import content
from tests.iai.replication.nodes import Make, Node, Team, opened, report


def note(node: Node, text: str) -> str:
    return node.say(text, mine="note", session="", tier="semantic")


def own_pins(node: Node) -> set[str]:
    return {record.id for record in node.all() if record.mine == "pin"}


def notes(node: Node) -> dict[str, str]:
    return {record.id: record.text for record in node.all() if record.mine == "note"}


@pytest.fixture
def crew(team: Make, tmp_path: Path) -> tuple[Team, Node, Node, Node]:
    """A machine, another one of the same user, and one of somebody else."""
    t = team(2)
    laptop, other = t.nodes
    workstation = t.join(tmp_path / "own", "Kim", own=True)
    t.share()
    return t, laptop, workstation, other


def test_pins_notes_and_what_is_dismissed_are_on_all_machines_of_their_user_and_on_no_other(
    crew: tuple[Team, Node, Node, Node],
) -> None:
    t, laptop, workstation, other = crew
    said = [other.say(f"text {number}") for number in range(3)]
    t.settle()
    noted = note(laptop, "a-note-of-kims")
    laptop.edit(Pin(ref=said[0], mine=True))
    laptop.edit(Pin(ref=said[1], mine=True))
    workstation.edit(Mark(ref=said[2], mark="dismissed"))
    t.settle()
    workstation.edit(Pin(ref=said[1], pinned=False, mine=True))
    workstation.edit(Edit(ref=noted, text="a-note-of-kims, edited"))
    workstation.edit(Pin(ref=noted))
    t.settle()
    for node in (laptop, workstation):
        assert own_pins(node) == {said[0]}
        assert notes(node) == {noted: "a-note-of-kims, edited"}
        assert {r.id for r in node.all() if r.dismissed} == {said[2]}
        assert {r.id for r in node.all() if r.pinned} == {noted}
    assert sorted(other.texts()) == sorted(said)
    assert not any(r.is_pinned or r.marks or r.mine for r in other.all())
    shown = b"".join(opened(t))
    assert b"a-note-of-kims" not in shown
    assert b"dismissed" not in shown
    own = [sealed for plain in opened(t) if (sealed := content.owned(plain)) is not None]
    assert {subject for sealed in own for subject in sealed.about} == {noted}
    assert b"a-note-of-kims" not in other.files()
    assert not any(peer.missing for node in t.nodes for peer in report(node).peers)
    laptop.edit(Forget(refs=(noted,)))
    t.settle(20)
    assert not notes(laptop)
    assert not notes(workstation)
    for plain in opened(t):
        owned = content.owned(plain)
        assert owned is None or noted not in owned.about


def test_a_pin_of_ones_own_that_an_older_version_made_reaches_the_others_after_the_upgrade(
    crew: tuple[Team, Node, Node, Node],
) -> None:
    t, laptop, workstation, other = crew
    said = other.say("text")
    t.settle()
    (record,) = laptop.all()
    pinned = structs.replace(record, mine="pin")
    laptop.commit(lambda unit: unit.filing.replace(record, pinned))
    t.settle()
    assert own_pins(workstation) == set()
    laptop.commit(lambda unit: unit.edits.stamp_pins())
    t.settle()
    assert own_pins(workstation) == {said}
    assert not any(one.is_pinned for one in other.all())
    with laptop.records.view() as view:
        assert not list(view.unstamped_pins())


def test_while_a_user_has_one_machine_nothing_of_their_own_leaves_it_and_a_second_gets_all(
    team: Make, tmp_path: Path
) -> None:
    t = team(2)
    laptop, other = t.nodes
    t.share()
    said = laptop.say("text")
    noted = note(laptop, "a-note")
    laptop.edit(Pin(ref=said, mine=True))
    forgotten = note(laptop, "of no use")
    t.settle()
    laptop.edit(Forget(refs=(forgotten,)))
    t.settle()
    assert len(opened(t)) == 1
    workstation = t.join(tmp_path / "own", "Kim", own=True)
    t.settle(20)
    assert notes(workstation) == {noted: "a-note"}
    assert own_pins(workstation) == {said}
    assert list(other.texts()) == [said]
    assert not any(peer.missing for node in t.nodes for peer in report(node).peers)
    count = t.engine.last
    for node in t.nodes:
        node.kill()
    t.settle(20)
    assert t.engine.last == count  # it is not published once more
    t.empty()
    third = t.join(tmp_path / "third", "Kim", by=workstation, own=True)
    t.settle(20)
    assert notes(third) == {noted: "a-note"}


def test_ones_own_of_a_machine_that_is_gone_reaches_ones_next_machine_by_those_of_others(
    crew: tuple[Team, Node, Node, Node], tmp_path: Path
) -> None:
    t, laptop, workstation, _ = crew
    noted = note(workstation, "a-note")
    t.settle()
    t.lose(workstation)
    t.empty()
    third = t.join(tmp_path / "third", "Kim", by=laptop, own=True)
    laptop.stream.drop()
    t.settle(60)
    assert notes(third) == {noted: "a-note"}


def test_a_machine_that_has_left_can_read_nothing_more_of_its_users_own(
    crew: tuple[Team, Node, Node, Node], tmp_path: Path
) -> None:
    t, laptop, workstation, _ = crew
    t.settle()
    laptop.ask(LeaveTeam(machine=workstation.own.machine))
    t.settle(20)
    note(laptop, "later")
    third = t.join(tmp_path / "third", "Kim", by=laptop, own=True)
    t.settle(20)
    assert list(notes(third).values()) == ["later"]
    assert not notes(workstation)
    stolen = workstation.replicator._membership
    ours = laptop.replicator._membership
    for sealed in filter(None, map(content.owned, opened(t))):
        assert sealed.key not in stolen._personal._keys
        assert sealed.key in ours._personal._keys


def test_a_machine_with_ones_name_is_not_ones_own_unless_both_have_signed_that(
    team: Make, tmp_path: Path
) -> None:
    t = team(1)
    (laptop,) = t.nodes
    namesake = t.join(tmp_path / "namesake", "Kim")
    t.share()
    note(laptop, "a-note")
    t.settle()
    assert not laptop.replicator._membership.shares_own
    assert not notes(namesake)
    assert not opened(t)
