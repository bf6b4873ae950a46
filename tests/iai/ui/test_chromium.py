"""The page in a real browser, the system's Chromium, over a hostile store."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from harness.group import PATIENCE_S, Group
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from iai.config.layout import Layout
from iai.model.topic import Topic
from iai.protocol.ingest import Capture, Captured, CapturedTurn
from iai.protocol.message import Actor
from iai.store.graph import GraphChange, GraphStore
from iai.store.links import Edge
from iai.store.topics import Window
from iai.ui.guard import COOKIE
from iai.ui.render import PAGES
from tests.iai.store import hostile

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install the package `chromium`"),
]
WIDTHS = (360, 768, 1_440)
EVIL = (
    "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
    "'\"><a href=javascript:document.title='owned'>x</a>\x1b]0;x\x07\u202egnp\u2066 "
    "\u05e9\u05dc\u05d5\u05dd"
)
READY_MS = 60_000.0  # for whatever is waited for; only a heavily loaded machine needs so long
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
Make = Callable[..., Group]


class Served:
    """`iai ui` on the store of a group."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self._process = subprocess.Popen(
            [sys.executable, "-m", "iai", "ui", "--no-open"], env=group.environment,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        self.base = self.address.partition("?")[0]
        self.host = re.findall("//([^/]+)/", self.address)[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self.end()

    def end(self) -> int:
        """End it as Ctrl-C does; return its exit code."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if os.getuid() == 0 else []
        )
        expect.set_options(timeout=READY_MS)
        yield browser
        expect.set_options()
        browser.close()


@contextmanager
def hostile_group() -> Iterator[Group]:
    """Run a group on a hostile store."""
    with Group(session_cache_refresh_min_sec="0", hang_after_sec="600") as group:
        _here(group).mkdir()
        group.layout.create()
        hostile.fill(group.layout, _here(group), EVIL)
        group.up()
        group.settle()
        yield group


def _here(group: Group) -> Path:
    return group.work / "quay"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with hostile_group() as group, Served(group) as page:
        yield page


def remember(group: Group, text: str) -> int:
    """Store a note, and wait until the next session starts with it; return its number."""
    note = CapturedTurn(text=text, tier="semantic", cwd=str(_here(group)))
    with group.client() as client:
        (ref,) = client.call(Actor.INGEST, Capture(turns=(note,)), Captured, PATIENCE_S).ids
    group.settle()
    return int(group.json("show", ref)["label"])


def _map(layout: Layout, project: str) -> None:
    """Find topics as a SLEEP would, two of them with a link."""
    topics = tuple(
        Topic(
            id=f"t{n}", label=f"{EVIL} {n}", size=9, members=members, said=1,
            revision=1,
        )
        for n, members in enumerate([(1, 2), (3,), (4,)])
    )  # fmt: skip

    def change(unit: GraphChange) -> None:
        unit.put_window(project, 0, Window(fingerprint=1, revision=1, topics=topics))
        unit.keep(1, [Edge(3, "shares", 1.0)])

    index = GraphStore(layout.index, writer=True)
    index.commit(change)
    index.close()


@pytest.fixture(scope="module")
def context(chromium: Browser, served: Served) -> Iterator[BrowserContext]:
    """Return the browser that was let in."""
    with let_in(chromium, served) as context:
        yield context


@contextmanager
def let_in(chromium: Browser, served: Served) -> Iterator[BrowserContext]:
    """Open the address that `iai ui` prints, in a browser that knows no cookies."""
    with chromium.new_context(reduced_motion="reduce") as context:
        context.set_default_timeout(READY_MS)
        page = context.new_page()
        page.goto(served.address)
        assert page.url == served.base + "now", "the token is no longer in the address"
        page.close()
        yield context


class Watched:
    """A page, with all that must not happen on it."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        page.on("request", lambda request: self._asked(request, served))

    def _asked(self, request: Request, served: Served) -> None:
        if not request.url.startswith((served.base, "data:")):
            self.problems.append(request.url)


@pytest.fixture
def watched(context: BrowserContext, served: Served) -> Iterator[Watched]:
    page = context.new_page()
    watched = Watched(page, served)
    yield watched
    assert watched.problems == []
    page.close()


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page


def test_every_page_at_every_width_is_quiet_whole_and_our_own(page: Page, served: Served) -> None:
    page.goto(served.base + "sessions")
    session = page.locator("li.card h2 a").first.get_attribute("href")
    for name in (*PAGES, session, "record?ref=1", "search?q=deploy+on+Fridays"):
        answer = page.goto(f"{served.base}{name}")
        assert answer is not None
        assert answer.status == 200
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            expect(page.locator("h1")).to_be_in_viewport()
            assert page.evaluate(BEYOND) == 0, f"{name} is wider than {width}"
        assert page.title() != "owned"
    assert page.locator("img, iframe").count() == 0


def test_colours_differ_enough_in_the_light_and_in_the_dark(page: Page, served: Served) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for text."""
    page.goto(served.base + "now")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for name, ratio in page.evaluate(CONTRAST).items():
            assert ratio >= 4.5, (scheme, name, ratio)
    page.emulate_media(color_scheme="light")


CONTRAST = """() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pairs = [];
  for (const ink of ["--ink", "--quiet", "--link", "--ok", "--warn", "--fail"])
    for (const paper of ["--paper", "--card"]) pairs.push([ink, paper]);
  for (const paper of ["--ok-paper", "--warn-paper", "--fail-paper"]) pairs.push(["--ink", paper]);
  return Object.fromEntries(pairs.map(([ink, paper]) => {
    const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
    return [`${ink} on ${paper}`, (a + 0.05) / (b + 0.05)];
  }));
}"""


def test_a_pin_on_the_page_is_in_the_next_sessions_text(page: Page, served: Served) -> None:
    said = "every deployment goes through the tide gauge first"
    label = remember(served.group, said)
    page.goto(f"{served.base}record?ref={label}")
    page.get_by_role("button", name=f"Pin #{label}").click()
    expect(page.get_by_text("every session of its project starts with it")).to_be_visible()
    served.group.settle()
    given = served.group.iai("preview", "--cwd", str(_here(served.group))).stdout
    assert said in given[given.index("## Pinned") :]
    page.goto(f"{served.base}next")
    unpin = page.get_by_role("button", name=f"Unpin #{label}")
    unpin.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("No longer pinned.")).to_be_focused()
    expect(unpin).to_have_count(0)


def test_a_record_is_edited_dismissed_and_forgotten(page: Page, served: Served) -> None:
    said = "the tide gauge is read twice a day"
    record = f"{served.base}record?ref={remember(served.group, said)}"
    page.goto(f"{served.base}next")
    page.locator("li", has_text=said).get_by_role("link", name="Edit").click()
    page.get_by_label(re.compile("The text of")).fill("the tide gauge\nis retired")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Changed.", exact=True)).to_be_visible()
    expect(page.get_by_text("the tide gauge is retired").first).to_be_visible()
    page.goto(record)
    page.get_by_role("button", name=re.compile("^Never show #")).click()
    expect(page.get_by_role("button", name=re.compile("^Show again #"))).to_be_visible()
    page.get_by_text("Forget", exact=True).click()
    page.get_by_role("button", name=re.compile("for good")).click()
    expect(page.get_by_text("Forgotten for good.")).to_be_visible()
    assert page.request.get(record).status == 404


def test_search_answers_as_one_types(page: Page, served: Served) -> None:
    page.goto(served.base + "search")
    page.locator("#q").press_sequentially("never deploy on Fridays", delay=5)
    expect(page.locator(".hit").first).to_be_visible()
    expect(page.locator(".hit .parts").first).to_contain_text("words")
    expect(page).to_have_url(re.compile("q=never"))
    assert page.evaluate("localStorage.length") == 0


def test_the_keyboard_alone_is_enough(page: Page, served: Served) -> None:
    page.goto(served.base + "settings")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_in_the_map_one_walks_with_the_arrow_keys(chromium: Browser, group: Make) -> None:
    g = group()
    g.layout.create()
    project = hostile.fill(g.layout, g.work, EVIL)
    _map(g.layout, project)
    with Served(g) as served, chromium.new_page(reduced_motion="reduce") as page:
        watched = Watched(page, served)
        page.goto(served.address)
        page.goto(f"{served.base}map?project={project}")
        topics = page.locator("[data-walk] [data-x]")
        expect(topics).to_have_count(3)
        expect(page.locator("[data-walk] line")).to_have_count(1)
        topics.first.focus()
        seen = set()
        for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowDown", "ArrowUp", "ArrowUp"):
            page.keyboard.press(key)
            expect(page.locator("[data-walk] [tabindex='0']")).to_be_focused()
            seen.add(page.evaluate("document.activeElement.dataset.x"))
        assert len(seen) > 1
        with page.expect_navigation():  # and its style sheet: without it a page has any width
            page.keyboard.press("Enter")
        expect(page.locator("#topic h2")).to_be_visible()
        assert "topic=" in page.url
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        assert page.evaluate(BEYOND) == 0
        assert watched.problems == []


def test_everything_is_checked_while_one_looks(page: Page, served: Served) -> None:
    page.goto(served.base + "health")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("status").last).to_contain_text("Checked", timeout=6 * READY_MS)
    expect(page.get_by_role("rowheader", name="deep records")).to_be_visible()


@pytest.mark.parametrize("foreign", ["http://foreign.example", "http://127.0.0.1:9"])
def test_a_foreign_page_can_neither_read_nor_post_nor_frame(
    context: BrowserContext, served: Served, foreign: str
) -> None:
    page = context.new_page()
    page.route(
        f"{foreign}/**",
        lambda route: route.fulfill(body="<h1>hello</h1>", content_type="text/html"),
    )
    page.goto(f"{foreign}/")
    found: Any = page.evaluate(
        """async (base) => {
          const tried = {};
          for (const [name, options] of Object.entries({
            read: {credentials: "include"},
            opaque: {credentials: "include", mode: "no-cors"},
            post: {credentials: "include", mode: "no-cors", method: "POST",
                   body: new URLSearchParams({action: "forget", ref: "1"})},
          })) {
            try { tried[name] = (await fetch(base + "do", options)).type; }
            catch (error) { tried[name] = "refused"; }
          }
          const frame = document.createElement("iframe");
          frame.src = base + "record?ref=1";
          document.body.append(frame);
          await new Promise((done) => { frame.onload = done; });  // of the refusal, too
          try { tried.frame = frame.contentDocument ? "ours" : "closed"; }
          catch (error) { tried.frame = "closed"; }
          return tried;
        }""",
        served.base,
    )  # fmt: skip
    assert set(found.values()) <= {"refused", "closed"}, found
    assert all("#1" not in frame.content() for frame in page.frames[1:])
    page.close()
    assert "exchange" in served.group.json("show", "1")


def test_the_cookie_is_out_of_reach_and_the_address_works_for_nobody_else(
    context: BrowserContext, chromium: Browser, served: Served, page: Page
) -> None:
    (cookie,) = context.cookies()
    assert (cookie.get("name"), cookie.get("httpOnly"), cookie.get("sameSite")) == (
        COOKIE, True, "Strict",
    )  # fmt: skip
    page.goto(served.base + "settings")
    assert page.evaluate("document.cookie") == ""
    stranger = chromium.new_context()
    other = stranger.new_page()
    for address, words in (
        (served.address, "was used already"),
        (served.base + "now", "Run `iai ui`"),
    ):
        answer = other.goto(address)
        assert answer is not None
        assert answer.status == 403
        expect(other.get_by_text(words)).to_be_visible()
    stranger.close()


def test_the_group_and_then_the_page_itself_die_while_one_looks(chromium: Browser) -> None:
    with hostile_group() as group, Served(group) as served, let_in(chromium, served) as context:
        page, other = context.new_page(), context.new_page()
        page.goto(served.base + "now")
        expect(page.locator(".headline")).to_contain_text("everything that is stored")
        other.goto(f"{served.base}record?ref=1")
        group.down()
        expect(page.locator(".headline")).to_contain_text("iai is not running")
        for name in ("next", "sessions", "record?ref=1"):
            answer = page.goto(served.base + name)
            assert answer is not None
            assert answer.status == 200
            expect(page.get_by_role("status").first).to_contain_text("nothing can be changed")
        expect(page.get_by_role("button", name="Pin #1")).to_be_disabled()
        other.get_by_role("button", name="Pin #1").click()
        expect(other.get_by_role("alert").last).to_contain_text("iai is not running")
        page.goto(served.base + "now")
        expect(page.locator("#connection")).to_be_empty()
        assert served.end() == 0
        expect(page.locator("#connection")).to_contain_text("does not answer")
