"""What the pages show, of a hostile store, of none, and of one whose group is down."""

import re
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from iai.admin import preview, status
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model import framing
from iai.model.action import Action
from iai.model.clock import NS, iso
from iai.model.record import Project, session_key
from iai.model.session import SessionInfo
from iai.payload.compose import render as composed
from iai.payload.material import gather
from iai.session_start import capture_watch
from iai.session_start.deliveries import Delivery, record
from iai.store.record_change import RecordChange
from iai.store.records import Records
from iai.ui import charts, deliveries, next_session, now, render
from iai.ui.page_request import LONGEST, Document
from tests.iai.store import hostile
from tests.iai.store.builders import NOW, PROJECT, new_record, put
from tests.iai.ui.browser import Browser, Parsed

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
CLOSING = "'\"></textarea></title></pre><svg/onload=alert(3)>{{ 7*7 }}{% x %}"
CONTROLS = "\x1b]0;x\x07\x1b[31m\x00\u202egnp.exe\u2066\u200e"
EVIL = f"{SCRIPT}{CLOSING}{CONTROLS}\u05e9\u05dc\u05d5\u05dd data: x\n\ndata: y"
SESSION = f"a{EVIL}"
OURS = {"app.js", "htmx.min.js"}


@pytest.fixture(scope="module")
def hostile_store(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(tmp_path_factory.mktemp("ui") / "store")
    layout.create()
    hostile.fill(layout, tmp_path_factory.mktemp("here"), EVIL)
    return layout


@pytest.fixture(scope="module")
def inside(hostile_store: Layout) -> Browser:
    browser = Browser(Settings(store=hostile_store.root))
    browser.enter()
    return browser


PAGES = {
    **dict.fromkeys(render.PAGES, ""),
    "session": urlencode({"host": "claude", "session": SESSION}),
    "record": "ref=1",
    "search": urlencode({"q": EVIL, "file": EVIL}),
    "files": urlencode({"path": f"src/{EVIL[:40]}.py"}),
}


def check(html: str) -> Parsed:
    """Fail if anything stored could be more than text."""
    page = Parsed(html)
    for tag, attributes in page.elements:
        assert tag not in ("img", "iframe", "object", "style", "base"), tag
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("href", "action", "src"):
            if (where := attributes.get(name)) is not None and where != "data:,":
                assert re.match(r"[a-z]|#", where), where
                assert not re.match(r"[a-z]+:|//", where), where
    assert {one["src"].rpartition("/")[2] for one in page.all("script")} <= OURS
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200e\u2028-\u202e\u2066-\u2069]", html)
    return page


@pytest.mark.parametrize("name", PAGES)
def test_nothing_stored_is_more_than_text_on_any_page(inside: Browser, name: str) -> None:
    answer = inside.get(f"{name}?{PAGES[name]}")
    assert answer.status == 200
    page = check(answer.text)
    if name not in ("deliveries", "settings", "health", "next", "map"):
        assert "alert(1)" in page.text, "and it is shown"
    if name == "record":
        assert "{{ 7*7 }}" in page.text


@pytest.mark.parametrize("name", PAGES)
def test_every_page_can_be_walked_by_landmarks_and_labels(inside: Browser, name: str) -> None:
    page = Parsed(inside.get(f"{name}?{PAGES[name]}").text)
    assert page.all("html", lang="en")
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("header")) == 1
    assert page.all("a", href="#main")
    assert page.all("nav", **{"aria-label": "Pages"})
    current = page.all("a", **{"aria-current": "page"})
    assert [one["href"] for one in current] == ([name] if name in render.PAGES else [])
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")
        if tag == "section" and (label := attributes.get("aria-labelledby")):
            assert label in ids
    html = inside.get(f"{name}?{PAGES[name]}").text
    for field in re.findall(r"<(?:input|select|textarea)[^>]*>", html):
        assert 'type="hidden"' in field or labelled(html, field), field


def labelled(html: str, field: str) -> bool:
    """Is a field inside its label, or named by one?"""
    before = html[: html.index(field)]
    return before.count("<label") > before.count("</label") or bool(
        (own := re.search(r' id="([^"]+)"', field)) and f'<label for="{own[1]}"' in html
    )


def test_every_form_that_changes_something_is_posted_with_the_token(inside: Browser) -> None:
    for name, fields in PAGES.items():
        page = Parsed(inside.get(f"{name}?{fields}").text)
        posted = page.all("form", method="post")
        assert all(one["action"] == ("check" if name == "health" else "do") for one in posted)
        tokens = page.all("input", name="form_token")
        assert [one["value"] for one in tokens] == [inside.keys.form_token] * len(posted)
        assert {one["method"] for one in page.all("form")} <= {"get", "post"}


def test_without_a_group_the_pages_show_the_store_and_nothing_can_be_pressed(
    inside: Browser,
) -> None:
    page = Parsed(inside.get("record?ref=1").text)
    assert "iai is not running" in page.text
    buttons = page.all("button")
    assert buttons
    assert all("disabled" in one for one in buttons)
    refused = inside.post({"action": "pin", "ref": "1", "back": "record?ref=1"})
    assert (refused.status, "iai is not running" in refused.text) == (503, True)
    assert 'href="record?ref=1"' in refused.text
    found = Parsed(inside.get("search?q=deploy").text)
    assert "start it with iai up --detach" in found.text


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ("session", "record")])
def test_a_store_that_is_not_there_yet_is_not_an_error(tmp_path: Path, name: str) -> None:
    browser = Browser(Settings(store=tmp_path / "none"))
    browser.enter()
    answer = browser.get(f"{name}?{PAGES[name]}")
    assert answer.status == 200
    if name not in ("deliveries", "settings", "health"):
        assert "Nothing is stored yet" in answer.text
    assert "all that was stored is in it" not in answer.text
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("page", "status"),
    [
        ("record?ref=999", 404),
        ("record?ref=" + "9" * 400, 400),
        ("record?ref=x", 400),
        ("record?ref=9999999999999999999", 404),
        ("session?host=claude&session=nobody", 404),
        ("sessions?project=nobody", 400),
        ("sessions?before=-1", 400),
        ("files?path=x&from=99999999", 400),
        ("deliveries?since=yesterday", 400),
        ("nothing", 404),
    ],
)
def test_what_is_not_there_is_said_in_words(inside: Browser, page: str, status: int) -> None:
    assert inside.get(page).status == status


@pytest.mark.parametrize(
    "form",
    [
        {"action": "pin"},
        {"action": "pin", "ref": "\u0664"},
        {"action": "drop", "ref": "1"},
        {"action": "edit", "ref": "1", "text": " \r\n"},
    ],
)
def test_a_form_that_asks_for_nothing_possible_is_refused(
    inside: Browser, form: dict[str, str]
) -> None:
    assert inside.post(form).status == 400


def test_the_state_follows_as_events_in_which_no_text_ends_a_line(inside: Browser) -> None:
    found = inside.events("live", 3)
    assert [one.splitlines()[0] for one in found] == [
        "event: state", "event: activity", "event: processes",
    ]  # fmt: skip
    for event in found:
        first, *lines = event.removesuffix("\n\n").split("\n")
        assert all(line.startswith("data: ") for line in lines), first
        check("\n".join(line.removeprefix("data: ") for line in lines))


def test_fields_of_an_address_are_bounded(inside: Browser) -> None:
    page = Parsed(inside.get("sessions?" + urlencode({"branch": "x" * (LONGEST + 99)})).text)
    assert [one["value"] for one in page.all("input", name="branch")] == ["x" * LONGEST]


def test_the_pages_of_a_list_have_each_session_once(layout: Layout) -> None:
    """Also those that were last active at the same moment, at the end of a page."""
    records = Records(layout.records, writer=True)
    place = Project(id=PROJECT, name="mine", root="/p")
    records.commit(lambda unit: unit.projects.place(place, "/p"), NOW)
    for number in range(50):
        at = NOW.wall + min(number, 29) * NS  # the latest 21 at once
        put(records, new_record(f"k{number}", session=f"s{number}", created_at=at))
        info = SessionInfo(host="claude", session=f"s{number}", branch=("main", "fix")[number % 2])
        records.commit(partial(_note, info), NOW)
    records.close()
    inside = Browser(Settings(store=layout.root))
    inside.enter()
    for branch, many in (("", 50), ("fix", 25), ("gone", 0)):
        seen: list[str] = []
        following = f"sessions?branch={branch}&project={PROJECT}"
        while following:
            page = Parsed(inside.get(following).text)
            links = [one["href"] for one in page.all("a")]
            seen += [href for href in links if href.startswith("session?")]
            following = next((one["href"] for one in page.all("a", rel="next")), "")
        assert len(seen) == len(set(seen)) == many


def _note(info: SessionInfo, unit: RecordChange) -> None:
    unit.work.note_session(info)


@pytest.mark.parametrize("name", ["settings", "health"])
def test_what_to_type_is_shown_as_code(inside: Browser, name: str) -> None:
    answer = inside.get(name).text
    assert "<code>iai " in answer
    assert "`" not in Parsed(answer).text


def test_a_file_is_named_from_its_project_with_what_was_done_to_it(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    place = Project(id=PROJECT, name="mine", root="/p")
    done = Action(key="1", kind="edit", at=NOW.wall, path="/p/src/a.py", added=3, removed=1)
    records.commit(lambda unit: unit.projects.place(place, "/p"), NOW)
    put(records, new_record("1", session="s"))
    records.commit(lambda unit: unit.work.act(done, "claude", "s", PROJECT), NOW)
    records.close()
    inside = Browser(Settings(store=layout.root))
    inside.enter()
    page = inside.get("files").text
    (link,) = re.findall(r'href="(files\?path=[^"]*)"><code dir="auto">src/a.py</code>', page)
    assert "+3 -1 ·" in page
    assert ">src/a.py +3 -1</code>" in inside.get(link.replace("&amp;", "&")).text
    story = Parsed(inside.get("session?host=claude&session=s").text)
    assert "; a.py +3 -1" in story.text, "what a session came to is at its head"


def test_a_long_text_ends_at_a_space_and_leads_to_the_whole_of_it(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    text = "word " * 400
    put(records, new_record("1", text=text, session="s"))
    records.close()
    inside = Browser(Settings(store=layout.root))
    inside.enter()
    story = Parsed(inside.get("session?host=claude&session=s").text)
    assert "word ..." in story.text
    assert "the whole text, 2,000 characters" in story.text
    assert story.all("a", href="record?ref=1")
    own = Parsed(inside.get("record?ref=1").text)
    assert own.text.count(text.strip()) == 2, "as it is, and to edit"
    assert "the whole text" not in own.text


def test_a_delivery_leads_to_its_session_unless_nothing_of_that_is_stored(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    put(records, new_record("1", session="talked"))
    records.close()
    for host, session in (("claude", "talked"), ("claude", "silent"), ("", "unknown")):
        at = time.time_ns()
        given = Delivery(at=iso(at), at_ns=at, host=host, session=session, tokens=9)
        record(layout, given, ())
    inside = Browser(Settings(store=layout.root))
    inside.enter()
    page = Parsed(inside.get("deliveries").text)
    (link,) = (one["href"] for one in page.all("a") if one["href"].startswith("session?"))
    assert inside.get(link).status == 200
    assert "silent claude, nothing stored" in page.text
    assert "unknown nothing stored" in page.text


def test_what_a_session_got_is_said_in_words() -> None:
    kept = Delivery(at="", at_ns=0, outcome="cache-hit", reason="age=666s")
    assert deliveries.outcome(kept) == ("text kept ready", "11 min old")
    assert deliveries.outcome(Delivery(at="", at_ns=0, outcome="nothing", reason="sub-agent")) == (
        "nothing", "sub-agent",
    )  # fmt: skip


def test_why_a_text_was_composed_is_said_in_words_with_what_went_wrong() -> None:
    assert deliveries.reason("cache-stale age=9s max=5s") == "the text on disk was too old"
    pinned = "a session had just ended, or something was pinned, edited or forgotten"
    assert deliveries.reason("change-waiting revision=7") == pinned
    late = deliveries.reason("group-down: took longer than 0.9 s")
    assert late == "iai was not running: took longer than 0.9 s"


def test_a_page_says_that_what_is_said_is_no_longer_recorded(
    inside: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_watch, "silent_hooks", lambda *_: "the hooks are silent")
    monkeypatch.setattr(now, "headline", partial(_while_running, now.headline))
    page = inside.get("now").text
    assert "What is said is no longer recorded." in page
    assert ">the hooks are silent<" in page


def _while_running(headline: Any, document: Document) -> tuple[str, str]:
    running = {**document["group"], "state": "running"}
    found: tuple[str, str] = headline({**document, "group": running})
    return found


def test_the_memory_of_a_process_is_measured_now_and_then(
    monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    measured: list[int] = []

    def memory_of(pid: int) -> status.Memory:
        measured.append(pid)
        return 2, 1

    monkeypatch.setattr(status, "memory_of", memory_of)
    state = now.LiveState(Settings(store=layout.root))
    times = iter((100.0, 101.0, 102.0, 100.0 + now.MEMORY_S))
    monkeypatch.setattr(now, "time", SimpleNamespace(monotonic=lambda: next(times)))
    assert {state._memory_of(pid) for pid in (7, 7, 8, 7)} == {(2, 1)}
    assert measured == [7, 8, 7]


# --- the text of the next session ---------------------------------------------------------------


@pytest.fixture
def text(hostile_store: Layout, tmp_path: Path) -> Iterator[tuple[Records, str]]:
    """Return the records, and a session-start text composed of them."""
    layout = Layout(tmp_path / "store")
    shutil.copytree(hostile_store.root, layout.root)
    records = Records(layout.records)
    with records.view() as view:
        project = next(one for one in view.active() if one.id != "0" * 16)
        yield records, composed(gather(view, project.id, "quay"), NOW.wall)
    records.close()


@pytest.mark.parametrize(("revision", "late"), [(1, True), (1_000_000, False)])
def test_a_text_that_lacks_the_last_change_of_its_project_says_so(
    inside: Browser, monkeypatch: pytest.MonkeyPatch, revision: int, *, late: bool
) -> None:
    opening = framing.opening(revision, iso(NOW.wall), "quay")
    text = f"{opening}\n## Pinned\n- tides (#1)\n{framing.CLOSING}\n"
    ready = preview.Preview(text, "cache-hit age=9s")
    monkeypatch.setattr(preview, "composed_here", lambda *_: ready)
    assert ("is not in this text yet" in inside.get("next").text) is late


def test_each_line_of_the_text_is_on_the_page_once_with_its_source(
    text: tuple[Records, str],
) -> None:
    records, whole = text
    with records.view() as view:
        read = list(next_session.sections(whole, view))
        shown = [line for one in read for item in one.items for line in item.text.split("\n")]
        headings = [f"## {one.heading}" for one in read if one.heading]
        lines = [line for line in whole.splitlines() if line.strip() and "<!--" not in line]
        assert sorted([*shown, *headings]) == sorted(lines)
        sources = {item.label for one in read for item in one.items if item.label}
        pinned = next(one for one in read if one.heading == "Pinned")
        (item,) = pinned.items
        assert item.pinned
        assert view.session_info(session_key("claude", SESSION)) is not None
    assert len(sources) > 3
    assert item.label in sources


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("Asked: do it (#3)", 3),
        ("Asked: see (#9) and do it (#3)", 3),
        ("- Mon 2 Feb: never again (#3, answer)", 3),
        ('- Mon 2 Feb, main: "do it" (#3) -> answered; 1a2b3c4 "Close (#9)"', 3),
        ("#3, Mon 2 Feb (2 d ago):", 3),
        ("Files: a.py +1", 0),
        ("Open: look at #3", 0),
        ("Answer: said (not indexed yet)", 0),
        ("Asked: do it (#99999)", 0),
        ("Asked: do it (#" + "9" * 30 + ")", 0),
    ],
)
def test_the_source_of_a_line_is_where_the_payload_names_it(
    text: tuple[Records, str], line: str, label: int
) -> None:
    records, _ = text
    with records.view() as view:
        (section,) = next_session.sections(f"## X\n{line}", view)
    assert [item.label for item in section.items] == [label]


def test_a_quotation_stays_with_its_head(text: tuple[Records, str]) -> None:
    records, _ = text
    cut = (
        "## Pinned\n#1, Mon 2 Feb (2 d ago):\n> a\n> \n[... 9 characters left out ...]\n> b\n"
        "#2, Mon 2 Feb:\n> c"
    )
    with records.view() as view:
        (section,) = next_session.sections(cut, view)
    assert [(item.label, item.text.count("\n")) for item in section.items] == [(1, 4), (2, 1)]


def test_the_parts_of_the_budget_fill_no_more_than_the_bar() -> None:
    bars = charts.stack([("a", 500), ("", 1_000), ("b", 5_000)], 2_200).bars
    assert sum(bar.width for bar in bars) == pytest.approx(charts.WIDTH, abs=0.1)
    half = charts.stack([("a", 1_100)], 2_200).bars
    assert [(bar.x, bar.width) for bar in half] == [(0, charts.WIDTH / 2)]
