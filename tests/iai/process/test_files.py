"""Files that are replaced in one step, and what a process that dies in between leaves."""

import os
import subprocess
import sys
from pathlib import Path

from iai.process import files

DIE = """
import os, sys
from pathlib import Path
from iai.process import files
os.replace = os.rename = lambda *_: os.kill(os.getpid(), 9)
files.replace(Path(sys.argv[1]), b"new")
"""


def test_what_a_killed_process_left_unfinished_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "payload.md"
    path.write_text("old")
    subprocess.run([sys.executable, "-c", DIE, str(path)], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    files.remove_unfinished(tmp_path)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("payload.md", "old")]


def test_what_a_living_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    names = {f".payload.md.{os.getpid()}.tmp", "notes.tmp", ".odd.tmp", f".x.{1 << 70}.tmp"}
    for name in names:
        (tmp_path / name).touch()
    files.remove_unfinished(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == names


def test_a_directory_that_is_not_there_has_nothing_unfinished(tmp_path: Path) -> None:
    files.remove_unfinished(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
