"""The commands on a store with a damaged record: it is named, and the rest is printed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from iai.config.layout import Layout
from iai.model.record import Project
from iai.store.codec import encode_u64
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, flip, new_record, put


@pytest.fixture
def store(layout: Layout) -> Layout:
    records = Records(layout.records, writer=True)
    put(records, *(new_record(f"{n}", text=f"port 944{n}") for n in (1, 2, 3)))
    project = Project(id=PROJECT, name="p", root="/p")
    records.commit(lambda unit: unit.projects.place(project, "/p"), NOW)
    flip(records._environment, "records", encode_u64(2), 99)
    records.close()
    return layout


def iai(store: Layout, *args: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "IAI_MCP_STORE": str(store.root), "HOME": str(store.root)}
    return subprocess.run(
        [sys.executable, "-m", "iai", *args],
        env=environment, capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip


def test_a_damaged_record_is_named_and_all_others_are_printed(store: Layout) -> None:
    shown = iai(store, "show", "#2")
    assert shown.returncode == 1
    assert "the entry #2 of `records` is not what was written" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert "port 9443" in iai(store, "show", "#3").stdout
    exported = iai(store, "export")
    assert exported.returncode == 0
    assert [json.loads(line)["label"] for line in exported.stdout.splitlines()] == [3, 1]


def test_doctor_deep_names_it_in_json(store: Layout) -> None:
    done = iai(store, "doctor", "--deep", "--json")
    assert done.returncode == 1
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert found["deep records"]["verdict"] == "fail"
    assert "#2 of `records`" in found["deep records"]["said"]
    assert found["deep vectors"]["verdict"] == "ok"
