"""A browser of one page, in this process: it calls the application, and keeps the cookie."""

import asyncio
from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlencode

from iai.config.settings import Settings
from iai.ui.app import Pages, guarded
from iai.ui.guard import COOKIE, FORM, FORM_TOKEN, Keys

PORT = 8765
HOST = f"127.0.0.1:{PORT}"


class Response(NamedTuple):
    """An answer of the page."""

    status: int
    headers: dict[str, str]
    text: str


class Browser:
    """Sends what a browser would send; each header can be given otherwise, or left out as None."""

    def __init__(self, settings: Settings, keys: Keys | None = None) -> None:
        self.keys = keys or Keys()
        self.app = guarded(Pages(settings, self.keys), self.keys, PORT)
        self.cookie = ""

    def enter(self, token: str = "") -> Response:
        """Open the address that `iai ui` prints."""
        query = urlencode({"token": token or self.keys.token})
        answer = self.get(f"?{query}", **{"sec-fetch-site": "none"})
        if "set-cookie" in answer.headers:
            self.cookie = SimpleCookie(answer.headers["set-cookie"])[COOKIE].value
        return answer

    def get(self, page: str, **headers: str | None) -> Response:
        """Open a page."""
        return self.ask("GET", page, b"", headers)

    def post(self, fields: Mapping[str, str], **headers: str | None) -> Response:
        """Send a form of a page, with its token unless that is given."""
        return self.send("do", fields, headers)

    def send(
        self,
        to: str,
        fields: Mapping[str, str],
        headers: Mapping[str, str | None] = MappingProxyType({}),
    ) -> Response:
        """Send a form to where it says."""
        body = urlencode({FORM_TOKEN: self.keys.form_token, **fields}).encode()
        form = {"content-type": FORM, "content-length": str(len(body)), "origin": f"http://{HOST}"}
        return self.ask("POST", to, body, {**form, **headers})

    def ask(
        self, method: str, page: str, body: bytes, headers: Mapping[str, str | None]
    ) -> Response:
        """Send one request."""
        return asyncio.run(self._ask(method, page, body, headers))

    def events(self, page: str, count: int) -> list[str]:
        """Return the first server-sent events of a page."""

        async def take() -> list[str]:
            taken: list[str] = []
            enough = asyncio.Event()

            async def send(message: Any) -> None:
                taken.append(message.get("body", b"").decode())
                if len([one for one in taken if one]) >= count:
                    enough.set()

            scope = self._scope("GET", page, {})
            stream = asyncio.ensure_future(self.app(scope, _never, send))
            await enough.wait()
            stream.cancel()
            await asyncio.gather(stream, return_exceptions=True)
            return [one for one in taken if one]

        return asyncio.run(take())

    async def _ask(
        self, method: str, page: str, body: bytes, headers: Mapping[str, str | None]
    ) -> Response:
        sent: list[Any] = []

        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return given.pop() if given else await _never()

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(self._scope(method, page, headers), receive, send)
        start = sent[0]
        pairs = {name.decode(): value.decode() for name, value in start["headers"]}
        text = b"".join(one.get("body", b"") for one in sent[1:]).decode()
        return Response(start["status"], pairs, text)

    def _scope(self, method: str, page: str, given: Mapping[str, str | None]) -> dict[str, Any]:
        path, _, query = (page if page.startswith("/") else self.keys.path + page).partition("?")
        usual = {
            "host": HOST,
            "sec-fetch-site": "same-origin",
            "cookie": f"other=1; {COOKIE}={self.cookie}" if self.cookie else "other=1",
        }
        headers = {name: value for name, value in {**usual, **given}.items() if value is not None}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "server": ("127.0.0.1", PORT),
            "client": ("127.0.0.1", 50_000),
        }


async def _never() -> dict[str, Any]:
    await asyncio.Event().wait()
    return {"type": "http.disconnect"}


class Parsed(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All of its text."""
        return "".join(self.words)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """Return the attributes of the elements of a name that have these, too."""
        return [
            found
            for name, found in self.elements
            if name == tag and attributes.items() <= found.items()
        ]
