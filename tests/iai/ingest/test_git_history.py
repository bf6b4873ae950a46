"""From the commits of a project to facts."""

import os
import subprocess
from pathlib import Path

import pytest

from iai.errors import BadUsage
from iai.ingest.git_history import (
    LONGEST,
    PATHS,
    commits,
    turns,
)
from iai.model.clock import NS
from iai.projects.identity import identify
from iai.protocol.ingest import CapturedTurn

SAID_AT = 1_700_000_000


def git(directory: Path, *args: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    settings = ("-c", "user.name=Ada", "-c", "user.email=a@example.com")
    dates = {"GIT_AUTHOR_DATE": f"@{SAID_AT} +0000", "GIT_COMMITTER_DATE": "@1 +0000"}
    subprocess.run(
        ["git", *settings, *args],  # noqa: S607
        cwd=directory, check=True, capture_output=True, env={**os.environ, **dates},
    )  # fmt: skip


def commit(top: Path, message: str, *paths: str) -> None:
    for path in paths or ("file",):
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        with (top / path).open("a") as file:
            file.write(message)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", message)


def seeded(top: Path, limit: int = 100) -> list[CapturedTurn]:
    project = identify(str(top))
    return list(turns(commits(Path(project.root), limit), project))


@pytest.fixture
def top(tmp_path: Path) -> Path:
    git(tmp_path / "repo", "init", "-q", "-b", "main")
    return tmp_path / "repo"


def test_a_commit_becomes_a_fact_with_message_author_day_and_paths(top: Path) -> None:
    message = "Cache balances\n\nThey were slow.\n\nSigned-off-by: Ada <a@example.com>\n"
    commit(top, message, "src/cache.py", "d\u00e9j\u00e0 vu.py")
    (one,) = seeded(top)
    first, *_, last = one.text.splitlines()
    assert first == "Cache balances"
    assert last == "Changed: d\u00e9j\u00e0 vu.py, src/cache.py"
    assert "They were slow.\n\nCommit " in one.text
    assert "by Ada on 2023-11-14" in one.text
    assert "Signed-off" not in one.text
    assert (one.tier, one.host, one.session, one.cwd) == ("semantic", "git", "", str(top))
    assert one.created_at == SAID_AT * NS


def test_the_latest_commits_come_first_up_to_the_limit(top: Path) -> None:
    for number in range(5):
        commit(top, f"Say the thing {number}")
    assert [t.text.splitlines()[0] for t in seeded(top, 2)] == [
        "Say the thing 4",
        "Say the thing 3",
    ]


def test_a_commit_has_one_key_in_each_project(top: Path, tmp_path: Path) -> None:
    commit(top, "Say something")
    git(tmp_path, "clone", "-q", str(top), str(tmp_path / "fork"))
    (one,), (again,), (fork,) = seeded(top), seeded(top), seeded(tmp_path / "fork")
    assert one == again
    assert one.key != fork.key


@pytest.mark.parametrize(
    "noise",
    [
        "wip", "WIP: half of it", "fixup! Cache balances", "1.2.3", "v1.2",
        "Bump x from 1.0 to 1.1", "Release 2.0.0", "chore(release): 1.4.0", "build(deps): bump y",
        "Merge branch 'x'", "...", "fix", "typo", "Prepare 3.1",
    ],
)  # fmt: skip
def test_noise_is_left_out(top: Path, noise: str) -> None:
    commit(top, noise)
    assert seeded(top) == []


@pytest.mark.parametrize(
    "said",
    [
        "Fix the retry loop", "Release the lock after 2.5 s", "Wipe the cache on logout",
        "Temporary files are removed", "Merge sorted runs in one pass", "Update the schema to v2",
        "Version the wire format",
    ],
)  # fmt: skip
def test_a_subject_that_only_begins_like_noise_is_kept(top: Path, said: str) -> None:
    commit(top, said)
    assert len(seeded(top)) == 1


def test_merges_are_left_out(top: Path) -> None:
    commit(top, "Begin")
    git(top, "checkout", "-q", "-b", "side")
    commit(top, "On the side", "side")
    git(top, "checkout", "-q", "main")
    commit(top, "On the main", "main")
    git(top, "merge", "-q", "--no-ff", "-m", "Join the two", "side")
    assert {t.text.splitlines()[0] for t in seeded(top)} == {"Begin", "On the side", "On the main"}


def test_a_package_gets_the_commits_that_touched_it(top: Path) -> None:
    commit(top, "Work on the api", "api/a.py")
    (top / "api" / ".iai-project").touch()
    commit(top, "Work elsewhere", "web/w.py")
    git(top, "reset", "-q", "--soft", "HEAD")
    said = {t.text.splitlines()[0] for t in seeded(top / "api")}
    assert "Work on the api" in said
    assert len(seeded(top)) == 2


def test_long_messages_and_path_lists_are_cut(top: Path) -> None:
    commit(top, "Everything\n\n" + "x" * 50_000, *(f"f{n}" for n in range(100)))
    (one,) = seeded(top)
    assert len(one.text) < 2 * LONGEST
    assert one.text.endswith(f"and {100 - PATHS} more")


def test_a_directory_without_commits_is_refused_with_the_reason(top: Path, tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="does not have any commits yet"):
        commits(top, 10)
    (tmp_path / "plain").mkdir()
    with pytest.raises(BadUsage, match="not a git repository"):
        commits(tmp_path / "plain", 10)
    with pytest.raises(BadUsage, match="cannot run git in /nowhere"):
        commits(Path("/nowhere"), 10)
