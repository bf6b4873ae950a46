"""The loop that all actors share: what can be tested without a process."""

import errno
import logging
import multiprocessing
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from actors import supervisor
from actors.runtime import Loop, Order, _run
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.lifecycle.supervision import Exit
from iai.model.clock import Now
from iai.process.heartbeat import Heartbeat
from iai.process.wakeups import SignalQueue
from iai.protocol.behaviour import Answer, Caller, Steps
from iai.protocol.ingest import Flush, Flushed
from iai.protocol.message import PIPELINE, Actor, Error, Event, Reply, Request
from iai.store.database import EntryCorrupt


class NoSignals(SignalQueue):
    """A queue that stays empty: the signal handlers of the test process stay as they are."""

    def __init__(self) -> None:
        self._queue = deque()
        self.reader, self._writer = socket.socketpair()
        self.reader.settimeout(0)

    def close(self) -> None:
        self.reader.close()
        self._writer.close()


class Answering:
    """A behaviour that answers every request and never has work to do."""

    subscriptions: tuple[Actor, ...] = ()

    def __init__(self) -> None:
        self.received: list[Request] = []

    def start(self, now: Now) -> Steps:
        yield from ()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        self.received.append(request)
        yield Answer(caller, Flushed(revision=1))

    def on_event(self, event: Event, now: Now) -> Steps:
        yield from ()

    def work(self, now: Now) -> Steps:
        yield from ()

    def due_s(self, now: Now) -> float:
        return 60.0

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        pass


def test_a_byte_in_the_wakeup_pipe_has_ingest_read_the_spool_and_gets_no_answer(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    heartbeat = Heartbeat(layout.heartbeat(Actor.INGEST))
    behaviour = Answering()
    signals = NoSignals()
    loop = Loop(Actor.INGEST, behaviour, Settings(store=layout.root), heartbeat, signals)
    try:
        loop._turn()
        assert behaviour.received == []
        with layout.wakeup_pipe.open("r+b", buffering=0) as pipe:
            pipe.write(b"..")
        loop._poller.poll()  # or wait forever
        loop._turn()
        assert behaviour.received == [Flush()]
        loop._turn()
        assert behaviour.received == [Flush()]
    finally:
        loop.close()
        signals.close()
    assert "nobody took the answer" not in caplog.text


class Damaged(Answering):
    """A behaviour whose requests need a damaged record."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        yield from super().receive(request, caller, now)
        raise EntryCorrupt("the entry #4 of `records` is not what was written", self._path)


def test_a_request_for_a_damaged_record_is_refused_and_ingest_goes_on(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat, signals = Heartbeat(layout.heartbeat(Actor.INGEST)), NoSignals()
    settings = Settings(store=layout.root)
    loop = Loop(Actor.INGEST, Damaged(layout.records), settings, heartbeat, signals)
    answers: list[Reply] = []
    monkeypatch.setattr(loop._endpoint, "answer", lambda _, reply: answers.append(reply))
    loop._receive(Caller(b"c", "1"), Flush())
    loop.close()
    derived = Loop(Actor.EMBEDDING, Damaged(layout.vectors), settings, heartbeat, signals)
    with pytest.raises(EntryCorrupt):  # it deletes its store then, and rebuilds it
        derived._receive(Caller(b"c", "1"), Flush())
    derived.close()
    signals.close()
    refused = answers[1]
    assert isinstance(refused, Error)
    assert "#4 of `records`" in refused.detail


def test_the_loop_does_without_a_pipe_where_the_file_system_has_none(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "mkfifo", Mock(side_effect=OSError(errno.EPERM, "not here")))
    heartbeat, signals = Heartbeat(layout.heartbeat(Actor.INGEST)), NoSignals()
    loop = Loop(Actor.INGEST, Answering(), Settings(store=layout.root), heartbeat, signals)
    loop._turn()
    loop.close()
    signals.close()
    assert "hooks cannot wake this process: [Errno 1] not here" in caplog.text


class Woken(Answering):
    """A behaviour with a thread that wakes the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptor, self.writer = os.pipe()
        os.set_blocking(self.descriptor, False)
        self.worked = 0

    def due_s(self, now: Now) -> float:
        return 0.0 if self.worked == 0 else 60.0

    def work(self, now: Now) -> Steps:
        self.worked += 1
        yield from ()


def test_a_descriptor_of_the_behaviour_wakes_the_loop_which_empties_it(layout: Layout) -> None:
    heartbeat, signals, behaviour = Heartbeat(layout.heartbeat(Actor.INGEST)), NoSignals(), Woken()
    loop = Loop(Actor.REPLICATOR, behaviour, Settings(store=layout.root), heartbeat, signals)
    os.write(behaviour.writer, b"..")
    loop._poller.poll()  # or wait forever
    loop._turn()
    assert behaviour.worked == 1
    assert loop._poller.poll(0) == []
    loop.close()
    signals.close()
    os.close(behaviour.descriptor)
    os.close(behaviour.writer)


class Lengthy(Answering):
    """A behaviour with steps that take long."""

    def call_meanwhile(self, goes_on: Callable[[], None]) -> None:
        self.goes_on = goes_on

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        self.goes_on()
        yield from ()


def test_a_step_that_takes_long_shows_that_the_loop_runs(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat, signals = Heartbeat(layout.heartbeat(Actor.INGEST)), NoSignals()
    beats: list[str] = []
    monkeypatch.setattr(heartbeat, "beat", lambda _, activity: beats.append(activity))
    loop = Loop(Actor.INGEST, Lengthy(), Settings(store=layout.root), heartbeat, signals)
    loop._receive(Caller(b"c", "1"), Flush())
    loop.close()
    signals.close()
    assert beats == ["flush", "flush"]


@pytest.mark.parametrize("missing", ["the package", "the team"])
def test_a_replicator_that_lacks_what_it_needs_is_not_started_again(
    missing: str, layout: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if missing == "the package":
        monkeypatch.setitem(sys.modules, "iai.team.jetstream.port", None)
    ours, theirs = multiprocessing.Pipe()
    signals, settings = NoSignals(), Settings(store=layout.root)
    code = _run(Order(Actor.REPLICATOR, "actors.replicator", settings), theirs, signals)
    signals.close()
    ours.close()
    theirs.close()
    assert code == Exit.CANNOT_START
    said = "iai-memory[team]" if missing == "the package" else "this machine is not in a team"
    assert said in caplog.text


def test_the_replicator_belongs_to_the_group_only_where_there_is_a_team(layout: Layout) -> None:
    assert tuple(supervisor._modules(layout)) == PIPELINE
    layout.team_file.write_text("{}")
    assert tuple(supervisor._modules(layout)) == (*PIPELINE, Actor.REPLICATOR)
