"""`iai forget` and what goes with it, as far as no group is needed: lists, refusals, repair."""

import json
import os
import shutil
from pathlib import Path

import pytest

from iai import cli
from iai.config.layout import Layout
from iai.model.action import Action
from iai.model.clock import NS, Now
from iai.model.session import SessionInfo
from iai.process import system_clock
from iai.store import auto_backups
from iai.store.auto_backups import AutoBackups
from iai.store.codec import encode_u64
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, flip, new_record, put


@pytest.fixture
def store(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Return a store with two records and an automatic backup of them."""
    monkeypatch.setenv("IAI_MCP_STORE", str(layout.root))
    monkeypatch.setenv("HOME", str(layout.root.parent))
    records = Records(layout.records, writer=True)
    put(records, new_record("1", text="mend the pump"), new_record("2", text="paint the door"))
    backups, now = AutoBackups(layout, records, 3), system_clock.read()
    backups.start()
    with records.view() as view:
        mark = view.watermark()
    while backups.due(mark, 0, Now(now.wall, 3_600 * NS), idle=True):
        backups.step(0, now)
    records.close()
    return layout


def count(layout: Layout) -> int:
    records = Records(layout.records)
    with records.view() as view:
        found = view.watermark().records_count
    records.close()
    return found


@pytest.mark.usefixtures("store")
def test_a_dry_run_lists_what_would_go_and_needs_no_group(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["forget", "--text", "pump", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "#1" in said
    assert "mend the pump" in said
    assert "paint" not in said
    assert said.endswith("1 record\n")
    assert cli.main(["forget", "--text", "the", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "records": 2, "actions": 0, "titles": 0, "branches": 0, "half_read": 0, "events": 0,
        "forgotten": False,
        "left": [], "copies": [], "found_in": [],
    }  # fmt: skip


def test_what_only_a_hook_event_or_the_rest_of_a_page_says_is_listed(
    store: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was said that nothing matches, and it stayed."""
    store.spool_bad.mkdir(parents=True)
    (store.spool_bad / "1.json").write_text('{"oak')
    assert cli.main(["forget", "--text", "oak", "--dry-run"]) == 0
    assert capsys.readouterr().out == "1 hook event\n"
    left = store.session_start / "x.md"
    left.parent.mkdir()
    left.write_text("an earlier title")
    assert cli.main(["forget", "--text", "earlier", "--dry-run"]) == 0
    assert capsys.readouterr().out == "what 1 file may have left of it\n"
    assert cli.main(["forget", "--text", "earlier", "--since", "1d", "--dry-run"]) == 0
    assert capsys.readouterr().out == "nothing matches\n"


def test_in_a_team_the_list_says_that_others_lose_it_too(
    store: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    store.team_file.write_text("{}")
    assert cli.main(["forget", "--text", "pump", "--dry-run"]) == 0
    assert "deleted on all machines of the team" in capsys.readouterr().out


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["forget", "--text", "pump"], 3, "iai is not running"),
        (["forget", "#1"], 3, "iai is not running"),
        (["forget", "#1", "--text", "pump"], 2, "not both"),
        (["forget", "--session", "nosuch", "--dry-run"], 2, "no session nosuch"),
        (["forget", "--since", "1d", "--until", "2d"], 2, "is empty"),
        (["forget", "#1", "#9", "--dry-run"], 1, "no record #9; nothing was forgotten"),
    ],
)
def test_what_cannot_be_forgotten_is_refused(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (["#4"], "1 record, 2 actions\n"),
        (["#5"], "1 record\n"),
        (
            ["#5", "#4", "--whole-session"],
            "3 records, 2 actions, 1 title, the branch of 1 session\n",
        ),
        (["#3", "#5"], "2 records\n"),
        (["#3", "#4", "#5"], "3 records, 2 actions, 1 title, the branch of 1 session\n"),
    ],
)
def test_what_goes_with_named_records_is_counted_once(
    store: Layout, named: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    records = Records(store.records, writer=True)
    at = [NOW.wall - (9 - second) * NS for second in range(5)]
    put(
        records,
        new_record("3", session="a", role="assistant", created_at=at[0]),
        new_record("4", session="a", created_at=at[1]),
        new_record("5", session="a", role="assistant", created_at=at[2]),
    )

    def work(unit: RecordChange) -> None:
        for key, when in (("k1", at[1] + 1), ("k2", at[3])):
            unit.work.act(Action(key=key, kind="read", at=when), "claude", "a", PROJECT)
        unit.work.note_session(SessionInfo(host="claude", session="a", title="A pump", branch="b"))

    records.commit(work, NOW)
    records.close()
    assert cli.main(["forget", *named, "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith(says)


def test_copies_that_were_put_aside_are_named(
    store: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    aside = store.backups / "before-restore-x"
    aside.mkdir()
    assert cli.main(["forget", "--text", "pump", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["copies"] == [str(aside)]
    assert cli.main(["forget", "--backups", "--dry-run"]) == 0
    assert str(aside) in capsys.readouterr().out
    aside.rmdir()
    assert cli.main(["forget", "--backups", "--dry-run"]) == 0
    assert capsys.readouterr().out == "nothing matches\n"


def test_automatic_backups_are_listed_and_one_is_restored_by_name(
    store: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["restore"]) == 0
    name, rest = capsys.readouterr().out.split("  ", 1)
    assert "2 records" in rest
    records = Records(store.records, writer=True)
    put(records, new_record("3"))
    records.close()
    assert cli.main(["restore", name]) == 1  # it has records
    assert cli.main(["restore", name, "--replace"]) == 0
    assert count(store) == 2
    assert [one.path.name for one in auto_backups.found(store)] == [name]


def damage(path: Path) -> None:
    """Overwrite the pages of data in the middle."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(2 * 4_096)
        file.write(os.urandom(size - 2 * 4_096))


def flip_record(path: Path) -> None:
    records = Records(path, writer=True)
    flip(records._environment, "records", encode_u64(2), 77)
    records.close()


@pytest.mark.parametrize("flags", [[], ["--deep"]])
def test_damaged_records_are_replaced_by_the_newest_good_backup(
    store: Layout, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    [good] = auto_backups.found(store)
    bad = store.backups / "auto-29990101T000000Z"
    (bad / "records").mkdir(parents=True)
    manifest = json.loads((good.path / "manifest.json").read_text())
    (bad / "manifest.json").write_text(json.dumps(manifest | {"made_ns": manifest["made_ns"] + 1}))
    (bad / "records" / "data.mdb").write_bytes((good.path / auto_backups.DATA).read_bytes())
    damage(bad / "records" / "data.mdb")
    flipped = store.backups / "auto-29990102T000000Z"
    shutil.copytree(good.path, flipped)
    (flipped / "manifest.json").write_text(json.dumps(manifest | {"made_ns": NOW.wall << 1}))
    flip_record(flipped / "records")
    damage(store.records / "data.mdb")
    cli.main(["doctor", "--deep", "--json"])
    checks = {c["check"]: c for c in json.loads(capsys.readouterr().out)["checks"]}
    for found in (checks["records"], checks["deep records"]):
        assert found["verdict"] == "fail"
        assert good.path.name in found["todo"]
    cli.main(["doctor", *flags, "--fix"])
    said = capsys.readouterr()
    assert "restored 2 records" in said.err
    assert "iai import --all" in said.err
    assert count(store) == 2
    assert list(store.backups.glob("before-restore-*/records/data.mdb"))


def test_where_one_record_is_damaged_the_records_stay_as_they_are(
    store: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    flip_record(store.records)
    before = (store.records / "data.mdb").read_bytes()
    cli.main(["doctor", "--deep", "--fix", "--json"])
    checks = {c["check"]: c for c in json.loads(capsys.readouterr().out)["checks"]}
    assert "iai export" in checks["deep records"]["todo"]
    assert (store.records / "data.mdb").read_bytes() == before
