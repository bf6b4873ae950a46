"""The line that tells a hook which revision a project's payload must hold."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from iai.freshness.required_revision import NO_SESSION, UNKNOWN, RequiredRevision
from iai.model.record import LastChange

A, B = "a" * 16, "b" * 16  # projects


def touched(revision: int, session: str = "s", foreign: int = 0) -> dict[str, LastChange]:
    return {
        A: LastChange(last_session=session, last_foreign_revision=foreign, revision=revision)
    }  # fmt: skip


def line(required: RequiredRevision, project: str = A) -> str:
    """The line that is due to be written for a project; "" if it has not changed."""
    return dict(required.changed_lines()).get(project, b"").decode()


@given(st.lists(st.sampled_from(["", "s", "t", "u"]), min_size=1, max_size=12))
def test_every_change_but_the_turns_of_the_last_session_is_foreign(sessions: list[str]) -> None:
    change = LastChange()
    for revision, session in enumerate(sessions, 1):
        change = change.then(revision, session)
    last = next((session for session in reversed(sessions) if session), "")
    foreign = [revision for revision, s in enumerate(sessions, 1) if s != last or not s]
    assert change == LastChange(
        last_session=last, last_foreign_revision=max(foreign, default=0), revision=len(sessions)
    )


def test_after_a_start_everything_so_far_is_required() -> None:
    assert line(RequiredRevision(touched(7), {})) == "7 0 s\n"


def test_a_line_is_written_once_and_again_after_a_change_or_a_failed_write() -> None:
    required = RequiredRevision(touched(7), {A: b"7 0 s\n"})
    assert line(required) == ""  # on disk since the last run
    required.committed(touched(8), can_wait=True)  # another turn of the same session
    assert line(required) == ""
    required.committed(touched(9, "t", foreign=8), can_wait=True)
    assert line(required) == "7 8 t\n"
    assert line(required) == ""
    required.invalidate(A)
    required.committed(touched(10, "t", foreign=8), can_wait=True)
    assert line(required) == "7 8 t\n"


def test_lines_come_in_the_same_order_each_time() -> None:
    many = {f"{number:016x}": LastChange(last_session="s", revision=1) for number in range(50)}
    lines = RequiredRevision(many, {}).changed_lines()
    assert [project for project, _ in lines] == sorted(many)


def test_a_change_that_bypasses_the_interval_is_required_at_once() -> None:
    required = RequiredRevision(touched(7), {})
    required.committed(touched(8, foreign=8), can_wait=False)
    assert line(required) == "8 8 s\n"


def test_while_an_ended_session_is_read_no_payload_is_current() -> None:
    required = RequiredRevision(touched(7) | {B: LastChange(last_session="t", revision=6)}, {})
    required.session_ending("/file", A)
    required.committed(touched(9), can_wait=True)
    assert dict(required.changed_lines()) == {A: f"{UNKNOWN} 0 s\n".encode(), B: b"6 0 t\n"}
    assert required.ending == ["/file"]
    assert required.session_ingested("/file") == A
    assert line(required) == "9 0 s\n"
    assert required.ending == []


def test_with_two_sessions_ending_both_must_be_ingested() -> None:
    required = RequiredRevision(touched(7), {})
    required.session_ending("/one", A)
    required.session_ending("/two", A)
    required.session_ingested("/one")
    assert line(required).startswith(f"{UNKNOWN} ")
    required.session_ingested("/two")
    assert line(required) == "7 0 s\n"


def test_a_session_that_continues_after_all_requires_nothing() -> None:
    required = RequiredRevision(touched(7), {})
    required.committed(touched(9), can_wait=True)
    required.session_ending("/file", A)
    required.cancel("/file")
    required.cancel("/unknown")
    assert line(required) == "7 0 s\n"


def test_a_session_that_ends_again_in_another_project_is_required_only_there() -> None:
    required = RequiredRevision(touched(7) | {B: LastChange(last_session="t", revision=6)}, {})
    required.session_ending("/file", A)
    assert line(required).startswith(f"{UNKNOWN} ")
    required.session_ending("/file", B)
    assert dict(required.changed_lines()) == {A: b"7 0 s\n", B: f"{UNKNOWN} 0 t\n".encode()}


def test_a_project_without_records_has_no_line() -> None:
    required = RequiredRevision({A: LastChange()}, {})
    required.session_ending("/file", A)
    required.session_ending("/other", B)
    assert list(required.changed_lines()) == []


def test_a_session_name_the_hook_would_not_record_is_left_out() -> None:
    for session in ("", "two words", "../up", "x" * 200):
        assert line(RequiredRevision(touched(7, session), {})) == f"7 0 {NO_SESSION}\n"


class Requiring(RuleBasedStateMachine):
    """Commits and ends of sessions in any order, on a disk that refuses some writes."""

    projects = st.sampled_from([A, B])
    sources = st.sampled_from(["/one", "/two", "/three"])

    def __init__(self) -> None:
        super().__init__()
        self.disk: dict[str, bytes] = {}
        self.required = RequiredRevision({}, {})
        self.changes: dict[str, LastChange] = {}
        self.expected = {A: 0, B: 0}  # the required revision where no session is ending
        self.ending: dict[str, str] = {}
        self.refused: set[str] = set()  # projects whose last line could not be written

    def write(self, *, refused: bool = False) -> None:
        for project, text in self.required.changed_lines():
            if refused:
                self.required.invalidate(project)
                self.disk.pop(project, None)
                self.refused.add(project)
            else:
                self.disk[project] = text
                self.refused.discard(project)

    @rule(project=projects, session=st.sampled_from(["", "s", "t"]), can_wait=st.booleans())
    def commit(self, project: str, session: str, *, can_wait: bool) -> None:
        revision = max((change.revision for change in self.changes.values()), default=0) + 1
        change = self.changes.get(project, LastChange()).then(revision, session)
        self.changes[project] = change
        if not can_wait:
            self.expected[project] = revision
        self.required.committed({project: change}, can_wait=can_wait)

    @rule(source=sources, project=projects)
    def session_ending(self, source: str, project: str) -> None:
        self.required.session_ending(source, project)
        self.ending[source] = project

    @rule(source=sources)
    def cancel(self, source: str) -> None:
        self.required.cancel(source)
        self.ending.pop(source, None)

    @rule()
    def all_sessions_ingested(self) -> None:
        for source in self.required.ending:
            project = self.required.session_ingested(source)
            assert project == self.ending.pop(source)
            self.expected[project] = self.changes.get(project, LastChange()).revision

    @rule()
    def disk_refuses(self) -> None:
        self.write(refused=True)

    @rule()
    def restart(self) -> None:
        self.required = RequiredRevision(self.changes, self.disk)
        self.ending.clear()
        self.expected |= {project: change.revision for project, change in self.changes.items()}

    @rule()
    def disk_is_current_after_a_write(self) -> None:
        self.write()
        for project, change in self.changes.items():
            if project in self.refused:
                assert project not in self.disk
                continue
            required, foreign, session = self.disk[project].split()
            ending = project in self.ending.values()
            assert int(required) == (UNKNOWN if ending else self.expected[project])
            assert int(foreign) == change.last_foreign_revision
            assert session.decode() == (change.last_session or NO_SESSION)

    @invariant()
    def every_unfinished_source_is_listed_once(self) -> None:
        assert self.required.ending == sorted(self.ending)


TestRequiring = Requiring.TestCase
