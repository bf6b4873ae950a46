"""The changes that users request, on a real store."""

import json
from collections.abc import Iterator

import pytest
from msgspec import structs

from iai.config.layout import Layout
from iai.encryption.cipher import KEY, Cipher
from iai.errors import BadUsage, NotFound
from iai.ingest import edits, spool, traces
from iai.model.action import Action, Step
from iai.model.context import Call, Made, Queued
from iai.model.record import Project, Record, Source, Transcript, Watermark, session_key
from iai.model.session import SessionInfo
from iai.projects.identity import ProjectIdentity, identify
from iai.protocol.ingest import (
    CapturedTurn,
    Edit,
    Erase,
    Flush,
    Forget,
    IgnoreProject,
    Mark,
    MergeProjects,
    NameProject,
    Pin,
    Place,
    SessionPart,
)
from iai.protocol.message import Request
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record, put

CIPHER = Cipher({1: bytes(KEY)}, 1, b"w" * KEY)
HERE = Place(id=PROJECT, name="here", root="/p")
OWN = "c" * 16
THERE = Place(id="b" * 16, name="there", root="/q")


@pytest.fixture
def records(layout: Layout) -> Iterator[Records]:
    """Return a store with two records of one session."""
    opened = Records(layout.records, writer=True)
    put(opened, new_record("1", session="a"), new_record("2", session="a"))
    yield opened
    opened.close()


def apply(records: Records, request: Request) -> int:
    def change(unit: RecordChange) -> int:
        return edits.apply(request, unit, edits.named(request, unit.view))

    return records.commit(change, NOW)[0]


def get(records: Records, ref: str) -> Record:
    with records.view() as view:
        record = view.find(ref)
    assert record is not None
    return record


def mark(records: Records) -> Watermark:
    with records.view() as view:
        return view.watermark()


def check(records: Records, *turns: CapturedTurn) -> None:
    with records.view() as view:
        edits.check(turns, identify, view)


def test_a_record_is_pinned_and_unpinned(records: Records) -> None:
    assert apply(records, Pin(ref="#1")) == 1
    assert get(records, "#1").pinned
    assert apply(records, Pin(ref="#1", pinned=False)) == 1
    assert not get(records, "#1").pinned


def test_a_record_is_pinned_for_oneself_beside_the_pin_of_its_project(records: Records) -> None:
    for request, pinned, mine in (
        (Pin(ref="#1", mine=True), False, "pin"),
        (Pin(ref="#1"), True, "pin"),
        (Pin(ref="#1", pinned=False, mine=True), True, ""),
        (Pin(ref="#1", mine=True), True, "pin"),
        (Pin(ref="#1", pinned=False), False, ""),
    ):
        apply(records, request)
        found = get(records, "#1")
        assert (found.pinned, found.mine) == (pinned, mine)
        with records.view() as view:
            assert [r.label for r in view.pinned(found.project)] == [1][: pinned or mine == "pin"]


def test_a_project_gets_a_name_before_anything_is_stored_of_it(records: Records) -> None:
    apply(records, NameProject(project=THERE))
    with records.view() as view:
        named = view.project_named(THERE.id)
    assert named is not None
    assert (named.name, named.root, named.ignored) == (THERE.name, THERE.root, "")
    revision = mark(records).revision
    apply(records, IgnoreProject(project=THERE))
    apply(records, NameProject(project=structs.replace(THERE, name="other", root="/other")))
    with records.view() as view:
        kept = view.project_named(THERE.id)
    assert kept is not None
    assert (kept.name, kept.ignored) == (THERE.name, "project")
    assert mark(records).revision == revision + 1


def test_only_a_note_can_be_kept_from_the_team(records: Records) -> None:
    check(records, CapturedTurn(text="a note", tier="semantic", mine=True))
    with pytest.raises(BadUsage, match="only a note"):
        check(records, CapturedTurn(text="said", mine=True))


def test_a_record_is_marked_and_the_mark_is_taken_off(records: Records) -> None:
    before = mark(records).revision
    for _ in range(2):  # the second time, nothing changes
        assert apply(records, Mark(ref="#1", mark="dismissed")) == 1
    assert apply(records, Mark(ref="#1", mark="done")) == 1
    assert get(records, "#1").marks == ("dismissed", "done")
    assert apply(records, Mark(ref="#1", mark="dismissed", on=False)) == 1
    assert get(records, "#1").marks == ("done",)
    assert mark(records).revision == before + 3


def test_what_the_assistant_said_is_marked_by_its_request(records: Records) -> None:
    at = NOW.wall + 1
    said = [
        new_record(f"said {n}", session="a", role="assistant", created_at=at + n) for n in range(2)
    ]
    narration, answer = put(records, *said)
    for label in (narration, answer):
        apply(records, Mark(ref=f"#{label}", mark="dismissed"))
        assert get(records, "#2").marks == ("dismissed",)
        apply(records, Mark(ref=f"#{label}", mark="dismissed", on=False))
        assert get(records, "#2").marks == ()


def test_a_session_is_open_again_whichever_turn_of_it_was_marked_done(records: Records) -> None:
    apply(records, Mark(ref="#1", mark="done"))
    assert apply(records, Mark(ref="#2", mark="done", on=False)) == 1
    assert get(records, "#1").marks == ()


def test_a_record_gets_a_new_text(records: Records) -> None:
    assert apply(records, Edit(ref="#1", text="new")) == 1
    assert get(records, "#1").text == "new"


def test_records_are_forgotten_alone_or_with_their_sessions(records: Records) -> None:
    put(records, new_record("3", session="a"), new_record("4", session="b"))
    assert apply(records, Forget(refs=("#1",))) == 1
    assert apply(records, Forget(refs=("#2",), whole_sessions=True)) == 2
    assert mark(records).records_count == 1
    assert get(records, "#4").session == "b"


def test_with_its_session_all_that_was_done_and_narrated_is_forgotten(records: Records) -> None:
    at, key = NOW.wall, session_key("claude", "c")
    put(
        records,
        *(
            new_record(f"c{n}", session="c", role=role, created_at=at + n)
            for n, role in enumerate(("user", "assistant", "assistant"))
        ),
    )
    edit = Action(key="a", kind="edit", at=at + 1, path="/w/tide.py")

    def work(unit: RecordChange) -> None:
        unit.work.act(edit, "claude", "c", PROJECT)
        unit.work.note_session(SessionInfo(host="claude", session="c", branch="main"))

    records.commit(work, NOW)
    assert apply(records, Forget(refs=("#3",), whole_sessions=True)) == 3
    with records.view() as view:
        assert list(view.narration(key)) == []
        assert list(view.actions(key)) == []
        assert list(view.of_file("tide.py")) == []
        assert view.session_info(key) is None
    assert mark(records).records_count == 2


def test_a_merge_counts_the_records_that_are_yet_to_move(records: Records) -> None:
    assert apply(records, MergeProjects(project=HERE, into=THERE)) == 2
    records.commit(lambda unit: unit.projects.reassign(10), NOW)
    assert get(records, "#1").project == THERE.id
    assert apply(records, MergeProjects(project=HERE, into=None)) == 2


def test_a_project_is_not_merged_into_itself(records: Records) -> None:
    with pytest.raises(BadUsage, match="is one project already"):
        apply(records, MergeProjects(project=HERE, into=HERE))


@pytest.mark.parametrize("below", [False, True])
def test_an_ignored_project_takes_no_turns_and_keeps_what_it_has(
    records: Records, *, below: bool
) -> None:
    place = identify("/p/src")
    project = Place(id=place.id, name=place.name, root=place.root)
    assert apply(records, IgnoreProject(project=project, below=below)) == 0
    with pytest.raises(BadUsage, match="/p/src is ignored"):
        check(records, CapturedTurn(text="x", cwd="/p/src"))
    apply(records, IgnoreProject(project=project, ignored=False))
    check(records, CapturedTurn(text="x", cwd="/p/src"))
    assert mark(records).records_count == 2


def test_a_turn_without_text_is_refused(records: Records) -> None:
    with pytest.raises(BadUsage, match="a turn needs text"):
        check(records, CapturedTurn(text="x"), CapturedTurn(text=" \n"))


def test_each_directory_is_identified_once(records: Records) -> None:
    asked: list[str] = []

    def counted(cwd: str, remote: str) -> ProjectIdentity:
        asked.append(cwd)
        return identify(cwd, remote)

    turns = tuple(CapturedTurn(text="x", cwd=cwd) for cwd in ("/p", "/q", "/p"))
    with records.view() as view:
        edits.check(turns, counted, view)
    assert asked == ["/p", "/q"]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Pin(ref="#9"), NotFound),
        (Mark(ref="#9", mark="done"), NotFound),
        (Edit(ref="#9", text="x"), NotFound),
        (Edit(ref="#1", text=" "), BadUsage),
        (Forget(refs=("#1", "#9")), NotFound),
        (MergeProjects(project=HERE, into=HERE), BadUsage),
        (Flush(), BadUsage),
    ],
)
def test_a_refused_request_changes_nothing(
    records: Records, request_: Request, error: type[Exception]
) -> None:
    before = mark(records)
    with pytest.raises(error):
        apply(records, request_)
    assert mark(records) == before


def erased(records: Records) -> tuple[int, bool]:
    """Return the last revision that calls for a scrub, and whether that is the latest one."""
    with records.view() as view:
        return view.erased_through(), view.erased_through() == view.watermark().revision


def test_only_a_change_that_deletes_words_calls_for_a_scrub(records: Records) -> None:
    apply(records, Pin(ref="#1"))
    assert erased(records) == (0, False)
    apply(records, Edit(ref="#1", text="new words"))
    assert erased(records) == (4, True)
    apply(records, Mark(ref="#1", mark="done"))
    apply(records, Forget(refs=("#1", "#2")))
    assert erased(records) == (7, True)
    with records.view() as view:
        assert view.erased().ranges == ((4, 4), (6, 7))
        assert view.erased(4).ranges == ((6, 7),)
        assert not view.erased(7).ranges


def test_a_scrub_can_be_demanded_for_what_was_deleted_before(records: Records) -> None:
    records.commit(lambda unit: unit.log.demand_scrub(), NOW)
    assert erased(records) == (2, True)
    records.commit(lambda unit: unit.log.demand_scrub(), NOW)
    assert erased(records) == (3, True), "the first may be over"


A = session_key("claude", "a")
PUMP = Action(key="c1", kind="command", at=NOW.wall, text="mend the pump")
HALF_READ = Transcript(
    path="/t.jsonl", host="claude", session="a", title="The red pump", title_rank=3,
    calls=(Call(id="c1", action=PUMP), Call(id="c2", action=structs.replace(PUMP, text="paint"))),
    queue=(Queued(at=1, digest=b"", text="mend the pump soon"),),
    todos=(Step("mend the pump"), Step("paint the door")), todo_ids=("1", "2"),
    branch="fix/pump", remote="git@example.org:acme/pump.git",
    requests=("claude:u1", "claude:a:1:user:mend the pump"), parents=("", "u0"),
)  # fmt: skip


def half_read(records: Records) -> Transcript:
    with records.view() as view:
        transcript = view.transcript("/t.jsonl")
    assert transcript is not None
    return transcript


def test_a_commit_is_not_kept_ready_once_its_request_is_forgotten(records: Records) -> None:
    made = Action(key="c9", kind="commit", at=NOW.wall, text="Mend the pump")
    other = structs.replace(made, key="c8", text="Paint the door")
    read = structs.replace(
        HALF_READ, commits=tuple(Made("/p", a, key=a.key) for a in (made, other))
    )
    records.commit(lambda unit: unit.work.act(made, "claude", "a", PROJECT), NOW)
    records.commit(lambda unit: unit.transcripts.follow(read), NOW)
    apply(records, Erase(parts=(SessionPart(session=A.hex(), text="Mend the pump"),)))
    assert [one.key for one in half_read(records).commits] == ["c8"]


def test_a_branch_that_a_commit_was_made_on_is_forgotten_by_its_name(records: Records) -> None:
    made = Action(key="c9", kind="commit", at=NOW.wall, text="Mend it")
    commits = (Made("/p", made, key="c9", branch="fix/pump", fixes=":/the pump"),)
    read = structs.replace(HALF_READ, commits=commits)
    records.commit(lambda unit: unit.transcripts.follow(read), NOW)
    apply(records, Erase(text="pump"))
    (left,) = half_read(records).commits
    assert (left.action, left.branch, left.fixes) == (made, "", "")


def test_a_phrase_is_forgotten_where_it_was_read_and_not_stored_yet(records: Records) -> None:
    records.commit(lambda unit: unit.transcripts.follow(HALF_READ), NOW)
    apply(records, Erase(text="mend the pump"))
    left = half_read(records)
    assert [call.id for call in left.calls] == ["c2"]
    assert left.queue == ()
    assert left.todos == (Step("paint the door"),)
    assert left.todo_ids == ("2",)
    assert (left.requests, left.parents) == (("claude:u1",), ("",))
    assert (left.title, left.branch) == ("The red pump", "fix/pump")
    apply(records, Erase(text="red"))
    assert half_read(records).title == ""


def test_of_a_forgotten_session_nothing_is_kept_ready_and_nothing_comes_back(
    records: Records,
) -> None:
    info = SessionInfo(
        host="claude", session="a", title="The red pump", title_rank=3, branch="fix/pump"
    )
    records.commit(lambda unit: unit.work.note_session(info), NOW)
    records.commit(lambda unit: unit.transcripts.follow(HALF_READ), NOW)
    apply(records, Forget(refs=("#1",), whole_sessions=True))
    assert (half_read(records).title, half_read(records).calls) == ("", ())
    assert (half_read(records).branch, half_read(records).requests) == ("", ())
    assert half_read(records).remote == ""

    def again(unit: RecordChange) -> bool:
        unit.transcripts.follow(HALF_READ)
        unit.work.note_session(info)
        return unit.work.act(PUMP, "claude", "a", PROJECT)

    assert records.commit(again, NOW)[0] is False
    assert (half_read(records).title, half_read(records).calls) == ("", ())
    with records.view() as view:
        known = view.session_info(A)
        assert known is not None
        assert known.title == ""
    put(records, new_record("3", session="a"))  # it goes on
    assert records.commit(again, NOW)[0] is True


def test_a_title_made_of_a_forgotten_text_goes_with_it(records: Records) -> None:
    titled = SessionInfo(host="claude", session="a", title="text of 1 ...", title_rank=1)
    put(records, new_record("long", session="a", text="text of 1  and more of it"))
    records.commit(lambda unit: unit.work.note_session(titled), NOW)
    apply(records, Forget(refs=("#2",)))
    with records.view() as view:
        assert view.session_info(A) == titled
    apply(records, Forget(refs=("#3",)))
    with records.view() as view:
        known = view.session_info(A)
    assert known is not None
    assert known.title == ""


def test_what_was_taken_back_is_forgotten_with_its_session(records: Records) -> None:
    put(records, new_record("3", session="a", source=Source("/t.jsonl", 5)))
    records.commit(lambda unit: unit.work.rewind("3", "/t.jsonl", before=6), NOW)
    assert get(records, "#3").rewound
    assert apply(records, Forget(refs=("#1",), whole_sessions=True)) == 3
    with records.view() as view:
        assert list(view.every()) == []


def test_a_project_is_forgotten_once_nothing_needs_it(records: Records) -> None:
    apply(records, IgnoreProject(project=THERE))
    put(records, new_record("3", project=OWN))
    records.commit(
        lambda unit: unit.projects.place(Project(id=OWN, name="o", root="/o"), "/o"), NOW
    )
    apply(records, Erase(projects=(OWN, THERE.id)))
    with records.view() as view:
        assert {project.id for project in view.projects()} == {OWN, THERE.id}
    apply(records, Erase(labels=(3,), projects=(OWN, THERE.id)))
    with records.view() as view:
        assert {project.id for project in view.projects()} == {THERE.id}  # ignored: still needed


def test_what_is_merged_into_a_project_is_forgotten_with_it(records: Records) -> None:
    apply(records, MergeProjects(project=HERE, into=THERE))
    records.commit(lambda unit: unit.projects.reassign(9), NOW)
    apply(records, Erase(labels=(1,), projects=(THERE.id,)))
    with records.view() as view:
        assert {project.root for project in view.projects()} == {HERE.root, THERE.root}
    apply(records, Erase(labels=(2,), projects=(THERE.id,)))
    with records.view() as view:
        assert view.projects() == []


def test_unknown_markup_is_forgotten_with_the_text_that_had_it(records: Records) -> None:
    put(records, new_record("3", text="<pump-plan> x"))
    records.commit(lambda unit: unit.transcripts.note_markup({"pump-plan": 1, "other": 2}), NOW)
    apply(records, Forget(refs=("#3",)))
    with records.view() as view:
        assert view.unknown_markup() == {"other": 2}


def test_events_in_the_spool_that_say_it_are_found(layout: Layout) -> None:
    layout.spool_bad.mkdir(mode=0o700)
    waits, other = layout.spool_new / "1.awaits", layout.spool_new / "2.json"
    event = {"hook_event_name": "UserPromptSubmit", "session_id": "a", "cwd": "/p"}
    waits.write_text(json.dumps(event | {"prompt": "mend the pump\n"}))
    other.write_text(json.dumps(event | {"session_id": "b", "prompt": "mend the pump now"}))
    broken = layout.spool_bad / "3.json"
    broken.write_text('{"prompt": "mend the pump \\u00e4"')
    record = new_record("1", text="mend the pump").kept(1, 0, 0)
    assert list(traces.find(layout, [record], [], "")) == [waits, broken]
    assert list(traces.find(layout, [], ["b"], "")) == [other]
    assert list(traces.find(layout, [], [], "pump \u00e4")) == [broken]
    assert list(traces.find(layout, [], [], "pump")) == [waits, other, broken]
    nested = layout.spool_bad / "4.json"
    nested.write_text(json.dumps({"line": json.dumps({"prompt": 'the\n  valve \u00e9 "x"'})})[:-3])
    assert list(traces.find(layout, [], [], 'the valve \u00e9 "x')) == [nested]
    for path in (waits, broken):
        path.write_bytes(spool.sealed(path, path.read_bytes(), CIPHER))
    assert list(traces.find(layout, [record], [], "", CIPHER)) == [waits, broken]


def test_what_is_named_twice_is_forgotten_once(records: Records) -> None:
    assert apply(records, Forget(refs=("#1", "1"))) == 1
    assert apply(records, Erase(labels=(2, 2))) == 1
    with records.view() as view:
        assert view.watermark().records_count == len(list(view.every()))
