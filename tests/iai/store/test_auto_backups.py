"""Automatic backups: verified before they count, rotated, and rid of what was forgotten."""

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from iai.admin import scrub_check
from iai.config.layout import Layout
from iai.encryption import keys
from iai.encryption.key_sources import KeyFile
from iai.model.clock import Now
from iai.process import files
from iai.store import auto_backups
from iai.store.auto_backups import DAY_NS, AutoBackups, found
from iai.store.codec import encode_u64
from iai.store.copying import Copy
from iai.store.records import Records
from tests.iai.store.builders import NOW, flip, new_record, put


@pytest.fixture
def records(layout: Layout) -> Iterator[Records]:
    opened = Records(layout.records, writer=True)
    put(opened, new_record("one", text="alpha"), new_record("two", text="beta"))
    yield opened
    opened.close()


def later(days: float) -> Now:
    ns = int(days * DAY_NS)
    return Now(NOW.wall + ns, NOW.mono + ns)


def run(backups: AutoBackups, records: Records, now: Now, *, idle: bool = True) -> int:
    """Make what is due; return in how many slices."""
    slices = 0
    while True:
        with records.view() as view:
            mark, erased = view.watermark(), view.erased_through()
        if not backups.due(mark, erased, now, idle=idle):
            return slices
        backups.step(erased, now)
        slices += 1


def forget(records: Records, label: int) -> None:
    with records.view() as view:
        record = view.get(label)
    assert record is not None
    records.commit(lambda unit: unit.forget.record(record), NOW)


def texts(backup: auto_backups.AutoBackup) -> list[str]:
    copy = Records(backup.path / "records")
    with copy.view() as view:
        said = [record.text for record in view.every()]
    copy.close()
    return said


def test_one_is_made_a_day_where_something_has_changed(layout: Layout, records: Records) -> None:
    backups = AutoBackups(layout, records, 3)
    backups.start()
    assert not run(backups, records, later(0), idle=False)
    assert run(backups, records, later(0))
    assert not run(backups, records, later(2))  # nothing has changed
    put(records, new_record("three"))
    assert not run(backups, records, later(0.9))
    assert run(backups, records, later(1.1))
    assert [one.watermark.records_count for one in found(layout)] == [2, 3]
    assert texts(found(layout)[0]) == ["alpha", "beta"]
    assert found(layout)[0].path.stat().st_mode & 0o777 == 0o700


def test_the_oldest_go_and_the_newest_stay(layout: Layout, records: Records) -> None:
    backups = AutoBackups(layout, records, 2)
    backups.start()
    for day in range(4):
        put(records, new_record(f"day {day}"))
        assert run(backups, records, later(day * 1.1))
    assert [one.watermark.records_count for one in found(layout)] == [5, 6]


def test_none_is_made_where_they_are_off(layout: Layout, records: Records) -> None:
    backups = AutoBackups(layout, records, 0)
    backups.start()
    assert not run(backups, records, later(0))
    assert found(layout) == []


def test_one_from_before_a_forget_is_replaced_at_once(layout: Layout, records: Records) -> None:
    backups = AutoBackups(layout, records, 3)
    backups.start()
    run(backups, records, later(0))
    forget(records, 1)
    assert run(backups, records, later(0.01), idle=False)
    assert [texts(one) for one in found(layout)] == [["beta"]]
    off = AutoBackups(layout, records, 0)
    off.start()
    forget(records, 2)
    run(off, records, later(0.02), idle=False)
    assert found(layout) == []


def test_a_copy_that_differs_is_no_backup_and_costs_no_older_one(
    layout: Layout, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups = AutoBackups(layout, records, 1)
    backups.start()
    run(backups, records, later(0))
    put(records, new_record("three"))
    compare = Copy.compare

    def flipped(copy: Copy, room_s: float) -> bool:
        copy.put(b"records", (1).to_bytes(8, "big"), b"flipped")
        return compare(copy, room_s)

    monkeypatch.setattr(Copy, "compare", flipped)
    assert run(backups, records, later(2)) > 0
    assert [one.watermark.records_count for one in found(layout)] == [2]
    assert list(layout.backups.glob(".auto-*")) == []
    monkeypatch.undo()
    assert not run(backups, records, later(2.01))  # it waits before it tries again
    assert run(backups, records, later(2.1))
    assert [one.watermark.records_count for one in found(layout)] == [3]


def test_none_is_made_of_records_with_a_damaged_entry_and_the_older_ones_stay(
    layout: Layout, records: Records
) -> None:
    backups = AutoBackups(layout, records, 1)
    backups.start()
    run(backups, records, later(0))
    put(records, new_record("three"))
    flip(records._environment, "records", encode_u64(2), 77)
    assert run(backups, records, later(2)) > 0
    assert [texts(one) for one in found(layout)] == [["alpha", "beta"]]
    assert list(layout.backups.glob(".auto-*")) == []


def test_nothing_is_left_of_one_that_could_not_be_described(
    layout: Layout, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(files, "replace", full)
    backups = AutoBackups(layout, records, 1)
    backups.start()
    run(backups, records, later(0))
    assert list(layout.backups.iterdir()) == []


def test_one_that_was_cut_short_is_removed_at_the_next_start(
    layout: Layout, records: Records
) -> None:
    shutil.copytree(layout.records, layout.backups / ".auto-20260101T000000Z")
    (layout.backups / "auto-broken").mkdir()
    again = AutoBackups(layout, records, 1)
    again.start()
    assert [path.name for path in layout.backups.iterdir()] == ["auto-broken"]
    assert found(layout) == []


def test_a_disk_with_too_little_room_is_left_alone(
    layout: Layout, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto_backups, "ROOM_FACTOR", 1 << 62)
    backups = AutoBackups(layout, records, 1)
    backups.start()
    run(backups, records, later(0))
    assert found(layout) == []


def test_in_an_encrypted_store_they_are_sealed_and_one_in_the_clear_is_replaced(
    layout: Layout, tmp_path: Path
) -> None:
    records = Records(layout.records, writer=True)
    put(records, new_record("one", text="alpha"))
    backups = AutoBackups(layout, records, 3)
    backups.start()
    run(backups, records, NOW)
    (plain,) = found(layout)
    made = keys.create(layout.root, KeyFile(str(tmp_path / "key")))
    records.convert(keys.unlock(layout.root, made))
    keys.settle(layout.root, made)
    records.close()
    records = Records(layout.records, writer=True)
    backups = AutoBackups(layout, records, 3)
    backups.start()
    run(backups, records, later(0.01), idle=False)
    records.close()
    (sealed,) = found(layout)
    assert (plain.encrypted, sealed.encrypted) == (False, True)
    assert b"alpha" not in (sealed.path / auto_backups.DATA).read_bytes()
    assert texts(sealed) == ["alpha"]


@pytest.mark.parametrize("damage", [b'{"form": "\xa2"}', b"[" * 100_000, b"[1]", b""])
def test_one_with_a_damaged_manifest_hinders_nothing_and_is_deleted_with_what_was_put_aside(
    layout: Layout, records: Records, damage: bytes
) -> None:
    backups = AutoBackups(layout, records, 3)
    backups.start()
    run(backups, records, later(0))
    [good] = found(layout)
    (good.path / auto_backups.MANIFEST).write_bytes(damage)
    again = AutoBackups(layout, records, 3)
    again.start()
    assert run(again, records, later(2))
    assert good.path not in [one.path for one in found(layout)]
    assert scrub_check.copies(layout) == [good.path]  # what is forgotten stays in it
    assert scrub_check.discard(layout) == 1
    assert len(found(layout)) == 1
