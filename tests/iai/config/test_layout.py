"""Where things lie, and who may see them."""

from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.config.layout import LONGEST_SOCKET_PATH, Layout, private
from iai.errors import StoreError
from iai.process import files
from iai.protocol.message import Actor


def test_everything_lies_below_the_store(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    paths = [at for name in dir(layout) if isinstance(at := getattr(layout, name), Path)]
    assert len(paths) > 10
    assert all(path.is_relative_to(tmp_path) for path in paths)


def test_what_a_killed_process_was_replacing_is_cleared_away_wherever_files_are_replaced(
    tmp_path: Path,
) -> None:
    layout = Layout(tmp_path)
    replaced = {
        layout.lifecycle, layout.lease, layout.payload, layout.project_payload("a"),
        layout.project_news("a"), layout.spool_bad / "x", layout.spool_new / "x",
        layout.redaction_key,
    }  # fmt: skip
    assert {path.parent for path in replaced} <= set(layout.replaced_in)


def test_a_store_that_is_made_is_its_users_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "store")
    layout.create()
    for path in (layout.root, *layout.root.rglob("*")):
        assert path.stat().st_mode & 0o777 == 0o700, path
    layout.create()


def test_a_directory_with_other_things_in_it_is_not_taken_for_a_store(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").touch()
    with pytest.raises(StoreError, match="is not an iai store"):
        Layout(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_spool_that_the_hooks_made_first_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "spool" / "new").mkdir(parents=True)
    (tmp_path / "hooks").mkdir()
    Layout(tmp_path).create()
    assert (tmp_path / "run").is_dir()


def test_sockets_of_a_store_with_a_long_path_lie_elsewhere() -> None:
    short, long = Layout(Path("/s")), Layout(Path("/" + "long/" * 30))
    assert short.sockets == Path("/s/run")
    assert long.sockets != Layout(Path("/" + "long/" * 31)).sockets
    for actor in Actor:
        assert len(long.inbox(actor).removeprefix("ipc://")) <= LONGEST_SOCKET_PATH


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_no_two_directories_share_a_link_to_a_payload(cwd: str) -> None:
    link = Layout(Path("/s")).payload_link("/" + cwd)
    if link is not None:
        assert unquote(link.name.removesuffix(".md")) == "/" + cwd
        assert link.parent == Layout(Path("/s")).by_cwd


def test_a_directory_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_711)
    with pytest.raises(StoreError, match="belongs to another user"):
        private(tmp_path)


def test_a_file_is_replaced_whole_and_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    files.replace(path, b"one")
    files.replace(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_replacement_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.mkdir()
    (path / "inside").touch()
    with pytest.raises(OSError, match="directory"):
        files.replace(path, b"one")
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_made_moved_and_left_alone(tmp_path: Path) -> None:
    link = tmp_path / "links" / "l"
    for target in ("a", "b", "b"):
        files.link(link, tmp_path / target)
        assert link.readlink() == Path("..") / target
    assert list(link.parent.iterdir()) == [link]


def test_a_path_of_the_store_is_made_once(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert layout.by_cwd is layout.by_cwd
    assert layout.by_cwd == tmp_path / "session-start" / "by-cwd"
