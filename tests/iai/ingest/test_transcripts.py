"""Files that somebody else is still writing."""

import json
import os
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from iai.ingest import json_line, transcripts
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


def indented(lines: list[str], indent: int | str, *, as_array: bool) -> bytes:
    values = [json.loads(line) for line in lines]
    if as_array:
        return (json.dumps(values, indent=indent) + "\n").encode()
    return "".join(json.dumps(value, indent=indent) + "\n" for value in values).encode()


def numbers_in(piece: transcripts.Slice) -> list[int]:
    found: list[int] = []
    for line in piece.lines:
        records, whole = json_line.records(line.data or b"")
        assert whole
        found += [record.value["n"] for record in records if isinstance(record.value, dict)]
    return found


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("indent", [1, 4, "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_record_on_several_lines_is_one_however_the_file_grows(
    path: Path,
    indent: int | str,
    end: str,
    as_array: bool,  # noqa: FBT001
) -> None:
    data = indented(LINES, indent, as_array=as_array).replace(b"\n", end.encode())
    mark, numbers = Mark(), list[int]()
    for length in range(0, len(data) + 1, 7):
        path.write_bytes(data[:length])
        piece = transcripts.read(str(path), mark)
        mark = piece.mark
        numbers += numbers_in(piece)
    path.write_bytes(data)
    assert numbers + numbers_in(transcripts.read(str(path), mark)) == list(range(len(LINES)))


def test_a_record_on_more_lines_than_a_slice_holds_is_read_whole(path: Path) -> None:
    path.write_bytes(indented(LINES, 2, as_array=False) + b"{\n")
    mark, numbers, more = Mark(), list[int](), True
    while more:
        piece = transcripts.read(str(path), mark, most=16)
        numbers += numbers_in(piece)
        mark, more = piece.mark, piece.more
    assert numbers == list(range(len(LINES)))
    assert mark.offset == path.stat().st_size - len(b"{\n"), "another record begins there"


def test_a_brace_on_a_line_of_its_own_costs_no_record_behind_it(path: Path) -> None:
    path.write_text("\n".join(["{", *LINES, "  {", *LINES, "}"]) + "\n")
    lines = [line.data or b"" for line in transcripts.read(str(path), Mark()).lines]
    assert [line.strip() for line in lines if line.strip() not in (b"{", b"}")] == [
        line.encode() for line in LINES * 2
    ]


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


@pytest.mark.parametrize("compressed", [False, True])
def test_a_line_without_an_end_in_sight_is_not_searched_for_it_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, compressed: bool
) -> None:
    monkeypatch.setattr(transcripts, "SLICE", 100)
    monkeypatch.setattr(transcripts, "LONGEST_LINE", 1_000)
    monkeypatch.setattr(transcripts, "LONGEST_PASSED", 10_000)
    hole = bytes(20_000) + b"\n"
    if compressed:
        Path(f"{path}.zst").write_bytes(zstandard.compress(hole))
    else:
        path.write_bytes(hole)
    with pytest.raises(OSError, match="one of its lines has more than 10,000 bytes"):
        transcripts.read(str(path), Mark(), most=100)


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
        json_line.decode(data)


def test_half_a_character_is_replaced_and_does_not_cost_the_line() -> None:
    assert json_line.decode(b'{"t": "a\\ud83d b"}') == {"t": "a\ufffd b"}
    assert json_line.decode(b'{"t": "\\ud83e\\udde0"}') == {"t": "\U0001f9e0"}
    assert json_line.decode(b'{"t": "a\xff"}') == {"t": "a\ufffd"}


def test_a_tab_in_a_text_does_not_cost_the_line() -> None:
    assert json_line.decode(b'{"said": "a\tb"}') == {"said": "a\tb"}


def test_a_file_rewritten_in_place_and_grown_is_read_from_its_start(path: Path) -> None:
    path.write_text("\n".join(LINES[1:4]) + "\n")
    mark = read_all(path)[1]
    shortened = json.dumps({"n": 1})
    path.write_text("\n".join([shortened, *LINES[2:6], *LINES]) + "\n")
    assert path.stat().st_size > mark.offset
    piece = transcripts.read(str(path), mark)
    assert piece.restarted
    assert read_all(path, mark)[0] == [1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]


def test_the_same_bytes_in_another_file_are_read_on(path: Path) -> None:
    path.write_text("\n".join(LINES[:3]) + "\n")
    mark = read_all(path)[1]
    path.unlink()
    path.write_text("\n".join(LINES[:5]) + "\n")
    assert read_all(path, mark)[0] == [3, 4]


def test_a_mark_without_the_bytes_before_it_is_not_trusted(path: Path) -> None:
    path.write_text("\n".join(LINES[:3]) + "\n")
    mark = read_all(path)[1]._replace(tail=b"")
    assert read_all(path, mark)[0] == [0, 1, 2]


def test_a_compressed_file_is_read_under_its_plain_name(path: Path) -> None:
    compressed = Path(f"{path}.zst")
    compressed.write_bytes(zstandard.compress(("\n".join(LINES) + "\n").encode()))
    assert transcripts.there(str(path))
    assert [found.path for found in transcripts.below(path.parent)] == [path]
    assert [found.path for found in transcripts.below(compressed)] == [path]
    numbers, mark = read_all(path)
    assert numbers == [0, 1, 2, 3, 4, 5]
    assert not transcripts.grown(str(path), mark)


@given(st.integers(0, 5), st.integers(10, 400))
def test_a_half_read_file_that_is_compressed_goes_on_where_it_was(read: int, most: int) -> None:
    import tempfile  # noqa: PLC0415  one for each example

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "t.jsonl"
        path.write_text("".join(line + "\n" for line in LINES[:read]))
        mark = read_all(path)[1]
        path.unlink()
        data = "".join(line + "\n" for line in LINES).encode()
        Path(f"{path}.zst").write_bytes(zstandard.compress(data))
        assert transcripts.grown(str(path), mark)
        numbers, more = list[int](), True
        while more:
            piece = transcripts.read(str(path), mark, most)
            numbers += [json.loads(line.data)["n"] for line in piece.lines if line.data is not None]
            mark, more = piece.mark, piece.more
            assert not piece.restarted
        assert numbers == list(range(read, len(LINES)))
        assert mark.offset == len(data)


def test_where_both_forms_are_there_the_plain_one_is_read(path: Path) -> None:
    path.write_text(LINES[0] + "\n")
    Path(f"{path}.zst").write_bytes(b"not yet written")
    assert [found.path for found in transcripts.below(path.parent)] == [path]
    assert [found.path for found in transcripts.below(Path(f"{path}.zst"))] == [path]
    assert read_all(path)[0] == [0]


def test_directories_that_are_links_are_read_once(tmp_path: Path) -> None:
    elsewhere, history = tmp_path / "elsewhere", tmp_path / "history"
    (elsewhere / "p").mkdir(parents=True)
    (elsewhere / "p" / "s.jsonl").write_text(LINES[0])
    (elsewhere / "p" / "again").symlink_to(elsewhere)
    history.mkdir()
    (history / "projects").symlink_to(elsewhere)
    found = [file.path for file in transcripts.below(history)]
    assert found == [history / "projects" / "p" / "s.jsonl"]


def test_a_compressed_file_that_is_not_whole_cannot_be_read(path: Path) -> None:
    Path(f"{path}.zst").write_bytes(b"no frame")
    with pytest.raises(OSError, match="damaged"):
        transcripts.read(str(path), Mark())


def test_a_compressed_file_that_was_damaged_is_read_on_from_its_place_once_it_is_mended(
    path: Path,
) -> None:
    first, second = (f"{line}\n".encode() for line in LINES[:2])
    frames = zstandard.compress(first) + zstandard.compress(second)
    damaged = bytearray(frames)
    damaged[len(zstandard.compress(first))] ^= 1
    file = Path(f"{path}.zst")
    file.write_bytes(damaged)
    piece = transcripts.read(str(path), Mark(), len(first))
    with pytest.raises(OSError, match="damaged"):
        transcripts.read(str(path), piece.mark)
    with file.open("r+b") as same:
        same.write(frames)
    assert [line.data for line in transcripts.read(str(path), piece.mark).lines] == [second[:-1]]


def test_a_byte_order_mark_and_windows_line_ends_cost_nothing(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(LINES[:3]).encode() + b"\r\n")
    assert [line.data for line in transcripts.read(str(path), Mark()).lines][1:] != []
    values = [
        json_line.decode(line.data or b"") for line in transcripts.read(str(path), Mark()).lines
    ]
    assert [value["n"] for value in values if isinstance(value, dict)] == [0, 1, 2]


WHOLE = [b'{"a": {"b": [{"c": 1}]}}', b'{"d": "}{"}', b'{"e": "\\u00e9"}']


@pytest.mark.parametrize(
    ("line", "values", "whole"),
    [
        (b"".join(WHOLE), 3, True),
        (WHOLE[0] + b"\0" * 100, 1, True),
        (b"\0" * 100 + WHOLE[0], 1, True),
        (b"\0" * 100, 0, True),
        (b"[" + b",".join(WHOLE) + b"," + b"]", 3, True),
        (WHOLE[0] + b",", 1, True),
        (b"," + WHOLE[0] + b"]", 1, True),
        (b'{"x": {"y": [{"z": "cut of' + WHOLE[1], 1, False),
        (WHOLE[0] + b'{"x": "cut of', 1, False),
        (b'{"x": [{"role": "user"}, {"role": "user"}, {"cut', 0, False),
        (b"no record at all", 0, False),
        (WHOLE[0] + b"\0rubbish", 1, False),
        (WHOLE[0] + WHOLE[1] + b'erType": "external"}', 2, False),
        (b'{"role": "user"}, "uuid": "of the record around it"}', 0, False),
    ],
)
def test_a_broken_record_does_not_cost_the_whole_ones_beside_it(
    line: bytes,
    values: int,
    whole: bool,  # noqa: FBT001
) -> None:
    records, is_whole = json_line.rescued(line)
    assert (len(records), is_whole) == (values, whole)
    for record in records:
        assert line[record.position :].startswith(b"{")


@given(st.lists(st.sampled_from(WHOLE), min_size=1, max_size=4), st.data())
def test_of_a_record_cut_anywhere_nothing_is_made_up(
    glued: list[bytes], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(WHOLE[0]) - 1))
    records, _ = json_line.rescued(WHOLE[0][:cut] + b"".join(glued))
    assert [record.value for record in records][-len(glued) :] == [json.loads(g) for g in glued]


@pytest.mark.parametrize("rest", [b"[" + b"1," * 100, b'"' + b"x" * 200])
def test_a_broken_line_is_not_read_to_its_end_from_each_of_many_starts(
    rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned = 0
    decode = json.JSONDecoder.raw_decode

    def counted(self: json.JSONDecoder, text: str, start: int = 0) -> object:
        nonlocal scanned
        scanned += len(text) - start
        return decode(self, text, start)

    line = b'{"a":' * 50 + rest
    monkeypatch.setattr(json.JSONDecoder, "raw_decode", counted)
    monkeypatch.setattr(json_line, "_CHARACTERS_TRIED", 3 * len(line))
    assert json_line.rescued(line) == json_line.Rescued([], whole=False)
    assert scanned <= 4 * len(line)


def test_only_an_absolute_name_of_a_transcript_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("s.jsonl", "secret", "s.json"):
        (tmp_path / name).write_text("{}")
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert transcripts.there(f"{tmp_path}/s.jsonl")
    for name in ("s.jsonl", f"{tmp_path}/secret", f"{tmp_path}/s.json", f"{tmp_path}/pipe.jsonl",
                 f"{tmp_path}/none.jsonl", f"{tmp_path}/\0.jsonl", ""):  # fmt: skip
        assert not transcripts.there(name)
    with pytest.raises(OSError, match="regular"):
        transcripts.read(f"{tmp_path}/pipe.jsonl", transcripts.Mark())
