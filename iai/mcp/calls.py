"""The tools. Each does what the command of the same name does."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path

import msgspec

from iai.admin import status
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, GroupNotRunning, NoRecord
from iai.index.filters import Filter
from iai.mcp import results, schemas, text
from iai.mcp.schemas import Answer, ToolCall
from iai.mcp.text import line
from iai.model import framing, units
from iai.model.units import count
from iai.process.client import Client, recall
from iai.projects.identity import identify
from iai.projects.lookup import project_here, project_id
from iai.protocol.graph_cache import Recall
from iai.protocol.ingest import Capture, Captured, CapturedTurn, Changed, Forget, Pin
from iai.protocol.message import Actor
from iai.recall import file_history
from iai.recall.named_person import machines, machines_of
from iai.recall.named_session import session_id
from iai.recall.timeline import stretches
from iai.store.record_view import RecordView
from iai.store.records import view_of

START_S = 35.0  # `iai up` gives up after 30
FORGET_S = 30.0


class Memory:
    """One store. Each call opens what it needs, so the group may restart between calls."""

    def __init__(self, settings: Settings, *, start: bool) -> None:
        """`start`: may a call that needs the group start it?"""
        self._settings = settings
        self._layout = Layout(settings.store)
        self._start = start

    def answer(self, arguments: ToolCall) -> Answer:
        """Run a tool. Raises IaiError, with a message fit for the caller."""
        match arguments:
            case schemas.Recall():
                return self._recall(arguments)
            case schemas.Show():
                return self._show(arguments)
            case schemas.Timeline():
                return self._timeline(arguments)
            case schemas.FileHistory():
                return self._file_history(arguments)
            case schemas.Capture():
                return self._capture(arguments)
            case schemas.Pin():
                return self._pin(arguments)
            case schemas.Forget():
                return self._forget(arguments)
            case schemas.Status():
                return self._status()

    def _recall(self, arguments: schemas.Recall) -> Answer:
        wall = time.time_ns()
        since, until = units.period(arguments.since, arguments.until, wall)
        everywhere = arguments.everywhere or bool(arguments.project)
        with self._group() as client:
            question = Recall(
                query=arguments.query,
                k=arguments.k,
                project=self._project(arguments.project),
                session=session_id(arguments.session, self._layout),
                role="" if arguments.role == "any" else arguments.role,
                tier="" if arguments.tier == "any" else arguments.tier,
                since=since,
                until=until,
                explain=arguments.explain,
                near="" if everywhere else project_here(self._layout),
                file=arguments.file,
                commit=arguments.commit,
                command=arguments.command,
                failed=arguments.failed,
                machines=machines_of(arguments.by, self._layout),
            )
            answer = recall(client, question, START_S)
        result = schemas.RecallResult(
            note=schemas.NOTE,
            here=_here(),
            found=results.hits(answer.hits, wall, explain=arguments.explain),
            degraded=list(answer.degraded),
        )
        kept = answer.revision or answer.degraded
        nothing = "Nothing was found" if kept else "Nothing is kept yet"
        return Answer(result, text.framed(text.recalled(result, nothing), answer.revision, wall))

    def _show(self, arguments: schemas.Show) -> Answer:
        wall = time.time_ns()
        with self._records() as view:
            found = {ref: view.find(ref) for ref in arguments.ids}
            revision = view.watermark().revision
            records = [
                results.shown(view, record, arguments, wall) for record in found.values() if record
            ]
        unknown = [line(ref) for ref, record in found.items() if record is None]
        if not records:
            raise NoRecord(*unknown)
        result = schemas.ShowResult(note=schemas.NOTE, records=records, unknown=unknown)
        return Answer(result, text.framed(text.shown(result), revision, wall))

    def _timeline(self, arguments: schemas.Timeline) -> Answer:
        wall = time.time_ns()
        since, until = units.period(arguments.since, arguments.until, wall)
        only = Filter(
            project=self._project(arguments.project),
            since=since,
            until=until,
            machines=machines_of(arguments.by, self._layout),
        )
        with self._records() as view:
            found = list(islice(stretches(view, only), arguments.limit))
            revision = view.watermark().revision
        result = schemas.TimelineResult(
            note=schemas.NOTE, here=_here(), sessions=[results.session(one, wall) for one in found]
        )
        return Answer(result, text.framed(text.sessions(result), revision, wall))

    def _file_history(self, arguments: schemas.FileHistory) -> Answer:
        wall, cwd = time.time_ns(), str(Path.cwd())
        home = identify(cwd)
        with self._records() as view:
            own = view.belongs(home.id)
            by = machines(arguments.by, view) if arguments.by else ()
            found = file_history.find(view, arguments.path, cwd, home.root, own, arguments.k, by)
            visits = [results.visit(view, v, wall) for v in (*found.here, *found.elsewhere)]
            revision = view.watermark().revision
        result = schemas.FileHistoryResult(note=schemas.NOTE, here=line(home.name), visits=visits)
        return Answer(result, text.framed(text.visits(result), revision, wall))

    def _capture(self, arguments: schemas.Capture) -> Answer:
        own = framing.without(arguments.text)  # text we recalled is no new memory
        if not own.strip():
            raise BadUsage("there is nothing to remember")
        turn = CapturedTurn(
            text=own,
            role="assistant",  # whose words they are
            tier="semantic",
            host="mcp",
            cwd=_directory(arguments.directory),
            tags=tuple(arguments.tags),
            pinned=arguments.pin,
            mine=arguments.mine,
        )
        with self._group() as client:
            request = Capture(turns=(turn,))
            done = client.call(Actor.INGEST, request, Captured, START_S)
        with self._records() as view:
            kept = view.find(done.ids[0]) if done.ids[0] else None
        id_ = f"#{kept.label}" if kept else done.ids[0]
        if not id_:
            said = "that text was forgotten on purpose, so it was not stored again"
            refused = schemas.CaptureResult(outcome="refused", revision=done.revision)
            return Answer(refused, said)
        result = schemas.CaptureResult(
            outcome="kept" if done.added else "known",
            revision=done.revision,
            id=id_,
            pinned=arguments.pin,
        )
        said = f"remembered as {id_}" if done.added else f"already known, as {id_}"
        return Answer(result, said + (", pinned" if arguments.pin else ""))

    def _pin(self, arguments: schemas.Pin) -> Answer:
        request = Pin(ref=arguments.id, pinned=arguments.pinned, mine=arguments.mine)
        with self._group() as client:
            done = client.call(Actor.INGEST, request, Changed, START_S)
        result = schemas.PinResult(id=arguments.id, pinned=arguments.pinned, revision=done.revision)
        return Answer(result, "pinned" if arguments.pinned else "not pinned any more")

    def _forget(self, arguments: schemas.Forget) -> Answer:
        request = Forget(refs=tuple(arguments.ids))
        with self._group() as client:
            done = client.call(Actor.INGEST, request, Changed, FORGET_S)
        result = schemas.ForgetResult(forgotten=done.count, revision=done.revision)
        return Answer(result, f"forgot {count(done.count, 'record')}")

    def _status(self) -> Answer:
        document, said = status.collect(self._settings)
        result = schemas.StatusResult(
            group=document["group"]["state"],
            store=document["group"]["store"],
            here=_here(),
            records=document["watermark"]["records_count"],
            stages=msgspec.convert(document["stages"], dict[str, schemas.Lag]),
            payload_behind=document["payload"]["behind"],
            problem=document["problem"],
            team=msgspec.convert((document["team"] or {}).get("lines", []), list[schemas.TeamLine]),
        )
        return Answer(result, said)

    def _project(self, named: str) -> str:
        return project_id("." if named == "here" else named, self._layout)

    def _records(self) -> AbstractContextManager[RecordView]:
        """Read the records, whether or not the group is running."""
        return view_of(self._layout.records)

    @contextmanager
    def _group(self) -> Iterator[Client]:
        """Return a client of the group, starting the group if allowed."""
        with Client(self._layout) as client:
            if self._start and not client.running():
                said = _up(self._settings)
                if not client.running():
                    raise GroupNotRunning(
                        f"iai is not running on {self._layout.root} and cannot be started: {said}"
                    )
            client.require()
            yield client


def _up(settings: Settings) -> str:
    """Start the group as a user would; return the last line of its errors.

    It doesn't matter if another process starts the group at the same time (see `iai up`).
    """
    # -P: the current directory, chosen by the host, may contain a package named iai.
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
        return f"`iai up` did not finish within {START_S:g} s"
    said = done.stderr.strip().splitlines()
    sys.stderr.write(done.stderr)
    return said[-1].removeprefix("iai: ") if said else "`iai up` did not say why"


def _here() -> str:
    return line(identify(str(Path.cwd())).name)


def _directory(named: str) -> str:
    if not named:
        return str(Path.cwd())
    if not (Path(named).is_absolute() and Path(named).is_dir()):
        raise BadUsage(f"directory {named}: give the absolute path of an existing directory")
    return named
