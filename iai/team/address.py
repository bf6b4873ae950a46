"""The address of a team's server, as people give it: a URL in one line. No I/O.

`tls://USER:PASSWORD@HOST:PORT#CERTIFICATE`, of which the user, the password and the certificate
(DER in URL-safe base64) may be absent. Of a cluster, the other servers follow the first, before the
certificate: `,tls://HOST:PORT`. It is a secret if it has a password.
"""

import base64
import re
import ssl
from urllib.parse import SplitResult, quote, unquote, urlsplit

from iai.errors import BadUsage
from iai.team.stream import Server

PORT = 4_222
_SCHEMES = ("tls", "nats")
_LOCAL = ("127.0.0.1", "::1", "localhost")
_WANTED = "`tls://HOST:PORT`, or a file with one, such as `iai team serve` writes"
_NEXT = re.compile(r",(?=(?:tls|nats)://)")  # a password may have commas


def parse(text: str, certificate: str = "") -> Server:
    """Return how to reach the server. `certificate` is the PEM of one to trust.

    Raises BadUsage if it is no such URL, or would send a password unencrypted.
    """
    line, _, encoded = "".join(text.split()).partition("#")
    first, *others = (_split(url) for url in _NEXT.split(line))
    try:
        der = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError as error:
        raise BadUsage(f"the certificate in the server's address is incomplete: {error}") from None
    servers = [first, *others]
    if first.password and any(s.scheme == "nats" and s.hostname not in _LOCAL for s in servers):
        raise BadUsage("a password would cross the network unencrypted: use a server with TLS")
    return Server(
        urls=tuple(map(_url, servers)),
        user=unquote(first.username or ""),
        password=unquote(first.password or ""),
        certificate=certificate or (ssl.DER_cert_to_PEM_cert(der) if der else ""),
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises if it is none
    except ValueError as error:
        raise BadUsage(f"the server's address is incomplete ({error}): {_WANTED}") from None
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path not in ("", "/"):
        raise BadUsage(f"the server's address is not {_WANTED}")
    return parts


def _url(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or PORT}"


def has_password(text: str) -> bool:
    """Is it a secret?"""
    return "@" in text


def format_line(server: Server) -> str:
    """Return the line that `parse` reads."""
    scheme, _, places = ",".join(server.urls).partition("://")
    who = f"{quote(server.user, safe='')}:{quote(server.password, safe='')}@" if server.user else ""
    der = ssl.PEM_cert_to_DER_cert(server.certificate) if server.certificate else b""
    encoded = base64.urlsafe_b64encode(der).decode().rstrip("=")
    return f"{scheme}://{who}{places}" + (f"#{encoded}" if encoded else "")
