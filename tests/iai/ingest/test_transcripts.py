"""Files that somebody else is still writing."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.ingest import transcripts
from iai.ingest.transcripts import Mark

LINES = [json.dumps({"n": n, "text": "\u00e9{}\\n" * n}) for n in range(6)]


START = Mark()


def read_all(path: Path, mark: Mark = START) -> tuple[list[int], Mark]:
    """Read until nothing more comes; return the numbers in the lines."""
    numbers: list[int] = []
    while True:
        piece = transcripts.read(str(path), mark)
        numbers += [json.loads(line.data)["n"] for line in piece.lines if line.data is not None]
        mark = piece.mark
        if not piece.more:
            return numbers, mark


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"


def test_a_file_that_grows_byte_by_byte_is_read_line_by_line_and_once(path: Path) -> None:
    data = ("\n".join(LINES) + "\n").encode()
    mark, numbers = Mark(), []
    for end in range(len(data) + 1):
        path.write_bytes(data[:end])
        found, mark = read_all(path, mark)
        numbers += found
        assert mark.offset <= end
    assert numbers == list(range(len(LINES)))
    assert mark.offset == len(data)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_however_the_file_grows_every_line_is_read_once(steps: list[int]) -> None:
    import tempfile  # noqa: PLC0415  one for each example

    data = ("\n".join(LINES) + "\n").encode()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "t"
        mark, numbers, end = Mark(), [], 0
        for step in [*steps, len(data)]:
            end = min(end + step, len(data))
            path.write_bytes(data[:end])
            found, mark = read_all(path, mark)
            numbers += found
        assert numbers == list(range(len(LINES)))


def test_a_last_line_without_its_end_counts_when_it_is_whole_json(path: Path) -> None:
    path.write_text(LINES[0] + "\n" + LINES[1])
    assert read_all(path)[0] == [0, 1]
    mark = read_all(path)[1]
    path.write_text(LINES[0] + "\n" + LINES[1] + "\n" + LINES[2] + "\n")
    assert read_all(path, mark)[0] == [2]


def test_half_a_line_is_left_for_later(path: Path) -> None:
    path.write_text(LINES[0] + "\n" + LINES[3][:20])
    numbers, mark = read_all(path)
    assert numbers == [0]
    assert mark.offset == len(LINES[0]) + 1


def test_a_file_cut_short_and_written_anew_is_read_from_its_start(path: Path) -> None:
    path.write_text("\n".join(LINES) + "\n")
    mark = read_all(path)[1]
    path.write_text(LINES[4] + "\n")
    assert read_all(path, mark)[0] == [4]


def test_another_file_by_the_same_name_is_read_from_its_start(path: Path) -> None:
    path.write_text(LINES[0] + "\n")
    mark = read_all(path)[1]
    path.unlink()
    path.write_text("\n".join(LINES[1:]) + "\n")
    assert read_all(path, mark)[0] == [1, 2, 3, 4, 5]


def test_a_line_that_is_too_long_is_passed_over_and_the_next_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "LONGEST_LINE", 1_000)
    path.write_text(LINES[0] + "\n" + "x" * 5_000 + "\n" + LINES[1] + "\n")
    mark, lines = Mark(), []
    while (piece := transcripts.read(str(path), mark, most=100)).mark != mark:
        lines += piece.lines
        mark = piece.mark
    assert [line.data is None for line in lines] == [False, True, False]
    assert lines[1].offset == len(LINES[0]) + 1
    assert mark.offset == path.stat().st_size


def test_a_line_that_is_too_long_and_not_ended_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "LONGEST_LINE", 1_000)
    path.write_text("x" * 5_000)
    piece = transcripts.read(str(path), Mark(), most=100)
    assert (piece.lines, piece.mark.offset, piece.more) == ([], 0, False)


def test_growth_is_seen_without_reading(path: Path) -> None:
    path.write_text(LINES[0] + "\n")
    mark = read_all(path)[1]
    assert not transcripts.grown(str(path), mark)
    path.write_text(LINES[0] + "\n" + LINES[1] + "\n")
    assert transcripts.grown(str(path), mark)
    path.unlink()
    assert not transcripts.grown(str(path), mark)


@given(st.integers(0, 5), st.integers(0, 400), st.sampled_from(["", "\n"]))
def test_near_the_end_of_a_file_reading_goes_on_at_a_whole_line(
    read: int, most: int, last: str
) -> None:
    import tempfile  # noqa: PLC0415  one for each example

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "t"
        path.write_text("".join(line + "\n" for line in LINES[:read]))
        mark = read_all(path)[1]
        path.write_text("\n".join(LINES) + last)
        size = path.stat().st_size
        end = transcripts.near_end(str(path), mark, most)
        assert end == mark or size - most <= end.offset <= size
        starts = [sum(len(line.encode()) + 1 for line in LINES[:n]) for n in range(len(LINES))]
        unread = [n for n in range(read, len(LINES)) if end == mark or starts[n] >= size - most]
        assert read_all(path, end)[0] == unread


def test_near_the_end_of_another_file_by_the_same_name_is_where_one_was(path: Path) -> None:
    path.write_text(LINES[0] + "\n")
    mark = read_all(path)[1]
    path.write_text("\n".join(LINES[1:]) + "\n")
    assert transcripts.near_end(str(path), mark, 10) == mark


def test_a_name_that_can_be_no_file_is_none(path: Path) -> None:
    path.touch()
    assert transcripts.there(str(path))
    assert not any(map(transcripts.there, ("", "/", "/x" * 5_000, "a\0b", str(path) + "/x")))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", b"nul", b"[" * 100_000, b'{"a": 1}}', b"{'a': 1}"],
)
def test_what_is_no_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever kind of ValueError
        transcripts.decode(data)


def test_half_a_character_is_replaced_and_does_not_cost_the_line() -> None:
    assert transcripts.decode(b'{"t": "a\\ud83d b"}') == {"t": "a\ufffd b"}
    assert transcripts.decode(b'{"t": "\\ud83e\\udde0"}') == {"t": "\U0001f9e0"}
    assert transcripts.decode(b'{"t": "a\xff"}') == {"t": "a\ufffd"}
