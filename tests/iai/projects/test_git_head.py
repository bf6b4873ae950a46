"""Which branch is checked out, by git's own files."""

import os
from pathlib import Path

import pytest

from iai.projects.git_head import branch


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("ref: refs/heads/main\n", "main"),
        ("ref: refs/heads/fix/tide", "fix/tide"),
        ("ref: refs/heads/internationalization-of-invoices", "internationalization-of-invoices"),
        ("ref: refs/heads/n\u00e4he\n", "n\u00e4he"),
        ("0123456789abcdef0123456789abcdef01234567\n", ""),  # detached, as during a rebase
        ("ref: refs/remotes/origin/main\n", ""),
        ("ref: refs/heads/wip-ghp_" + "a1B2c3D4" * 4 + "e5F6", ""),  # a token that was pasted
        ("", ""),
    ],
)
def test_the_branch_is_the_one_that_head_names(tmp_path: Path, head: str, found: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head, "utf-8")
    assert branch(str(tmp_path)) == found


@pytest.mark.parametrize("relative", [True, False])
def test_a_worktree_has_a_branch_of_its_own(tmp_path: Path, *, relative: bool) -> None:
    own = tmp_path / "main" / ".git" / "worktrees" / "quay"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/quay\n")
    (own.parents[1] / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "quay").mkdir()
    target = "../main/.git/worktrees/quay" if relative else str(own)
    (tmp_path / "quay" / ".git").write_text(f"gitdir: {target}\n")
    assert branch(str(tmp_path / "quay")) == "quay"
    assert branch(str(tmp_path / "main")) == "main"


def test_where_gits_files_cannot_be_read_there_is_no_branch(tmp_path: Path) -> None:
    assert branch(str(tmp_path)) == ""
    assert branch("nul\0") == ""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").mkdir()
    assert branch(str(tmp_path)) == ""
    (tmp_path / ".git" / "HEAD").rmdir()
    os.mkfifo(tmp_path / ".git" / "HEAD")  # which would be waited for
    assert branch(str(tmp_path)) == ""
