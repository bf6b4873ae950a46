"""Starting a group while others start one, too."""

import subprocess
from pathlib import Path

import pytest

from iai.cli import up
from iai.config.layout import Layout
from iai.process.client import Client
from iai.protocol.message import Actor
from iai.protocol.supervisor import ActorHealth, HealthReport

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
