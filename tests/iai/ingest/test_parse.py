"""From a slice of a transcript to what is kept of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from iai.ingest import parse, transcripts
from iai.ingest.batch import Batch
from iai.ingest.explain import explain
from iai.model.action import Action
from iai.model.clock import NS
from iai.model.context import Call, Context
from iai.model.record import Transcript
from iai.projects.identity import ProjectIdentity
from tests.iai.hosts.claude_lines import answer, call, line, prompt, queue, result
from tests.iai.hosts.test_codex import envelope, message

LATER = 1_800_000_000 * NS


def identify(cwd: str, _remote: str) -> ProjectIdentity:
    return ProjectIdentity(f"id of {cwd}", "p", cwd)


def write(path: Path, *lines: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def read(path: Path, transcript: Transcript | None = None, now: int = LATER) -> Batch:
    return parse.read(transcript or Transcript(path=str(path), host=""), identify, now)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s1.jsonl"


def test_a_call_and_its_result_are_joined_over_slices_and_processes(path: Path) -> None:
    write(path, prompt(1, "edit it"), answer(2, call("t", "Read", file_path="/a")))
    first = read(path, now=1)
    assert first.actions == ()
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(first.transcript), type=Transcript)
    write(path, result(3, "t"))
    (done,) = read(path, kept, now=1).actions
    assert (done.action.path, done.action.status) == ("/a", "ok")
    assert (done.session, done.host, done.cwd, done.project) == ("s1", "claude", "/p", "id of /p")
    assert done.offset > 0


def test_what_is_waited_for_is_given_up_once_the_file_is_left_alone(path: Path) -> None:
    write(path, answer(2, call("t", "Bash", command="make")), queue(3, "enqueue", "and the docs"))
    busy = read(path, now=1)
    assert (busy.actions, busy.records) == ((), ())
    left = read(path)
    assert [done.action.status for done in left.actions] == ["interrupted"]
    assert [record.text for record in left.records] == ["and the docs"]
    assert left.transcript.calls == ()


def test_a_file_that_a_hook_has_just_named_is_not_left_alone_whatever_times_its_lines_have(
    path: Path,
) -> None:
    """Where lines with earlier times are written anew, a result could come a moment too late."""
    write(path, answer(2, call("t", "Bash", command="make")))
    heard = Transcript(path=str(path), host="", heard_at=LATER - NS)
    first = read(path, heard)
    assert first.actions == ()
    write(path, result(3, "t"))
    (done,) = read(path, first.transcript).actions
    assert done.action.status == "ok"


def test_a_turn_carries_its_kind_and_a_session_what_is_known_of_it(path: Path) -> None:
    write(path, {"type": "custom-title", "customTitle": "Quay", "sessionId": "s1"},
          queue(1, "enqueue", "use the lock"), queue(2, "remove"),
          prompt(3, "go", gitBranch="fix/quay", entrypoint="sdk-py"))  # fmt: skip
    batch = read(path)
    assert [(record.kind, record.text) for record in batch.records] == [
        ("queued", "use the lock"), ("", "go"),
    ]  # fmt: skip
    (facts,) = batch.sessions
    assert (facts.session, facts.title, facts.branch) == ("s1", "Quay", "fix/quay")
    assert facts.unattended


def test_each_session_in_a_file_has_its_own_facts(path: Path) -> None:
    write(path, {"type": "ai-title", "aiTitle": "Quay", "sessionId": "s1"}, prompt(1, "a"),
          {**prompt(2, "b", gitBranch="main"), "sessionId": "s2"})  # fmt: skip
    assert [(f.session, f.title, f.branch) for f in read(path).sessions] == [
        ("s1", "Quay", ""), ("s2", "", "main"),
    ]  # fmt: skip


def test_unknown_markup_and_rewound_requests_are_handed_on(path: Path) -> None:
    write(path, prompt(1, "<odd>x</odd>", parentUuid="u0"), prompt(2, "instead", parentUuid="u0"))
    batch = read(path)
    assert batch.unknown_markup == {"odd": 1}
    assert [back.key for back in batch.rewound] == ["claude:u1"]


def test_a_text_without_any_time_takes_that_of_the_next_or_of_the_file(path: Path) -> None:
    untimed = {**prompt(1, "a"), "timestamp": None}
    write(path, untimed, prompt(2, "b"))
    first, second = read(path).records
    assert first.created_at == second.created_at
    alone = path.with_name("s2.jsonl")
    write(alone, untimed)
    (only,) = read(alone).records
    assert only.created_at == transcripts.written_at(str(alone))


def test_whole_records_on_a_broken_line_are_kept_and_the_break_is_reported(path: Path) -> None:
    cut, whole = json.dumps(answer(1, "cut off"))[:60], json.dumps(prompt(2, "whole"))
    path.write_text(
        f"{json.dumps(prompt(0, 'a'))}\n{cut}{whole}\n{whole}{json.dumps(prompt(3, 'c'))}\n"
    )
    batch = read(path)
    assert [record.text for record in batch.records] == ["a", "whole", "whole", "c"]
    assert [fault.reason for fault in batch.faults] == ["bad_json"]
    data = path.read_bytes()
    assert all(data[r.source.offset :].startswith(b'{"type"') for r in batch.records)


def test_a_transcript_in_utf_16_is_read_whatever_bytes_its_characters_have(path: Path) -> None:
    lines = [prompt(1, "上 before 下"), prompt(2, "ä"), prompt(3, "in UTF-8 again")]
    *wide, plain = (json.dumps(one, ensure_ascii=False) + "\r\n" for one in lines)
    path.write_bytes("".join(wide).encode("utf-16"))
    first = read(path)
    assert [record.text for record in first.records] == ["上 before 下", "ä"]
    assert first.transcript.offset == path.stat().st_size
    with path.open("ab") as file:
        file.write(plain.encode())
    assert [r.text for r in read(path, first.transcript).records] == ["in UTF-8 again"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_transcript_in_utf_16_is_read_in_either_order_of_bytes_from_any_place(
    path: Path, encoding: str, mark: str, line_end: str
) -> None:
    # Each has the bytes of a line end in it: inside a character, or between two.
    said = ["\u0a00\u0a41", "\u000a\u0a0a", "\u010a\u0041", "\u410a\u0042", "\u0a41\u0100"]
    lines = [prompt(n, f"a{text}") for n, text in enumerate(said)]
    text = mark + "".join(json.dumps(one, ensure_ascii=False) + line_end for one in lines)
    data = text.encode(encoding)
    for cut in (len(data), len(data) // 2, len(data) // 2 + 1, len(data) - 1):
        path.write_bytes(data[:cut])
        first = read(path)
        path.write_bytes(data)
        rest = read(path, first.transcript)
        assert [r.text for r in (*first.records, *rest.records)] == [f"a{text}" for text in said]
        assert (first.faults, rest.faults) == ((), ())


@pytest.mark.parametrize("cut", range(0, 700, 50))
def test_a_file_whose_lines_end_in_carriage_returns_only_is_read(path: Path, cut: int) -> None:
    said = ["one", "two", "three", "four"]
    data = "".join(json.dumps(prompt(n, text)) + "\r" for n, text in enumerate(said)).encode()
    path.write_bytes(data[:cut])
    first = read(path)
    path.write_bytes(data)
    rest = read(path, first.transcript)
    assert [record.text for record in (*first.records, *rest.records)] == said
    assert (first.faults, rest.faults) == ((), ())


def test_a_last_record_with_zeros_behind_it_is_read_once(path: Path) -> None:
    path.write_bytes(json.dumps(prompt(1, "a")).encode() + b"\0" * 512)
    first = read(path)
    assert [record.text for record in first.records] == ["a"]
    with path.open("a") as file:
        file.write("\n" + json.dumps(prompt(2, "b")) + "\n")
    assert [record.text for record in read(path, first.transcript).records] == ["b"]


def test_each_record_of_an_array_on_one_line_is_read(path: Path) -> None:
    path.write_text(json.dumps([prompt(1, "a"), prompt(2, "b")]))
    batch = read(path)
    assert [record.text for record in batch.records] == ["a", "b"]
    assert len({record.source.offset for record in batch.records}) == 2


def test_a_rewritten_transcript_is_read_again_from_its_start(path: Path) -> None:
    write(path, prompt(1, "a" * 2_000), prompt(2, "b"))
    transcript = read(path).transcript
    path.unlink()
    write(path, prompt(1, "a"), prompt(2, "b"), *(prompt(n, "c" * 200) for n in range(3, 20)))
    batch = read(path, transcript)
    assert len(batch.records) == 19
    assert batch.records[0].text == "a"


def test_a_rollout_is_read_on_after_it_was_compressed(tmp_path: Path) -> None:
    import zstandard  # noqa: PLC0415

    path = tmp_path / "rollout-1.jsonl"
    said = [
        {"timestamp": f"2026-11-20T10:00:0{n}Z", "type": "response_item", "payload": {
            "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}}
        for n, text in enumerate("ab")
    ]  # fmt: skip
    write(path, {"timestamp": "2026-11-20T10:00:00Z", "type": "session_meta",
                 "payload": {"id": "s", "cwd": "/p"}}, said[0])  # fmt: skip
    transcript = read(path).transcript
    write(path, said[1])
    Path(f"{path}.zst").write_bytes(zstandard.compress(path.read_bytes()))
    path.unlink()
    batch = read(path, transcript)
    assert [record.text for record in batch.records] == ["b"]
    assert batch.transcript.path == str(path)


def test_a_transcript_kept_by_an_older_version_is_read() -> None:
    old = {"path": "/t", "host": "claude", "offset": 5, "inode": 7, "head": b"h", "session": "s",
           "cwd": "/p", "remote": "", "skip": "", "followed_until": 9}  # fmt: skip
    transcript = msgspec.msgpack.decode(msgspec.msgpack.encode(old), type=Transcript)
    assert (transcript.offset, transcript.session, transcript.calls) == (5, "s", ())


def test_a_transcript_keeps_its_context() -> None:
    waiting = Call("t", Action(key="k", kind="read", at=1))
    transcript = Transcript(path="/t", host="claude", calls=(waiting,), title="Quay")
    assert isinstance(transcript, Context)
    data = msgspec.msgpack.encode(transcript)
    assert msgspec.msgpack.decode(data, type=Transcript) == transcript


def test_every_line_of_a_file_is_explained(path: Path) -> None:
    write(path, prompt(1, "why?"), answer(2, call("t", "Bash", command="make")), result(3, "t"))
    write(path, prompt(4, "Stop hook feedback: x"), answer(5, call("u", "Read", file_path="/a")))
    assert [(outcome.what, outcome.about) for outcome in explain(str(path))] == [
        ("user", "why?"), ("skipped", "tool"), ("command", "make ok"), ("skipped", "hook"),
        ("skipped", "tool"), ("read", "/a interrupted"),
    ]  # fmt: skip


SWITCHED_OFF = "iai:off\nwhy is my salary wrong?"


def claude_session() -> list[dict[str, Any]]:
    return [
        prompt(1, SWITCHED_OFF),
        answer(2, "Let me look.", call("a", "Bash", command="grep salary")),
        line("ai-title", 3, aiTitle="The wrong salary"),
        result(4, "a", "salary.csv: no such file", is_error=True),
        answer(5, "Your salary file is gone."),
        prompt(6, "iai:on\nnow mend the parser", cwd="/q"),
        answer(7, "Mended.", call("b", "Edit", file_path="/q/parser.py"), cwd="/q"),
        result(8, "b", cwd="/q"),
    ]


def codex_session() -> list[dict[str, Any]]:
    def said(role: str, text: str) -> dict[str, Any]:
        kind = "input_text" if role == "user" else "output_text"
        content = [{"type": kind, "text": text}]
        return envelope("response_item", type="message", role=role, content=content)

    def ran(name: str, command: str) -> list[dict[str, Any]]:
        asked = {"name": "shell", "call_id": name, "arguments": json.dumps({"command": command})}
        told = {"call_id": name, "output": "done"}
        return [
            envelope("response_item", type="function_call", **asked),
            envelope("response_item", type="function_call_output", **told),
        ]

    return [
        envelope("session_meta", id="s1", cwd="/p", originator="codex_cli_rs"),
        said("user", SWITCHED_OFF),
        *ran("a", "grep salary"),
        said("assistant", "Your salary file is gone."),
        envelope("turn_context", cwd="/q"),
        said("user", "iai:on\nnow mend the parser"),
        *ran("b", "make parser"),
        said("assistant", "Mended."),
    ]


@pytest.mark.parametrize("session", [claude_session, codex_session])
def test_between_off_and_on_nothing_of_a_session_is_kept_wherever_a_slice_ends(
    path: Path, session: Callable[[], list[dict[str, Any]]]
) -> None:
    lines = session()
    if session is codex_session:
        path = path.with_name("rollout-2026-11-20T10-00-00-s1.jsonl")
    for end in range(1, len(lines) + 1):
        path.unlink(missing_ok=True)
        write(path, *lines[:end])
        first = read(path, now=1)
        write(path, *lines[end:])
        rest = read(path, first.transcript, now=1)
        batches = (first, rest)
        kept = [*(b.records for b in batches), *(b.actions for b in batches)]
        assert "salary" not in str([*kept, *(b.sessions for b in batches)]), end
        assert "salary" not in str([b.transcript for b in batches]), end
        texts = [record.text for batch in batches for record in batch.records]
        assert texts == ["iai:on\nnow mend the parser", "Mended."], end
        acted = [done for batch in batches for done in batch.actions]
        assert len(acted) == 1, end
        assert {p.cwd for batch in batches for p in batch.places} == {"/q"}, end
        skipped = sum(batch.skipped["not_recorded"] for batch in batches)
        assert skipped >= 2, end


@pytest.mark.parametrize("session", [claude_session, codex_session])
def test_while_it_is_off_nothing_is_learned_about_a_session_either(
    path: Path, session: Callable[[], list[dict[str, Any]]]
) -> None:
    lines = session()
    if session is codex_session:
        path = path.with_name("rollout-2026-11-20T10-00-00-s1.jsonl")
    write(path, *lines[:2])
    first = read(path, now=1)
    write(path, *lines[2:4])
    assert read(path, first.transcript, now=1).sessions == ()


def test_a_session_that_no_line_names_has_the_name_of_its_file(tmp_path: Path) -> None:
    said = prompt(1, "a")
    del said["sessionId"]
    claude = tmp_path / ".claude" / "5c9f1f0e.jsonl"
    claude.parent.mkdir()
    write(claude, said)
    assert [record.session for record in read(claude).records] == ["5c9f1f0e"]
    id_ = "019a0000-0000-7000-8000-000000000001"
    rollout = tmp_path / f"rollout-2026-11-20T10-00-01-{id_}.jsonl"
    write(rollout, message("user", "a"))
    assert [record.session for record in read(rollout).records] == [id_]
