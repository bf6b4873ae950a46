"""What hooks have noted of sessions and files is forgotten with them, and nothing else is."""

import json
from collections.abc import Callable

from simulation.world import World

from iai.protocol.ingest import Erase, Forget
from iai.protocol.message import Actor
from tests.iai.hosts import claude_lines
from tests.iai.hosts.claude_lines import of_session, transcript
from tests.simulation.stories import spool

Make = Callable[..., World]


def edited(world: World, session: str, path: str) -> None:
    """Hold a session in which a file is edited."""
    lines = of_session(session, "/p", *claude_lines.edited(path, f"mend {session}"))
    file = world.layout.root.parent / f"{session}.jsonl"
    file.write_text(transcript(lines))
    spool(world, session, session_id=session, transcript_path=str(file))
    world.run(2.0)


def delivery(session: str, outcome: str = "cache-hit", reason: str = "age=1s") -> str:
    fields = {"at_ns": 1, "kind": "injected", "session": session, "outcome": outcome}
    return json.dumps({**fields, "reason": reason}, separators=(",", ":")) + "\n"


def test_forgetting_a_session_reaches_what_hooks_noted_of_it_and_of_its_files(world: Make) -> None:
    w = world()
    for session, path in (("gone", "/p/src/gone.py"), ("kept", "/p/src/kept.py")):
        edited(w, session, path)
    given, ledger = w.layout.deliveries, w.layout.ledger / "2026-01-01.hook.jsonl"
    given.mkdir(exist_ok=True)
    ledger.parent.mkdir(exist_ok=True)
    (given / "gone").write_text("3 1\n")
    (given / "gone.files").write_text("/p/src/kept.py\n")
    (given / "new").write_text("5 1 2\n")
    (given / "new.files").write_text("/p/src/gone.py\n/p/src/kept.py\n/q/gone.py\n")
    kept = delivery("new") + "cut off\n" + delivery("kept")
    both = delivery("new", "file-history", "/p/src/gone.py, /p/src/kept.py")
    ledger.write_text(delivery("gone") + kept + both)
    w.answer(Actor.INGEST, Forget(refs=("#1",), whole_sessions=True))
    w.run(2.0)
    assert sorted(path.name for path in given.iterdir()) == ["new", "new.files"]
    assert (given / "new").read_text() == "5 1 2\n", "of a session that nothing is known of yet"
    assert (given / "new.files").read_text() == "/p/src/kept.py\n"
    assert ledger.read_text() == kept + delivery("new", "file-history", "/p/src/kept.py")


def test_the_name_of_a_project_that_is_forgotten_goes_from_what_other_sessions_were_given(
    world: Make,
) -> None:
    w = world()
    edited(w, "kept", "/p/src/kept.py")
    file = w.layout.root.parent / "gone.jsonl"
    file.write_text(
        transcript(of_session("gone", "/secret-client", *claude_lines.edited("/a", "b")))
    )
    spool(w, "gone", session_id="gone", transcript_path=str(file))
    w.run(2.0)
    ledger = w.layout.ledger / "2026-01-01.hook.jsonl"
    ledger.parent.mkdir(exist_ok=True)
    named, other, none = (
        delivery("new").replace('{"at_ns', f'{{"project":"{name}","at_ns')
        for name in ("secret-client", "p", "")
    )
    ledger.write_text(named + other + none)
    with w.records.view() as view:
        project = next(one.id for one in view.projects() if one.name == "secret-client")
        labels = tuple(record.label for record in view.project(project))
    w.answer(Actor.INGEST, Erase(labels=labels))
    w.answer(Actor.INGEST, Erase(projects=(project,)))
    w.run(2.0)
    assert ledger.read_text() == none + other + none


def test_without_anything_forgotten_the_files_of_hooks_are_not_touched(world: Make) -> None:
    w = world()
    edited(w, "kept", "/p/src/kept.py")
    w.layout.deliveries.mkdir(exist_ok=True)
    files = w.layout.deliveries / "new.files"
    files.write_text("/p/never/recorded.py\n")
    w.run(70.0)
    assert files.read_text() == "/p/never/recorded.py\n"
