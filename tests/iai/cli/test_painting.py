"""What commands print on a terminal, and that a pipe gets the plain lines."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr

import pytest
from harness.group import Group
from hypothesis import given
from hypothesis import strategies as st

from iai.cli import doctor, recall, status, timeline
from iai.cli.painting import paint
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.model.printable import printable
from iai.store.records import Records
from tests.iai.cli.pseudo_terminal import on_a_terminal
from tests.iai.store.builders import new_record, put

CODES = re.compile(r"\x1b\[[0-9;]*m")
HIT = "#41  0.73  quay, claude, user, 2026-11-20 10:00:00 UTC, 3 d ago"


def test_a_line_in_colour_is_the_same_line() -> None:
    painted = paint([HIT, "    the port is #42"], recall.LOOKS, 200, colour=True)
    assert "\x1b[36m#41" in painted
    assert CODES.sub("", painted) == f"{HIT}\n    the port is #42\n"
    assert paint([HIT], recall.LOOKS, 200, colour=False) == f"{HIT}\n"


@pytest.mark.parametrize(
    ("looks", "line", "code", "of"),
    [
        (status.LOOKS, "group      running (pid 1)", "32", "running"),
        (status.LOOKS, "group      stopped", "1;31", "stopped"),
        (status.LOOKS, "  graph          12    3 changes, the oldest 9.0 s old", "33", "3 changes"),
        (status.LOOKS, "payload    behind by 3 changes for 4.0 s, written", "33", "behind"),
        (doctor.LOOKS, "fail  disk              full", "1;31", "fail"),
        (doctor.LOOKS, "                        -> make room", "36", "-> make"),
        (timeline.LOOKS, "2026-11-20 10:00:00 to 11:00:00 UTC (3 d ago): quay", "2", "(3 d"),
    ],
)
def test_what_matters_stands_out(
    looks: tuple[re.Pattern[str], ...], line: str, code: str, of: str
) -> None:
    assert f"\x1b[{code}m{of}" in paint([line], looks, 200, colour=True)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=200),
    st.sampled_from(["", "    ", "  asked    "]),
    st.integers(20, 60),
)
def test_long_lines_are_wrapped_within_the_width_and_lose_no_letter(
    text: str, before: str, columns: int
) -> None:
    line = printable(f"{before}{text}")
    painted = CODES.sub("", paint([line], recall.LOOKS, columns, colour=True))
    assert re.sub(r"\s", "", painted) == re.sub(r"\s", "", line)
    if line.isascii():
        assert all(len(part) <= columns for part in painted.split("\n"))


def test_the_rest_of_a_long_line_begins_below_its_text() -> None:
    painted = paint(["    first  #1 " + "word " * 12], (), 40, colour=False).splitlines()
    assert painted[0].startswith("    first  #1 word")
    assert all(part.startswith(" " * 11 + "word") for part in painted[1:])


@pytest.mark.parametrize("before", [" " * 40, "x" * 30 + "  "])
def test_no_part_of_an_indented_line_begins_where_lines_of_iai_do(before: str) -> None:
    painted = paint([f"    {before}word #9 user, request " * 3], (), 40, colour=False)
    assert len(painted.splitlines()) > 1
    assert all(part.startswith("    ") for part in painted.splitlines() if part)


def test_no_progress_is_shown_in_a_pipe() -> None:
    pipe = io.StringIO()
    with redirect_stderr(pipe), bar("waiting", 10) as shown:
        shown.reach(5, "half")
    assert pipe.getvalue() == ""


def test_a_bar_on_a_terminal_shows_what_is_done_without_the_control_characters_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with redirect_stderr(terminal), bar("importing", 10) as shown:
        shown.reach(5, "half\x1b]0;owned\x07 of it")
    drawn = terminal.getvalue()
    assert "importing" in drawn
    assert "50 %" in drawn
    assert "\x1b]" not in drawn


NO_RICH = """
import sys
from iai import cli
code = cli.main({words})
assert "rich" not in sys.modules, "a pipe needs no colour"
sys.exit(code)
"""


@pytest.fixture
def store(layout: Layout) -> Layout:
    records = Records(layout.records, writer=True)
    put(records, new_record("1", text="the quay is north"))
    records.close()
    return layout


@pytest.mark.parametrize("words", [["status"], ["timeline"], ["show", "1"], ["doctor"], []])
def test_a_pipe_gets_plain_lines_and_never_imports_rich(store: Layout, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_RICH.format(words=words)], capture_output=True, text=True,
        env={"IAI_MCP_STORE": str(store.root), "HOME": str(store.root.parent)}, check=False,
    )  # fmt: skip
    assert "AssertionError" not in done.stderr
    assert "\x1b" not in done.stdout
    assert done.stdout


@pytest.mark.slow
def test_a_terminal_gets_colour_and_no_color_takes_it_away(group: Callable[..., Group]) -> None:
    g = group()
    _, said = on_a_terminal(g, "status", columns=60)
    assert "\x1b[1;31mstopped" in said
    plain = CODES.sub("", said).split("\r\n")
    assert max(map(len, plain)) <= 60
    g.environment["NO_COLOR"] = "1"
    _, said = on_a_terminal(g, "status", columns=60)
    assert "\x1b" not in said
    assert said.split("\r\n") == plain
