"""Print memories related to a prompt, for the prompt hook (with IAI_MCP_PROMPT_RECALL=1).

Reads the host's JSON from standard input and prints at most 500 tokens, or nothing. The hook drops
output that is late.

example: iai prompt-recall < event.json
"""

import sys
import time
from argparse import ArgumentParser, Namespace

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import IaiError, StoreError
from iai.hosts import codex, registry
from iai.ingest.spool import NotAnEvent, event_in
from iai.model import clock, framing
from iai.model.ids import is_file_name
from iai.payload import prompt
from iai.payload.budget import tokens
from iai.process.client import Client, recall
from iai.projects import relocation
from iai.projects.identity import ProjectIdentity, identify
from iai.protocol.graph_cache import Recall
from iai.session_start import deliveries, delivery_notes
from iai.session_start.deliveries import Delivery
from iai.store.records import view_of

LONGEST = 2_000  # characters of the prompt that are used
DEADLINE_S = 0.15  # for the answer; the hook measures its own


def configure(parser: ArgumentParser) -> None:
    pass


def run(_args: Namespace, settings: Settings) -> int:
    try:
        event = event_in(sys.stdin.buffer.read())
    except NotAnEvent:
        return 0
    if not event.prompt or event.agent_id or framing.without(event.prompt) != event.prompt:
        return 0
    layout, wall = Layout(settings.store), time.time_ns()
    project = identify(event.cwd)
    home = _home(project, event.cwd, layout)
    if not home:
        return 0
    question = Recall(query=event.prompt[:LONGEST], k=prompt.LOOKED_AT, project=home, explain=True)
    try:
        with Client(layout) as client:
            answer = recall(client, question, DEADLINE_S)
    except IaiError:
        return 0  # down or slow: the prompt goes ahead without memories
    delivered = delivery_notes.delivered(layout, event.session_id)
    found = prompt.bearing(answer.hits, event.session_id, delivered)
    text, labels = prompt.render(found, answer.revision, project.name, wall)
    if not text:
        return 0
    print(text, end="", flush=True)
    known = registry.detect(event.transcript_path, None)
    delivery = Delivery(
        at=clock.iso(wall),
        at_ns=wall,
        host=codex.NAME if event.turn_id else known.NAME if known else "",
        session=event.session_id if is_file_name(event.session_id) else "",
        source="prompt",
        project=project.name,
        revision=answer.revision,
        bytes=len(text.encode()),
        tokens=tokens(text),
        outcome="recalled",
        reason=f"score={found[0].score:.2f}",
    )
    deliveries.record(layout, delivery, labels)
    return 0


def _home(project: ProjectIdentity, cwd: str, layout: Layout) -> str:
    """Return the id under which a project's records are stored; "" if it has none or is ignored."""
    try:
        with view_of(layout.records) as view:
            if view.ignored(project.id, project.root, cwd):
                return ""
            return view.belongs(relocation.resolve(project, view).id)
    except StoreError:
        return ""
