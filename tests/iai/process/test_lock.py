"""Locks between processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from iai.process import lock

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
