"""Who may use the page: the browser that was given its address, and nobody else.

Being on 127.0.0.1 keeps nobody out: every page on the web, every user and every program of this
machine can send requests there. What is refused, and why:

| attack | refused by |
| --- | --- |
| another user or program opens the port | a token in the address, then a cookie |
| the address is read later, in a history or a list of processes | its token works once, and soon |
| a name that resolves to 127.0.0.1 (DNS rebinding) | the `Host` header must be our own |
| a foreign page sends a request (CSRF) | `Sec-Fetch-Site`, `Origin`, SameSite, and a form token |
| a server at another port of 127.0.0.1 is sent the cookie | the cookie's path, which is random |
| a stored text that is HTML or script | escaping in every template, and the content policy |
| a foreign page shows ours in a frame, or reads it | `frame-ancestors`, CORP, no CORS headers |
| a request too large to hold | bounds, before anything is read |

What a request asks for decides nothing here: only these checks let it in.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct
from starlette.datastructures import Headers, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_S = 300.0  # how long the address works
LARGEST_BODY = 1 << 20  # bytes of a form
LONGEST_ADDRESS = 8 << 10  # bytes of a path and its query
MOST_FIELDS = 32  # of a form
COOKIE = "iai-ui"
FORM_TOKEN = "form_token"  # noqa: S105  the name of a field
FORM = "application/x-www-form-urlencoded"
AGAIN = "Run `iai ui` again: it opens a new one."
SAFE_METHODS = ("GET", "HEAD")

# Every response has these. No style or script of a page is in the page itself, so that none can be
# put into it; pictures are, as SVG. Nothing of the memory stays in the browser's cache.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


class Refusal(Struct, frozen=True):
    """A request that is not let in: the status, and why in words."""

    status: int
    why: str


class Keys:
    """The secrets of one page. They are in memory only, and gone with the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = f"/{secrets.token_urlsafe(12)}/"
        self.cookie = secrets.token_urlsafe(32)
        self.form_token = secrets.token_urlsafe(32)
        self.token = secrets.token_urlsafe(32)
        self._clock = clock
        self._expires = clock() + TOKEN_S
        self._used = False

    def redeem(self, token: str) -> Refusal | None:
        """Use the token up. Return why that is not possible; None if it was."""
        if not _equal(token, self.token):
            return Refusal(403, f"This address is not of this page. {AGAIN}")
        if self._used:
            return Refusal(403, f"This address was used already, and works only once. {AGAIN}")
        if self._clock() > self._expires:
            return Refusal(403, f"This address has expired. {AGAIN}")
        self._used = True
        return None


class Guard:
    """The page, wrapped: an ASGI application that lets only its own browser through."""

    def __init__(self, app: ASGIApp, keys: Keys, port: int) -> None:
        self._app = app
        self._keys = keys
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # no WebSocket, no lifespan: the server closes the connection
        headers = Headers(scope=scope)
        secured = _with_headers(send)
        response = self._refused(scope, headers) or self._entered(scope, headers)
        if response is None and scope["method"] not in SAFE_METHODS:
            body = await _body(receive, headers)
            form = body if isinstance(body, Refusal) else self._form(body, headers)
            if isinstance(form, Refusal):
                response = _text(form)
            else:
                scope["iai.form"] = form
        await (response or self._app)(scope, receive, secured)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        refusal = self.check(scope["method"], headers)
        if refusal is None and len(scope["raw_path"] + scope["query_string"]) > LONGEST_ADDRESS:
            refusal = Refusal(414, "This address is too long.")
        if refusal is None and not scope["path"].startswith(self._keys.path):
            refusal = Refusal(404, "There is nothing at this address.")
        return _text(refusal) if refusal else None

    def check(self, method: str, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request with these headers is not let in, whatever it asks for."""
        host = headers.get("host", "")
        if host not in self._hosts:
            return Refusal(421, "This page is only at 127.0.0.1, by that name.")
        if method not in (*SAFE_METHODS, "POST"):
            return Refusal(405, f"{method[:20]} is not a request that this page answers.")
        site, origin = headers.get("sec-fetch-site", ""), headers.get("origin", "")
        safe = method in SAFE_METHODS
        if site not in ("", "same-origin") and not (safe and site == "none"):
            return Refusal(403, "Another page sent this request.")
        # With no referrer policy but `no-referrer`, a browser says `null` of our own forms, too.
        if origin not in ("", f"http://{host}") and not (origin == "null" and site):
            return Refusal(403, "Another page sent this request.")
        if not safe and not (site or origin):
            return Refusal(403, "It is not known which page sent this request.")
        return None

    def _entered(self, scope: Scope, headers: Headers) -> Response | None:
        """Let in who has the cookie; give it to who has the token."""
        known = _equal(_cookie(headers), self._keys.cookie)
        token = QueryParams(scope["query_string"]).get("token", "")
        if not token:
            return (
                None if known else _text(Refusal(403, f"Your browser is not known here. {AGAIN}"))
            )
        if scope["method"] != "GET":
            return _text(Refusal(405, "Open the address in a browser."))
        if not known and (refusal := self._keys.redeem(token)):
            return _text(refusal)
        entered = RedirectResponse("now", 303)
        entered.set_cookie(
            COOKIE, self._keys.cookie, path=self._keys.path, httponly=True, samesite="strict"
        )
        return entered

    def _form(self, body: bytes, headers: Headers) -> dict[str, str] | Refusal:
        if headers.get("content-type", "").partition(";")[0].strip() != FORM:
            return Refusal(415, "That is not a form of this page.")
        try:
            fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            return Refusal(400, "That form cannot be read.")
        form = {name: values[-1] for name, values in fields.items()}
        if not _equal(form.get(FORM_TOKEN, ""), self._keys.form_token):
            return Refusal(403, "That form is not of this page, or of an earlier one. Reload it.")
        return form


async def _body(receive: Receive, headers: Headers) -> bytes | Refusal:
    """Read the body of a request, unless it is too large."""
    too_large = Refusal(413, f"That is more than {LARGEST_BODY >> 20} MiB.")
    length = headers.get("content-length", "0")
    plausible = length.isascii() and length.isdecimal() and len(length) <= len(str(LARGEST_BODY))
    if not plausible or int(length) > LARGEST_BODY:
        return too_large
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            return too_large
        parts.append(part)
        more = message["type"] == "http.request" and message.get("more_body", False)
    return b"".join(parts)


def _with_headers(send: Send) -> Send:
    """Return a `send` that adds `HEADERS` to every response."""
    names = {name.lower().encode() for name in HEADERS}
    ours = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            theirs: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            kept = [pair for pair in theirs if pair[0].lower() not in names]
            message = {**message, "headers": [*kept, *ours]}
        await send(message)

    return secured


def _cookie(headers: Headers) -> str:
    """Return our cookie; "" without one. Any other cookie of 127.0.0.1 is none of our business."""
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), "")


def _equal(given: str, secret: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def _text(refusal: Refusal) -> Response:
    return PlainTextResponse(refusal.why + "\n", refusal.status)


def form_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of the form that was let in with a request."""
    form: dict[str, str] = scope["iai.form"]
    return form
