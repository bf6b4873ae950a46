"""Checkouts without a remote that are moved, copied or unmerged: real git, simulated actors."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from simulation.world import Chances, World

from iai.protocol.ingest import IgnoreProject, MergeProjects, ProjectMoved
from iai.protocol.message import Actor
from tests.actors.test_projects import changed, found, live, payload, place
from tests.iai.projects.test_identity import git
from tests.simulation.stories import capture, spool, texts

Make = Callable[..., World]


def checkout(directory: Path) -> Path:
    """A repository without a remote, with one commit."""
    git(directory, "init", "-q")
    git(directory, "commit", "-q", "--allow-empty", "-m", directory.name)
    return directory


def moved(world: World) -> list[tuple[str, str]]:
    return [(e.was, e.now) for e in world.events if isinstance(e, ProjectMoved)]


def test_a_moved_checkout_without_a_remote_keeps_its_memory(world: Make, tmp_path: Path) -> None:
    w = world()
    old, new = checkout(tmp_path / "api"), tmp_path / "deep" / "renamed"
    capture(w, "old word", cwd=str(old), session="o")
    capture(w, "other word", cwd=str(checkout(tmp_path / "web")), session="w")
    w.run(5.0)
    new.parent.mkdir()
    old.rename(new)
    assert "\nAsked: old word (#1)\n" in live(w, str(new))  # before anybody has said anything there
    capture(w, "new word", cwd=str(new), session="n")
    w.run(10.0)
    assert moved(w) == [(str(old), str(new))]
    assert found(w, place(str(new)).id) == {"old word", "new word"}
    shown = payload(w, str(new))
    assert "\nAsked: new word (#3)\n" in shown
    own = shown.split("## Other projects")[0]
    assert re.search(r'\n- .*: "old word" \(#1\) -> not answered\n', own)
    again = tmp_path / "again"
    new.rename(again)
    capture(w, "third word", cwd=str(again), session="t")
    w.run(10.0)
    assert moved(w)[1:] == [(str(new), str(again))]
    assert found(w, place(str(again)).id) == {"old word", "new word", "third word"}


def test_a_project_unmerged_after_a_move_stays_unmerged(world: Make, tmp_path: Path) -> None:
    w = world()
    old = checkout(tmp_path / "api")
    was = place(str(old))
    capture(w, "old word", cwd=str(old), session="o")
    old.rename(tmp_path / "new")
    capture(w, "new word", cwd=str(tmp_path / "new"), session="n")
    w.run(10.0)
    changed(w, MergeProjects(project=was, into=None))
    capture(w, "late word", cwd=str(tmp_path / "new"), session="n")
    w.crash(Actor.INGEST)
    w.run(10.0)
    assert found(w, was.id) == {"old word"}
    assert found(w, place(str(tmp_path / "new")).id) == {"new word", "late word"}


def test_a_copy_of_a_checkout_is_a_project_of_its_own(world: Make, tmp_path: Path) -> None:
    w = world()
    old, copy = checkout(tmp_path / "api"), tmp_path / "copy"
    capture(w, "old word", cwd=str(old), session="o")
    w.run(5.0)
    shutil.copytree(old, copy)
    assert "old word" not in live(w, str(copy)).split("## Other projects")[0]
    capture(w, "new word", cwd=str(copy), session="n")
    w.run(10.0)
    shutil.rmtree(old)
    capture(w, "late word", cwd=str(copy), session="n")
    third = tmp_path / "third"
    copy.rename(third)  # which of the two was it?
    capture(w, "third word", cwd=str(third), session="t")
    w.run(10.0)
    assert moved(w) == []
    assert found(w, place(str(third)).id) == {"third word"}


def test_a_moved_checkout_stays_ignored(world: Make, tmp_path: Path) -> None:
    w = world()
    old, new = checkout(tmp_path / "secret"), tmp_path / "renamed"
    capture(w, "old word", cwd=str(old), session="o")
    changed(w, IgnoreProject(project=place(str(old)), below=True))
    old.rename(new)
    assert live(w, str(new)) == ""
    spool(w, "e", prompt="hidden word", prompt_id="1", cwd=str(new), session_id="n")
    w.run(10.0)
    assert texts(w) == ["old word"]
    assert payload(w, str(new)) == ""


def test_a_marked_package_moves_with_its_checkout(world: Make, tmp_path: Path) -> None:
    w = world()
    old, new = checkout(tmp_path / "mono"), tmp_path / "moved"
    (old / "api").mkdir()
    (old / "api" / ".iai-project").touch()
    capture(w, "word of the package", cwd=str(old / "api"), session="p")
    capture(w, "word of the whole", cwd=str(old), session="o")
    w.run(5.0)
    old.rename(new)
    capture(w, "new word", cwd=str(new / "api"), session="n")
    capture(w, "newer word", cwd=str(new), session="m")
    w.run(10.0)
    assert found(w, place(str(new / "api")).id) == {"word of the package", "new word"}
    assert found(w, place(str(new)).id) == {"word of the whole", "newer word"}


def test_a_moved_checkout_is_recognised_even_if_first_seen_without_commits(
    world: Make, tmp_path: Path
) -> None:
    w = world()
    old, new = tmp_path / "api", tmp_path / "moved"
    git(old, "init", "-q")
    capture(w, "first word", cwd=str(old), session="o")
    w.run(10.0)
    checkout(old)
    capture(w, "second word", cwd=str(old), session="o")
    w.run(10.0)
    old.rename(new)
    capture(w, "new word", cwd=str(new), session="n")
    w.run(10.0)
    assert found(w, place(str(new)).id) == {"first word", "second word", "new word"}


@pytest.mark.parametrize("seed", range(3))
def test_a_moved_checkout_keeps_its_memory_despite_crashes(
    world: Make, tmp_path: Path, seed: int
) -> None:
    w = world(seed=seed, chances=Chances(crash=0.15))
    old, new = checkout(tmp_path / "api"), tmp_path / "moved"
    spool(w, "a", prompt="old word", prompt_id="1", cwd=str(old), session_id="o")
    w.run(30.0)
    old.rename(new)
    spool(w, "b", prompt="new word", prompt_id="1", cwd=str(new), session_id="n")
    w.run(60.0)
    with w.records.view() as view:
        assert {r.text for r in view.project(place(str(new)).id)} == {"old word", "new word"}
