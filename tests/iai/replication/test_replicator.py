"""What machines of a team have of each other, whatever the stream and their processes do."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from simulation.engine import LARGEST

from actors import replicator
from iai.model.change import ForgetChange, MemberChange, Named, TurnChange, decode, encode
from iai.protocol.ingest import Edit, Forget, Pin
from iai.protocol.message import Error
from iai.protocol.replicator import (
    ChangeWithheld,
    InviteMachine,
    LeaveTeam,
    ShareProject,
    StreamLimited,
    StreamRefilled,
    StreamReset,
    TeamMessageRefused,
)
from iai.replication import content, log_sender, outbox, project
from iai.team.stream import IN_FLIGHT, Last
from tests.iai.replication.nodes import Make, Node, Team, opened, report, state
from tests.iai.store.builders import PROJECT

OTHER = "fedcba9876543210"  # a project that is never shared


# --- what arrives --------------------------------------------------------------------------------


def test_what_is_said_edited_pinned_and_forgotten_on_one_machine_is_so_on_all(team: Make) -> None:
    t = team(3)
    a, b, c = t.nodes
    t.share()
    kept, gone = a.say("the harbour opens at five"), a.say("the code is zebra-quartz")
    t.settle()
    assert state(a) == state(b) == state(c)
    assert b.texts() == {kept: "the harbour opens at five", gone: "the code is zebra-quartz"}
    b.edit(Edit(ref=kept, text="the harbour opens at six"))
    c.edit(Pin(ref=kept))
    c.edit(Forget(refs=(gone,)))
    t.settle()
    assert state(a) == state(b) == state(c)
    assert a.texts() == {kept: "the harbour opens at six"}
    assert [node.all()[0].pinned for node in t.nodes] == [True] * 3
    assert not any(b"zebra-quartz" in plain for plain in opened(t))
    assert t.engine.erased
    for node in t.nodes:
        node.scrub_records()
        assert b"zebra-quartz" not in node.files()


def test_nothing_of_a_project_that_is_not_shared_leaves_the_machine(team: Make) -> None:
    t = team(2)
    a, b = t.nodes
    a.say("before it was shared", project=PROJECT)
    a.say("private matter", project=OTHER)
    t.settle()
    assert opened(t) == []
    t.share(a)
    assert list(b.texts().values()) == ["before it was shared"]
    a.ask(ShareProject(project=PROJECT, on=False))
    a.say("after it was shared no more")
    t.settle()
    assert list(b.texts().values()) == ["before it was shared"]
    assert not any(b"private matter" in plain for plain in opened(t))
    t.share(a)
    assert list(b.texts().values()) == ["before it was shared", "after it was shared no more"]


def test_of_ones_own_pins_and_notes_the_stream_and_other_machines_have_nothing(
    team: Make,
) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    shared = b.say("the harbour opens at five")
    t.settle()
    before = dict(t.engine.messages)
    a.edit(Pin(ref=shared, mine=True))
    note = a.say("zebra-quartz", session="", tier="semantic", mine="note", pinned=True)
    a.edit(Edit(ref=note, text="zebra-quartz, and jasper"))
    t.settle()
    assert t.engine.messages == before
    a.edit(Forget(refs=(note,)))
    t.settle()
    assert t.engine.messages == before
    assert b"zebra-quartz" not in b.files()
    assert [node.all()[0].is_pinned for node in t.nodes] == [True, False]


def test_a_newcomer_learns_the_names_of_those_who_have_left(team: Make, tmp_path: Path) -> None:
    t = team(2)
    gone = t.nodes[1].own.machine
    t.nodes[0].ask(LeaveTeam(machine=gone))
    t.settle()
    new = t.join(tmp_path / "late", "Eve")
    with new.records.view() as view:
        known = view.member(gone)
    assert known is not None
    assert (known.author, known.person) == ("Ada 1", gone)


def test_no_machine_says_of_itself_in_a_change_whose_it_is(team: Make) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    b.say("something")
    t.settle()
    subject = next(s for s, _ in t.engine.messages.values() if b.own.machine in s)
    lie = MemberChange(project=PROJECT, revision=9, author="Kim", person=a.own.machine)
    team_of_b = b.replicator._membership
    sealed = team_of_b.seal(subject.split(".")[3], 99, 0, encode(lie))
    t.engine.append(subject, "lie", sealed)
    t.settle()
    refused = [one.reason for one in a.events if isinstance(one, TeamMessageRefused)]
    assert refused == ["who a machine is does not count if it says so in a change"]
    with a.records.view() as view:
        assert view.member(b.own.machine).person == b.own.machine  # type: ignore[union-attr]


def test_a_machine_that_joins_later_reads_all_that_was_said_before(
    team: Make, tmp_path: Path
) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    said = [a.say("one"), b.say("two"), a.say("three")]
    t.settle()
    late = t.join(tmp_path / "late", "Eve")
    t.settle()
    assert sorted(late.texts()) == sorted(said)
    assert report(late).reason == ""
    assert {peer.name for peer in report(late).peers} == {"laptop", "Ada 1's"}
    with late.records.view() as view:
        assert {member.name for member in view.members()} == {"laptop", "Ada 1's"}


def test_where_a_forgotten_message_was_a_new_machine_learns_that_nothing_is_missing(
    team: Make, tmp_path: Path
) -> None:
    t = team(2)
    a, _ = t.nodes
    t.share(a)
    a.say("one")
    gone = a.say("zebra-quartz")
    kept = a.say("three")
    t.settle()
    a.edit(Forget(refs=(gone,)))
    t.settle()
    late = t.join(tmp_path / "late", "Eve")
    t.settle(seconds=30)
    assert kept in late.texts()
    assert not any(peer.missing for peer in report(late).peers)


def test_what_was_in_one_message_with_what_is_forgotten_is_published_again_at_once(
    team: Make, tmp_path: Path
) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    b.stream.drop()
    t.settle()
    said = [b.say("one"), b.say("zebra-quartz"), b.say("three")]
    b.stream.connect()
    t.settle()
    assert len(opened(t)) == 1  # they have one message
    said.append(b.say("four"))
    t.settle()
    a.edit(Forget(refs=(said.pop(1),)))
    t.settle()
    assert not any(b"zebra-quartz" in plain for plain in opened(t))
    b.stream.drop()
    t.settle()
    late = t.join(tmp_path / "late", "Eve")  # while nobody can be asked
    assert sorted(late.texts()) == sorted(said)


def test_what_is_to_be_forgotten_has_a_message_of_its_own(team: Make) -> None:
    t = team(2)
    a, _ = t.nodes
    t.share(a)
    gone = a.say("zebra-quartz")
    t.settle()
    a.stream.drop()
    t.settle()
    a.say("before")
    a.edit(Forget(refs=(gone,)))
    a.say("after")
    a.stream.connect()
    t.settle()
    messages = [content.split(plain) for plain in opened(t)]
    forgetting = [m for m in messages if any(isinstance(decode(c), ForgetChange) for c in m)]
    assert [len(message) for message in forgetting] == [1]


def test_after_a_crash_nothing_is_left_out_and_nothing_is_published_twice(team: Make) -> None:
    t = team(2)
    a, b = t.nodes
    t.share(a)
    said = []
    for number in range(3):
        said.append(a.say(f"text {number}"))
        t.settle()
        a.kill()
        said.append(a.say(f"other {number}"))
        a.work()  # connected
        a.kill()
        t.settle()
    assert sorted(b.texts()) == sorted(said)
    changes = [one for plain in opened(t) for one in content.split(plain)]
    assert len(changes) == len(set(changes)) == len(said)


def test_a_machine_that_has_left_is_not_listened_to_and_learns_nothing_more(team: Make) -> None:
    t = team(3)
    a, b, c = t.nodes
    t.share()
    a.ask(LeaveTeam(machine=c.own.machine))
    t.settle()
    c.say("from outside")
    a.say("among ourselves")
    t.settle()
    assert list(b.texts().values()) == ["among ourselves"]
    assert list(c.texts().values()) == ["from outside"]
    assert "left the team" in report(c).reason
    refused = b.ask(LeaveTeam(machine=a.own.machine))
    assert isinstance(refused, Error)


# --- what the stream does ------------------------------------------------------------------------


def test_a_stream_that_was_emptied_or_purged_is_whole_again_and_nothing_is_doubled(
    team: Make, tmp_path: Path
) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    said = [b.say("one")]
    for number in range(10):
        said.append(a.say(f"text {number}"))
        t.settle(seconds=1)
    t.engine.empty()
    for node in t.nodes:
        node.stream.connect()
    t.settle()
    assert any(isinstance(event, StreamReset) for event in a.events)
    assert Counter(opened(t)).most_common(1)[0][1] == 1
    said.append(a.say("three"))
    t.settle()
    assert sorted(b.texts()) == sorted(said)
    t.engine.purge()
    t.settle(seconds=40)
    assert any(isinstance(event, StreamRefilled) for event in a.events)
    late = t.join(tmp_path / "late", "Eve")
    for node in (a, b, late):
        assert sorted(node.texts()) == sorted(said)


@pytest.mark.parametrize("latest", ["its own", "before that"])
def test_a_machine_that_was_away_notices_that_what_a_server_lost_was_replaced_by_other_messages(
    team: Make, tmp_path: Path, latest: str
) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    if latest == "its own":  # the last that it took in of the team, and the server lost that, too
        b.ask(InviteMachine())
    else:
        a.say("text")
    t.settle()
    b.stream.drop()
    t.engine.lose_tail(1)
    a.stream.connect()
    late = t.join(tmp_path / "late", "Eve", among=[a])
    assert t.engine.last > b.replicator._intake.mark.sequence
    b.stream.connect()
    t.settle(60)
    members = late.replicator._membership.roster.members
    assert len(members) == 3
    for node in t.nodes:
        assert node.replicator._membership.roster.members == members
        assert set(node.replicator._membership.roster.invites) == set(
            a.replicator._membership.roster.invites
        )


@pytest.mark.parametrize("replaced", [False, True])
def test_a_stream_whose_messages_about_the_team_are_elsewhere_is_read_again(
    team: Make, *, replaced: bool
) -> None:
    t = team(2)
    _, b = t.nodes
    t.share()
    t.settle()
    b.stream.drop()
    if replaced:  # all but the last
        there = t.engine.messages
        *_, one, other, _ = (at for at, (name, _) in there.items() if name.endswith(".control"))
        there[one], there[other] = there[other], there[one]
    b.stream.connect()
    t.settle(60)
    assert any(isinstance(event, StreamReset) for event in b.events) == replaced


def test_a_stream_that_drops_old_messages_is_named_and_a_newcomer_is_told_all_by_the_others(
    team: Make, tmp_path: Path
) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    said = [*(a.say(f"text {number}") for number in range(40)), b.say("mine")]
    t.settle()
    t.engine.limits = "those older than 30 d"
    control = [at for at, m in t.engine.messages.items() if m[0].endswith(".control")]
    t.engine.messages = {control[-1]: t.engine.messages[control[-1]]}  # so it is not just empty
    for node in t.nodes:
        node.stream.drop()
        node.stream.connect()
    t.settle(seconds=40)
    for node in t.nodes:
        assert [e.limits for e in node.events if isinstance(e, StreamLimited)] == [t.engine.limits]
        assert not any(isinstance(event, StreamRefilled) for event in node.events)
    said.append(a.say("after it"))
    t.settle()
    assert len(opened(t)) == 1  # nobody publishes again what nobody lacks
    late = t.join(tmp_path / "late", "Eve")
    t.settle(seconds=40)
    assert sorted(late.texts()) == sorted(said)
    assert not any(peer.missing for peer in report(late).peers)


def test_limits_that_are_set_or_lifted_while_machines_are_connected_are_named_once(
    team: Make,
) -> None:
    t = team(2)
    a, _ = t.nodes
    t.share()
    a.say("text")
    t.settle()
    t.engine.limit("those older than 30 d")
    t.engine.messages = {}
    t.settle(40)
    for node in t.nodes:
        assert [e.limits for e in node.events if isinstance(e, StreamLimited)] == [t.engine.limits]
        assert not any(isinstance(event, StreamRefilled) for event in node.events)
    t.engine.limit("")
    t.settle(40)
    assert any(isinstance(event, StreamRefilled) for event in a.events)


def test_what_is_published_while_the_stream_is_compared_does_not_look_lost(team: Make) -> None:
    t = team(2)
    a, _ = t.nodes
    t.share(a)
    a.replicator._outbox.verify()
    (answer,) = a.stream.reports(10)
    a.say("meanwhile")
    t.settle(seconds=1)
    assert isinstance(answer, Last)
    assert a.replicator._outbox.last(answer, ":tag") is None


def test_messages_that_the_stream_has_lost_are_published_again(team: Make) -> None:
    t = team(3)
    a, b, c = t.nodes
    t.share()
    c.stream.drop()
    said = [a.say(f"text {number}") for number in range(5)] + [b.say("mine")]
    t.settle()
    t.engine.lose_tail(4)
    for node in t.nodes:
        node.stream.connect()
    t.settle()
    assert sorted(c.texts()) == sorted(said)
    assert len(b.texts()) == len(said)


def test_a_message_that_is_no_change_of_a_member_is_refused_and_said(team: Make) -> None:
    t = team(2)
    a, b = t.nodes
    t.share(a)
    a.say("one")
    t.settle()
    subject, data = next(m for m in t.engine.messages.values() if ".change." in m[0])
    moved = subject.replace(a.own.machine, b.own.machine)
    t.engine.append(moved, "moved", data)
    t.engine.append(subject, "changed", data[:-1] + bytes([data[-1] ^ 1]))
    t.engine.append(subject, "none", b"garbage")
    t.engine.append("iai.x", "nowhere", b"")
    elsewhere = TurnChange(
        project=OTHER, revision=9, record=Named(ids=("0" * 26,)), tier="episodic", role="user",
        text="about another project", host="h", session="s", created_at=1,
    )  # fmt: skip
    team_of_a = a.replicator._membership
    sealed = team_of_a.seal(subject.split(".")[3], 99, 0, encode(elsewhere))
    t.engine.append(subject, "elsewhere", sealed)
    for alive in ("iai.x.alive.y.z", subject.replace("change", "alive")):
        a.stream.beat(alive, b"garbage")
        a.stream.beat(alive, data)  # a change is no heartbeat
    a.stream.ask(f"iai.x.ask.{b.own.machine}", b"garbage")
    t.settle()
    refused = [event for event in b.events if isinstance(event, TeamMessageRefused)]
    assert len(refused) == 5
    assert report(b).refused == 5
    said = a.say("two")
    t.settle()
    assert said in b.texts()


def test_a_text_too_large_for_the_server_is_told_and_holds_up_nothing(team: Make) -> None:
    t = team(2)
    a, b = t.nodes
    t.share(a)
    said = [a.say("before"), a.say("x" * LARGEST), a.say("after")]
    t.settle()
    assert sorted(b.texts()) == sorted([said[0], said[2]])
    withheld = {event for event in a.events if isinstance(event, ChangeWithheld)}
    assert [(one.largest, one.size > LARGEST) for one in withheld] == [(LARGEST, True)]
    assert report(b).pending == 0
    assert not [event for event in a.events if isinstance(event, StreamRefilled)]  # no gap is seen


def test_without_the_server_all_waits_on_disk_and_status_says_so(team: Make) -> None:
    t = team(2)
    a, b = t.nodes
    t.share(a)
    a.stream.drop()
    t.settle()
    said = [a.say(f"text {number}") for number in range(2 * IN_FLIGHT)]
    t.settle()
    (project,) = a.replicator._outbox._projects.values()
    assert project.main.idle  # nothing is held in memory
    a.kill()
    a.stream.drop()
    t.settle()
    status = report(a)
    assert (status.state, status.reason) == ("disconnected", "the test says so")
    assert status.projects[0].unpublished >= IN_FLIGHT
    assert status.projects[0].unpublished_since > 0
    while a.work():
        pass
    assert 0 < a.replicator.due_s(t.clock.now) <= 1.0
    a.stream.connect()
    t.settle()
    assert sorted(b.texts()) == sorted(said)
    assert report(a).projects[0].unpublished == 0


def test_a_machine_that_was_away_for_three_days_has_all_and_misses_nothing(team: Make) -> None:
    t = team(2)
    a, b = t.nodes
    t.share()
    said = [a.say("before"), b.say("b's")]
    t.settle()
    b.stream.drop()
    for day in range(3):
        t.clock.pass_s(24 * 3_600)
        said += [a.say(f"text {day} {number}") for number in range(40)]
        a.edit(Pin(ref=said[0], pinned=day % 2 == 0))
        t.settle(nodes=[a])
    a.edit(Forget(refs=(said.pop(),)))
    t.settle(nodes=[a])
    b.kill()
    said.append(b.say("said on the way back"))
    t.settle(20)
    for node in (a, b):
        assert sorted(node.texts()) == sorted(said)
    assert state(a) == state(b)
    assert not any(peer.missing or peer.waiting for peer in report(b).peers)


def test_no_more_is_taken_in_than_ingest_can_keep_up_with(
    team: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicator, "MOST_WAITING", 5)
    t = team(2)
    a, b = t.nodes
    t.share(a)
    for number in range(200):
        a.say(f"text {number}")
        a.work()
    for _ in range(10):
        while b.work():
            pass
        t.clock.pass_s(1.0)
    with b.store.view() as view:
        assert 5 < view.count() <= 5 + 2 * replicator.REPORTS
    assert b.stream.waiting
    t.settle()
    assert b.texts() == a.texts()


# --- a backlog ---------------------------------------------------------------------------------


def test_what_is_said_now_does_not_wait_for_a_backlog(
    team: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "BACKLOG", 100)
    monkeypatch.setattr(outbox, "PER_S", 20)
    monkeypatch.setattr(log_sender, "BATCH", 40)
    t = team(2)
    a, b = t.nodes
    past = [a.say(f"past {number}") for number in range(200)]
    a.ask(ShareProject(project=PROJECT))
    while not b.texts():
        t.settle(seconds=1)
    assert past[-1] not in b.texts()
    now = a.say("now")
    t.settle(seconds=1)
    assert now in b.texts()
    assert past[-1] not in b.texts()
    t.settle()
    assert sorted(b.texts()) == sorted([*past, now])
    a.say("later")
    t.settle()
    changes = [one for plain in opened(t) for one in content.split(plain)]
    assert len(changes) == len(set(changes)) == 202
    assert not any(peer.missing for peer in report(b).peers)
    assert report(a).projects[0].unpublished == 0


def test_a_backlog_goes_on_after_a_crash_where_it_was_and_nothing_is_left_out(
    team: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "BACKLOG", 50)
    monkeypatch.setattr(outbox, "PER_S", 20)
    monkeypatch.setattr(log_sender, "BATCH", 20)
    t = team(2)
    a, b = t.nodes
    said = [a.say(f"past {number}") for number in range(100)]
    a.ask(ShareProject(project=PROJECT))
    for number in range(3):
        t.settle(seconds=1)
        said.append(a.say(f"now {number}"))
        a.work()
        a.kill()
    t.settle(seconds=20)
    assert sorted(b.texts()) == sorted(said)
    assert not any(peer.missing for peer in report(b).peers)


def test_much_that_others_said_is_no_backlog(team: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "BACKLOG", 10)
    t = team(2)
    a, b = t.nodes
    t.share()
    a.stream.drop()
    t.settle()
    said = [b.say(f"text {number}") for number in range(50)]
    t.settle()
    a.stream.connect()
    t.settle()
    assert sorted(a.texts()) == sorted(said)
    subjects = [subject for subject, _ in t.engine.messages.values() if ".change." in subject]
    assert not any(subject.endswith(a.own.machine) for subject in subjects)
    said.append(a.say("at last"))
    t.settle()
    assert sorted(b.texts()) == sorted(said)
    assert not any(peer.missing for peer in report(b).peers)


def test_what_is_published_again_for_others_does_not_look_like_the_end_of_the_log(
    team: Make,
) -> None:
    t = team(2)
    a, _ = t.nodes
    a.stream.drop()
    t.settle()
    said = [a.say(f"text {number}") for number in range(100)]
    a.stream.connect()
    t.share(a)
    a.edit(Forget(refs=(said[3],)))
    t.settle(seconds=60)
    assert not any(isinstance(event, StreamRefilled) for event in a.events)
    changes = Counter(one for plain in opened(t) for one in content.split(plain))
    assert changes.most_common(1)[0][1] == 1


# --- everything at once --------------------------------------------------------------------------


class Sharing(RuleBasedStateMachine):
    """Three machines that say, edit, pin and forget, while everything fails that can."""

    @initialize()
    def begin(self) -> None:
        self.directory = TemporaryDirectory(prefix="iai-team-")
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(project, "BACKLOG", 3)
        self.patch.setattr(log_sender, "BATCH", 2)
        self.team = Team(Path(self.directory.name), 3)
        self.team.share()
        self.ids: list[str] = []
        self.forgotten: dict[str, str] = {}
        self.texts: dict[str, str] = {}

    def _node(self, which: int) -> Node:
        return self.team.nodes[which % 3]

    def _some(self, which: int) -> str | None:
        return self.ids[which % len(self.ids)] if self.ids else None

    @rule(which=st.integers(0, 2))
    def say(self, which: int) -> None:
        text = f"said-{len(self.ids)}-word"
        said = self._node(which).say(text, session=f"s{which}")
        self.ids.append(said)
        self.texts[said] = text

    @rule(which=st.integers(0, 2), what=st.integers(0, 99), how=st.sampled_from(["edit", "pin"]))
    def amend(self, which: int, what: int, how: str) -> None:
        said = self._some(what)
        if said is not None:
            edit = Edit(ref=said, text=f"edited by {which}")
            self._node(which).edit(edit if how == "edit" else Pin(ref=said))

    @rule(which=st.integers(0, 2), what=st.integers(0, 99))
    def forget(self, which: int, what: int) -> None:
        said = self._some(what)
        if said is not None and said in self._node(which).texts():
            self._node(which).edit(Forget(refs=(said,)))
            self.forgotten[said] = self.texts[said]

    @rule(which=st.integers(0, 2), times=st.integers(1, 5))
    def work(self, which: int, times: int) -> None:
        for _ in range(times):
            self._node(which).work()
        self.team.clock.pass_s(0.5)

    @rule(which=st.integers(0, 2))
    def apply(self, which: int) -> None:
        self._node(which).apply(most=2)

    @rule(which=st.integers(0, 2))
    def kill(self, which: int) -> None:
        self._node(which).kill()

    @rule(which=st.integers(0, 2))
    def cut_off(self, which: int) -> None:
        self._node(which).stream.drop()

    @rule(which=st.integers(0, 2))
    def connect(self, which: int) -> None:
        self._node(which).stream.connect()

    @rule(how=st.sampled_from(["empty", "purge", "tail"]), number=st.integers(1, 6))
    def lose(self, how: str, number: int) -> None:
        if how == "tail":
            self.team.engine.lose_tail(number)
        else:
            getattr(self.team.engine, how)()

    @invariant()
    def nothing_is_doubled(self) -> None:
        for node in self.team.nodes:
            texts = [record.text for record in node.all() if record.text.startswith("said")]
            assert len(texts) == len(set(texts))

    def teardown(self) -> None:
        if not hasattr(self, "team"):
            return
        try:
            for node in self.team.nodes:
                node.stream.connect()
            self.team.settle(seconds=90)
            expected = set(self.ids) - set(self.forgotten)
            for node in self.team.nodes:
                assert set(state(node)) == expected
                assert state(node) == state(self.team.nodes[0])
                assert not any(peer.missing for peer in report(node).peers)
                assert all(one.unpublished == 0 for one in report(node).projects)
            plain = b"".join(opened(self.team))
            assert not [text for text in self.forgotten.values() if text.encode() in plain]
        finally:
            self.patch.undo()
            self.team.close()
            self.directory.cleanup()


Sharing.TestCase.settings = settings(max_examples=8, stateful_step_count=30, deadline=None)
TestSharing = Sharing.TestCase
