"""The page of health: quick checks at once, and those that read everything when asked for."""

import json
import re
import sys

import pytest
from harness.group import wait_until

from iai.admin.doctor import backups
from iai.admin.doctor.finding import Finding, Verdict
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.store.records import Records
from iai.ui import installation
from iai.ui.installation import worst_first
from tests.iai.store.builders import new_record, put
from tests.iai.ui.browser import Browser, Parsed, Response

FOUND = {"check": "deep records", "verdict": "fail", "said": "<b>the entry #2</b>", "todo": "see"}


@pytest.fixture
def inside(layout: Layout) -> Browser:
    """Return a browser of a store that has records, but no vectors."""
    records = Records(layout.records, writer=True)
    put(records, new_record("1"))
    records.close()
    browser = Browser(Settings(store=layout.root))
    browser.enter()
    return browser


def deep(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have a script in the place of `iai doctor --deep`."""
    monkeypatch.setattr(installation, "_DEEP", [sys.executable, "-c", script])


def checked(inside: Browser) -> Response:
    """Press the button; return the page once everything is read."""
    assert inside.send("check", {}).headers["location"] == "health#everything"
    pages: list[Response] = []

    def done() -> bool:
        pages.append(inside.get("health"))
        return "Reading, for" not in pages[-1].text

    wait_until(done, "everything is read")
    return pages[-1]


def test_no_page_waits_for_what_reads_everything(
    inside: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "damage", lambda _: pytest.fail("it verifies all pages"))
    answer = inside.get("health")
    assert answer.status == 200
    text = Parsed(answer.text).text
    assert "Not checked since this page was started" in text
    assert "vectors does not exist yet" in text
    assert "iai up --detach rebuilds it" in text


def test_everything_is_read_on_demand_and_its_findings_stay_with_their_age(
    inside: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep(monkeypatch, f"print({json.dumps({'ok': False, 'checks': [FOUND]})!r})")
    page = checked(inside)
    assert re.search(r"Checked [\d.]+ \w+ ago, in ", Parsed(page.text).text)
    assert "&lt;b&gt;the entry #2&lt;/b&gt;" in page.text
    assert "deep records" in inside.get("health").text


def test_one_examination_runs_at_a_time_and_a_button_is_pressed_in_vain(
    inside: Browser, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    gate, begun = layout.root / "gate", layout.root / "begun"
    deep(monkeypatch, (
        f"import pathlib, time; pathlib.Path({str(begun)!r}).open('a').write('x')\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        "print('no JSON'); raise SystemExit('it could not be read')"
    ))  # fmt: skip
    for _ in range(2):
        inside.send("check", {})
    wait_until(begun.exists, "it has begun")
    page = Parsed(inside.get("health").text)
    assert "Reading, for" in page.text
    (button,) = page.all("button")
    assert "disabled" in button
    assert page.all("section", **{"hx-get": "health"}), "it looks again by itself"
    gate.touch()
    wait_until(lambda: "Reading, for" not in inside.get("health").text, "it has ended")
    assert "It could not be checked: it could not be read" in inside.get("health").text
    assert begun.read_text() == "x"


def test_it_is_ended_with_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    deep(monkeypatch, "import time; time.sleep(600)")
    examination = installation.Examination({})
    examination.begin()
    process = examination._process
    assert process is not None
    examination.end()
    wait_until(lambda: not examination.running, "it has ended")
    assert process.returncode is not None


def test_what_is_wrong_comes_before_what_is_not() -> None:
    verdicts = (Verdict.OK, Verdict.WARN, Verdict.OK, Verdict.FAIL, Verdict.WARN)
    found = [
        Finding(check=str(number), verdict=verdict, said="")
        for number, verdict in enumerate(verdicts)
    ]
    assert [one.check for one in worst_first(found)] == ["3", "1", "4", "0", "2"]
