"""Sessions in directories that are gone, nested, or known by another name, from file to payload."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from simulation.world import World

from iai.model import clock, framing
from iai.payload.compose import render
from iai.payload.material import gather
from iai.projects import relocation
from iai.projects.identity import identify
from iai.protocol.ingest import Import
from iai.protocol.message import Actor
from iai.session_start import pending
from iai.session_start.pending_view import PendingView
from iai.session_start.targets import checkout_of
from tests.simulation.stories import capture, revision, spool, transcript_line

Make = Callable[..., World]
REMOTE = "https://me:s3cret@github.com/Acme/Tides.git"


def transcript(world: World, session: str, *cwds: str, branch: str = "main") -> Path:
    """Write a session with a turn in each of these directories."""
    path = world.layout.root / f"{session}.jsonl"
    path.write_text("".join(
        transcript_line(2 * n, f"word {n} of {session}", world, uuid=f"{session}-{n}",
                        sessionId=session, cwd=cwd, gitBranch=branch)
        for n, cwd in enumerate(cwds)
    ))  # fmt: skip
    return path


def import_all(world: World, *paths: Path) -> None:
    for path in paths:
        world.answer(Actor.INGEST, Import(paths=(str(path),)))
        world.run(5.0)


def projects(world: World) -> dict[str, int]:
    """Return the roots of the projects with records, each with how many it has."""
    with world.records.view() as view:
        return {p.root: view.count(p.id) for p in view.projects() if view.count(p.id)}


def live(world: World, directory: str) -> str:
    """What `iai session-start` composes, pending turns included."""
    wall = world.now.wall
    with world.records.view() as view:
        source = PendingView(view, pending.read(world.layout, world.records, wall, str), wall)
        own = relocation.begin_with(identify(directory), view)
        return render(gather(source, own.id, own.name), wall)


def repository(directory: Path, url: str = "") -> Path:
    (directory / ".git").mkdir(parents=True)
    remote = f'[remote "origin"]\n\turl = {url}\n' if url else ""
    (directory / ".git" / "config").write_text(remote)
    return directory


def test_worktrees_that_are_gone_are_one_project_with_their_checkout(world: Make) -> None:
    w, cli = world(), "/Users/a/workspace/cli"
    below = [f"{cli}/.worktrees/soph/branch-name", f"{cli}/.worktrees/2", f"{cli}/cmd/sub"]
    below += [f"{cli}/.claude/worktrees/3", f"{cli}/worktrees/1/cmd"]
    files = [transcript(w, f"s{n}", cwd) for n, cwd in enumerate((*below, cli))]
    import_all(w, *files)
    assert projects(w) == {cli: 6}
    assert "word 0 of s5" in live(w, cli)
    assert "word 0 of s0" in live(w, f"{cli}/.worktrees/other")


def test_turns_said_in_a_worktree_count_for_its_checkout_before_they_are_stored(
    world: Make,
) -> None:
    w, cli = world(), "/Users/a/workspace/cli"
    capture(w, "known word", cwd=cli)
    path = transcript(w, "s1", f"{cli}/gone/folder")
    spool(w, "e", transcript_path=str(path), cwd=f"{cli}/gone/folder")
    assert "word 0 of s1" in live(w, cli)
    w.run(5.0)
    assert projects(w) == {cli: 2}


@pytest.mark.parametrize("remote", ["", "git@example.com:o/inner.git"])
def test_a_session_stays_in_its_project_when_it_goes_into_a_nested_repository(
    world: Make, tmp_path: Path, remote: str
) -> None:
    w = world()
    outer, other = repository(tmp_path / "outer"), repository(tmp_path / "other")
    inner = repository(outer / "vendor" / "inner", remote)
    path = transcript(w, "s", *map(str, (outer, inner, inner, other, outer)))
    spool(w, "e", transcript_path=str(path), cwd=str(inner))
    w.run(5.0)
    assert projects(w) == {str(outer): 4, str(other): 1}
    import_all(w, transcript(w, "t", str(inner)))
    assert projects(w) == {str(outer): 4, str(other): 1, str(inner): 1}
    with w.records.view() as view:
        assert str(inner) not in {
            d for p in view.projects() if p.root == str(outer) for d in p.cwds
        }


def test_the_rest_of_a_session_that_was_read_in_part_stays_in_its_project(
    world: Make, tmp_path: Path
) -> None:
    w, outer = world(), repository(tmp_path / "outer")
    inner = repository(outer / "inner")
    path = transcript(w, "s", str(outer))
    spool(w, "e", transcript_path=str(path), cwd=str(outer))
    w.run(5.0)
    w.crash(Actor.INGEST)
    more = transcript_line(2, "more", w, uuid="more", sessionId="s", cwd=str(inner))
    path.write_text(path.read_text() + more)
    w.run(5.0)
    assert projects(w) == {str(outer): 2}


def test_a_password_in_a_remote_is_nowhere_in_the_records(world: Make) -> None:
    w = world()
    meta = {"id": "s1", "cwd": "/gone/tides", "git": {"repository_url": REMOTE}}
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "why?"}]}
    lines = [
        {"timestamp": clock.iso(w.now.wall), "type": kind, "payload": payload}
        for kind, payload in (("session_meta", meta), ("response_item", said))
    ]
    path = w.layout.root / "rollout-a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_all(w, path)
    assert projects(w) == {"/gone/tides": 1}
    stored = (w.layout.records / "data.mdb").read_bytes()
    assert b"github.com/Acme/Tides.git" in stored
    assert b"s3cret" not in stored


def test_a_removed_worktree_leaves_its_memory_with_its_repository(
    world: Make, tmp_path: Path
) -> None:
    w, repo = world(), repository(tmp_path / "repo")
    (repo / ".worktrees" / "x").mkdir(parents=True)
    capture(w, "worktree word", cwd=str(repo / ".worktrees" / "x"))
    shutil.rmtree(repo / ".worktrees")
    capture(w, "later word", cwd=str(repo / ".worktrees" / "x"))
    assert projects(w) == {str(repo): 2}


def test_each_checkout_starts_with_its_own_last_session_and_names_the_others(
    world: Make, tmp_path: Path
) -> None:
    w = world()
    main, quay = (repository(tmp_path / name, REMOTE) for name in ("cli", "quay"))
    long = "a request that is long enough to be work rather than small talk" * 2
    for number, directory in enumerate((quay, main, quay, main)):
        capture(w, f"nr {number}: {long}", cwd=str(directory), session=f"s{number}")
        w.run(5.0)
    w.run(120.0)
    for directory, last, other in ((main, 3, "quay"), (quay, 2, "cli")):
        link = w.layout.payload_link(str(directory))
        assert link is not None
        text = link.read_text()
        assert "## Last session here: " in text
        assert f"in {directory}\n" in text
        assert text.index(f"nr {last}:") < text.index(f"nr {5 - last}:")
        assert f", worktree {other}: " in text
        assert framing.revision(text) == revision(w)
        own = identify(str(directory))
        with w.records.view() as view:
            checkout = checkout_of(str(directory), own.id, view)
            composed = render(gather(view, own.id, own.name, checkout=checkout), w.now.wall)
        assert composed.split("\n")[4:-2] == text.split("\n")[4:-2]
    (beside,) = w.layout.session_start.glob("*-*.md")
    beside.unlink()
    w.run(120.0)
    assert beside.exists()
    shutil.rmtree(quay)
    capture(w, "bye", cwd=str(main))
    w.run(120.0)
    assert not beside.exists()
