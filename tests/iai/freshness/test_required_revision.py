"""What hooks are told of a project: what its payload must hold, and who has spoken."""

from hypothesis import given
from hypothesis import strategies as st

from iai.freshness.required_revision import NOBODY, UNKNOWN, News
from iai.model.record import Voices

A, B = "a" * 16, "b" * 16  # projects


def heard(revision: int, speaker: str = "s", others: int = 0) -> dict[str, Voices]:
    return {A: Voices(speaker=speaker, others=others, revision=revision)}


def line(news: News, project: str = A) -> str:
    """The line of a project that is to be written; "" for none."""
    return dict(news.lines()).get(project, b"").decode()


@given(st.lists(st.sampled_from(["", "s", "t", "u"]), min_size=1, max_size=12))
def test_others_are_all_who_changed_anything_but_the_session_that_spoke_last(
    speakers: list[str],
) -> None:
    voices = Voices()
    for revision, speaker in enumerate(speakers, 1):
        voices = voices.then(revision, speaker)
    last = next((speaker for speaker in reversed(speakers) if speaker), "")
    others = [revision for revision, s in enumerate(speakers, 1) if s != last or not s]
    assert voices == Voices(
        speaker=last, others=max(others, default=0), revision=len(speakers)
    )  # fmt: skip


def test_at_the_start_a_payload_has_to_hold_everything_for_what_was_due_is_not_known() -> None:
    assert line(News(heard(7), {})) == "7 0 s\n"


def test_a_line_is_written_once_and_again_when_it_has_changed_or_was_lost() -> None:
    news = News(heard(7), {A: b"7 0 s\n"})
    assert line(news) == ""  # it is there from before
    news.changed(heard(8), waits=True)  # the same session has spoken again
    assert line(news) == ""
    news.changed(heard(9, "t", others=8), waits=True)
    assert line(news) == "7 8 t\n"
    assert line(news) == ""
    news.lost(A)
    news.changed(heard(10, "t", others=8), waits=True)
    assert line(news) == "7 8 t\n"


def test_lines_come_in_the_same_order_each_time() -> None:
    many = {f"{number:016x}": Voices(speaker="s", revision=1) for number in range(50)}
    assert [project for project, _ in News(many, {}).lines()] == sorted(many)


def test_what_waits_for_no_interval_is_due_at_once() -> None:
    news = News(heard(7), {})
    news.changed(heard(8, others=8), waits=False)
    assert line(news) == "8 8 s\n"


def test_while_a_session_that_has_ended_is_read_no_payload_holds_enough() -> None:
    news = News(heard(7) | {B: Voices(speaker="t", revision=6)}, {})
    news.ends("/file", A)
    news.changed(heard(9), waits=True)
    assert dict(news.lines()) == {A: f"{UNKNOWN} 0 s\n".encode(), B: b"6 0 t\n"}
    assert news.ending == ["/file"]
    assert news.read("/file") == A
    assert line(news) == "9 0 s\n"
    assert news.ending == []


def test_one_of_two_that_have_ended_is_not_enough() -> None:
    news = News(heard(7), {})
    news.ends("/one", A)
    news.ends("/two", A)
    news.read("/one")
    assert line(news).startswith(f"{UNKNOWN} ")
    news.read("/two")
    assert line(news) == "7 0 s\n"


def test_a_session_that_goes_on_after_all_owes_nothing() -> None:
    news = News(heard(7), {})
    news.changed(heard(9), waits=True)
    news.ends("/file", A)
    news.goes_on("/file")
    news.goes_on("/another")  # of which nothing was said
    assert line(news) == "7 0 s\n"


def test_of_a_project_without_records_there_is_nothing_to_write() -> None:
    news = News({A: Voices()}, {})
    news.ends("/file", A)
    news.ends("/other", B)
    assert list(news.lines()) == []


def test_a_session_whose_name_no_hook_would_note_is_nobody() -> None:
    for speaker in ("", "two words", "../up", "x" * 200):
        assert line(News(heard(7, speaker), {})) == f"7 0 {NOBODY}\n"
