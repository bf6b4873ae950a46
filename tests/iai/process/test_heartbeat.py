"""Heartbeats between processes."""

import os
from pathlib import Path

from iai.process import heartbeat
from iai.process.heartbeat import Heartbeat


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
