"""The spool: what hooks leave and ingest takes."""

import os
from pathlib import Path

import msgspec
import pytest

from iai.encryption.cipher import KEY, Cipher
from iai.ingest import spool

CIPHER = Cipher({1: bytes(KEY)}, 1, b"w" * KEY)


def test_events_are_listed_in_order_of_arrival(tmp_path: Path) -> None:
    for age, name in enumerate(("c.json", "a.json", "b.json")):
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (1_000 - age, 1_000 - age))
    assert [path.name for path in spool.waiting(tmp_path)] == ["b.json", "a.json", "c.json"]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    (tmp_path / "directory.json").mkdir()
    (tmp_path / "link.json").symlink_to("/etc/passwd")
    assert spool.waiting(tmp_path) == []


def test_what_was_listed_before_is_not_asked_for_its_time_again(tmp_path: Path) -> None:
    for number, name in enumerate(("b.json", "a.json", "c.awaits")):
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (1_000 + number, 1_000 + number))
    before = spool.listing(tmp_path)
    assert list(before.events) == ["b.json", "a.json", "c.awaits"]
    assert before.oldest(".json", 1) == ["b.json"]
    os.utime(tmp_path / "b.json", (2_000, 2_000))
    (tmp_path / "a.json").unlink()
    (tmp_path / "d.json").write_text("{}")
    os.utime(tmp_path / "d.json", (999, 999))
    (tmp_path / "e.json").mkdir()
    after = spool.listing(tmp_path, before)
    assert list(after.events) == ["d.json", "b.json", "c.awaits"]
    assert after.strays == ("e.json",)


def test_a_missing_spool_counts_as_empty(tmp_path: Path) -> None:
    assert spool.waiting(tmp_path / "none") == []
    assert spool.read(tmp_path / "none.json") is None


def test_an_event_keeps_the_fields_the_host_set(tmp_path: Path) -> None:
    path = tmp_path / "e.json"
    path.write_text('{"session_id": "s", "transcript_path": null, "prompt": "p", "new": [1]}')
    spooled = spool.read(path)
    assert spooled is not None
    assert spooled.event == spool.HookEvent(session_id="s", prompt="p")
    assert spooled.arrived == path.stat().st_mtime_ns


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b'{"session_id": 5}', b"\xff\xff"])
def test_an_invalid_event_comes_with_the_reason(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "e.json"
    path.write_bytes(data)
    spooled = spool.read(path)
    assert spooled is not None
    assert spooled.event is None
    assert spooled.why.startswith("is not a hook event")


@pytest.mark.parametrize("value", ["null", "5", "[]", "{}", "true"])
@pytest.mark.parametrize("name", ["prompt_id", "agent_id", "turn_id", "cwd", "transcript_path"])
def test_a_null_or_a_wrong_type_costs_that_field_and_not_the_event(name: str, value: str) -> None:
    data = f'{{"session_id": "s", "cwd": "/p", "prompt": "words", "{name}": {value}}}'
    event = spool.event_in(data.encode())
    assert (event.session_id, event.prompt, getattr(event, name)) == ("s", "words", "")


def test_a_compressed_transcript_goes_by_its_plain_name() -> None:
    event = spool.event_in(b'{"session_id": "s", "cwd": "/p", "transcript_path": "/r/a.jsonl.zst"}')
    assert event.transcript_path == "/r/a.jsonl"


def test_an_event_of_claude_code_or_codex_is_nobody_elses() -> None:
    for path in (None, "", "/home/x/.claude/projects/-p/s.jsonl"):
        event = {"hook_event_name": "Stop", "session_id": "s", "cwd": "/p", "transcript_path": path}
        assert spool.event_in(msgspec.json.encode(event)).session_id == "s"


def test_a_sealed_event_is_read_with_the_key_wherever_it_is_moved(tmp_path: Path) -> None:
    path = tmp_path / "1.2.awaits"
    path.write_bytes(spool.sealed(path, b'{"session_id": "s", "prompt": "zqwords"}', CIPHER))
    assert b"zqwords" not in path.read_bytes()
    for suffix in (".awaits", ".json"):
        path = path.rename(path.with_suffix(suffix))
        spooled = spool.read(path, CIPHER)
        assert spooled is not None
        assert spooled.event == spool.HookEvent(session_id="s", prompt="zqwords")
        assert spooled.sealed


def test_a_sealed_event_that_cannot_be_opened_says_why_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "1.awaits"
    sealed = spool.sealed(path, b'{"session_id": "s"}', CIPHER)
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    other = Cipher({1: b"o" * KEY}, 1, b"w" * KEY)
    for data, cipher in ((changed, CIPHER), (sealed, other), (sealed, None)):
        path.write_bytes(data)
        spooled = spool.read(path, cipher)
        assert spooled is not None
        assert (spooled.event, spooled.foreign, spooled.sealed) == (None, False, True)
        assert spooled.why.startswith("cannot be opened: ")
