"""Locks and heartbeats between processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iai.process import heartbeat, lock
from iai.process.heartbeat import Heartbeat

HOLD = """
import sys
from pathlib import Path
from iai.process import lock
held = lock.take(Path(sys.argv[1]))
print(held is not None, flush=True)
sys.stdin.read()
"""


def test_a_lock_is_held_by_one_process_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as holder:  # type: ignore[call-overload]
        assert holder.stdout.readline() == b"True\n"
        assert lock.held(path)
        assert lock.take(path) is None
        holder.kill()
    assert not lock.held(path)
    mine = lock.take(path)
    assert mine is not None
    mine.write("hello")
    assert lock.note(path) == "hello"
    mine.release()
    assert not lock.held(path)


def test_a_missing_lock_file_is_not_held(tmp_path: Path) -> None:
    assert not lock.held(tmp_path / "none")
    assert lock.note(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("word", "number"), [("12", 12), ("12 incomplete", 12), ("", 0), ("hello", 0)]
)
def test_the_first_word_of_a_lock_names_its_holder(tmp_path: Path, word: str, number: int) -> None:
    held = lock.take(tmp_path / "lock")
    assert held is not None
    held.write(word)
    assert lock.holder(tmp_path / "lock") == number
    held.release()


def test_a_beat_can_be_read_from_its_file(tmp_path: Path) -> None:
    written = Heartbeat(tmp_path / "beat")
    written.beat(
        5_000_000_000, "a very long activity that does not fit into the file at all, really"
    )
    beat = heartbeat.read(tmp_path / "beat")
    assert beat is not None
    assert beat.pid == os.getpid()
    assert beat.age_s(7_000_000_000) == 2.0
    written.beat(8_000_000_000, "wait")
    again = heartbeat.read(tmp_path / "beat")
    assert again is not None
    assert again.activity == "wait"


def test_without_a_valid_file_there_is_no_beat(tmp_path: Path) -> None:
    assert heartbeat.read(tmp_path / "none") is None
    (tmp_path / "short").write_bytes(b"x")
    assert heartbeat.read(tmp_path / "short") is None
