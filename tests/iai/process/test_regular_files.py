"""Files that anybody may have named: regular ones are read, and nothing else is waited for."""

import os
import socket
from pathlib import Path

import pytest

from iai.process.files import LONGEST, append, open_regular, read_regular
from iai.projects.git_config import GitDirectory, origin
from iai.projects.identity import MARKER, identify
from iai.projects.ssh_config import host_name


def special(tmp_path: Path) -> list[Path]:
    """Return a pipe, a socket, a device, a directory and nothing."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(tmp_path / "socket"))
    return [tmp_path / "pipe", tmp_path / "socket", Path("/dev/zero"), tmp_path, tmp_path / "no"]


def test_a_pipe_a_socket_a_device_and_a_directory_are_refused_at_once(tmp_path: Path) -> None:
    for path in special(tmp_path):
        with pytest.raises(OSError, match=r"regular|directory|No such"):
            open_regular(path)
        if path != tmp_path / "no":
            with pytest.raises(OSError, match=r"regular|directory|No such"):
                append(path, b"x")
    with pytest.raises(OSError, match="not the name of a file"):
        open_regular("a\0b")


def test_nothing_is_appended_to_a_file_that_is_as_long_as_one_may_be(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.truncate(LONGEST - 1)
    append(path, b"x")
    with pytest.raises(OSError, match="too large"):
        append(path, b"x")
    assert path.stat().st_size == LONGEST


def test_a_link_is_followed_only_where_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    link = tmp_path / "link"
    link.symlink_to("file")
    assert read_regular(link, 3) == b"tex"
    for refused in (lambda: read_regular(link, 3, follow=False), lambda: append(link, b"x")):
        with pytest.raises(OSError, match=r"regular|symbolic"):
            refused()
    assert (tmp_path / "file").read_bytes() == b"text"


def test_what_is_planted_in_a_checkout_or_a_home_directory_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for number, path in enumerate(special(tmp_path)):
        top = tmp_path / f"{number}"
        (top / ".git" / "logs").mkdir(parents=True)
        for name in ("config", "commondir", "logs/HEAD"):
            (top / ".git" / name).symlink_to(path)
        (top / MARKER).symlink_to(path)
        assert identify(str(top)).name == f"{number}"
        assert origin(GitDirectory(top / ".git", top / ".git")) == ""
        worktree = tmp_path / f"w{number}"
        worktree.mkdir()
        (worktree / ".git").symlink_to(path)
        identify(str(worktree))
        ssh = tmp_path / f"home{number}" / ".ssh"
        ssh.mkdir(parents=True)
        monkeypatch.setenv("HOME", str(ssh.parent))
        (ssh / "config").symlink_to(path)
        assert host_name("alias") == "alias"


def test_a_marker_that_is_a_link_gives_no_name_away(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key-0123456789\n")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / MARKER).symlink_to(tmp_path / "secret")
    assert identify(str(tmp_path / "here")).name == "here"


LONG = "n" * 400


@pytest.mark.parametrize(
    "cwd",
    ["/p\0x", "/p/\ud800", f"/{LONG}", f"/worktrees/{LONG}/x", "/" + "d/" * 3_000, "~\0", "a\0"],
)
def test_a_directory_that_cannot_exist_is_a_project_of_its_own(cwd: str) -> None:
    found = identify(cwd)
    assert len(found.id) == 16
    found.root.encode()
    assert "\0" not in found.root


@pytest.mark.parametrize("pointer", ["a\0b", "\udce9", "n" * 400, "../" * 2_000, "loop", ""])
def test_a_git_file_may_point_anywhere(tmp_path: Path, pointer: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / ".git").write_bytes(f"gitdir: {pointer}".encode("utf-8", "surrogateescape"))
    assert identify(str(tmp_path)).root == str(tmp_path)


def test_configurations_of_ssh_that_include_each_other_are_each_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    for number in range(12):
        (ssh / f"{number}").write_text("Include *\nInclude **/*\n")
    (ssh / "config").write_text("Include *\nHost work\n  HostName example.org\n")
    assert host_name("work") == "example.org"
    blank = " " * 200_000
    (ssh / "config").write_text(f"Host work\n  HostName {blank}x{blank}y\n")
    assert host_name("work").endswith("y")
