"""What `iai` alone prints."""

from pathlib import Path

import pytest

from iai import cli
from iai.admin import summary
from iai.admin.doctor import group, machine
from iai.admin.doctor.finding import Finding, fail, ok, warn
from iai.admin.summary import Summary
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.store.records import Records
from tests.iai.store.builders import new_record, put


def summarized(layout: Layout, monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> Summary:
    monkeypatch.setattr(machine, "checks", lambda *_: findings)
    monkeypatch.setattr(group, "checks", lambda *_: ())
    return summary.summarize(Settings(store=layout.root), {"HOME": str(layout.root.parent)})


def test_it_says_in_one_line_that_all_is_well_and_what_to_do_next(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    optional = warn("service", "iai does not start at login", "install it")
    lines, well, _ = summarized(layout, monkeypatch, ok("disk", "room"), optional)
    assert well
    assert lines[0] == "iai is not running, and all is well"
    assert lines[2].startswith("next: `iai preview`")
    assert lines[-1] == "`iai help` lists the commands"


def test_a_store_without_records_has_past_sessions_imported_next(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = layout.root.parent / ".claude" / "projects" / "p" / "s.jsonl"
    session.parent.mkdir(parents=True)
    session.write_text("{}\n")
    lines, _, running = summarized(layout, monkeypatch)
    assert lines[2] == "next: `iai import --all` imports 1 past session"
    assert not running


def test_before_the_first_start_it_says_what_to_do_and_of_no_problem(tmp_path: Path) -> None:
    lines, well, running = summary.summarize(Settings(store=tmp_path / "none"), {})
    assert lines[0] == "iai is not running, and nothing is stored yet"
    assert lines[1].startswith("next: `iai up --detach` starts it")
    assert not well
    assert not running


def test_it_never_takes_more_than_five_lines_and_the_worst_comes_first(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [warn(f"w{n}", "so so", "mend it") for n in range(4)] + [fail("disk", "full", "empty")]
    lines, well, _ = summarized(layout, monkeypatch, *found)
    assert not well
    assert len(lines) == 5
    assert lines[0] == "iai is not running, 1 problem, 4 warnings"
    assert lines[2] == "fail disk: full -> empty"


def test_without_words_it_is_what_iai_prints(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = Records(layout.records, writer=True)
    put(records, new_record("1"))
    records.close()
    monkeypatch.setenv("IAI_MCP_STORE", str(layout.root))
    assert cli.main([]) == 3
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert printed[1].startswith(f"1 record in {layout.root}; the session-start text is 1 change")
    assert any("start it: `iai up --detach`" in line for line in printed)
