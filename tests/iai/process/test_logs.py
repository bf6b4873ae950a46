"""Log files: bounded, and no line of a running process is lost when one is put aside."""

import subprocess
import sys
from pathlib import Path

from harness.group import CHECKOUT

from iai.process import logs

WRITER = """
import itertools, logging, sys
from pathlib import Path
from iai.process import logs
logging.basicConfig(handlers=[logs.handler(Path(sys.argv[1]), "%(message)s")])
for number in itertools.count():
    logging.warning("%s %06d", sys.argv[2], number)
    if Path(sys.argv[3]).exists():
        break
print("by the way", file=sys.stderr, flush=True)
print(number)
"""


def test_a_short_file_stays_and_a_long_one_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "group.log"
    assert not logs.rotate(path)
    for number in range(1, 5):
        path.write_text(f"{number}" * 11)
        assert not logs.rotate(path, limit=11)
        assert logs.rotate(path, limit=10)
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("", 0o600)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["group.log", "group.log.1", "group.log.2"]
    assert logs.rotated(path, 1).read_text() == "4" * 11
    assert logs.rotated(path, 2).read_text() == "3" * 11


def test_no_line_is_lost_while_files_are_put_aside(tmp_path: Path) -> None:
    path, enough = tmp_path / "group.log", tmp_path / "enough"
    with path.open("ab") as log:
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), name, str(enough)],
                stdout=subprocess.PIPE, stderr=log, text=True, cwd=CHECKOUT,
            )
            for name in "ab"
        ]  # fmt: skip
    times = 0
    while times < 10 and all(writer.poll() is None for writer in writers):
        times += logs.rotate(path, limit=2_000, kept=1_000)
    enough.touch()
    last = [int(writer.communicate()[0]) for writer in writers]
    assert times == 10
    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(
        [f"{name} {n:06d}" for name, end in zip("ab", last, strict=True) for n in range(end + 1)]
        + ["by the way"] * 2
    )


def test_where_standard_error_goes_elsewhere_nothing_is_followed(tmp_path: Path) -> None:
    (tmp_path / "group.log").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path / "group.log"), "a", str(tmp_path)],
        capture_output=True, text=True, check=True, cwd=CHECKOUT,
    )  # fmt: skip
    assert done.stderr == "a 000000\nby the way\n"
    assert (tmp_path / "group.log").read_text() == ""


DELETED = """
import logging, shutil, sys
from pathlib import Path
from iai.process import logs
logging.basicConfig(handlers=[logs.handler(Path(sys.argv[1]), "%(message)s")])
logging.warning("before")
shutil.rmtree(Path(sys.argv[1]).parent)
logging.warning("after")
"""


def test_what_is_logged_after_the_directory_was_deleted_goes_to_the_old_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "logs" / "group.log"
    path.parent.mkdir()
    with path.open("a+b") as log:
        subprocess.run(
            [sys.executable, "-c", DELETED, str(path)], stderr=log, cwd=CHECKOUT, check=True
        )
        log.seek(0)
        assert log.read() == b"before\nafter\n"
