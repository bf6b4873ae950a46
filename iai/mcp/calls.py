"""What each tool does: what the command of the same name does, put as the tools' results."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from iai import clock, injected, messages
from iai.cli import status, times
from iai.cli.named_project import project_id
from iai.cli.named_session import session_id
from iai.cli.output import ago, count
from iai.client import Client, recall
from iai.errors import BadUsage, GroupNotRunning, NotFound
from iai.layout import Layout
from iai.mcp import text, tools
from iai.mcp.text import line
from iai.mcp.tools import Asked, Beside, Result
from iai.messages import Actor, CapturedTurn
from iai.projects import identify
from iai.recall.filters import Filter
from iai.settings import Settings
from iai.store.records import Record, Records, View
from iai.timeline import Stretch, stretches

START_S = 35.0  # `iai up` gives up after 30
FORGET_S = 30.0
BESIDE = 600  # characters of a turn beside one that is shown


class Answer(Struct, frozen=True):
    """What a call comes to, for programs and for people."""

    result: Result
    text: str


class Memory:
    """The memory that calls are about. Each call opens what it needs, so none minds a restart."""

    def __init__(self, settings: Settings, *, start: bool) -> None:
        """`start`: may a call that needs the group start it?"""
        self._settings = settings
        self._layout = Layout(settings.store)
        self._start = start

    def answer(self, asked: Asked) -> Answer:
        """Do what is asked. Raises IaiError, whose text is fit for whoever asked."""
        match asked:
            case tools.Recall():
                return self._recall(asked)
            case tools.Show():
                return self._show(asked)
            case tools.Timeline():
                return self._timeline(asked)
            case tools.Capture():
                return self._capture(asked)
            case tools.Pin():
                return self._pin(asked)
            case tools.Forget():
                return self._forget(asked)
            case tools.Status():
                return self._status()

    def _recall(self, asked: tools.Recall) -> Answer:
        wall = time.time_ns()
        since, until = times.period(asked.since, asked.until, wall)
        with self._group() as client:
            question = messages.Recall(
                query=asked.query,
                k=asked.k,
                project=self._project(asked.project),
                session=session_id(asked.session, self._layout),
                role="" if asked.role == "any" else asked.role,
                tier="" if asked.tier == "any" else asked.tier,
                since=since,
                until=until,
                explain=asked.explain,
            )
            answer = recall(client, question)
        result = tools.RecallResult(
            note=tools.NOTE,
            here=_here(),
            found=[_found(hit, wall, explain=asked.explain) for hit in answer.hits],
            degraded=list(answer.degraded),
        )
        kept = answer.revision or answer.degraded
        nothing = "Nothing was found" if kept else "Nothing is kept yet"
        return Answer(result, text.framed(text.recalled(result, nothing), answer.revision, wall))

    def _show(self, asked: tools.Show) -> Answer:
        wall = time.time_ns()
        with self._records() as view:
            found = {ref: view.find(ref) for ref in asked.ids}
            revision = view.watermark().revision
            records = [_shown(view, record, asked, wall) for record in found.values() if record]
        unknown = [ref for ref, record in found.items() if record is None]
        if not records:
            raise NotFound(f"there is no record {', '.join(unknown)}")
        result = tools.ShowResult(note=tools.NOTE, records=records, unknown=unknown)
        return Answer(result, text.framed(text.shown(result), revision, wall))

    def _timeline(self, asked: tools.Timeline) -> Answer:
        wall = time.time_ns()
        since, until = times.period(asked.since, asked.until, wall)
        only = Filter(project=self._project(asked.project), since=since, until=until)
        with self._records() as view:
            found = list(islice(stretches(view, only), asked.limit))
            revision = view.watermark().revision
        result = tools.TimelineResult(
            note=tools.NOTE, here=_here(), sessions=[_session(one, wall) for one in found]
        )
        return Answer(result, text.framed(text.sessions(result), revision, wall))

    def _capture(self, asked: tools.Capture) -> Answer:
        own = injected.without(asked.text)  # what was recalled is no new memory
        if not own.strip():
            raise BadUsage("there is nothing to remember")
        turn = CapturedTurn(
            text=own,
            role="assistant",  # whose words they are
            tier="semantic",
            host="mcp",
            cwd=_directory(asked.directory),
            tags=tuple(asked.tags),
            pinned=asked.pin,
        )
        with self._group() as client:
            done = client.call(Actor.INGEST, messages.Capture(turns=(turn,)), messages.Captured)
        id_ = done.ids[0]
        if not id_:
            said = "that text was forgotten on purpose; it is not taken in again"
            refused = tools.CaptureResult(outcome="refused", revision=done.revision)
            return Answer(refused, said)
        result = tools.CaptureResult(
            outcome="kept" if done.added else "known",
            revision=done.revision,
            id=id_,
            pinned=asked.pin,
        )
        said = f"remembered as {id_}" if done.added else f"was known already, as {id_}"
        return Answer(result, said + (", pinned" if asked.pin else ""))

    def _pin(self, asked: tools.Pin) -> Answer:
        request = messages.Pin(ref=asked.id, pinned=asked.pinned)
        with self._group() as client:
            done = client.call(Actor.INGEST, request, messages.Changed)
        result = tools.PinResult(id=asked.id, pinned=asked.pinned, revision=done.revision)
        return Answer(result, "pinned" if asked.pinned else "not pinned any more")

    def _forget(self, asked: tools.Forget) -> Answer:
        request = messages.Forget(refs=tuple(asked.ids))
        with self._group() as client:
            done = client.call(Actor.INGEST, request, messages.Changed, FORGET_S)
        result = tools.ForgetResult(forgotten=done.count, revision=done.revision)
        return Answer(result, f"forgot {count(done.count, 'record')}")

    def _status(self) -> Answer:
        document, said = status.look(self._settings)
        result = tools.StatusResult(
            group=document["group"]["state"],
            store=document["group"]["store"],
            here=_here(),
            records=document["watermark"]["records_count"],
            stages=msgspec.convert(document["stages"], dict[str, tools.Lag]),
            payload_behind=document["payload"]["behind"],
            problem=document["problem"],
        )
        return Answer(result, said)

    def _project(self, named: str) -> str:
        return project_id("." if named == "here" else named, self._layout)

    @contextmanager
    def _records(self) -> Iterator[View]:
        """Read the records, whether or not a group runs."""
        with closing(Records(self._layout.records)) as records, records.view() as view:
            yield view

    @contextmanager
    def _group(self) -> Iterator[Client]:
        """Return a client of the group, which is started if it may be."""
        with Client(self._layout) as client:
            if self._start and not client.running():
                said = _up(self._settings)
                if not client.running():
                    raise GroupNotRunning(
                        f"no group runs on {self._layout.root}, and it cannot be started: {said}"
                    )
            client.require()
            yield client


def _up(settings: Settings) -> str:
    """Start the group as its user would; return what was complained of.

    A group that another process starts meanwhile is as good (see `iai up`).
    """
    # -P: the directory that a host starts us in may hold a package of our name.
    command = [sys.executable, "-P", "-m", "iai", "up", "--detach"]
    environment = {**os.environ, "IAI_MCP_STORE": str(settings.store)}
    try:
        done = subprocess.run(  # noqa: S603  our own command
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=START_S,
        )
    except subprocess.TimeoutExpired:
        return f"`iai up` did not end within {START_S:g} s"
    said = done.stderr.strip().splitlines()
    sys.stderr.write(done.stderr)
    return said[-1].removeprefix("iai: ") if said else "`iai up` did not say why"


def _here() -> str:
    return line(identify(str(Path.cwd())).name)


def _directory(named: str) -> str:
    if not named:
        return str(Path.cwd())
    if not (Path(named).is_absolute() and Path(named).is_dir()):
        raise BadUsage(f"directory {named}: give the absolute path of one that is there")
    return named


def _found(hit: messages.Hit, wall: int, *, explain: bool) -> tools.Found:
    why = {name: round(gain, 4) for name, gain in hit.why.items()}
    return tools.Found(
        id=f"#{hit.label}",
        said=line(hit.text),
        role=hit.role,
        age=ago(hit.created_at, wall),
        said_at=clock.iso(hit.created_at),
        project=line(hit.project_name),
        host=line(hit.host),
        score=round(hit.score, 4),
        pinned=hit.pinned,
        why=why if explain else {},
        words=[line(word) for word in hit.matched],
        source=_source(hit.source.transcript, hit.source.offset) if explain else "",
        session=line(hit.session_id) if explain else "",
    )


def _shown(view: View, record: Record, asked: tools.Show, wall: int) -> tools.Shown:
    project = view.project_named(record.project)
    before, after = (
        [_beside(turn, wall, BESIDE) for label in side if (turn := view.get(label))]
        for side in view.around(record, asked.around)
    )
    end = asked.start + asked.length
    return tools.Shown(
        id=f"#{record.label}",
        text=injected.harmless(record.text[asked.start : end]),
        role=record.role,
        age=ago(record.created_at, wall),
        said_at=clock.iso(record.created_at),
        project=line(project.name if project else "-"),
        host=line(record.host),
        left_out=max(0, len(record.text) - end),
        pinned=record.pinned,
        tags=[line(tag) for tag in record.tags],
        session=line(record.session),
        directory=line(record.cwd),
        source=_source(record.source.transcript, record.source.offset),
        before=before[::-1],
        after=after,
    )


def _session(one: Stretch, wall: int) -> tools.Session:
    return tools.Session(
        project=line(one.project_name),
        host=line(one.host),
        session=line(one.session_id),
        began_at=clock.iso(one.began_at),
        ended_at=clock.iso(one.ended_at),
        age=ago(one.ended_at, wall),
        turns=one.turns,
        last=_beside(one.last_said, wall),
        first=_beside(one.first_request, wall) if one.first_request else None,
    )


def _beside(record: Record, wall: int, limit: int = text.LINE) -> Beside:
    said = line(record.text, limit)
    return Beside(
        id=f"#{record.label}", role=record.role, age=ago(record.created_at, wall), said=said
    )


def _source(transcript: str, offset: int) -> str:
    return f"{line(transcript)}:{offset}" if transcript else ""
