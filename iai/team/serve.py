"""A NATS server for a small team: a single node, configured in a directory of its own.

The directory (0700) has the configuration, the certificate and its key, the address with the
password, and what the streams keep. Nothing secret is on a command line.
"""

import datetime as dt
import json
import shutil
import sys
from pathlib import Path

from msgspec import Struct

from iai.config.layout import private
from iai.errors import StoreError
from iai.process import files
from iai.team import address, certificate
from iai.team.stream import Server

USER = "iai"
MAX_PAYLOAD = 8 << 20  # bytes of a message
# What a member may publish. Not in it: deleting or emptying a stream, or changing its limits, which
# empties it too. Deleting single messages is: that is how something is forgotten.
_PUBLISH = (
    "iai.>",
    "_INBOX.>",
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.STREAM.CREATE.*",
    "$JS.API.STREAM.MSG.GET.*",
    "$JS.API.STREAM.MSG.DELETE.*",
    "$JS.API.DIRECT.GET.>",
    "$JS.API.CONSUMER.CREATE.>",
    "$JS.API.CONSUMER.INFO.>",
    "$JS.API.CONSUMER.MSG.NEXT.>",
    "$JS.API.CONSUMER.DELETE.>",
    "$JS.ACK.>",
    "$JS.FC.>",
)
_SUBSCRIBE = ("iai.>", "_INBOX.>")


class Site(Struct, frozen=True):
    """The files of a server."""

    directory: Path

    @property
    def config(self) -> Path:
        """The configuration of `nats-server`. It has the password."""
        return self.directory / "nats.conf"

    @property
    def address(self) -> Path:
        """The line with which others reach the server. It has the password."""
        return self.directory / "address"

    @property
    def certificate(self) -> Path:
        """The certificate, PEM."""
        return self.directory / "certificate.pem"

    @property
    def key(self) -> Path:
        """Its private key, PEM."""
        return self.directory / "key.pem"

    @property
    def streams(self) -> Path:
        """What the server keeps."""
        return self.directory / "streams"


def prepare(
    site: Site, hosts: tuple[str, ...], listen: str, port: int, password: str, now: float
) -> Server:
    """Write what is not there yet, and the configuration; return how to reach the server.

    `hosts` are its names and addresses, the first of which others are given. `password` is used for
    a new server; one that has a password keeps it, and its certificate. `now` is UTC seconds.
    Raises StoreError.
    """
    try:
        private(site.directory)
        if not site.certificate.exists():
            moment = dt.datetime.fromtimestamp(now, dt.UTC)
            pem, key = certificate.make(hosts, moment)
            files.replace(site.key, key.encode())
            files.replace(site.certificate, pem.encode())
        if site.address.exists():
            password = address.parse(site.address.read_text()).password
        host = f"[{hosts[0]}]" if ":" in hosts[0] else hosts[0]
        server = Server(
            urls=(f"tls://{host}:{port}",),
            user=USER,
            password=password,
            certificate=site.certificate.read_text(),
        )
        files.replace(site.address, address.format_line(server).encode() + b"\n")
        files.replace(site.config, configuration(site, listen, port, password).encode())
    except OSError as error:
        raise StoreError(f"cannot write to {site.directory}: {error.strerror}") from error
    return server


def configuration(site: Site, listen: str, port: int, password: str) -> str:
    """Return the configuration of `nats-server`.

    `sync_interval: always`, since by default a server acknowledges what it writes to the disk only
    two minutes later (https://jepsen.io/analyses/nats-2.12.1). `max_payload`: the most that its
    documentation recommends, so that a long log in a prompt is shared, too.
    """
    allowed = {
        "publish": {"allow": list(_PUBLISH)},
        "subscribe": {"allow": list(_SUBSCRIBE)},
    }
    user = {"user": USER, "password": password, "permissions": allowed}
    parts = {
        "server_name": "iai",
        "host": listen,
        "port": port,
        "max_payload": MAX_PAYLOAD,
        "jetstream": {"store_dir": str(site.streams), "sync_interval": "always"},
        "tls": {"cert_file": str(site.certificate), "key_file": str(site.key)},
        "authorization": {"users": [user]},
    }
    # JSON is a subset of the language that the server reads.
    return json.dumps(parts, indent=2) + "\n"


def binary() -> str | None:
    """Return the path of `nats-server`: that of this environment, else the one on PATH."""
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else shutil.which("nats-server")


def unit(command: str) -> str:
    """Return a systemd unit that runs this command line."""
    return f"""[Unit]
Description=the server of a team of iai
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={command}
Restart=always
RestartSec=5
UMask=0077
LimitNOFILE=65536

[Install]
WantedBy=default.target
"""
