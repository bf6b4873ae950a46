"""What one machine says reaches the others, once, and nothing else does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iai.index.filters import Filter
from iai.model import change
from iai.model.action import Action
from iai.model.change import ForgetChange, MemberChange, SessionChange, TurnChange, WorkChange
from iai.model.ids import record_id
from iai.model.member import Member
from iai.model.record import Record, Source, digest, session_key
from iai.model.session import SessionInfo
from iai.protocol.ingest import Edit, Erase, Forget, Mark, Pin, SessionPart
from iai.recall.timeline import stretches
from iai.store import outgoing
from iai.store.codec import encode_u64
from tests.iai.ingest.replicas import SHOP, UNSHARED, YEAR, Message, Replica, exchange, of
from tests.iai.store.builders import NOW, PROJECT, encrypt, new_record

A, B, C = "aa" * 8, "bb" * 8, "cc" * 8
Team = tuple[Replica, Replica, Replica]


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    a, b, c = (Replica(tmp_path / one, one) for one in (A, B, C))
    yield a, b, c
    for one in (a, b, c):
        assert one.problems() == []
        one.records.close()


def there(replica: Replica, text: str) -> Record:
    record = replica.get(text)
    assert record is not None
    return record


def texts(replica: Replica) -> list[str]:
    return sorted(record.text for record in replica.every().values())


# --- turns, actions, sessions -------------------------------------------------------------------


def test_a_turn_of_one_is_on_the_others_with_what_was_done_for_it(team: Team) -> None:
    a, b, c = team
    a.say("one", text="fix the pump")
    a.do("did")
    a.say("two", text="it is fixed", role="assistant")
    exchange(a, b, c)
    for other in (b, c):
        record = there(other, "fix the pump")
        assert (record.machine, record.session, record.host) == (A, "s", "claude")
        with other.records.view() as view:
            found = view.exchange(record)
        assert found.answer is not None
        assert found.answer.text == "it is fixed"
        assert [one.key for one in found.actions] == ["did"]
        assert other.publish() == [], "what others said is not said again"


def test_sessions_of_others_are_listed_also_where_no_session_was_held_in_their_project(
    team: Team,
) -> None:
    a, b, _ = team
    elsewhere = "1" * 16
    a.say("one", text="fix the pump", project=elsewhere)
    b.take(Message(A, change.encode(one)) for one in a.outgoing(elsewhere))
    with b.records.view() as view:
        (found,) = stretches(view, Filter())
        assert [found] == list(stretches(view, Filter(project=elsewhere)))
        assert (found.project, found.project_name) == (elsewhere, "")
        assert found.last_said.text == "fix the pump"
    b.ask(Forget(refs=(found.last_said.id,)))
    with b.records.view() as view:
        assert view.every_project() == view.projects()


def test_a_kind_is_taken_as_its_author_gives_it_and_not_worked_out_again(team: Team) -> None:
    a, b, _ = team
    a.say("ask", text="ask")
    for name in ("first", "second"):
        a.say(name, text=name, role="assistant")
    last = a.publish()[-1]
    b.take([last])  # without the one before
    a.say("third", text="third", role="assistant")
    b.take(a.publish())
    assert {r.text: r.kind for r in b.every().values()} == {"second": "narration", "third": ""}


def test_an_older_version_of_a_turn_does_not_replace_a_newer_one(team: Team) -> None:
    a, b, _ = team
    a.say("one", text="as it was read")
    old = a.publish()
    a.commit(lambda unit: unit.records.insert_again(new_record("one", text="as it is read now")))
    new = a.publish()
    b.take([*new, *old])
    assert texts(b) == ["as it is read now"]


def test_two_that_have_read_the_same_transcript_end_with_one_turn_each(team: Team) -> None:
    for one in team:
        one.say("line", text="the same", created_at=NOW.wall - 50)
        one.do("call", at=NOW.wall - 40)
    exchange(*team)
    for one in team:
        assert texts(one) == ["the same"]
        assert list(one.actions()) == ["call"]
        assert there(one, "the same").machine == "", "each has read it itself"


def test_a_turn_that_two_have_belongs_elsewhere_to_the_lowest_in_any_order(team: Team) -> None:
    a, b, c = team
    for one in (a, b):
        one.say("line", text="the same", created_at=NOW.wall - 50)
        one.do("call", at=NOW.wall - 40)
    c.take([*b.publish(), *a.publish()])
    record = there(c, "the same")
    assert record.machine == A
    with c.records.view() as view:
        assert [one.key for one in view.exchange(record).actions] == ["call"]
        assert list(view.actions(session_key("claude", "s", B))) == []


def test_what_is_imported_after_it_came_from_another_machine_is_not_stored_again(
    team: Team,
) -> None:
    a, b, _ = team
    a.say("line", text="the same", created_at=NOW.wall - 50)
    a.do("call")
    exchange(a, b)
    b.say("line", text="the same", created_at=NOW.wall - 50)
    assert not b.do("call")
    assert texts(b) == ["the same"]
    assert there(b, "the same").machine == A


def test_reading_a_transcript_again_leaves_the_turns_of_others_alone(team: Team) -> None:
    a, b, _ = team
    a.say("line", text="by a newer version")
    exchange(a, b)
    b.commit(lambda unit: unit.records.insert_again(new_record("line", text="by an older version")))
    assert texts(b) == ["by a newer version"]


def test_a_turn_with_two_names_is_found_and_written_to_by_either(team: Team) -> None:
    """One machine had it from an event and then from the transcript, the other from that alone."""
    a, b, c = team
    at = NOW.wall - 50
    a.say("event", text="the same", heard=True, created_at=at + 5)
    a.say("line", text="the same", created_at=at, source=Source(transcript="/t", offset=1))
    b.say("line", text="the same", created_at=at, source=Source(transcript="/t", offset=1))
    names = [there(one, "the same").id for one in (a, b)]
    assert names[0] != names[1]
    exchange(a, b, c)
    for one in team:
        assert texts(one) == ["the same"]
        with one.records.view() as view:
            assert len({view.find(name).label for name in names}) == 1  # type: ignore[union-attr]
    b.ask(Pin(ref=names[0]))
    exchange(a, b, c)
    assert all(there(one, "the same").pinned for one in team)


@pytest.mark.parametrize("first", [A, B])
def test_a_session_of_another_machine_never_extends_one_of_the_same_id(
    team: Team, first: str
) -> None:
    """A session was begun on one machine, and resumed on another with the same home directory."""
    a, b, _ = team
    starts, goes_on = (a, b) if first == A else (b, a)
    for one in (starts, goes_on):
        one.say("line", text="begun", created_at=NOW.wall - 50)
    goes_on.say("more", text="gone on")
    exchange(a, b)
    for one in (a, b):
        assert texts(one) == ["begun", "gone on"]
    with starts.records.view() as view:
        own = [r.text for r in view.session(session_key("claude", "s"))]
        other = [r.text for r in view.session(session_key("claude", "s", goes_on.machine))]
    assert (own, other) == (["begun"], ["gone on"])


def test_the_last_session_here_stays_this_machines_and_the_payload_is_out_of_date(
    team: Team,
) -> None:
    a, b, _ = team
    b.say("own", text="own", session="mine")
    a.say("other", text="other", session="theirs")
    b.take(a.publish())
    with b.records.view() as view:
        last, now = view.last_change(PROJECT), view.watermark().revision
    assert last.last_session == "mine"
    assert last.last_foreign_revision == now


def test_a_clock_a_year_ahead_makes_nothing_the_latest_for_a_year(tmp_path: Path) -> None:
    ahead, b = Replica(tmp_path / A, A, YEAR), Replica(tmp_path / B, B)
    for name in ("one", "two", "three"):
        ahead.say(name, text=name)
        ahead.do(f"for {name}")
    b.take(ahead.publish())
    b.say("own", text="own", session="mine")
    with b.records.view() as view:
        theirs = list(view.session(session_key("claude", "s", A)))
        assert [record.text for record in theirs] == ["one", "two", "three"]
        assert [[a.key for a in view.done(r)] for r in theirs] == [
            ["for one"],
            ["for two"],
            ["for three"],
        ]
        assert next(view.sessions(PROJECT)) == session_key("claude", "mine")
        assert view.watermark().max_created_at < NOW.wall + YEAR
    for one in (ahead, b):
        one.records.close()


def test_what_is_known_of_a_session_comes_with_it(team: Team) -> None:
    a, b, _ = team
    a.say("one")
    info = SessionInfo(host="claude", session="s", title="The pump", branch="fix", cwd="/home/a/p")
    a.commit(lambda unit: unit.work.note_session(info))
    exchange(a, b)
    with b.records.view() as view:
        found = view.session_info(session_key("claude", "s", A))
    assert found is not None
    assert (found.title, found.branch, found.machine, found.cwd) == ("The pump", "fix", A, "")


def test_a_title_alone_is_told_too(team: Team) -> None:
    a, b, _ = team
    a.say("one")
    exchange(a, b)
    titled = SessionInfo(host="claude", session="s", title="The pump")
    a.commit(lambda unit: unit.work.note_session(titled))
    assert [type(one) for one in a.outgoing(after=a.cursor)] == [SessionChange]


def test_a_branch_that_is_forgotten_is_forgotten_on_other_machines_too(team: Team) -> None:
    a, b, _ = team
    a.say("one")
    info = SessionInfo(host="claude", session="s", title="The pump", branch="fix/tide")
    a.commit(lambda unit: unit.work.note_session(info))
    exchange(a, b)
    a.ask(Erase(parts=(SessionPart(session=session_key("claude", "s").hex(), branch=True),)))
    exchange(a, b)
    with b.records.view() as view:
        found = view.session_info(session_key("claude", "s", A))
        assert found is not None
        assert (found.title, found.branch) == ("The pump", "")
        assert view.erased_through() > 0


def test_who_works_on_a_machine_is_known_from_what_it_says_last(team: Team) -> None:
    _, b, _ = team
    names = [
        MemberChange(project=PROJECT, revision=n, author="ann", name=name)
        for n, name in ((2, "laptop"), (1, "old name"))
    ]
    b.take(Message(A, change.encode(one)) for one in names)
    with b.records.view() as view:
        assert view.member(A) == Member(machine=A, author="ann", name="laptop", revision=2)
        assert view.member(B) is None


def test_turns_of_one_time_come_in_the_same_order_everywhere(team: Team) -> None:
    a, b, c = team
    at = NOW.wall
    names = ["one", "two", "three", "four"]
    for name in names:
        a.say(name, text=name, created_at=at)
    a.ask(Edit(ref=there(a, "one").id, text="one, edited"))  # so it is told after the others
    messages = a.publish(again=True)
    said = [change.decode(message.data) for message in messages]
    assert [t.text for t in said if isinstance(t, TurnChange)] == [*names[1:], "one, edited"]
    b.take(messages)
    c.take(messages[::-1])
    c.take(messages)
    for replica, machine in ((a, ""), (b, A), (c, A)):
        with replica.records.view() as view:
            turns = view.session(session_key("claude", "s", machine))
            assert [turn.text for turn in turns] == ["one, edited", *names[1:]]
            assert {turn.created_at for turn in view.every()} == {at}


def turns(replica: Replica, machine: str) -> list[str]:
    with replica.records.view() as view:
        return [turn.text for turn in view.session(session_key("claude", "s", machine))]


def test_turns_of_a_clock_that_is_ahead_keep_their_order_if_they_change_places(
    tmp_path: Path,
) -> None:
    ahead, b = Replica(tmp_path / A, A, YEAR), Replica(tmp_path / B, B)
    names = ["one", "two", "three"]
    for name in names:
        ahead.say(name, text=name)
        ahead.do(f"for {name}")
    for message in ahead.publish()[::-1]:
        b.take([message])
    assert turns(b, A) == names
    with b.records.view() as view:
        theirs = list(view.session(session_key("claude", "s", A)))
        assert [[a.key for a in view.done(r)] for r in theirs] == [[f"for {n}"] for n in names]
        assert max(turn.created_at for turn in theirs) <= b.now.wall
    assert b.problems() == []
    for one in (ahead, b):
        one.records.close()


def test_what_was_done_after_a_clock_was_set_back_belongs_to_its_request_on_all(
    team: Team,
) -> None:
    a, b, _ = team
    a.set_clock(YEAR)
    a.say("one", text="one")
    a.do("for one")
    a.set_clock(0)
    a.say("two", text="two")
    a.do("for two")
    exchange(a, b)
    assert turns(a, "") == turns(b, A) == ["one", "two"]
    for one in (a, b):
        with one.records.view() as view:
            done = [[x.key for x in view.done(there(one, text))] for text in ("one", "two")]
        assert done == [["for one"], ["for two"]]


# --- what is one's own ---------------------------------------------------------------------------


def told(*replicas: Replica) -> list[bytes]:
    """Return what these have to say to all; what is their users' own is sealed for those."""
    every = [message.data for one in replicas for message in one.publish(again=True)]
    return [data for data in every if not change.decode(data).own]


def test_a_pin_of_ones_own_is_told_to_nobody_else_and_leaves_the_projects_alone(team: Team) -> None:
    a, b, _ = team
    a.say("one", text="one")
    exchange(a, b)
    before = told(a, b)
    b.ask(Pin(ref=there(b, "one").id, mine=True))
    assert told(a, b) == before
    assert [there(one, "one").is_pinned for one in (a, b)] == [False, True]
    a.ask(Pin(ref=there(a, "one").id))
    exchange(a, b)
    assert all(there(one, "one").pinned for one in (a, b))
    a.ask(Pin(ref=there(a, "one").id, pinned=False))
    exchange(a, b)
    assert [(r.pinned, r.is_pinned) for r in (there(a, "one"), there(b, "one"))] == [
        (False, False),
        (False, True),
    ]
    a.ask(Edit(ref=there(a, "one").id, text="one, edited"))
    exchange(a, b)
    assert there(b, "one, edited").is_pinned


def test_unpinning_takes_off_both_pins_or_only_ones_own(team: Team) -> None:
    a, b, _ = team
    a.say("one", text="one")
    ref = there(a, "one").id
    for mine in (False, True):
        a.ask(Pin(ref=ref, mine=mine))
    exchange(a, b)
    a.ask(Pin(ref=ref, pinned=False, mine=True))
    assert [there(one, "one").pinned for one in (a, b)] == [True, True]
    a.ask(Pin(ref=ref, mine=True))
    a.ask(Pin(ref=ref, pinned=False))
    exchange(a, b)
    assert [there(one, "one").is_pinned for one in (a, b)] == [False, False]


def test_a_note_of_ones_own_is_told_to_nobody_else_whatever_becomes_of_it(team: Team) -> None:
    a, b, _ = team
    a.say("note", text="note", session="", tier="semantic", pinned=True, mine="note")
    a.say("other", text="other", session="", tier="semantic")
    ref = there(a, "note").id
    a.ask(Edit(ref=ref, text="new note"))
    for pinned in (False, True):
        a.ask(Pin(ref=ref, pinned=pinned))
    a.ask(Mark(ref=ref, mark="done"))
    assert there(a, "new note").mine == "note"
    before = told(a)
    exchange(a, b)
    assert texts(b) == ["other"]
    a.ask(Forget(refs=(ref,)))
    for data in (*before, *told(a, b)):
        assert b"note" not in data
        assert ref.encode() not in data


def test_what_somebody_dismisses_is_dismissed_for_all_their_machines_and_for_nobody_else(
    team: Team,
) -> None:
    a, b, c = team
    for one in team:
        one.take([*of(A, A, B), *of(C, C)])
    for name in ("one", "two"):
        c.say(name, text=name)
    exchange(a, b, c)
    a.ask(Mark(ref=there(a, "one").id, mark="dismissed"))
    c.ask(Mark(ref=there(c, "two").id, mark="dismissed"))
    exchange(a, b, c)
    shown = [[there(r, text).dismissed for text in ("one", "two")] for r in team]
    assert shown == [[True, False], [True, False], [False, True]]
    b.ask(Mark(ref=there(b, "one").id, mark="dismissed", on=False))
    exchange(a, b, c)
    assert not there(a, "one").dismissed


def test_a_teammates_dismissal_does_not_wait_for_a_record_either(team: Team) -> None:
    a, b, _ = team
    a.say("one", text="one")
    said = a.publish()
    a.ask(Mark(ref=there(a, "one").id, mark="dismissed"))
    b.take(a.publish())
    b.take(said)
    assert not there(b, "one").marks


def test_what_is_done_is_done_for_everybody(team: Team) -> None:
    a, b, _ = team
    a.say("one", text="one")
    exchange(a, b)
    b.ask(Mark(ref=there(b, "one").id, mark="done"))
    exchange(a, b)
    assert there(a, "one").marks == ("done",)


def test_paths_below_the_project_are_told_as_seen_from_its_root(team: Team) -> None:
    a, b, _ = team
    a.say("one")
    a.do("in", kind="edit", path="/p/src/x.py")
    a.do("out", kind="edit", path="/etc/hosts")
    exchange(a, b)
    assert {k: one.path for k, one in b.actions().items()} == {
        "in": "src/x.py",
        "out": "/etc/hosts",
    }
    assert {k: one.path for k, one in a.actions().items()}["in"] == "/p/src/x.py"


def test_the_directories_of_others_do_not_become_directories_of_a_project(team: Team) -> None:
    a, b, _ = team
    a.say("one", cwd="/home/ann/shop")
    exchange(a, b)
    with b.records.view() as view:
        assert view.project_named(PROJECT).cwds == ("/p",)  # type: ignore[union-attr]
        assert there(b, "text of one").cwd == ""


# --- what is not told ---------------------------------------------------------------------------


def test_nothing_of_a_project_that_is_not_shared_is_told(team: Team) -> None:
    a, _, _ = team
    a.say("diary", text="diary", project=UNSHARED, session="d")
    a.do("written", "d", UNSHARED)
    a.ask(Pin(ref=there(a, "diary").id))
    a.ask(Forget(refs=(there(a, "diary").id,)))
    assert a.outgoing() == []


def test_what_is_done_in_another_project_meanwhile_is_not_told_even_if_undone(team: Team) -> None:
    a, _, _ = team
    a.say("one", source=Source(transcript="/t", offset=1))
    a.do("elsewhere", project=UNSHARED)
    a.commit(lambda unit: unit.work.rewind("one", "/t", 9))
    assert [one for one in a.outgoing() if isinstance(one, WorkChange)] == []
    with a.records.view() as view:
        assert view.work_since() == 0


def test_a_title_of_a_session_in_two_projects_is_not_told(team: Team) -> None:
    a, _, _ = team
    a.say("two", project=UNSHARED)
    a.say("one")
    titled = SessionInfo(host="claude", session="s", title="About my diary")
    a.commit(lambda unit: unit.work.note_session(titled))
    assert [type(one) for one in a.outgoing()] == [TurnChange]


def test_nothing_of_an_ignored_project_is_told_or_taken(team: Team) -> None:
    a, b, _ = team
    a.say("one")
    said = a.publish()
    for one in (a, b):
        one.commit(lambda unit: unit.projects.ignore(SHOP, "project"))
    with a.records.view() as view:
        assert outgoing.changes(view, PROJECT, 0, 99) == outgoing.Outgoing(0)
    b.take(said)
    assert b.every() == {}


def test_nothing_of_a_session_that_is_not_to_be_recorded_is_told(team: Team) -> None:
    a, _, _ = team
    a.say("one")
    a.do("did")
    a.commit(lambda unit: unit.transcripts.leave_out("s"))
    a.ask(Pin(ref="#1"))
    assert a.outgoing() == []


def test_a_project_that_is_shared_later_is_told_with_all_that_was_written_by_hand(
    team: Team,
) -> None:
    a, b, _ = team
    for name in ("kept", "edited", "forgotten"):
        a.say(name, text=name)
    a.ask(Pin(ref=there(a, "kept").id))
    a.ask(Mark(ref=there(a, "kept").id, mark="done"))
    a.ask(Edit(ref=there(a, "edited").id, text="as it should be"))
    a.ask(Forget(refs=(there(a, "forgotten").id,)))
    exchange(a, b)
    assert texts(b) == ["as it should be", "kept"]
    kept = there(b, "kept")
    assert (kept.pinned, kept.marks) == (True, ("done",))


def test_what_an_older_version_stored_is_told_with_its_work(team: Team) -> None:
    a, b, _ = team
    a.say("one", created_at=NOW.wall - 50)
    a.do("did")
    a.say("two", project=UNSHARED, session="t")
    a.do("private", "t", UNSHARED)

    def as_before(unit: object) -> None:
        for name in ("work", "amendments", "identities", "amended"):
            unit.log._t.drop(unit.log._db[name], delete=False)  # type: ignore[attr-defined]
        unit.notes._noted.clear()  # type: ignore[attr-defined]

    a.commit(as_before)
    a.say("three")
    exchange(a, b)
    assert texts(b) == ["text of one", "text of three"]
    assert list(b.actions()) == ["did"]
    b.say("one", created_at=NOW.wall - 50)  # the same line, which is known by its id alone
    assert texts(b) == ["text of one", "text of three"]


# --- what is written by hand --------------------------------------------------------------------


def test_of_two_edits_the_later_holds_everywhere(team: Team) -> None:
    a, b, c = team
    a.say("one", text="first")
    exchange(*team)
    b.wait(60)
    b.ask(Edit(ref=there(b, "first").id, text="by b, later"))
    a.ask(Edit(ref=there(a, "first").id, text="by a"))
    c.take([*b.publish(), *a.publish()])
    exchange(*team)
    assert [texts(one) for one in team] == [["by b, later"]] * 3


def test_an_amendment_waits_for_its_record(team: Team) -> None:
    a, b, c = team
    a.say("one", text="first")
    said = a.publish()
    b.take(said)
    b.ask(Edit(ref=there(b, "first").id, text="second"))
    c.take(b.publish())
    assert c.every() == {}
    c.take(said)
    assert texts(c) == ["second"]
    c.scrub()
    assert b"first" not in (c.path / "data.mdb").read_bytes()


def test_a_member_cannot_write_to_a_record_of_another_project(team: Team) -> None:
    _, b, _ = team
    b.say("diary", text="diary", project=UNSHARED, session="d")
    label = there(b, "diary").label
    with b.records.view() as view:
        named = view.identity(label).named(there(b, "diary"))
    forged: list[change.Change] = [
        change.AmendChange(
            project=PROJECT, revision=1, record=named, text=change.Edited(NOW.wall * 2, text="x")
        ),
        ForgetChange(project=PROJECT, revision=2, records=(named,)),
        TurnChange(
            project=PROJECT, revision=3, record=named, tier="episodic", role="user", text="forged",
            host="claude", session="d", created_at=NOW.wall,
        ),
    ]  # fmt: skip
    b.take(Message(A, change.encode(one)) for one in forged)
    assert texts(b) == ["diary"]


def test_a_member_cannot_take_a_record_over_from_another_project(team: Team) -> None:
    a, b, c = team
    a.say("one", text="forged")
    c.say("one", text="diary", project=UNSHARED, session="d")
    b.take(Message(C, change.encode(one)) for one in c.outgoing(UNSHARED))
    b.take(a.publish())
    assert (there(b, "diary").machine, there(b, "diary").project) == (C, UNSHARED)


# --- what is forgotten --------------------------------------------------------------------------


def test_what_one_forgets_is_gone_on_all_and_does_not_come_back(team: Team) -> None:
    a, b, c = team
    a.say("one", text="zanzibar")
    a.do("did", text="ls zanzibar")
    said = a.publish()
    b.take(said)
    b.ask(Forget(refs=(there(b, "zanzibar").id,)))
    forgotten = b.publish()
    c.take(forgotten)
    c.take(said)  # later than that it is to be forgotten
    a.take(forgotten)
    a.say("one", text="zanzibar")
    for one in team:
        assert one.every() == {}
        assert one.actions() == {}
        with one.records.view() as view:
            assert view.erased_through(), "its files have to be scrubbed"
        one.scrub()
        assert b"zanzibar" not in (one.path / "data.mdb").read_bytes()


def test_another_name_of_what_is_forgotten_is_refused_as_well(team: Team) -> None:
    a, b, _ = team
    a.say("one")
    a.ask(Forget(refs=("#1",)))
    b.take(a.publish())
    other = record_id("another key", NOW.wall)
    for keys in ((digest("one"),), ()):
        turn = TurnChange(
            project=PROJECT, revision=9, record=change.Named((other,), keys), tier="episodic",
            role="user", text="back again", host="claude", session="s", created_at=NOW.wall,
        )  # fmt: skip
        b.take([Message(C, change.encode(turn))])
    assert b.every() == {}


def test_what_its_author_did_for_it_since_is_forgotten_with_a_request(team: Team) -> None:
    a, b, c = team
    a.say("one", text="ask")
    a.do("known")
    exchange(*team)
    a.do("not heard of yet")
    late = a.publish()
    c.take(late)
    b.ask(Forget(refs=(there(b, "ask").id,)))
    exchange(*team)
    b.take(late)
    assert [one.actions() for one in team] == [{}, {}, {}]


def test_parts_of_what_was_done_are_forgotten_on_all(team: Team) -> None:
    a, b, c = team
    a.say("one")
    a.do("secret", text="cat secret.txt")
    a.do("plain", text="ls")
    titled = SessionInfo(host="claude", session="s", title="The secret")
    a.commit(lambda unit: unit.work.note_session(titled))
    said = a.publish()
    b.take(said)
    session = session_key("claude", "s", A).hex()
    parts = (SessionPart(session=session, text="secret"), SessionPart(session=session, title=True))
    b.ask(Erase(parts=parts))
    c.take(b.publish())
    c.take(said)
    exchange(*team)
    for one in team:
        assert list(one.actions()) == ["plain"]
        with one.records.view() as view:
            assert [info.title for info in view.session_infos()] == [""]


def test_a_whole_session_is_forgotten_on_all(team: Team) -> None:
    a, _, c = team
    for name in ("one", "two"):
        a.say(name)
    a.say("other", session="t")
    titled = SessionInfo(host="claude", session="s", title="Gone")
    a.commit(lambda unit: unit.work.note_session(titled))
    exchange(*team)
    c.ask(Forget(refs=(there(c, "text of one").id,), whole_sessions=True))
    exchange(*team)
    for one in team:
        assert texts(one) == ["text of other"]
        with one.records.view() as view:
            assert list(view.session_infos()) == []


def test_what_is_redacted_later_is_redacted_on_all(team: Team) -> None:
    """As `iai purge-secrets` does it."""
    a, b, _ = team
    a.say("one", text="the key is hunter2")
    a.do("did", text="login hunter2")
    exchange(a, b)

    def purge(unit: object) -> None:
        record = there(a, "the key is hunter2")
        unit.edits.set_text(record, "the key is [redacted:key]")  # type: ignore[attr-defined]
        key, old = next(unit.view.actions_from(b""))  # type: ignore[attr-defined]
        new = Action(key="did", kind="command", at=old.at, text="login [redacted:key]")
        unit.work.redact_action(key, old, new)  # type: ignore[attr-defined]
        unit.log.demand_scrub()  # type: ignore[attr-defined]

    a.commit(purge)
    exchange(a, b)
    with b.records.view() as view:
        assert view.erased_through(), "the secret would stay in free pages"
    assert texts(b) == ["the key is [redacted:key]"]
    assert b.actions()["did"].text == "login [redacted:key]"
    b.scrub()
    assert b"hunter2" not in (b.path / "data.mdb").read_bytes()


def test_the_messages_that_a_forgetting_is_about_are_found(team: Team) -> None:
    a, _, _ = team
    a.say("one")
    a.do("did")
    said = a.outgoing()
    a.ask(Forget(refs=("#1",)))
    forgotten = {name for one in a.outgoing() for name in change.subjects(one)}
    assert all(forgotten & set(change.subjects(one)) for one in said)


def test_damage_in_what_is_known_of_a_record_is_seen(team: Team) -> None:
    a, b, _ = team
    a.say("event", text="x", heard=True, created_at=NOW.wall - 40)
    a.say("line", text="x", created_at=NOW.wall - 50, source=Source(transcript="/t"))
    b.say("line", text="x", created_at=NOW.wall - 50, source=Source(transcript="/t"))
    exchange(a, b)
    with b.records.view() as view:
        alias = view.identity(1).ids[0]
    b.commit(lambda unit: unit.log._t.delete(alias.encode(), db=unit.log._db["by_id"]))
    assert any("`by_id`" in problem for problem in b.problems())
    b.commit(lambda unit: unit.log._t.put(alias.encode(), encode_u64(1), db=unit.log._db["by_id"]))


def test_an_encrypted_replica_has_nothing_of_it_in_the_clear(tmp_path: Path) -> None:
    encrypt(tmp_path / B)
    a, b = Replica(tmp_path / A, A), Replica(tmp_path / B / "records", B)
    a.say("one", text="zanzibar")
    a.do("did", text="ls timbuktu")
    exchange(a, b)
    b.ask(Edit(ref=there(b, "zanzibar").id, text="antananarivo"))
    exchange(a, b)
    assert texts(a) == texts(b) == ["antananarivo"]
    assert b.problems() == []
    data = (b.path / "data.mdb").read_bytes()
    names = [there(b, "antananarivo").id, A]
    words = [b"zanzibar", b"timbuktu", b"antananarivo", *(name.encode() for name in names)]
    assert [word for word in words if word in data] == []
    for one in (a, b):
        one.records.close()
