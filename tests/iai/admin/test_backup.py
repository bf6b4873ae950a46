"""Backups, what is restored from them, and what is refused."""

import io
import shutil
import tarfile
from pathlib import Path

import msgspec
import pytest

from iai.admin import backup
from iai.config.layout import Layout, private
from iai.errors import StoreAbsent, StoreError
from iai.model.clock import NS
from iai.process import lock
from iai.store.codec import encode_u64
from iai.store.records import Records
from tests.iai.store.builders import NOW, flip, new_record, put, strip


def fill(layout: Layout, *keys: str) -> None:
    records = Records(layout.records, writer=True)
    put(records, *(new_record(key) for key in keys))
    records.close()


def texts(layout: Layout) -> list[str]:
    records = Records(layout.records)
    with records.view() as view:
        found = [record.text for record in view.after(0)]
    records.close()
    return found


@pytest.fixture
def other(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "other")


@pytest.fixture
def made(layout: Layout, tmp_path: Path) -> Path:
    """Return a backup of a store with two records, a setting and a hook event that waits."""
    fill(layout, "one", "two")
    layout.config.write_text("tick_s = 2\n")
    (layout.spool_new / "1.json").write_text("{}")
    path = tmp_path / "b.tar.gz"
    backup.make(layout, path, NOW.wall)
    return path


def test_a_backup_taken_while_the_records_are_written_is_consistent_and_private(
    layout: Layout, tmp_path: Path
) -> None:
    records = Records(layout.records, writer=True)
    put(records, new_record("one"))
    manifest = backup_elsewhere(layout, tmp_path / "b.tar.gz")
    put(records, new_record("two"))
    records.close()
    assert manifest == 1
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def backup_elsewhere(layout: Layout, path: Path) -> int:
    """Make one in another process, as in life: LMDB refuses one environment twice in one."""
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    environment = {"IAI_MCP_STORE": str(layout.root), "HOME": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-m", "iai", "backup", str(path)],
        env=environment, capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    return int(done.stdout.split(": ")[1].split()[0])


def test_one_whose_last_bytes_are_missing_is_refused(made: Path, other: Layout) -> None:
    """The records have checksums of their own; settings and events only that at its end."""
    made.write_bytes(made.read_bytes()[:-5])
    with pytest.raises(StoreError, match="cannot read"):
        backup.restore(other, made, NOW.wall, replace=False)
    assert not other.records.exists()


def test_what_a_backup_holds_comes_back_in_an_empty_store(made: Path, other: Layout) -> None:
    done = backup.restore(other, made, NOW.wall, replace=False)
    assert (done.manifest.watermark.records_count, done.kept) == (2, None)
    assert texts(other) == ["text of one", "text of two"]
    assert other.config.read_text() == "tick_s = 2\n"
    assert (other.spool_new / "1.json").read_text() == "{}"
    assert not [path for path in other.root.iterdir() if path.name.startswith(".iai-")]
    assert not [p for p in other.root.rglob("*") if p.lstat().st_mode & 0o077]


def test_a_store_that_holds_records_is_left_alone_unless_told_and_then_kept_aside(
    made: Path, other: Layout
) -> None:
    other.create()
    fill(other, "mine")
    private(other.vectors)
    with pytest.raises(StoreError, match="already has records"):
        backup.restore(other, made, NOW.wall, replace=False)
    assert texts(other) == ["text of mine"]
    kept = backup.restore(other, made, NOW.wall, replace=True).kept
    assert texts(other) == ["text of one", "text of two"]
    assert not other.vectors.exists(), "it was derived from other records"
    assert kept is not None
    old = Records(kept / "records")
    with old.view() as view:
        assert view.watermark().records_count == 1
    old.close()


def test_nothing_is_restored_under_a_group_that_runs(made: Path, other: Layout) -> None:
    lease = lock.take(other.lease)
    assert lease is not None
    with pytest.raises(StoreError, match="`iai down` first"):
        backup.restore(other, made, NOW.wall, replace=True)
    lease.release()
    assert not other.records.exists()


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.9])
def test_a_backup_that_was_cut_short_changes_nothing(made: Path, other: Layout, cut: float) -> None:
    made.write_bytes(made.read_bytes()[: int(made.stat().st_size * cut)])
    other.create()
    fill(other, "mine")
    with pytest.raises(StoreError, match=str(made)):
        backup.restore(other, made, NOW.wall, replace=True)
    assert texts(other) == ["text of mine"]


def test_a_backup_with_a_flipped_bit_is_restored_whole_or_not_at_all(
    made: Path, other: Layout
) -> None:
    whole = made.read_bytes()
    other.create()
    fill(other, "mine")
    refused = 0
    for at in range(20, len(whole), len(whole) // 40):
        flipped = bytearray(whole)
        flipped[at] ^= 16
        made.write_bytes(flipped)
        try:
            backup.restore(other, made, NOW.wall + at * NS, replace=True)
        except StoreError:
            refused += 1
            assert texts(other) == ["text of mine"], at
        else:
            assert texts(other) == ["text of one", "text of two"], at
            shutil.rmtree(other.records)
            fill(other, "mine")
    assert refused > 30


def test_a_backup_of_an_earlier_iai_is_migrated_as_it_is_restored(
    made: Path, other: Layout, tmp_path: Path
) -> None:
    unpacked = tmp_path / "unpacked"
    with tarfile.open(made) as tar:
        tar.extractall(unpacked, filter="data")
    strip(unpacked / "records")
    manifest = msgspec.json.decode((unpacked / "manifest.json").read_bytes())
    (unpacked / "manifest.json").write_bytes(msgspec.json.encode({**manifest, "schema": 2}))
    with tarfile.open(made, "w:gz") as tar:
        for name in ("manifest.json", "records/data.mdb"):
            tar.add(unpacked / name, name)
    backup.restore(other, made, NOW.wall, replace=False)
    assert texts(other) == ["text of one", "text of two"]


def test_what_was_damaged_before_a_backup_is_said_and_does_not_hinder_it(
    layout: Layout, other: Layout, tmp_path: Path
) -> None:
    fill(layout, "one", "two")
    records = Records(layout.records, writer=True)
    flip(records._environment, "records", encode_u64(1), 99)
    records.close()
    assert backup.make(layout, tmp_path / "b.tar.gz", NOW.wall).damaged == 1
    backup.restore(other, tmp_path / "b.tar.gz", NOW.wall, replace=False)
    assert texts(other) == ["text of two"]


def test_a_tar_of_something_else_is_no_backup(tmp_path: Path, other: Layout) -> None:
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("../evil")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(StoreError, match="is not an iai backup"):
        backup.restore(other, path, NOW.wall, replace=False)
    assert not (tmp_path / "evil").exists()


def test_a_name_in_a_backup_says_nothing_about_where_it_goes(
    made: Path, other: Layout, tmp_path: Path
) -> None:
    evil = tmp_path / "evil.tar.gz"
    with tarfile.open(made) as source, tarfile.open(evil, "w:gz") as tar:
        for member in source:
            tar.addfile(member, source.extractfile(member))
        for name in ("spool/new/../../../x.json", "/x.json", "hooks/x.sh", "run/command"):
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
        link = tarfile.TarInfo("spool/new/l.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    backup.restore(other, evil, NOW.wall, replace=False)
    assert [path.name for path in other.spool_new.iterdir()] == ["1.json"]
    assert not list(tmp_path.glob("**/x.json"))
    assert not other.hooks.exists()


def test_where_there_are_no_records_there_is_nothing_to_back_up(
    layout: Layout, tmp_path: Path
) -> None:
    with pytest.raises(StoreAbsent):
        backup.make(layout, tmp_path / "b.tar.gz", NOW.wall)
    assert not (tmp_path / "b.tar.gz").exists()
