"""Imports: which files, in which order, and their progress."""

import os
from pathlib import Path

import pytest

from iai.errors import BadUsage, NotFound
from iai.ingest import parse
from iai.ingest.import_job import JOBS_KEPT, JOBS_WAITING, PROBLEMS_LISTED, ImportJob, ImportQueue
from iai.ingest.insertion import Inserted
from iai.model.record import Transcript
from iai.projects.identity import identify

LINE = '{"type": "user", "uuid": "u", "sessionId": "s", "cwd": "/p", "message": {"content": "x"}}\n'


def write(path: Path, age: int, text: str = LINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (1_000 - age, 1_000 - age))
    return path


def order(job: ImportJob) -> list[str]:
    names = []
    while job.current:
        names.append(job.current.name)
        job.file_done()
    return names


def test_each_file_is_read_once_those_written_last_first(
    tmp_path: Path,
) -> None:
    for age, name in enumerate(("b/c/1.jsonl", "a/2.jsonl", "b/3.jsonl", "a/c/4.jsonl")):
        write(tmp_path / name, age)
    write(tmp_path / "a" / "notes.txt", 9)
    (tmp_path / "a" / "directory.jsonl").mkdir()
    paths = (str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "a" / "2.jsonl"))
    assert order(ImportJob("j", paths)) == ["1.jsonl", "2.jsonl", "3.jsonl", "4.jsonl"]


def test_files_that_vanish_while_being_counted_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "here.jsonl", 0)
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    job = ImportJob("j", (str(tmp_path), str(tmp_path / "never.jsonl")))
    assert job.progress(0).unreadable == (f"{tmp_path}/never.jsonl: there is no such file",)
    assert order(job) == ["here.jsonl"]


def test_in_the_end_every_byte_counts_as_done_even_if_read_before(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", 0, LINE * 3)
    job = ImportJob("j", (str(tmp_path),))
    read = parse.read(Transcript(path=str(path), host=""), identify, 1)
    job.slice_read(read, Inserted(added=1, ignored=0))
    assert job.progress(0).bytes_done == len(LINE) * 3
    again = ImportJob("j", (str(tmp_path),))
    again.slice_read(parse.read(read.transcript, identify, 1), Inserted(added=0, ignored=0))
    again.file_done()
    assert again.progress(0).bytes_done == again.progress(0).bytes == len(LINE) * 3
    assert again.progress(0).done


def test_new_actions_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", 0)
    job = ImportJob("j", (str(tmp_path),))
    read = parse.read(Transcript(path=str(path), host=""), identify, 1)
    job.slice_read(read, Inserted(added=1, ignored=0, actions=3))
    assert job.progress(0).actions_added == 3


def test_many_problems_are_counted_and_the_first_are_listed() -> None:
    job = ImportJob("j", tuple(f"/nowhere/{n}" for n in range(PROBLEMS_LISTED + 7)))
    listed = job.progress(0).unreadable
    assert len(listed) == PROBLEMS_LISTED + 1
    assert listed[-1] == "and 7 more"


def test_the_same_import_is_joined_while_it_is_unfinished(tmp_path: Path) -> None:
    queue = ImportQueue()
    path = str(write(tmp_path / "a.jsonl", 0))
    job = queue.begin((path,), 1)
    assert queue.begin((path,), 2) is job
    assert queue.get(job.name) is job
    job.file_done()
    assert queue.begin((path,), 3) is not job


def test_imports_are_read_one_after_the_other(tmp_path: Path) -> None:
    queue = ImportQueue()
    for name in ("a.jsonl", "b.jsonl"):
        queue.begin((str(write(tmp_path / name, 0)),), 1)
    files = []
    while job := queue.current:
        files += order(job)
    assert files == ["a.jsonl", "b.jsonl"]


def test_the_latest_finished_imports_can_still_be_queried() -> None:
    queue = ImportQueue()
    jobs = [queue.begin((f"/nowhere/{n}",), n) for n in range(JOBS_KEPT + 2)]
    assert queue.get(jobs[-1].name) is jobs[-1]
    assert queue.get(jobs[1].name) is jobs[1]
    with pytest.raises(NotFound, match="no such import"):
        queue.get(jobs[0].name)


def test_only_so_many_imports_may_wait(tmp_path: Path) -> None:
    queue = ImportQueue()
    paths = [tmp_path / f"{n}.jsonl" for n in range(JOBS_WAITING + 1)]
    for path in paths:
        path.touch()
    for n in range(JOBS_WAITING):
        queue.begin((str(paths[n]),), n)
    with pytest.raises(BadUsage, match="waiting already"):
        queue.begin((str(paths[-1]),), 0)
    queue.begin((str(paths[0]),), 0)  # joins the one that waits
