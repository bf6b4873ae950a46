"""Every stage scrubs its files after a forget, whatever happens in between."""

from collections.abc import Callable
from pathlib import Path

import pytest
from simulation.world import Chances, World

from iai.errors import StoreWriteFailed
from iai.model.clock import Now
from iai.model.revisions import Revisions
from iai.protocol.ingest import Capture, CapturedTurn, Edit, Forget
from iai.protocol.message import Actor
from iai.store import auto_backups
from iai.store.environment import Environment
from iai.store.scrubber import Scrubber

Make = Callable[..., World]
GONE = "zqforgotten"


def say(w: World, *texts: str) -> None:
    turns = tuple(CapturedTurn(text=text, cwd="/p", session="s") for text in texts)
    w.answer(Actor.INGEST, Capture(turns=turns))


def fill(w: World) -> None:
    say(w, *(f"turn {number} about the mill" for number in range(30)))
    say(w, f"the word is {GONE}", "and another one")
    w.run(60.0, until=w.settled)


def marks(w: World) -> tuple[int, int, int, int]:
    """Return the last revision that calls for a scrub, and what each stage has scrubbed."""
    with w.records.view() as view, w.vectors.view() as stored, w.graph.view() as links:
        return view.erased_through(), view.scrubbed(), stored.scrubbed(), links.scrubbed()


def scrubbed_all(w: World) -> bool:
    through, *done = marks(w)
    return through > 0 and done == [through] * 3


def files_with(w: World, word: str) -> list[Path]:
    files = [path for path in w.layout.root.rglob("*") if path.is_file()]
    return [path for path in files if word.encode() in path.read_bytes()]


def test_a_forget_is_scrubbed_by_every_stage_and_only_once(world: Make) -> None:
    w = world()
    fill(w)
    assert files_with(w, GONE)
    w.answer(Actor.INGEST, Forget(refs=("#31",)))
    w.run(60.0, until=lambda: scrubbed_all(w) and w.settled())
    assert scrubbed_all(w)
    w.run(10.0)
    assert not files_with(w, GONE)
    inode = (w.layout.records / "data.mdb").stat().st_ino
    say(w, "a turn after it")
    w.run(60.0, until=w.settled)
    assert (w.layout.records / "data.mdb").stat().st_ino == inode


def test_the_words_that_an_edit_replaced_are_scrubbed_too(world: Make) -> None:
    w = world()
    fill(w)
    w.answer(Actor.INGEST, Edit(ref="#31", text="the word is out"))
    w.run(60.0, until=lambda: scrubbed_all(w) and w.settled())
    w.run(10.0)
    assert not files_with(w, GONE)


def test_it_is_done_whichever_actor_crashes_whenever(world: Make) -> None:
    for seed in range(3):
        w = world(seed=seed, chances=Chances(lost=0.3, crash=0.05))
        fill(w)
        w.answer(Actor.INGEST, Forget(refs=("#31",)))
        for actor in (Actor.EMBEDDING, Actor.GRAPH_CACHE, Actor.INGEST):
            w.run(0.05)
            w.crash(actor)
        w.run(300.0, until=lambda w=w: scrubbed_all(w) and w.settled())  # type: ignore[misc]
        assert scrubbed_all(w), seed
        w.chances = Chances()
        w.run(30.0)
        assert not files_with(w, GONE), seed


def test_writes_that_never_stop_hold_only_the_scrub_up(world: Make) -> None:
    w = world()
    fill(w)
    scrub = Scrubber.step

    def slowly(self: Scrubber, pending: Revisions, now: Now) -> None:
        scrub(self, pending, now)
        w.records.commit(
            lambda unit: unit.transcripts.note_markup({"x": 1}), w.now
        )  # it starts over

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scrubber, "step", slowly)
        patch.setattr("iai.store.scrubber.SLICE_S", 0.0)
        patch.setattr("iai.store.scrubber.PATIENCE_S", 0.1)
        w.answer(Actor.INGEST, Forget(refs=("#31",)))
        w.run(5.0)
        say(w, "said meanwhile")
        assert not scrubbed_all(w)
        assert w.actors[Actor.INGEST].due_s(w.now) > 0
    w.run(300.0, until=lambda: scrubbed_all(w))
    assert scrubbed_all(w)


def test_a_disk_without_room_for_the_copy_holds_nothing_else_up(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world()
    fill(w)

    def refuse(*_: object) -> bool:
        raise StoreWriteFailed("no room")

    monkeypatch.setattr(Environment, "scrub", refuse)
    w.answer(Actor.INGEST, Forget(refs=("#31",)))
    w.run(10.0)
    say(w, "said meanwhile")
    w.run(20.0)
    with w.records.view() as view:
        assert view.watermark().records_count == 32
    assert not scrubbed_all(w)
    monkeypatch.undo()
    w.run(120.0, until=lambda: scrubbed_all(w))
    assert scrubbed_all(w)


def test_the_records_are_backed_up_once_nobody_is_at_work(world: Make) -> None:
    w = world(drowsy_after_s=60.0)
    fill(w)
    w.run(30.0)
    assert auto_backups.found(w.layout) == []
    w.run(120.0, until=lambda: bool(auto_backups.found(w.layout)))
    [made] = auto_backups.found(w.layout)
    assert made.watermark.records_count == 32
