"""A session that its user switched off with `iai:off` leaves nothing, until `iai:on`."""

from collections.abc import Callable

import pytest
from simulation.world import SharedPayloadReaders, World

from iai.freshness.inputs import Snapshot
from iai.model import clock
from iai.protocol.ingest import Forget, Import, ImportProgress
from iai.protocol.message import Actor
from iai.session_start import deliveries, pending
from iai.session_start.deliveries import Delivery
from iai.session_start.status_line import StatusLine
from tests.simulation.stories import capture, spool, texts, transcript_line

Make = Callable[..., World]
OFF = "iai:off\nnobody shall know why"
ON = "and now to the parser\niai:on"


def left(world: World) -> list[str]:
    """Return the files of the store that have a word of what nobody shall know."""
    files = [path for path in world.layout.root.rglob("*") if path.is_file()]
    return [str(path) for path in files if b"nobody shall know" in path.read_bytes()]


def waiting(world: World) -> list[str]:
    found = pending.read(world.layout, world.records, world.now.wall, str)
    return [turn.text for turn in found.turns]


def status_line(world: World) -> str:
    """Return what the status line of the session says."""
    delivery = Delivery(at=clock.iso(world.now.wall), at_ns=world.now.wall, session="s1", tokens=9)
    deliveries.record(world.layout, delivery, ())
    readers = SharedPayloadReaders(world.layout, world.records, world.graph)
    line = StatusLine(world.layout, readers, 60.0, 0.0)
    return line.changed(Snapshot(live=None), "", world.now).splitlines()[1]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_transcript_is_left_out_from_off_to_on(
    world: Make, tmp_path_factory: pytest.TempPathFactory, *, restarted: bool
) -> None:
    w = world()
    path = tmp_path_factory.mktemp("host") / "s1.jsonl"

    def say(number: int, prompt: str, answer: str) -> None:
        with path.open("a") as file:
            file.write(transcript_line(number, prompt, w) + transcript_line(number + 1, answer, w))
        spool(w, f"{number}", prompt=prompt, prompt_id=f"{number}", transcript_path=str(path))
        spool(w, f"{number}-", hook_event_name="Stop", last_assistant_message=answer,
              prompt_id=f"{number}", transcript_path=str(path))  # fmt: skip

    say(0, OFF, "nobody shall know that either")
    assert waiting(w) == []
    w.run(5.0)
    say(2, "more of what nobody shall know", "done")
    if restarted:
        w.crash(Actor.INGEST)
    w.run(5.0)
    assert (texts(w), left(w)) == ([], [])
    assert status_line(w).startswith("s1\tnot recorded (iai:off), given")
    with w.records.view() as view:
        assert view.projects() == []
    say(4, ON, "It is mended.")
    assert waiting(w) == [ON, "It is mended."]
    w.run(5.0)
    assert texts(w) == [ON, "It is mended."]
    assert status_line(w).startswith("s1\tgiven")
    again = w.answer(Actor.INGEST, Import(paths=(str(path),)))
    assert isinstance(again, ImportProgress)
    w.run(5.0)
    assert texts(w) == [ON, "It is mended."]
    assert left(w) == []


def test_what_hooks_say_without_a_transcript_is_left_out_as_well(world: Make) -> None:
    w = world()
    spool(w, "a", prompt=OFF, prompt_id="1", transcript_path="/nowhere.jsonl")
    spool(w, "b", last_assistant_message="nobody shall know", prompt_id="1")
    assert waiting(w) == []
    w.run(2.0)
    assert list(w.layout.spool_new.iterdir()) == [], "not even while it waits for its transcript"
    spool(w, "c", last_assistant_message="nobody shall know", prompt_id="1")
    spool(w, "d", prompt="of another session", session_id="s2", prompt_id="1")
    assert waiting(w) == ["of another session"]
    w.run(100.0)
    assert (texts(w), left(w)) == (["of another session"], [])
    spool(w, "e", prompt=ON, prompt_id="2")
    spool(w, "f", last_assistant_message="It is mended.", prompt_id="2")
    w.run(2.0)
    assert texts(w) == ["of another session", ON, "It is mended."]


def test_a_session_that_is_off_for_good_is_not_switched_on(world: Make) -> None:
    w = world()
    spool(w, "a", hook_event_name="CaptureOff", cwd="")
    w.run(2.0)
    spool(w, "b", prompt=ON, prompt_id="1")
    w.run(2.0)
    assert texts(w) == []
    assert status_line(w).startswith("s1\tnot recorded, given")


def test_a_session_that_is_forgotten_stays_off_for_good(world: Make) -> None:
    w = world()
    capture(w, "of the session", session="s1")
    spool(w, "a", hook_event_name="CaptureOff", cwd="")
    w.answer(Actor.INGEST, Forget(refs=("#1",), whole_sessions=True))
    spool(w, "b", prompt="nobody shall know", prompt_id="1")
    w.run(2.0)
    assert texts(w) == []
