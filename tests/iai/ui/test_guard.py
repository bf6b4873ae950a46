"""Nobody but the browser that was given the address gets in, and no other page through it."""

import socket
from pathlib import Path

import pytest

from iai.config.settings import Settings
from iai.ui import actions, render, server
from iai.ui.app import VIEWS
from iai.ui.guard import (
    COOKIE,
    FORM_TOKEN,
    HEADERS,
    LARGEST_BODY,
    LONGEST_ADDRESS,
    TOKEN_S,
    Keys,
)
from tests.iai.ui.browser import HOST, PORT, Browser

ADDRESSES = ["now", "live", "static/app.js", "static/htmx.min.js", *VIEWS]


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Return a browser that is not in yet."""
    return Browser(Settings(store=tmp_path / "store"))


@pytest.fixture
def inside(browser: Browser) -> Browser:
    browser.enter()
    return browser


@pytest.mark.parametrize("page", ADDRESSES)
def test_a_stranger_gets_nothing_at_any_address(browser: Browser, page: str) -> None:
    answer = browser.get(page)
    assert answer.status == 403
    assert "Run `iai ui` again" in answer.text
    browser.cookie = "guessed"
    assert browser.get(page).status == 403
    assert browser.get(f"/{page}").status == 404


def test_the_address_works_once_and_leaves_a_cookie_for_this_page_alone(browser: Browser) -> None:
    entered = browser.enter()
    assert (entered.status, entered.headers["location"]) == (303, "now")
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={browser.keys.cookie};")
    assert {"HttpOnly", "SameSite=strict", f"Path={browser.keys.path}"} <= set(cookie.split("; "))
    assert browser.get("settings").status == 200
    assert browser.get("").headers["location"] == "now", "no page is named: it is the first"
    assert browser.enter().status == 303, "who is in already may open it again"
    browser.cookie = ""
    again = browser.enter()
    assert (again.status, "set-cookie" in again.headers) == (403, False)
    assert "used already" in again.text


def test_an_address_expires_and_a_wrong_one_uses_nothing_up(tmp_path: Path) -> None:
    now = [0.0]
    browser = Browser(Settings(store=tmp_path), Keys(clock=lambda: now[0]))
    assert "not of this page" in browser.enter("guessed").text
    now[0] = TOKEN_S + 1
    late = browser.enter()
    assert (late.status, "has expired" in late.text) == (403, True)
    now[0] = TOKEN_S
    assert browser.enter().status == 303


@pytest.mark.parametrize(
    "host",
    ["rebound.example", f"rebound.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"{HOST}.x", ""],
)
def test_another_name_for_this_machine_is_refused(inside: Browser, host: str) -> None:
    """So a page whose name is made to resolve to 127.0.0.1 reaches nothing (DNS rebinding)."""
    assert inside.get("settings", host=host).status == 421
    assert inside.post({"action": "pin", "ref": "1"}, host=host).status == 421
    assert inside.get("settings", host=f"localhost:{PORT}").status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_page_asks_for_is_refused_even_with_the_cookie(
    inside: Browser, site: str
) -> None:
    """A server at another port of this machine is the same site."""
    assert inside.get("settings", **{"sec-fetch-site": site}).status == 403
    assert inside.post({"action": "pin", "ref": "1"}, **{"sec-fetch-site": site}).status == 403


@pytest.mark.parametrize(
    ("site", "origin"),
    [
        ("none", f"http://{HOST}"),
        ("same-origin", "https://foreign.example"),
        ("same-origin", f"http://127.0.0.1:{PORT + 1}"),
        (None, "https://foreign.example"),
        (None, "null"),
        (None, None),
        ("", ""),
    ],
)
def test_a_form_from_elsewhere_is_refused_although_it_has_the_token(
    inside: Browser, site: str | None, origin: str | None
) -> None:
    headers = {"sec-fetch-site": site, "origin": origin}
    assert inside.post({"action": "nothing", "ref": "1"}, **headers).status == 403


@pytest.mark.parametrize(("site", "origin"), [("same-origin", "null"), (None, f"http://{HOST}")])
def test_a_form_of_our_own_is_let_in_whatever_the_browser_tells_of_it(
    inside: Browser, site: str | None, origin: str
) -> None:
    headers = {"sec-fetch-site": site, "origin": origin}
    answer = inside.post({"action": "nothing", "ref": "1"}, **headers)
    assert (answer.status, "an unknown action" in answer.text) == (400, True)


@pytest.mark.parametrize("token", ["", "guessed"])
def test_a_form_without_its_token_is_refused(inside: Browser, token: str) -> None:
    refused = inside.post({"action": "pin", "ref": "1", FORM_TOKEN: token})
    assert (refused.status, "Reload it" in refused.text) == (403, True)


def test_a_body_that_needs_no_preflight_is_not_a_form(inside: Browser) -> None:
    refused = inside.post({"action": "pin", "ref": "1"}, **{"content-type": "text/plain"})
    assert refused.status == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X" * 999])
def test_no_other_request_is_answered(inside: Browser, method: str) -> None:
    answer = inside.ask(method, "do", b"", {})
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_reading_never_changes_anything(inside: Browser) -> None:
    assert inside.get("do?action=forget&ref=1").status == 405
    assert inside.ask("HEAD", "do?action=forget&ref=1", b"", {}).status == 405


def test_what_is_too_large_is_refused_before_it_is_held(inside: Browser) -> None:
    for length in (str(LARGEST_BODY + 1), "9" * 30, "-1", "x", "0"):
        body = b"x" * (LARGEST_BODY + 1 if length == "0" else 1)
        headers = {"content-length": length, "origin": f"http://{HOST}"}
        assert inside.ask("POST", "do", body, headers).status == 413
    assert inside.get(f"now?{'x' * LONGEST_ADDRESS}").status == 414
    fields = {f"f{number}": "" for number in range(99)}
    assert inside.post({"action": "pin", **fields}).status == 400


@pytest.mark.parametrize("page", ["now", "settings", "nothing", "static/app.css", "/elsewhere"])
def test_every_answer_says_what_a_browser_may_do_with_it(inside: Browser, page: str) -> None:
    for cookie in (inside.cookie, ""):
        inside.cookie = cookie
        headers = inside.get(page).headers
        assert {name.lower(): value for name, value in HEADERS.items()}.items() <= headers.items()
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert not [part for part in policy.values() if "unsafe" in part or "http" in part]


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "javascript:alert(1)", "a/../../b", "\r\nx: y", ""],
)
def test_a_form_leads_back_to_the_page_only(address: str) -> None:
    assert actions.back({"back": address}) == "next"


def test_every_address_that_the_page_makes_can_be_gone_back_to() -> None:
    for session in ("/\u202e \r\n", "a&b=c#d", "\ud800", "x.y-z~*"):
        own = render.address("session", session=session, host="claude")
        assert actions.back({"back": own}) == own


def test_the_page_listens_on_this_machine_only_and_says_if_the_port_is_taken() -> None:
    with server.listening(0) as bound:
        address, port = bound.getsockname()
        assert (address, bound.family) == ("127.0.0.1", socket.AF_INET)
        bound.listen()
        with pytest.raises(
            server.PortTaken, match=f"port {port} of 127.0.0.1: .* leave out --port"
        ):
            server.listening(port)
