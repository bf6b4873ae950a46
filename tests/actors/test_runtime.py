"""The loop that all actors share, as far as it can be seen without a process of its own."""

import errno
import logging
import os
import socket
from collections import deque
from pathlib import Path
from unittest.mock import Mock

import pytest

from actors.runtime import Bell, Loop, Notes
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model.clock import Now
from iai.process.heartbeat import Beat
from iai.protocol.behaviour import Answer, Caller, Steps
from iai.protocol.ingest import Flush, Flushed
from iai.protocol.message import Actor, Event, Request


class NoSignals(Notes):
    """Notes of which none ever comes: the signals of the tests' own process stay as they are."""

    def __init__(self) -> None:
        self._noted = deque()
        self.reader, self._writer = socket.socketpair()
        self.reader.settimeout(0)

    def close(self) -> None:
        self.reader.close()
        self._writer.close()


class Answering:
    """A behaviour that answers everything at once and never has anything to do."""

    hears: tuple[Actor, ...] = ()

    def __init__(self) -> None:
        self.received: list[Request] = []

    def start(self, now: Now) -> Steps:
        yield from ()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        self.received.append(request)
        yield Answer(caller, Flushed(revision=1))

    def hear(self, event: Event, now: Now) -> Steps:
        yield from ()

    def work(self, now: Now) -> Steps:
        yield from ()

    def due_s(self, now: Now) -> float:
        return 60.0

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        pass


def test_whoever_rings_has_ingest_look_at_the_spool_and_gets_no_answer(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    beat = Beat(layout.beat(Actor.INGEST))
    behaviour = Answering()
    notes = NoSignals()
    loop = Loop(Actor.INGEST, behaviour, Settings(store=layout.root), beat, notes)
    try:
        loop._turn()
        assert behaviour.received == []
        with layout.bell.open("r+b", buffering=0) as bell:
            bell.write(b"..")
        loop._poller.poll()  # which would wait for ever
        loop._turn()
        assert behaviour.received == [Flush()]
        loop._turn()
        assert behaviour.received == [Flush()]
    finally:
        loop.close()
        notes.close()
    assert "nobody took the answer" not in caplog.text


def test_where_the_disk_knows_no_pipes_the_loop_does_without_a_bell(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "mkfifo", Mock(side_effect=OSError(errno.EPERM, "not here")))
    beat, notes = Beat(layout.beat(Actor.INGEST)), NoSignals()
    loop = Loop(Actor.INGEST, Answering(), Settings(store=layout.root), beat, notes)
    loop._turn()
    loop.close()
    notes.close()
    assert "hooks cannot wake this process: [Errno 1] not here" in caplog.text


def test_a_file_in_the_place_of_the_bell_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ingest.bell"
    path.write_text("no pipe")
    for _ in range(2):  # and one that is left there serves again
        bell = Bell(path)
        assert path.is_fifo()
        assert path.stat().st_mode & 0o777 == 0o600
        assert not bell.rung()
        bell.close()
