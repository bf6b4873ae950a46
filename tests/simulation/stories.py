"""What happens in the tests of the actors, in a few words."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from simulation.world import World

from iai.model import clock
from iai.protocol.ingest import Capture, Captured, CapturedTurn
from iai.protocol.message import Actor, Event
from iai.session_start.payload_files import read_sidecar

E = TypeVar("E", bound=Event)


def said(text: str, **fields: Any) -> CapturedTurn:
    return CapturedTurn(text=text, **{"cwd": "/p", "session": "s", **fields})


def capture(world: World, *texts: str, **fields: Any) -> Captured:
    """Keep some texts, as a client does."""
    turns = tuple(said(text, **fields) for text in texts)
    reply = world.answer(Actor.INGEST, Capture(turns=turns))
    assert isinstance(reply, Captured)
    return reply


def revision(world: World) -> int:
    """Revision of the records."""
    with world.records.view() as view:
        return view.watermark().revision


def shown(world: World) -> int:
    """Revision that the payload claims; 0 if there is none."""
    sidecar = read_sidecar(world.layout.payload)
    return sidecar.revision if sidecar and world.layout.payload.exists() else 0


def events(world: World, kind: type[E]) -> list[E]:
    """Return all events of a kind, in order."""
    return [event for event in world.events if isinstance(event, kind)]


def transcript_line(number: int, text: str, world: World, **fields: Any) -> str:
    """One line of a Claude Code transcript, said now."""
    role = "assistant" if number % 2 else "user"
    return json.dumps({
        "type": role, "uuid": f"u{number}", "sessionId": "s1", "cwd": "/p",
        "timestamp": clock.iso(world.now.wall), "message": {"role": role, "content": text},
        **fields,
    }) + "\n"  # fmt: skip


def spool(world: World, name: str, **event: Any) -> Path:
    """Leave a hook event in the spool, as a hook does."""
    path = world.layout.spool_new / f"{name}.json"
    path.write_text(json.dumps({"session_id": "s1", "cwd": "/p", **event}))
    os.utime(path, ns=(world.now.wall, world.now.wall))
    return path


def texts(world: World) -> list[str]:
    """All texts in the store, in the order in which they came."""
    with world.records.view() as view:
        return [record.text for record in view.after(0)]


def once(items: Iterable[str]) -> bool:
    """Is each of these there once?"""
    listed = list(items)
    return len(set(listed)) == len(listed)
