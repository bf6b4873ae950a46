"""Merged and ignored projects, from the spool to the payload."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import Group
from simulation.world import Chances, World

from iai.freshness.required_revision import UNKNOWN
from iai.payload.compose import render
from iai.payload.material import gather
from iai.projects import relocation
from iai.projects.identity import identify
from iai.protocol.cache_writer import Refresh
from iai.protocol.graph_cache import Recall, Recalled
from iai.protocol.ingest import (
    Capture,
    Changed,
    IgnoreProject,
    Import,
    ImportProgress,
    ImportStatus,
    MergeProjects,
    Place,
)
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    Request,
)
from iai.session_start import pending
from iai.session_start.pending_view import PendingView
from tests.simulation.stories import (
    capture,
    once,
    revision,
    said,
    spool,
    texts,
    transcript_line,
)

Make = Callable[..., World]


def place(directory: str) -> Place:
    found = identify(directory)
    return Place(id=found.id, name=found.name, root=found.root)


def changed(world: World, request: Request) -> Changed:
    reply = world.answer(Actor.INGEST, request)
    assert isinstance(reply, Changed)
    world.run(2.0)
    return reply


def payload(world: World, directory: str) -> str:
    """The payload file a hook would print in this directory; "" if there is none."""
    world.answer(Actor.CACHE_WRITER, Refresh(force=True))
    world.run(1.0)
    link = world.layout.payload_link(directory)
    assert link is not None
    return link.read_text() if link.exists() else ""


def found(world: World, project: str) -> set[str]:
    reply = world.answer(Actor.GRAPH_CACHE, Recall(query="word", project=project, k=50))
    assert isinstance(reply, Recalled)
    return {hit.text for hit in reply.hits}


def live(world: World, directory: str) -> str:
    """What `iai session-start` composes, pending turns included."""
    wall = world.now.wall
    with world.records.view() as view:
        source = PendingView(view, pending.read(world.layout, world.records, wall, str), wall)
        own = relocation.resolve(identify(directory), view)
        if source.ignored(own.id, own.root, directory):
            return ""
        return render(gather(source, own.id, own.name), wall)


def test_payload_and_recall_follow_a_merge_and_an_unmerge(world: Make) -> None:
    w = world()
    capture(w, "old word", cwd="/old", session="o")
    capture(w, "new word", cwd="/new", session="n")
    old, new = place("/old"), place("/new")
    assert changed(w, MergeProjects(project=old, into=new)).count == 1
    w.run(10.0)
    for directory in ("/old", "/new"):
        assert "\nAsked: new word (#2)\n" in payload(w, directory)
        assert re.search(r'\n- .*: "old word" \(#1\) -> not answered\n', payload(w, directory))
        assert "project=new" in payload(w, directory)
        assert "project=new" in live(w, directory)
    assert found(w, new.id) == {"old word", "new word"}
    assert found(w, old.id) == set()
    capture(w, "late word", cwd="/old", session="o")
    changed(w, MergeProjects(project=old, into=None))
    w.run(10.0)
    assert found(w, new.id) == {"new word"}
    assert found(w, old.id) == {"old word", "late word"}
    assert "project=old" in payload(w, "/old")


def test_pending_turns_of_a_merged_project_appear_in_the_payload_of_the_other(
    world: Make,
) -> None:
    w = world()
    capture(w, "new word", cwd="/new", session="n")
    changed(w, MergeProjects(project=place("/old"), into=place("/new")))
    spool(w, "e", prompt="waiting word", prompt_id="1", cwd="/old", session_id="o")
    assert "\nAsked: waiting word (not indexed yet)\n" in live(w, "/new")


def test_a_circular_merge_is_refused(world: Make) -> None:
    w = world()
    changed(w, MergeProjects(project=place("/a"), into=place("/b")))
    reply = w.answer(Actor.INGEST, MergeProjects(project=place("/b"), into=place("/a")))
    assert isinstance(reply, Error)
    assert reply.code is ErrorCode.BAD_REQUEST
    assert "unmerge it first" in reply.detail


def test_nothing_of_an_ignored_project_is_stored(world: Make, tmp_path: Path) -> None:
    w = world()
    secret = tmp_path / "secret"
    (secret / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(secret)
    capture(w, "known", cwd="/p")
    changed(w, IgnoreProject(project=place(str(secret)), below=True))
    before = revision(w)
    directories = [str(secret), str(secret / "deep"), str(tmp_path / "link" / "deep")]
    for number, directory in enumerate(directories):
        lines = [
            transcript_line(n, f"t{n}", w, cwd=directory, uuid=f"{number}-{n}") for n in (0, 1)
        ]
        path = w.layout.root / f"{number}.jsonl"
        path.write_text("".join(lines))
        spool(w, f"a{number}", transcript_path=str(path), cwd=directory)
        spool(w, f"b{number}", prompt="hidden", prompt_id=str(number), cwd=directory)
        assert "Other projects" not in live(w, "/p")
        assert live(w, directory) == ""
        started = w.answer(Actor.INGEST, Import(paths=(str(path),)))
        assert isinstance(started, ImportProgress)
        w.run(5.0)
        done = w.answer(Actor.INGEST, ImportStatus(job=started.job))
        assert isinstance(done, ImportProgress)
        assert (done.done, done.turns_read, done.duplicates) == (True, 0, 0)
        reply = w.answer(Actor.INGEST, Capture(turns=(said("x", cwd=directory),)))
        assert isinstance(reply, Error)
        assert f"{directory} is ignored" in reply.detail
    assert texts(w) == ["known"]
    assert revision(w) == before
    with w.records.view() as view:
        assert {p.name for p in view.projects()} == {"p", "secret"}
        assert all(str(secret / "deep") not in p.cwds for p in view.projects())
    assert list(w.layout.spool_new.iterdir()) == []


def test_what_is_said_in_an_ignored_project_waits_nowhere_for_its_transcript(
    world: Make,
) -> None:
    w = world()
    capture(w, "known", cwd="/secret")
    required = w.layout.project_news(identify("/secret").id)
    spool(w, "before", transcript_path="/nowhere", prompt="hidden", cwd="/secret")
    w.run(1.0)
    assert len(list(w.layout.spool_new.iterdir())) == 1
    assert required.read_text().startswith(f"{UNKNOWN} ")
    changed(w, IgnoreProject(project=place("/secret"), below=True))
    spool(w, "after", transcript_path="/nowhere", prompt="hidden", cwd="/secret")
    w.run(1.0)
    assert list(w.layout.spool_new.iterdir()) == []
    assert not required.read_text().startswith(f"{UNKNOWN} ")


def test_an_ignored_project_has_no_payload_and_appears_in_no_other(world: Make) -> None:
    w = world()
    capture(w, "hidden word", cwd="/secret", session="x")
    capture(w, "known word", cwd="/p")
    w.run(5.0)
    assert "hidden word" in payload(w, "/secret")
    assert "hidden word" in payload(w, "/p")
    assert changed(w, IgnoreProject(project=place("/secret"))).count == 1
    assert payload(w, "/secret") == ""
    assert "hidden word" not in payload(w, "/p")
    assert "hidden word" not in w.layout.payload.read_text()
    assert live(w, "/secret") == ""
    assert texts(w) == ["hidden word", "known word"]
    changed(w, IgnoreProject(project=place("/secret"), ignored=False))
    assert "hidden word" in payload(w, "/secret")
    capture(w, "later word", cwd="/secret", session="x")


@pytest.mark.parametrize("seed", range(6))
def test_a_merge_completes_despite_crashes(world: Make, seed: int) -> None:
    w = world(seed=seed, chances=Chances(crash=0.15))
    capture_until = [f"word {n}" for n in range(250)]
    path = w.layout.root / "s.jsonl"
    path.write_text("".join(
        transcript_line(n, text, w, cwd="/old", uuid=str(n)) for n, text in enumerate(capture_until)
    ))  # fmt: skip
    spool(w, "e", transcript_path=str(path), cwd="/old")
    w.run(5.0)
    merging = MergeProjects(project=place("/old"), into=place("/new"))
    for _ in range(20):
        asked = w.ask(Actor.INGEST, merging)
        w.run(3.0)
        if isinstance(w.replies.get(asked), Changed):
            break
    w.run(60.0)
    assert once(texts(w))
    with w.records.view() as view:
        assert view.count(place("/new").id) == 250
        assert view.count(place("/old").id) == 0


@pytest.mark.slow
def test_one_command_brings_back_the_memory_of_a_moved_checkout(
    group: Callable[..., Group], in_process: Callable[[Group], Group]
) -> None:
    g = group(session_cache_refresh_min_sec="0")
    old, new, secret = (g.work / name for name in ("old/api", "new/api", "secret"))
    for directory in (old, secret):
        directory.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(old)], check=True)  # noqa: S607
    g.up()
    in_process(g)
    g.iai("remember", "Balances are cached.", "--project", str(old))
    new.parent.mkdir()
    old.rename(new)
    g.iai("remember", "The cache is gone.", "--project", str(new))
    g.settle()
    listed = g.iai("project", "list").stdout
    moved, there = (p["id"] for p in sorted(g.json("project", "list")["projects"],
                                            key=lambda p: p["gone"], reverse=True))  # fmt: skip
    assert f"Was it moved? If so: iai project merge {moved} {there}" in listed
    done = g.iai("project", "merge", str(old), str(new))
    assert done.returncode == 0, done.stderr
    assert "1 record moved" in done.stdout
    shown = g.iai("session-start", "--cwd", str(new)).stdout
    assert "\n> Balances are cached.\n" in shown
    assert "\n> The cache is gone.\n" in shown
    g.settle()
    for named in (str(old), str(new), "api"):
        hits = g.json("recall", "cache", "--project", named)["hits"]
        assert {hit["text"] for hit in hits} == {"Balances are cached.", "The cache is gone."}
    assert g.iai("project", "merge", str(new), str(old)).returncode == 1
    assert "1 record moved" in g.iai("project", "unmerge", moved).stdout

    done = g.iai("project", "ignore", str(secret))
    assert "and everything below it" in done.stdout
    refused = g.iai("remember", "x", "--project", str(secret / "deep"))
    assert refused.returncode == 1
    assert "is ignored; see `iai project list`" in refused.stderr
    assert "ignored, with everything below" in g.iai("project", "list").stdout
    assert g.iai("project", "ignore", str(secret / "deep"), "--off").returncode == 1
    assert g.iai("project", "ignore", str(secret), "--off").returncode == 0
    assert g.iai("remember", "x", "--project", str(secret / "deep")).returncode == 0
    assert g.iai("project", "merge", "no-such", "api").returncode == 2

    with (new / ".git" / "config").open("a") as config:
        config.write('[remote "origin"]\n\turl = https://example.org/o/api.git\n')
    asked = "Is the project that is there now the same? If so: iai project merge "
    assert f"{asked}{there} {new}" in g.iai("project", "list").stdout
    assert g.iai("project", "merge", there, str(new)).returncode == 0
    assert asked not in g.iai("project", "list").stdout
    assert "\n> The cache is gone.\n" in g.iai("session-start", "--cwd", str(new)).stdout
