"""What is counted in real sessions, on made-up lines; and that no payload knows the future."""

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import commits, kept, starts
from benchmarks.commits import Found
from benchmarks.starts import Start
from harness.naming import holds, names_in, suffix
from harness.real_sessions import Commit, Session, session
from harness.replay import Replay
from harness.utterances import Line, Utterance, own_words, said

CWD = "/home/dev/harbour"


def at(minute: int) -> str:
    return f"2026-01-05T12:{minute:02}:00Z"


def user(content: Any, minute: int = 0, **fields: Any) -> Line:
    message = {"role": "user", "content": content}
    return {"type": "user", "message": message, "timestamp": at(minute), "cwd": CWD, **fields}


def assistant(*blocks: Line, minute: int = 0) -> Line:
    message = {"role": "assistant", "content": list(blocks)}
    return {"type": "assistant", "message": message, "timestamp": at(minute), "cwd": CWD}


def call(tool: str, path: str) -> Line:
    return {"type": "tool_use", "id": "1", "name": tool, "input": {"file_path": path}}


def queue(operation: str, content: str = "") -> Line:
    return {"type": "queue-operation", "operation": operation, "content": content}


def refused(words: str) -> Line:
    text = f"The user doesn't want to proceed. To tell you how to proceed, the user said:\n{words}"
    return user([{"type": "tool_result", "is_error": True, "content": text}])


def write(directory: Path, name: str, *lines: Line) -> Session:
    path = directory / f"{name}.jsonl"
    whole = [{"sessionId": name, "uuid": f"{name}-{n}", **line} for n, line in enumerate(lines)]
    path.write_text("".join(json.dumps(line) + "\n" for line in whole))
    return session(path)


# --- what people said -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "utterance"),
    [
        (user("moor the Heron"), Utterance("typed", "moor the Heron")),
        (user([{"type": "text", "text": "moor it"}]), Utterance("typed", "moor it")),
        (user("go", origin={"kind": "human"}), Utterance("typed", "go")),
        (queue("enqueue", "two lines"), Utterance("queued", "two lines")),
        (refused("no new flags"), Utterance("refusal", "no new flags")),
        (user([], toolUseResult={"answers": {"Which?": "4"}}), Utterance("answer", "4")),
        (
            user("<command-name>/review</command-name><command-args>pull 7</command-args>"),
            Utterance("command argument", "pull 7"),
        ),
        (
            {"type": "system", "content": "<command-name>/a</command-name>"
             "<command-args>pull 8</command-args>"},
            Utterance("command argument", "pull 8"),
        ),
        (
            {"type": "attachment", "attachment": {
                "type": "queued_command", "prompt": "and moor it", "commandMode": "prompt"}},
            Utterance("queued", "and moor it"),
        ),
    ],
)  # fmt: skip
def test_a_person_speaks_in_many_places(line: Line, utterance: Utterance) -> None:
    assert said([line]) == [utterance]


@pytest.mark.parametrize(
    "line",
    [
        user("Caveat: The messages below were generated", isMeta=True),
        user("# Review", isMeta=True),
        user("a summary", isCompactSummary=True),
        user("from another agent", origin={"kind": "agent"}),
        user("Implement the following plan: moor", planContent="moor"),
        user("[Request interrupted by user]"),
        user("/exit"),
        user("<command-name>/exit</command-name><command-args></command-args>"),
        user([{"type": "tool_result", "is_error": True, "content": "Exit code 1"}]),
        queue("enqueue", "<task-notification>done</task-notification>"),
        assistant({"type": "text", "text": "moored"}),
    ],
)
def test_what_a_host_writes_in_the_users_name_is_not_said(line: Line) -> None:
    assert said([line]) == []


def test_words_beside_an_editors_block_are_the_persons() -> None:
    assert own_words("<ide_selection>lines 1 to 4</ide_selection> tie this") == "tie this"
    assert own_words("tie <b>this</b>") == "tie <b>this</b>"


def test_a_queued_prompt_that_comes_again_counts_once() -> None:
    lines = [queue("enqueue", "tie  it"), queue("dequeue"), user("tie it"), user("tie it")]
    assert [utterance.kind for utterance in said(lines)] == ["queued", "typed"]


def test_a_queued_prompt_that_was_taken_back_was_not_said() -> None:
    assert said([queue("enqueue", "tie it"), queue("popAll")]) == []
    handed_over = [queue("enqueue", "tie it"), queue("remove"), queue("popAll")]
    assert said(handed_over) == [Utterance("queued", "tie it")]


# --- a transcript -----------------------------------------------------------------------------


def test_a_session_knows_its_files_by_its_own_calls(tmp_path: Path) -> None:
    one = write(
        tmp_path, "a",
        user("look at overlap.py", 1),
        assistant(call("Read", "/h/quay/overlap.py"), call("Edit", "/h/quay/berth.py"), minute=2),
        assistant(call("Bash", "/h/none"), {"type": "text", "text": "tied"}, minute=3),
    )  # fmt: skip
    assert (one.name, one.cwd) == ("a", CWD)
    assert one.read == {"/h/quay/overlap.py"}
    assert one.edited == {"/h/quay/berth.py"}
    assert [text for _, text in one.turns] == ["look at overlap.py", "tied"]


def test_a_line_was_written_no_earlier_than_the_one_above_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"type":"summary"}\n'
        '{"timestamp":"2026-01-05T12:05:00Z"}\n'
        '{"timestamp":"2026-01-05T12:0\n'
        '{"timestamp":"2026-01-05T12:02:00Z"}\n'
    )
    one = session(path)
    ends = [len(line) for line in path.read_text().splitlines(keepends=True)]
    assert len({line.at for line in one.lines}) == 1
    assert [line.end for line in one.lines] == [sum(ends[: n + 1]) for n in range(4)]
    assert one.lines[0].at - one.began == 3 * 60 * 10**9


# --- names ------------------------------------------------------------------------------------


def test_names_are_files_and_identifiers() -> None:
    text = "fix quay/overlap.py:31, state.BerthCount, short_berths(); e.g. 1.2, https://a.io/b.c"
    assert names_in(text) == {"overlap.py", "BerthCount", "short_berths"}


def test_a_name_is_held_as_a_whole_word() -> None:
    assert holds("in quay/overlap.py.", "overlap.py")
    assert not holds("in test_overlap.py", "overlap.py")
    assert not holds("in overlap.pyc and overlap.py.bak", "overlap.py")
    assert suffix("/home/dev/quay/overlap.py") == "quay/overlap.py"


# --- starts -----------------------------------------------------------------------------------


def test_the_last_turns_are_the_newest_before_and_fill_the_room(tmp_path: Path) -> None:
    a = write(tmp_path, "a", user("first", 1), user("third", 3))
    b = write(tmp_path, "b", user("second", 2), user("fourth", 4))
    before = b.lines[1].at
    assert starts.last_turns([a, b], before, 100) == "first\nsecond\nthird"
    assert starts.last_turns([a, b], before, 9) == "ond\nthird"


def test_shares_are_means_over_sessions_or_of_all_files_together(tmp_path: Path) -> None:
    small = write(tmp_path, "a", assistant(call("Edit", "/q/one.py")))
    large = write(tmp_path, "b", assistant(*(call("Edit", f"/q/{n}.py") for n in "xyz")))
    begun = [
        Start(s.name, {"payload": "", "last turns": ""}, {"payload": held, "last turns": held})
        for s in (small, large)
        for held in [starts.held_by("q/one.py", s)]
    ]
    measured = starts.figures(begun)
    assert measured["payload (2)"]["edited"] == 0.5
    assert measured["payload, pooled"]["edited by suffix"] == 0.25
    assert measured["payload (2)"]["read"] == 0.0


def test_no_payload_knows_what_was_written_after_it(tmp_path: Path) -> None:
    a = write(tmp_path, "a", user("moor the Heron", 1), user("moor the Swan", 3))
    b = write(tmp_path, "b", user("paint it", 2), assistant(call("Edit", "/q/a.py"), minute=4))
    with Replay([a, b]) as replay:
        (start,) = starts.before_each([a, b], replay)
        assert start.session == "b"
        assert "Heron" in start.texts["payload"]
        assert "Swan" not in start.texts["payload"]
        replay.take_in(b.lines[-1].at + 1)
        assert {r.text for r in replay.records()} == {"moor the Heron", "moor the Swan", "paint it"}
        replay.index()
        assert [hit.session_id for hit in replay.recall("Swan")][:1] == ["a"]


# --- commits ----------------------------------------------------------------------------------


def test_sessions_rank_by_their_first_hits() -> None:
    assert commits.rank(["a", "a", "b", "c"], frozenset("bc")) == 2
    assert commits.rank(["a"], frozenset("b")) == 0


def test_a_file_is_asked_for_once_and_any_session_that_committed_it_answers() -> None:
    made = [Commit("tie", ["a"], ["q.py"]), Commit("untie", ["b"], ["q.py", "r.py"])]
    asked = list(commits.questions(made))
    assert [q.text for q in asked if q.kind == commits.BY_FILES] == ["q.py", "q.py r.py"]
    by_file = {q.text: q.gold for q in asked if q.kind == commits.BY_FILE}
    assert by_file == {"q.py": {"a", "b"}, "r.py": {"b"}}


def test_any_at_k_counts_ranks_up_to_k() -> None:
    found = [Found(commits.BY_FILE, "a", rank, told=rank > 0) for rank in (0, 1, 5, 6)]
    (figures,) = commits.figures(found).values()
    assert figures == {"any@1": 0.25, "any@5": 0.5, "any@10": 0.75, "told": 0.75}


# --- what is kept -----------------------------------------------------------------------------


def test_what_was_said_twice_has_to_be_kept_twice(tmp_path: Path) -> None:
    one = write(tmp_path, "a", user("yes"), user("yes"), refused("no new flags"))
    found = kept.of(one, ["yes", "Refused: no new\nflags", "yesterday"])
    assert found.lost == (Utterance("typed", "yes"),)
    assert found.unknown == ("yesterday",)
    assert kept.figures([found])["said and kept"]["share"] == round(2 / 3, 4)


def test_a_record_is_the_hosts_by_its_opening_or_by_its_line(tmp_path: Path) -> None:
    one = write(tmp_path, "a", user("tie it"), user("# Review", isMeta=True))
    found = kept.of(one, ["tie it", "# Review", "Operation stopped by hook: busy"])
    assert found.by_host == ("# Review", "Operation stopped by hook: busy")
    assert not found.unknown
    assert not found.lost
