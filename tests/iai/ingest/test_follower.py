"""The follower: which transcripts are followed, until when, and when to poll next."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import structs

from iai.ingest.follower import (
    FOLLOW_ENDED_S,
    FOLLOW_S,
    FOLLOW_SLACK_S,
    POLL_QUIET_S,
    POLL_S,
    POLL_SOON_S,
    QUIET_AFTER_S,
    WATCHED_S,
    Follower,
    deadline,
)
from iai.model.clock import NS, Now
from iai.model.record import Transcript


def at(seconds: float) -> Now:
    return Now(wall=int(seconds * NS), mono=int(seconds * NS))


def file(directory: Path, name: str = "a", text: str = "x") -> Transcript:
    """A file with text that is not read yet, to be followed for `FOLLOW_S` from 0."""
    path = directory / name
    path.write_text(text)
    return Transcript(path=str(path), host="", followed_until=deadline(at(0), ended=False))


def read(transcript: Transcript) -> Transcript:
    """The transcript after all of it was read."""
    status = Path(transcript.path).stat()
    return structs.replace(transcript, offset=status.st_size, inode=status.st_ino)


def following(*followed: Transcript) -> Follower:
    follower = Follower(followed, 0)
    follower.poll(at(0), found=False, more=False)
    return follower


def unread(follower: Follower) -> str:
    """Name of the file whose turn it is; "" for none."""
    transcript = follower.next_unread()
    return Path(transcript.path).name if transcript else ""


def test_after_a_restart_files_are_followed_until_their_stored_deadline(tmp_path: Path) -> None:
    one = file(tmp_path)
    until = one.followed_until
    for wall, expected in ((until - 1, "a"), (until, "")):
        follower = Follower([one], wall)
        follower.poll(at(0), found=False, more=False)
        assert unread(follower) == expected


def test_a_file_is_read_when_it_has_grown(tmp_path: Path) -> None:
    one = file(tmp_path)
    follower = following(one)
    assert unread(follower) == "a"
    follower.advance(read(one), more=False)
    follower.poll(at(1), found=False, more=False)
    assert unread(follower) == ""
    Path(one.path).write_text("xy")
    follower.poll(at(2), found=False, more=False)
    assert unread(follower) == "a"


def test_a_file_whose_last_line_is_cut_off_is_read_once_until_it_changes(tmp_path: Path) -> None:
    one = file(tmp_path, text="whole\nhal")
    follower = following(one)
    half_read = structs.replace(read(one), offset=len("whole\n"))
    follower.advance(half_read, more=False)
    for second in (1, 2):
        follower.poll(at(second), found=False, more=False)
        assert unread(follower) == ""
    Path(one.path).write_text("whole\nhalf\n")
    follower.poll(at(3), found=False, more=False)
    assert unread(follower) == "a"


def test_a_file_whose_last_line_is_cut_off_is_not_followed_for_ever(tmp_path: Path) -> None:
    one = file(tmp_path, text="whole\nhal")
    follower = following(one)
    follower.advance(structs.replace(read(one), offset=len("whole\n")), more=False)
    follower.expire(at(FOLLOW_S))
    follower.poll(at(FOLLOW_S), found=False, more=False)
    Path(one.path).write_text("whole\nhalf\n")
    assert [t.path for t in follower.regrown(at(FOLLOW_S))] == [one.path]


@pytest.mark.parametrize("mend", ["an event", "a change"])
def test_a_file_that_cannot_be_read_is_tried_again_when_there_is_reason(
    tmp_path: Path, mend: str
) -> None:
    one = file(tmp_path)
    follower = following(one)
    follower.skip(one.path)
    follower.poll(at(1), found=False, more=False)
    assert unread(follower) == ""
    if mend == "an event":
        follower.follow(one)
    else:
        Path(one.path).chmod(0o640)
    follower.poll(at(2), found=False, more=False)
    assert unread(follower) == "a"


def test_files_with_more_to_read_take_turns(tmp_path: Path) -> None:
    one, two = file(tmp_path, "a"), file(tmp_path, "b")
    follower = following(one, two)
    follower.advance(one, more=True)
    assert unread(follower) == "b"
    follower.advance(two, more=True)
    assert unread(follower) == "a"


def test_a_slice_that_was_not_committed_is_read_again(tmp_path: Path) -> None:
    follower = following(file(tmp_path, "a"), file(tmp_path, "b"))
    assert [unread(follower), unread(follower)] == ["a", "a"]


def test_a_file_that_cannot_be_read_keeps_no_other_waiting(tmp_path: Path) -> None:
    one = file(tmp_path, "a")
    follower = following(one, file(tmp_path, "b"))
    follower.skip(one.path)
    assert unread(follower) == "b"


def test_a_slice_of_a_file_that_is_not_followed_changes_nothing(tmp_path: Path) -> None:
    follower = following()
    follower.advance(file(tmp_path), more=True)
    assert follower.next_unread() is None


def test_a_file_that_is_gone_has_not_grown(tmp_path: Path) -> None:
    one = file(tmp_path)
    Path(one.path).unlink()
    assert following(one).next_unread() is None


def test_a_deadline_is_committed_when_it_moved_by_more_than_the_slack(tmp_path: Path) -> None:
    one = file(tmp_path)
    follower = following(one)
    assert follower.needs_commit("unknown", 0)
    for seconds, expected in ((1.0, False), (FOLLOW_SLACK_S, False), (FOLLOW_SLACK_S + 1, True)):
        assert follower.needs_commit(one.path, deadline(at(seconds), ended=False)) is expected
    assert not follower.needs_commit(one.path, deadline(at(1), ended=True))


def test_the_deadline_of_an_ended_session_is_committed_when_it_has_passed(tmp_path: Path) -> None:
    running, ended = file(tmp_path, "a", text=""), file(tmp_path, "b", text="")
    follower = following(read(running), read(ended))
    until = deadline(at(0), ended=True)
    follower.end_session(ended.path, "project", until)
    assert follower.expire(at(FOLLOW_ENDED_S - 1)) == []
    (expired,) = follower.expire(at(FOLLOW_ENDED_S))
    assert (expired.path, expired.followed_until) == (ended.path, until)
    assert follower.expire(at(FOLLOW_S)) == []  # the stored deadline of the other one is right


def test_a_resumed_session_has_not_ended(tmp_path: Path) -> None:
    one = file(tmp_path)
    follower = following(one)
    follower.resume_session(one.path)  # it never ended
    follower.end_session(one.path, "project", deadline(at(0), ended=True))
    assert follower.ended_in(one.path) == "project"
    follower.resume_session(one.path)
    assert follower.ended_in(one.path) == ""
    assert not follower.fully_read(one.path)


def test_an_ended_session_is_fully_read_after_its_last_slice(tmp_path: Path) -> None:
    one = file(tmp_path)
    follower = following(one)
    follower.end_session(one.path, "project", deadline(at(0), ended=True))
    assert not follower.fully_read(one.path)
    follower.advance(one, more=True)
    assert not follower.fully_read(one.path)
    follower.advance(read(one), more=False)
    assert follower.fully_read(one.path)


def test_a_file_is_read_to_its_end_also_after_its_deadline(tmp_path: Path) -> None:
    one = file(tmp_path)
    follower = following(one)
    assert follower.expire(at(FOLLOW_S + 1)) == []
    assert unread(follower) == "a"
    follower.advance(read(one), more=False)
    follower.expire(at(FOLLOW_S + 1))
    Path(one.path).write_text("xy")
    follower.poll(at(FOLLOW_S + 2), found=False, more=False)
    assert follower.next_unread() is None


@pytest.mark.parametrize(
    ("quiet_s", "due_s"),
    [
        (0.0, POLL_SOON_S),
        (0.4, 0.1),
        (4.0, POLL_S),
        (QUIET_AFTER_S, POLL_S),
        (QUIET_AFTER_S + 1, POLL_QUIET_S),
    ],
)
def test_polls_get_rarer_the_longer_nothing_is_found(quiet_s: float, due_s: float) -> None:
    follower = following()
    follower.poll(at(100), found=True, more=False)
    follower.poll(at(100 + quiet_s), found=False, more=False)
    assert follower.due_s(at(100 + quiet_s)) == pytest.approx(due_s)


def test_while_the_spool_holds_more_the_next_poll_is_due_at_once() -> None:
    follower = following()
    follower.poll(at(1), found=True, more=True)
    assert follower.poll_due(at(1))
    assert not follower.idle(at(1))
    follower.poll(at(1), found=True, more=False)
    assert not follower.poll_due(at(1))
    assert follower.idle(at(1))
    follower.poll_now(at(1))
    assert follower.due_s(at(1)) == 0
    assert not follower.idle(at(1))


def left_alone(directory: Path) -> tuple[Follower, Transcript]:
    """A follower after the deadline of a file that was read to its end."""
    one = read(file(directory))
    follower = following(one)
    assert follower.expire(at(FOLLOW_S)) == []
    return follower, one


def test_a_file_that_grows_after_its_deadline_is_noticed(tmp_path: Path) -> None:
    follower, one = left_alone(tmp_path)
    assert follower.regrown(at(FOLLOW_S)) == []
    Path(one.path).write_text("xy")
    assert follower.regrown(at(FOLLOW_S)) == [one]
    follower.follow(structs.replace(one, followed_until=deadline(at(FOLLOW_S), ended=False)))
    assert follower.regrown(at(FOLLOW_S)) == []


def test_a_file_that_grew_while_iai_was_down_is_noticed(tmp_path: Path) -> None:
    one = read(file(tmp_path))
    Path(one.path).write_text("xy")
    assert Follower([one], one.followed_until).regrown(at(FOLLOW_S)) == [one]


def test_a_file_whose_last_line_stays_cut_off_is_not_followed_for_ever(tmp_path: Path) -> None:
    one = file(tmp_path)
    follower = following(one)
    follower.skip(one.path)
    assert follower.expire(at(FOLLOW_S)) == []
    assert follower.regrown(at(FOLLOW_S)) == []


def test_a_file_that_an_import_reads_has_not_grown_unnoticed(tmp_path: Path) -> None:
    follower, one = left_alone(tmp_path)
    Path(one.path).write_text("xy")
    follower.advance(read(one), more=False)
    assert follower.regrown(at(FOLLOW_S)) == []


def test_a_file_is_looked_at_for_a_day_after_its_deadline(tmp_path: Path) -> None:
    for waited_s, noticed in ((WATCHED_S - 1, 1), (WATCHED_S, 0)):
        follower, one = left_alone(tmp_path)
        Path(one.path).write_text("xy")
        assert len(follower.regrown(at(FOLLOW_S + waited_s))) == noticed


def test_a_file_that_vanishes_after_its_deadline_has_not_grown(tmp_path: Path) -> None:
    follower, one = left_alone(tmp_path)
    Path(one.path).unlink()
    assert follower.regrown(at(FOLLOW_S)) == []


class Following(RuleBasedStateMachine):
    """Hosts write, sessions end and resume, time passes; the model is what a host sees.

    A slice is one byte. All that is written while a file is followed gets read, once.
    """

    names = st.sampled_from("abc")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.paths = {name: str(Path(self.directory.name) / name) for name in "abc"}
        self.follower = Follower((), 0)
        self.now = at(0)
        self.stored: dict[str, Transcript] = {}  # what ingest has committed
        self.until: dict[str, int] = {}  # of the files that are followed
        self.ended: set[str] = set()

    @rule(name=names)
    def write(self, name: str) -> None:
        with Path(self.paths[name]).open("a") as one:
            one.write("x")

    @rule(name=names, ends=st.booleans())
    def event(self, name: str, *, ends: bool) -> None:
        path = self.paths[name]
        Path(path).touch()
        until = deadline(self.now, ended=ends)
        if self.follower.needs_commit(path, until):
            known = self.stored.get(path) or Transcript(path=path, host="")
            self.stored[path] = structs.replace(known, followed_until=until)
            self.follower.follow(self.stored[path])
            self.until[path] = until
        if ends:
            self.follower.end_session(path, "project", until)
            self.until[path] = until
            self.ended.add(path)
        else:
            self.follower.resume_session(path)
            self.ended.discard(path)

    @rule(seconds=st.sampled_from([0.1, 30.0, 90.0, 4_000.0]))
    def wait(self, seconds: float) -> None:
        self.now = self.now.later(seconds)

    @rule()
    def tick(self) -> None:
        for transcript in self.follower.regrown(self.now):
            path = transcript.path
            assert path not in self.until
            assert transcript == self.stored[path]
            self.until[path] = deadline(self.now, ended=False)
            self.stored[path] = structs.replace(transcript, followed_until=self.until[path])
            self.follower.follow(self.stored[path])

    @rule()
    def poll(self) -> None:
        for transcript in self.follower.expire(self.now):
            assert transcript.path in self.ended
            self.stored[transcript.path] = transcript
        for path in [p for p, until in self.until.items() if until <= self.now.wall]:
            if self.follower.needs_commit(path, 0):  # it is followed no longer
                del self.until[path]
                self.ended.discard(path)
        self.follower.poll(self.now, found=False, more=False)

    @precondition(lambda self: self.follower.next_unread() is not None)
    @rule()
    def read_slice(self) -> None:
        transcript = self.follower.next_unread()
        assert transcript is not None
        self._read(transcript)

    @rule(name=names)
    def import_slice(self, name: str) -> None:
        path = self.paths[name]
        if Path(path).exists():
            self._read(self.stored.get(path) or Transcript(path=path, host=""))

    def _read(self, transcript: Transcript) -> None:
        status = Path(transcript.path).stat()
        offset = min(transcript.offset + 1, status.st_size)
        after = structs.replace(transcript, offset=offset, inode=status.st_ino)
        self.stored[transcript.path] = after
        self.follower.advance(after, more=offset < status.st_size)

    @rule()
    def restart(self) -> None:
        self.follower = Follower(self.stored.values(), self.now.wall)
        self.ended.clear()
        self.until = {
            path: transcript.followed_until
            for path, transcript in self.stored.items()
            if transcript.followed_until > self.now.wall
        }

    @rule()
    def after_a_poll_and_its_slices_everything_is_read(self) -> None:
        self.poll()
        while self.follower.next_unread() is not None:
            self.read_slice()
        for path in self.until:
            assert self.stored[path].offset == Path(path).stat().st_size
            assert self.follower.fully_read(path) == (path in self.ended)

    @invariant()
    def the_next_slice_starts_where_the_last_commit_ended(self) -> None:
        transcript = self.follower.next_unread()
        if transcript is not None:
            stored = self.stored[transcript.path]
            assert (transcript.offset, transcript.inode) == (stored.offset, stored.inode)
            assert not self.follower.fully_read(transcript.path)
            assert self.follower.due_s(self.now) == 0

    @invariant()
    def a_file_is_followed_from_an_event_to_its_deadline(self) -> None:
        for path in self.paths.values():
            assert self.follower.needs_commit(path, 0) == (path not in self.until)
        for path, until in self.until.items():
            slack = int(FOLLOW_SLACK_S * NS)
            assert not self.follower.needs_commit(path, until + slack)
            assert self.follower.needs_commit(path, until + slack + 1)

    @invariant()
    def the_next_poll_is_never_far(self) -> None:
        assert 0 <= self.follower.due_s(self.now) <= POLL_QUIET_S

    def teardown(self) -> None:
        self.directory.cleanup()


TestFollowing = Following.TestCase
