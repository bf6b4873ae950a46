"""The web page as an ASGI application: which address shows what.

All that reads the store runs in one thread, one request after the other: LMDB must not be opened
twice in a process.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeAlias, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, GroupNotRunning, IaiError, NotFound, StoreAbsent
from iai.model.memo import Latest
from iai.process import lock
from iai.recall import timeline
from iai.ui import (
    actions,
    deliveries,
    files,
    guard,
    installation,
    record,
    render,
    search,
    sessions,
    topic_map,
)
from iai.ui.guard import Guard, Keys
from iai.ui.installation import Examination
from iai.ui.next_session import NextSession
from iai.ui.now import LiveState
from iai.ui.page_request import Document, PageRequest

T = TypeVar("T")
View: TypeAlias = Callable[[PageRequest], Document]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

LIVE = ("state", "activity", "processes")  # parts of the page of now
REMEMBERED = 100  # sessions
LIVE_S = 2.0  # between two measurements of the state, however many pages are open
_STATUS: dict[type[IaiError], int] = {
    BadUsage: 400,
    NotFound: 404,
    GroupNotRunning: 503,
    StoreAbsent: 200,  # nothing is wrong: nothing was stored yet
}
VIEWS: dict[str, tuple[View, str]] = {
    "sessions": (sessions.show, "sessions.html"),
    "session": (sessions.story, "session.html"),
    "record": (record.show, "record.html"),
    "search": (search.show, "search.html"),
    "files": (files.show, "files.html"),
    "deliveries": (deliveries.show, "deliveries.html"),
    "settings": (installation.settings, "settings.html"),
    "map": (topic_map.show, "map.html"),
}


class Pages:
    """What the addresses show, of one store."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._layout = Layout(settings.store)
        self._form_token = keys.form_token
        self._templates = render.environment()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._state = LiveState(settings)
        self._next = NextSession(settings)
        self._examination = Examination({**os.environ, "IAI_MCP_STORE": str(settings.store)})
        self._memo: timeline.Memo = Latest(REMEMBERED)
        self._live: dict[str, str] = {}
        self._live_at = 0.0
        self._rendering = asyncio.Lock()
        self.ending = asyncio.Event()  # the streams end by themselves

    def prepare(self) -> None:
        """Begin to compile the templates, while the browser starts: the first pages took longer."""
        self._worker.submit(self._compile, ["now.html", *self._templates.list_templates()])

    def _compile(self, templates: list[str]) -> None:
        """Compile one, and queue for the next: a page that is asked for waits for one at most."""
        if templates:
            self._templates.get_template(templates[0])
            self._worker.submit(self._compile, templates[1:])

    def routes(self) -> list[Route]:
        """Return all but the files of the page itself."""
        shown = [Route(f"/{name}", self._endpoint(name)) for name in VIEWS]
        return [
            *shown,
            Route("/", self.first),
            Route("/now", self.now),
            Route("/next", self.next),
            Route("/health", self.health),
            Route("/check", self.check, methods=["POST"]),
            Route("/live", self.live),
            Route("/do", self.act, methods=["POST"]),
        ]

    def _endpoint(self, name: str) -> Endpoint:
        view, template = VIEWS[name]

        async def endpoint(request: Request) -> Response:
            return await self._in_store(partial(self._page, request, view, template))

        return endpoint

    async def first(self, _: Request) -> Response:
        """Go to the first page: an address may have lost all behind its last slash."""
        return RedirectResponse("now", 303)

    async def now(self, request: Request) -> Response:
        """Show the state, which then follows by `live`."""
        return await self._in_store(partial(self._page, request, self._now, "now.html"))

    async def next(self, request: Request) -> Response:
        """Show the text of the next session."""
        return await self._in_store(partial(self._page, request, self._next.show, "next.html"))

    async def health(self, request: Request) -> Response:
        """Show what the quick checks find, and what the last examination has found."""
        view = partial(installation.health, examination=self._examination)
        return await self._in_store(partial(self._page, request, view, "health.html"))

    async def check(self, _: Request) -> Response:
        """Begin to read everything, and go back to where it will be shown."""
        self._examination.begin()
        return RedirectResponse("health#everything", 303)

    async def live(self, _: Request) -> Response:
        """Send the state whenever it has changed, as server-sent events."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def act(self, request: Request) -> Response:
        """Do what a form asks for, and go back to where it was."""
        form = guard.form_of(request.scope)
        return await self._in_store(partial(self._act, request, form))

    def end(self) -> None:
        """End the streams, and what runs for the page."""
        self.ending.set()
        self._examination.end()

    def _now(self, request: PageRequest) -> Document:
        return self._state.live(request.wall) | self._state.past()

    def _act(self, request: Request, form: dict[str, str]) -> Response:
        try:
            return RedirectResponse(actions.act(self._layout, form), 303)
        except IaiError as error:
            return self._problem(request, error, actions.back(form))

    def _page(self, request: Request, view: View, template: str) -> Response:
        wanted = PageRequest(self._settings, dict(request.query_params), time.time_ns(), self._memo)
        try:
            return HTMLResponse(self._html(request, template, wanted.wall, view(wanted)))
        except IaiError as error:
            return self._problem(request, error)

    def _problem(self, request: Request, error: IaiError, back: str = "now") -> Response:
        nothing = isinstance(error, StoreAbsent)
        known = (code for kind, code in _STATUS.items() if isinstance(error, kind))
        said = {"problem": str(error), "nothing": nothing, "back": back}
        page = self._html(request, "problem.html", time.time_ns(), said)
        return HTMLResponse(page, next(known, 500))

    def _html(self, request: Request, template: str, wall: int, data: Document) -> str:
        """Return a page; `back` is its own address, for the forms on it."""
        name = request.url.path.rpartition("/")[2]
        own = {field: value for field, value in request.query_params.items() if field != "did"}
        frame = {
            "page": name,
            "back": render.address(name, **own),
            "form_token": self._form_token,
            "running": lock.held(self._layout.lease),
            "store": self._settings.store,
            "did": actions.SAID.get(request.query_params.get("did", ""), ""),
            "ago": render.ago(wall),
        }
        text: str = self._templates.get_template(template).render(frame | data)
        return text

    async def _events(self) -> AsyncIterator[str]:
        sent: dict[str, str] = {}
        while not self.ending.is_set():
            parts = await self._live_parts()
            for part, html in parts.items():
                if html != sent.get(part):
                    data = "".join(f"data: {line}\n" for line in html.splitlines())
                    yield f"event: {part}\n{data}\n"
            sent = parts
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), LIVE_S)

    async def _live_parts(self) -> dict[str, str]:
        """Return the live parts of the page as HTML, the same for all pages that are open."""
        async with self._rendering:
            if time.monotonic() - self._live_at > LIVE_S / 2:
                self._live = await self._in_store(self._render_live)
                self._live_at = time.monotonic()
        return self._live

    def _render_live(self) -> dict[str, str]:
        wall = time.time_ns()
        data = self._state.live(wall) | {"ago": render.ago(wall)}
        return {part: self._templates.get_template(f"_{part}.html").render(data) for part in LIVE}

    async def _in_store(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


def guarded(pages: Pages, keys: Keys, port: int) -> Guard:
    """Return the pages as they are served at a port: to those who have the keys."""
    inside = [*pages.routes(), Mount("/static", StaticFiles(directory=render.STATIC))]
    return Guard(Starlette(routes=[Mount(keys.path.rstrip("/"), routes=inside)]), keys, port)
