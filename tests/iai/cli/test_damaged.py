"""The commands on a store with a damaged record: it is named, and the rest is printed."""

import json
import os

import pytest

from iai.model.record import Project
from iai.store.codec import encode_u64
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, flip, new_record, put
from tests.shell import Shell


@pytest.fixture
def damaged(shell: Shell) -> Shell:
    """Return a shell on a store whose second record is damaged."""
    layout = shell.layout
    layout.create()
    records = Records(layout.records, writer=True)
    put(records, *(new_record(f"{n}", text=f"port 944{n}") for n in (1, 2, 3)))
    project = Project(id=PROJECT, name="p", root="/p")
    records.commit(lambda unit: unit.projects.place(project, "/p"), NOW)
    flip(records._environment, "records", encode_u64(2), 99)
    records.close()
    return shell


def test_a_damaged_record_is_named_and_all_others_are_printed(damaged: Shell) -> None:
    shown = damaged.iai("show", "#2")
    assert shown.returncode == 1
    assert "the entry #2 of `records` is not what was written" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert "port 9443" in damaged.iai("show", "#3").stdout
    exported = damaged.iai("export")
    assert exported.returncode == 0
    assert [json.loads(line)["label"] for line in exported.stdout.splitlines()] == [3, 1]


def test_doctor_deep_names_it_in_json(damaged: Shell) -> None:
    done = damaged.iai("doctor", "--deep", "--json")
    assert done.returncode == 1
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert found["deep records"]["verdict"] == "fail"
    assert "#2 of `records`" in found["deep records"]["said"]
    assert found["deep vectors"]["verdict"] == "ok"


@pytest.fixture
def cut_off(shell: Shell) -> Shell:
    """Return a shell on a store whose records lost the end of their file.

    To read what is not there would end the process with SIGBUS.
    """
    layout = shell.layout
    layout.create()
    records = Records(layout.records, writer=True)
    put(records, *(new_record(f"{n}", text=f"port {n} " * 900) for n in range(60)))
    records.close()
    file = layout.records / "data.mdb"
    os.truncate(file, file.stat().st_size // 2)
    return shell


@pytest.mark.parametrize("command", ["show #50", "timeline", "export", "status", "session-start"])
def test_a_command_says_that_the_records_lost_the_end_of_their_file(
    cut_off: Shell, command: str
) -> None:
    done = cut_off.iai(*command.split())
    assert "data.mdb has" in done.stdout + done.stderr


def test_doctor_says_what_to_do_where_the_records_lost_the_end_of_their_file(
    cut_off: Shell,
) -> None:
    done = cut_off.iai("doctor", "--json")
    assert done.returncode == 1
    [found] = [one for one in json.loads(done.stdout)["checks"] if one["check"] == "records"]
    assert found["verdict"] == "fail"
    assert "is damaged" in found["said"]
    assert "`iai restore FILE --replace`" in found["todo"]
    assert "`iai import --all`" in found["todo"]
