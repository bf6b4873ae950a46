"""Projects that are merged, separated and ignored, in the store alone."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from iai.model.record import Project, session_key
from iai.model.revisions import through
from iai.store.codec import encode_u64
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, flip, new_record, put

IDS = tuple(letter * 16 for letter in "abcd")
A, B, C, D = (Project(id=id_, name=id_[0], root=f"/{id_[0]}") for id_ in IDS)


def merge(records: Records, project: Project, into: Project | None) -> bool:
    return records.commit(lambda unit: unit.projects.merge(project, into), NOW)[0]


def settle(records: Records, slice_: int = 2) -> None:
    while records.commit(lambda unit: unit.projects.reassign(slice_), NOW, live=False)[0]:
        pass


def say(records: Records, project: Project, key: str, **fields: object) -> None:
    records.commit(lambda unit: unit.projects.place(project, project.root), NOW)
    put(records, new_record(key, project=project.id, cwd=project.root, **fields))


def held(records: Records, project: Project) -> list[str]:
    with records.view() as view:
        return sorted(r.text.removeprefix("text of ") for r in view.project(project.id))


def test_past_and_future_records_of_a_merged_project_belong_to_the_other(
    records: Records,
) -> None:
    for number in range(5):
        say(records, A, f"a{number}", session="sa")
    say(records, A, "fact", tier="semantic", pinned=True)
    say(records, B, "b0", session="sb")
    assert merge(records, A, B)
    settle(records)
    say(records, A, "late", session="sa")
    with records.view() as view:
        assert held(records, A) == []
        assert held(records, B) == ["a0", "a1", "a2", "a3", "a4", "b0", "fact", "late"]
        assert [r.text for r in view.pinned(B.id)] == ["text of fact"]
        assert [r.text for r in view.facts(B.id)] == ["text of fact"]
        assert set(view.sessions(B.id)) == {session_key("claude", s) for s in ("sa", "sb")}
        assert list(view.sessions(A.id)) == []
        assert view.belongs(A.id) == B.id
        assert [p.id for p in view.active()] == [B.id]


def test_damaged_records_are_not_moved_and_do_not_hold_up_the_others(records: Records) -> None:
    for number in range(4):
        say(records, A, f"a{number}", session="sa")
    merge(records, A, B)
    for label in (1, 2):
        flip(records._environment, "records", encode_u64(label), 100)
    settle(records, slice_=1)
    assert held(records, B) == ["a2", "a3"]
    with records.view() as view:
        assert list(view.misfiled()) == []


def test_a_merge_is_undone_record_by_record(records: Records) -> None:
    say(records, A, "a", session="sa")
    say(records, B, "b", session="sb")
    merge(records, A, B)
    settle(records)
    say(records, A, "late", session="sa")
    assert merge(records, A, None)
    settle(records)
    assert (held(records, A), held(records, B)) == (["a", "late"], ["b"])
    with records.view() as view:
        assert list(view.sessions(B.id)) == [session_key("claude", "sb")]
        assert all(r.origin == "" for r in view.after(0))


def test_every_moved_record_and_every_change_of_a_project_has_a_revision(
    records: Records,
) -> None:
    say(records, A, "a1")
    say(records, A, "a2")
    merge(records, A, B)
    settle(records)
    with records.view() as view:
        log = [(e.operation, e.label) for _, e in view.changes(through(100))]
        assert view.changed(B.id) == view.watermark().revision == 5
    assert log[2:] == [("project", 0), ("move", 1), ("move", 2)]
    assert merge(records, A, B)  # again: nothing is changed by it
    with records.view() as view:
        assert view.watermark().revision == 5


def test_records_inserted_along_with_a_merge_follow_it(records: Records) -> None:
    def change(unit: RecordChange) -> None:
        unit.records.insert(new_record("a1", project=A.id))
        unit.projects.merge(A, B)
        unit.records.insert(new_record("a2", project=A.id))

    records.commit(change, NOW)
    assert (held(records, A), held(records, B)) == (["a1"], ["a2"])
    settle(records)
    assert held(records, B) == ["a1", "a2"]


def test_two_projects_cannot_be_merged_into_each_other(records: Records) -> None:
    assert merge(records, A, B)
    assert merge(records, B, C)
    assert not merge(records, C, A)
    assert not merge(records, A, A)
    assert not merge(records, B, A)
    with records.view() as view:
        assert {view.belongs(p.id) for p in (A, B, C)} == {C.id}


def test_an_ignored_project_is_not_active_nor_are_those_below_it(records: Records) -> None:
    say(records, A, "a")
    say(records, B, "b")
    inside = Project(id=D.id, name="d", root="/a/d")
    say(records, inside, "d")
    records.commit(lambda unit: unit.projects.ignore(A, "project"), NOW)
    with records.view() as view:
        assert view.ignored(A.id, "/a")
        assert not view.ignored(D.id, "/a/d")
        assert {p.id for p in view.active()} == {B.id, D.id}
        assert held(records, A) == ["a"]
    records.commit(lambda unit: unit.projects.ignore(A, "below"), NOW)
    with records.view() as view:
        assert view.ignored(D.id, "/a/d")
        assert not view.ignored(B.id, "/ab")
        assert {p.id for p in view.active()} == {B.id}
    merge(records, C, A)
    with records.view() as view:
        assert view.ignored(C.id, "/c")
    records.commit(lambda unit: unit.projects.ignore(A, ""), NOW)
    with records.view() as view:
        assert not view.ignored(C.id, "/c", "/a")


def test_commits_are_not_facts(records: Records) -> None:
    say(records, A, "fact", tier="semantic", host="cli")
    for number in range(20):
        say(records, A, f"commit{number}", tier="semantic", host="git")
    with records.view() as view:
        assert [r.text for r in view.facts(A.id)] == ["text of fact"]
        assert view.count(A.id) == 21


class Merging(RuleBasedStateMachine):
    """Merges in any order, cut off anywhere: no record is ever in a project that is not its own.

    The model is what each directory's project was said to belong to; nothing else.
    """

    projects = st.sampled_from([A, B, C, D])

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.records = Records(Path(self.directory.name) / "records", writer=True)
        self.into: dict[str, str] = {}
        self.said: dict[str, list[str]] = {id_: [] for id_ in IDS}
        self.count = 0

    def home(self, project: str) -> str:
        while project in self.into:
            project = self.into[project]
        return project

    @rule(project=projects, tier=st.sampled_from(["episodic", "semantic"]))
    def speak(self, project: Project, tier: str) -> None:
        key = f"{project.name}{self.count}"
        self.count += 1
        say(self.records, project, key, tier=tier, session=project.name)
        self.said[project.id].append(key)

    @rule(project=projects, into=projects)
    def join(self, project: Project, into: Project) -> None:
        chain = [into.id]
        while chain[-1] in self.into:
            chain.append(self.into[chain[-1]])
        assert merge(self.records, project, into) == (project.id not in chain)
        if project.id not in chain:
            self.into[project.id] = into.id

    @rule(project=projects)
    def part(self, project: Project) -> None:
        merge(self.records, project, None)
        self.into.pop(project.id, None)

    @rule()
    def move_a_little(self) -> None:
        self.records.commit(lambda unit: unit.projects.reassign(1), NOW, live=False)

    @rule(data=st.data())
    def forget_one(self, data: st.DataObject) -> None:
        with self.records.view() as view:
            every = list(view.after(0))
        if every:
            one = data.draw(st.sampled_from(every))
            self.records.commit(lambda unit: unit.forget.record(one), NOW)
            for texts in self.said.values():
                if one.text.removeprefix("text of ") in texts:
                    texts.remove(one.text.removeprefix("text of "))

    @invariant()
    def nothing_is_where_it_never_belonged(self) -> None:
        with self.records.view() as view:
            for record in view.after(0):
                own = record.origin or record.project
                assert own[0] == record.text.removeprefix("text of ")[0]

    @rule()
    def settled_it_is_as_was_said(self) -> None:
        settle(self.records)
        with self.records.view() as view:
            assert not list(view.misfiled())
        for id_ in IDS:
            project = Project(id=id_, name="", root="")
            theirs = [k for own, keys in self.said.items() if self.home(own) == id_ for k in keys]
            assert held(self.records, project) == sorted(theirs)

    def teardown(self) -> None:
        self.settled_it_is_as_was_said()
        self.records.close()
        self.directory.cleanup()


TestMerging = Merging.TestCase
TestMerging.settings = settings(max_examples=30, stateful_step_count=20)
