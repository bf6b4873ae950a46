"""The address of a team's server, as people give it: a URL in one line. No I/O.

`tls://USER:PASSWORD@HOST:PORT#CERTIFICATE`, of which the user, the password and the certificate
(DER in URL-safe base64) may be absent. It is a secret if it has a password.
"""

import base64
import ssl
from urllib.parse import quote, unquote, urlsplit

from iai.errors import BadUsage
from iai.team.stream import Server

PORT = 4_222
_SCHEMES = ("tls", "nats")
_LOCAL = ("127.0.0.1", "::1", "localhost")
_WANTED = "`tls://HOST:PORT`, or the line that `iai team serve` shows"


def parse(text: str, certificate: str = "") -> Server:
    """Return how to reach the server. `certificate` is the PEM of one to trust.

    Raises BadUsage if it is no such URL, or would send a password unencrypted.
    """
    try:
        parts = urlsplit("".join(text.split()))
        port = parts.port or PORT
        der = base64.urlsafe_b64decode(parts.fragment + "=" * (-len(parts.fragment) % 4))
    except ValueError as error:
        raise BadUsage(f"the server's address is incomplete ({error}): {_WANTED}") from None
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path not in ("", "/"):
        raise BadUsage(f"the server's address is not {_WANTED}")
    if parts.scheme == "nats" and parts.password and parts.hostname not in _LOCAL:
        raise BadUsage("a password would cross the network unencrypted: use a server with TLS")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Server(
        urls=(f"{parts.scheme}://{host}:{port}",),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        certificate=certificate or (ssl.DER_cert_to_PEM_cert(der) if der else ""),
    )


def has_password(text: str) -> bool:
    """Is it a secret?"""
    return "@" in text


def format_line(server: Server) -> str:
    """Return the line that `parse` reads. Of several URLs it has the first."""
    scheme, _, place = server.urls[0].partition("://")
    who = f"{quote(server.user, safe='')}:{quote(server.password, safe='')}@" if server.user else ""
    der = ssl.PEM_cert_to_DER_cert(server.certificate) if server.certificate else b""
    encoded = base64.urlsafe_b64encode(der).decode().rstrip("=")
    return f"{scheme}://{who}{place}" + (f"#{encoded}" if encoded else "")
