"""What a machine has said that never comes back, once the stream has lost it, too."""

from pathlib import Path

import pytest
from msgspec import structs
from simulation.engine import MemoryStream

from iai.model.clock import NS
from iai.model.record import digest
from iai.protocol.ingest import Edit, Forget, Pin
from iai.protocol.replicator import LeaveTeam, TeamMessageRefused
from iai.replication import content, messages, outbox, relay
from iai.replication.content import Relayed
from iai.store.team_store import TeamChange
from iai.team import subjects
from iai.team.stream import Beat
from tests.iai.replication.nodes import Make, Node, Team, opened, report, state
from tests.iai.store.builders import PROJECT


def hashed(t: Team) -> str:
    return t.nodes[0].replicator._membership.hash_of(PROJECT)


def copies(node: Node, of: Node, project: str) -> list[bytes]:
    with node.store.view() as view:
        return [data for _, data in view.copies(project, of.own.machine, 0, 1 << 60)]


def unsealed(node: Node, of: Node, project: str) -> bytes:
    """Return what the copies of a machine's messages say."""
    membership = node.replicator._membership
    found = copies(node, of, project)
    return b"".join(membership.open(project, of.own.machine, 0, one).plain for one in found)


@pytest.mark.parametrize("left", [False, True])
def test_a_newcomer_gets_all_that_a_machine_said_which_is_gone_for_good(
    team: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, left: bool
) -> None:
    monkeypatch.setattr(relay, "BYTES", 2_000)
    t = team(3)
    a, b, gone = t.nodes
    t.share()
    said = [gone.say(f"text {number}", session="s") for number in range(20)]
    t.settle()
    said += [a.say("a's"), b.say("b's"), gone.say("and this")]
    gone.edit(Pin(ref=said[0]))
    gone.edit(Edit(ref=said[20], text="edited by who is gone"))
    t.settle()
    t.lose(gone)
    if left:
        a.ask(LeaveTeam(machine=gone.own.machine))
        t.settle()
    t.empty()
    late = t.join(tmp_path / "late", "Eve")
    t.settle(60)
    assert sorted(late.texts()) == sorted(said)
    assert state(late) == state(a) == state(b)
    by_gone = {record.id for record in late.all() if record.machine == gone.own.machine}
    assert by_gone == {*said[:20], said[22]}
    assert not any(peer.missing for node in t.nodes for peer in report(node).peers)
    quiet = t.engine.last
    t.settle(60)
    assert t.engine.last == quiet  # nobody asks for it any more
    t.lose(b)
    t.empty()
    later = t.join(tmp_path / "later", "Joe")
    t.settle(60)
    assert state(later) == state(a)


def test_a_newcomer_gets_it_also_where_the_stream_was_purged_under_those_that_stay(
    team: Make, tmp_path: Path
) -> None:
    t = team(3)
    t.share()
    said = [node.say("text") for node in t.nodes]
    t.settle()
    t.lose(t.nodes[2])
    t.settle(60)  # so long that what the server keeps is thought to be known
    t.engine.purge()
    t.settle(700)
    late = t.join(tmp_path / "late", "Eve")
    t.settle(60)
    assert sorted(late.texts()) == sorted(said)


def test_nothing_is_relayed_for_a_machine_that_publishes_it_again_itself(
    team: Make, tmp_path: Path
) -> None:
    t = team(3)
    t.share()
    said = [node.say("text") for node in t.nodes]
    t.settle()
    t.empty()
    late = t.join(tmp_path / "late", "Eve")
    t.settle(60)
    assert sorted(late.texts()) == sorted(said)
    membership = t.nodes[0].replicator._membership
    for sequence, (subject, data) in t.engine.messages.items():
        if ".change." in subject:
            project, machine = subject.split(".")[3:]
            plain = membership.open(project, machine, sequence, data).plain
            assert content.relayed(plain) is None


def test_what_was_forgotten_is_not_relayed_and_is_not_missed(team: Make, tmp_path: Path) -> None:
    t = team(3)
    a, b, gone = t.nodes
    t.share()
    said = []
    for number in range(4):
        said.append(gone.say(f"text-{number}-secret"))
        t.settle(2)
    t.lose(gone)
    a.edit(Forget(refs=(said[1],)))
    t.settle()
    assert len(copies(b, gone, hashed(t))) == 3
    t.empty()
    late = t.join(tmp_path / "late", "Eve")
    t.settle(60)
    assert sorted(late.texts()) == sorted({*said} - {said[1]})
    assert b"text-1-secret" not in b"".join(opened(t))
    assert not any(peer.missing for peer in report(late).peers)


def test_of_what_its_author_has_edited_no_copy_has_the_old_text(team: Make, tmp_path: Path) -> None:
    t = team(3)
    a, b, gone = t.nodes
    t.share()
    said = gone.say("a-word-to-be-purged")
    t.settle()
    a.edit(Edit(ref=said, text="what stays"))
    t.settle()
    t.lose(gone)
    t.empty()
    late = t.join(tmp_path / "late", "Eve")
    t.settle(60)
    for node in (a, b, late):
        assert [record.text for record in node.all()] == ["what stays"]
        copied = unsealed(node, gone, hashed(t))
        assert b"what stays" in copied
        assert b"purged" not in copied


@pytest.mark.parametrize("by", [0, 2])
def test_a_newcomer_gets_what_else_was_in_a_message_with_a_text_that_was_edited(
    team: Make, tmp_path: Path, by: int
) -> None:
    t = team(3)
    a, b, gone = t.nodes
    t.share()
    said = [gone.say(text, session="s") for text in ("one", "a-word-to-be-purged", "three")]
    t.settle()
    assert len(copies(a, gone, hashed(t))) == 1
    t.nodes[by].edit(Edit(ref=said[1], text="two"))
    t.settle()
    t.lose(gone)
    t.empty()
    late = t.join(tmp_path / "late", "Eve")
    t.settle(60)
    for node in (a, b, late):
        assert node.texts() == dict(zip(said, ("one", "two", "three"), strict=True))
        assert b"purged" not in unsealed(node, gone, hashed(t))


def test_no_copy_has_an_old_text_where_more_messages_have_some_than_are_filled_at_a_time(
    team: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MOST_JOINED", 2)
    monkeypatch.setattr(outbox, "MOST_REFILLS", 1)
    t = team(2)
    a, b = t.nodes
    t.share()
    said = [a.say(f"text {number}, to-be-purged", session="s") for number in range(10)]
    t.settle()
    for one in said[::2]:
        a.edit(Edit(ref=one, text="what stays"))
    t.settle()
    assert unsealed(b, a, hashed(t)).count(b"purged") == 5


def test_what_a_machine_forgot_that_is_gone_is_forgotten_by_those_who_were_away(
    team: Make,
) -> None:
    t = team(4)
    a, b, away, gone = t.nodes
    t.share()
    said = [a.say("a-word-of-a"), b.say("b")]
    t.settle()
    away.stream.drop()
    gone.edit(Forget(refs=(said[0],)))
    t.settle(nodes=[a, b, gone])
    t.lose(gone)
    t.empty()
    for node in (a, b, away):
        assert list(node.texts()) == [said[1]]
    assert b"a-word-of-a" not in b"".join(opened(t))


def test_what_is_relayed_by_one_who_does_not_know_that_it_was_forgotten_is_deleted_by_who_does(
    team: Make, tmp_path: Path
) -> None:
    """Its author, who had it forgotten, and who relayed it: all of them are gone."""
    t = team(4)
    a, ignorant, forgetter, gone = t.nodes
    t.share()
    said = gone.say("a-word-of-the-gone")
    t.settle()
    ignorant.stream.drop()
    forgetter.edit(Forget(refs=(said,)))
    t.settle(nodes=[a, forgetter, gone])
    for node in (gone, forgetter):
        t.lose(node)
    a.stream.drop()
    t.engine.empty()
    ignorant.stream.connect()
    late = t.join(tmp_path / "late", "Eve", by=ignorant, among=[ignorant])
    t.settle(60, nodes=[ignorant, late])
    assert list(late.texts()) == [said]
    t.lose(ignorant)
    t.lose(late)
    a.stream.connect()
    t.settle()
    assert b"a-word-of-the-gone" not in b"".join(opened(t))
    with a.store.view() as view:
        assert not list(view._t.prefixed(view._db["copies_about"], digest(said)))
    assert not t.join(tmp_path / "later", "Joe").texts()


def test_copies_are_made_of_what_came_before_an_older_version_was_replaced(team: Make) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    said = a.say("text")
    t.settle()

    def older(unit: TeamChange) -> None:
        unit._t.delete(b"copies", db=unit._db["meta"])
        for name in ("copies", "copies_about"):
            unit._t.drop(unit._db[name], delete=False)

    b.store.commit(older)
    assert not copies(b, a, hashed(t))
    b.kill()
    t.settle()
    assert copies(b, a, hashed(t))
    assert list(b.texts()) == [said]
    with b.store.view() as view:
        assert not view.copies_since()  # so it does not say that there was nothing else


@pytest.mark.parametrize("how", ["changed", "another author's", "another project's", "nested"])
def test_a_machine_cannot_relay_what_nobody_has_signed(team: Make, how: str) -> None:
    t = team(3)
    a, b, c = t.nodes
    t.share()
    c.say("text")
    t.settle()
    project = hashed(t)
    (copy,) = copies(b, c, project)
    forger = b.replicator._membership
    relayed = Relayed(c.own.machine, 0, 1 << 40, (copy,))
    match how:
        case "changed":
            broken = bytearray(copy)
            broken[-70] ^= 1
            relayed = structs.replace(relayed, messages=(bytes(broken),))
        case "another author's":
            relayed = structs.replace(relayed, machine=a.own.machine)
        case "another project's":
            other = forger.seal(project, 1, 0, b"").replace(project.encode(), b"0" * 16)
            relayed = structs.replace(relayed, machine=b.own.machine, messages=(other,))
        case _:
            inner = forger.seal(project, 0, 0, content.relay(relayed))
            relayed = Relayed(b.own.machine, 0, 0, (inner,))
    data = forger.seal(project, 0, 0, content.relay(relayed))
    publish(b.stream, subjects.changes(forger.team, project, b.own.machine), data)
    before = len(a.all())
    t.settle()
    (refused,) = [event for event in a.events if isinstance(event, TeamMessageRefused)]
    assert refused.sequence == t.engine.last
    assert len(a.all()) == before


def test_a_heartbeat_of_a_machine_that_is_gone_says_no_more_than_it_has_signed(team: Make) -> None:
    t = team(3)
    a, b, gone = t.nodes
    t.share()
    gone.say("text")
    t.settle(20)
    t.lose(gone)
    t.engine.kept_last.clear()
    for node in (a, b):
        node.stream.drop()
        node.stream.connect()
    t.settle(60)
    beats = [s for s in t.engine.kept_last if s.endswith(gone.own.machine)]
    assert beats == [subjects.alive(gone.own.team, hashed(t), gone.own.machine)]
    heard = {peer.machine: peer.heard_at for peer in report(a).peers}
    assert t.clock.now.wall - heard[gone.own.machine] > 60 * 10**9


def test_a_heartbeat_by_a_clock_that_is_ahead_says_once_that_its_machine_is_there(
    team: Make,
) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    now = t.clock.now.wall
    membership, place = b.replicator._membership, 1_000
    data = membership.seal(hashed(t), place, place, content.alive(now + 365 * 86_400 * NS))
    beat = Beat(subjects.alive(membership.team, hashed(t), b.own.machine), data)
    peers = a.replicator._intake.peers
    for later_s in (0, 60):
        peers.take_beat(beat, now + later_s * NS)
    assert [peer.heard_at for peer in peers.every] == [now]


def publish(stream: MemoryStream, subject: str, data: bytes) -> None:
    stream.publish(0, subject, "forged", data)
