"""The client of NATS, opened for one connection, and why a connection has ended, in words."""

import asyncio
import ssl
from collections import deque

import nats
from nats.aio.client import Client
from nats.js.errors import APIError

from iai.team.stream import Server

CONNECT_S = 5.0  # for one server to answer
PING_S = 5.0  # between two pings; two that are not answered end the connection
LARGEST_CLUSTER = 3  # copies of each message, where there are that many servers


class StreamLost(Exception):
    """The connection is of no use any more."""


async def open_client(client: Client, server: Server, lost: "asyncio.Future[str]") -> None:
    """Connect. `lost` is set when the connection ends."""
    errors: deque[Exception] = deque(maxlen=1)

    def end(reason: str) -> None:
        if not lost.done():
            lost.set_result(reason)

    async def on_error(error: Exception) -> None:
        errors.append(error)
        if isinstance(error, nats.errors.SlowConsumerError):
            end("messages came faster than they were taken")
        elif "permissions violation" in str(error).lower():
            end(words(error))

    async def on_closed() -> None:
        end(words(errors[-1]) if errors else "the server has closed the connection")

    try:
        await client.connect(
            list(server.urls),
            user=server.user or None,
            password=server.password or None,
            tls=_tls(server),
            error_cb=on_error,
            closed_cb=on_closed,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=int(CONNECT_S),
            ping_interval=int(PING_S),
        )
    except nats.errors.NoServersError:
        raise StreamLost(words(errors[-1]) if errors else "no server answers") from None


def _tls(server: Server) -> ssl.SSLContext | None:
    if not any(url.startswith("tls") for url in server.urls):
        return None
    if not server.certificate:
        return ssl.create_default_context()
    context = ssl.create_default_context(cadata=server.certificate)
    # Only that certificate is trusted, whatever address the server is reached by.
    context.check_hostname = False
    return context


def words(error: BaseException) -> str:
    """Return why a connection has ended, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = next(iter(error.exceptions))
    text = " ".join(str(error).split())
    match error:
        case TimeoutError():
            return "the server does not answer"
        case ConnectionRefusedError():
            return "nothing listens at the server's address"
        case APIError(description=str(said)):
            return said
        case StreamLost():
            return text
        case _:
            return f"{type(error).__name__}: {text}".rstrip(": ")


def replicas(client: Client) -> int:
    """Return how many copies of each message the servers can keep."""
    known = client._server_info.get("connect_urls") or []  # noqa: SLF001  no accessor for it
    return LARGEST_CLUSTER if len(set(known)) >= LARGEST_CLUSTER else 1
