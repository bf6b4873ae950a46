"""A store, its run directory and its sockets belong to their user alone."""

import fcntl
import os
import socket
from pathlib import Path

import pytest

from iai.config.layout import Layout
from iai.config.permissions import exposed, secure
from iai.errors import StoreError
from iai.process import files, lock
from iai.process.client import Client
from iai.protocol.message import Actor, Ping, Pong


@pytest.fixture
def store(layout: Layout) -> Layout:
    files.replace(layout.session_start / "0.md", b"text")
    files.link(layout.by_cwd / "%2Fhome.md", layout.session_start / "0.md")
    os.mkfifo(layout.wakeup_pipe, 0o600)
    return layout


def test_a_store_as_it_should_be_is_left_alone(store: Layout) -> None:
    assert exposed(store.root) == []
    secure(store.root)
    store.create()


def test_wrong_modes_are_put_right_at_every_depth(store: Layout) -> None:
    wrong = [store.root, store.run, store.session_start, store.session_start / "0.md",
             store.wakeup_pipe]  # fmt: skip
    for path in wrong:
        path.chmod(0o777)
    (store.session_start / "0.md").chmod(0o664)
    assert sorted(exposed(store.root)) == sorted(wrong)
    store.create()
    assert exposed(store.root) == []
    assert (store.session_start / "0.md").stat().st_mode & 0o777 == 0o600


def test_what_another_user_put_into_it_is_refused(
    store: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_711)
    with pytest.raises(StoreError, match="belongs to another user"):
        secure(store.root)


@pytest.mark.parametrize("name", ["records", "session-start/by-cwd/%2Fx.md", "run/ingest.lock"])
def test_a_link_that_leads_out_of_it_is_refused_and_what_it_points_to_is_not_touched(
    store: Layout, tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o755)
    (store.root / name).symlink_to(outside)
    with pytest.raises(StoreError, match=f"{name} is a symbolic link that leads out of the store"):
        store.create()
    assert outside.stat().st_mode & 0o777 == 0o755


def test_the_store_itself_may_be_a_link(store: Layout, tmp_path: Path) -> None:
    linked = Layout(tmp_path / "link")
    linked.root.symlink_to(store.root)
    linked.create()
    assert linked.root.readlink() == store.root


def test_a_pipe_or_socket_that_iai_did_not_create_is_refused(store: Layout) -> None:
    os.mkfifo(store.session_start / "pipe", 0o600)
    with pytest.raises(StoreError, match="pipe is a pipe, a socket or a device"):
        store.create()


def test_sockets_outside_the_store_are_refused_unless_their_directory_is_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    layout = Layout(tmp_path / "store")
    elsewhere = tmp_path / "sockets"
    elsewhere.symlink_to(planted)
    monkeypatch.setattr(Layout, "sockets", property(lambda _: elsewhere))
    layout.create()
    with pytest.raises(StoreError, match="is not a directory of yours"):
        layout.create_sockets()
    lease = lock.take(layout.lease)
    assert lease is not None
    with Client(layout) as client, pytest.raises(StoreError, match="is not a directory of yours"):
        client.call(Actor.INGEST, Ping(), Pong)
    lease.release()
    elsewhere.unlink()
    layout.create_sockets()
    assert elsewhere.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr("os.getuid", lambda: 4_711)
    with pytest.raises(StoreError, match="is not a directory of yours"):
        layout.check_sockets()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to give a directory away")
def test_a_group_in_the_run_directory_of_another_user_is_told_nothing(layout: Layout) -> None:
    os.chown(layout.run, 65_534, 65_534)
    layout.lease.touch()
    with layout.lease.open() as held, Client(layout) as client:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert client.running()
        for ask in (client.require, lambda: client.call(Actor.INGEST, Ping(), Pong, 0.1)):
            with pytest.raises(StoreError, match=r"run is not a directory of yours$"):
                ask()


def test_sockets_and_locks_of_a_killed_group_are_no_obstacle(store: Layout) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(store.run / "ingest.sock"))
    secure(store.root)
    assert (store.run / "ingest.sock").stat().st_mode & 0o077 == 0
