"""Serves the page on 127.0.0.1, and nowhere else. The only module that listens on a network."""

import socket
import webbrowser
from contextlib import suppress

import uvicorn

from iai.config.settings import Settings
from iai.errors import IaiError
from iai.ui.app import Pages, guarded
from iai.ui.guard import Keys

HOST = "127.0.0.1"
MOST_AT_ONCE = 64  # requests, open streams included
GOODBYE_S = 1  # for requests under way when the user ends it


class PortTaken(IaiError):
    """Another program listens there."""


class Server(uvicorn.Server):
    """A server whose streams end when it does: it would wait for them."""

    def __init__(self, config: uvicorn.Config, pages: Pages) -> None:
        super().__init__(config)
        self._pages = pages

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then what is under way."""
        self._pages.end()
        await super().shutdown(sockets)


def serve(settings: Settings, port: int, *, browse: bool) -> None:
    """Serve the page until the user ends it; port 0: any free one. Raises PortTaken."""
    keys = Keys()
    pages = Pages(settings, keys)
    with listening(port) as bound:
        own = bound.getsockname()[1]
        config = uvicorn.Config(
            guarded(pages, keys, own),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,  # nothing of a request is logged anywhere
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_graceful_shutdown=GOODBYE_S,
        )
        address = f"http://{HOST}:{own}{keys.path}?token={keys.token}"
        pages.prepare()
        print(f"{address}\nThis address works once. Ctrl-C ends the page.", flush=True)  # noqa: T201
        if browse:
            webbrowser.open(address)
        with suppress(KeyboardInterrupt):  # how the user ends it
            Server(config, pages).run(sockets=[bound])


def listening(port: int) -> socket.socket:
    """Return a socket that listens on 127.0.0.1. Raises PortTaken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.bind((HOST, port))
        bound.listen()  # from now on a browser that comes too early waits
    except OSError as error:
        bound.close()
        raise PortTaken(f"port {port} of {HOST}: {error.strerror}; leave out --port") from error
    return bound
