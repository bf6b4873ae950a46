"""Starting a group while others start one, too."""

import subprocess
from pathlib import Path

import pytest

from iai.cli import up
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process.client import Client
from iai.protocol.message import Actor
from iai.protocol.supervisor import ActorHealth, HealthReport
from iai.store.records import Records
from tests.iai.store.builders import new_record, put, strip

GROUP = HealthReport(
    pid=1,  # not the one that was started here
    version="",
    store="",
    started_at=0,
    actors=(
        ActorHealth(
            actor=Actor.INGEST,
            state="ready",
            pid=2,
            restarts=0,
            beat_age_s=0.0,
            activity="",
            last_exit="",
        ),
    ),
)


def test_a_supervisor_that_came_second_has_seen_so_before_up_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    asked = []

    def call(*_: object) -> HealthReport:
        asked.append(second.poll())
        if len(asked) == 3 and second.stdin:
            second.stdin.close()  # and only now it ends
        return GROUP

    monkeypatch.setattr(Client, "call", call)
    monkeypatch.setattr(Client, "running", lambda _: True)
    try:
        with Client(Layout(tmp_path)) as client:
            assert up._wait(client, second, 60.0) is GROUP
        assert second.poll() == 0
    finally:
        second.kill()
        second.wait()


def test_records_of_an_earlier_version_are_upgraded_before_the_group_starts(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    records = Records(layout.records, writer=True)
    put(records, new_record("one"))
    records.close()
    up.upgrade(layout, Settings(store=layout.root))
    assert capsys.readouterr().err == ""
    strip(layout.records)
    up.upgrade(layout, Settings(store=layout.root))
    assert "upgrading the records" in capsys.readouterr().err
    records = Records(layout.records)
    assert list(records.problems()) == []
    records.close()


def test_nothing_is_upgraded_where_nothing_is_yet_or_it_is_damaged(layout: Layout) -> None:
    up.upgrade(layout, Settings(store=layout.root))
    assert not layout.records.exists()
    layout.records.mkdir()
    (layout.records / "data.mdb").write_bytes(b"not a database" * 1_000)
    up.upgrade(layout, Settings(store=layout.root))
