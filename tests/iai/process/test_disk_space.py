"""How much a store may still grow."""

from pathlib import Path

import pytest

from iai.process import disk_space
from iai.process.disk_space import LITTLE, RESERVE, DiskSpace

GB = 10**9


def test_the_files_of_a_store_are_added_up_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "large").write_bytes(bytes(1 << 20))
    store = tmp_path / "store"
    (store / "records").mkdir(parents=True)
    (store / "records" / "data.mdb").write_bytes(bytes(range(256)) * 64)
    (store / "link").symlink_to(tmp_path / "far")
    assert 16_384 <= disk_space.measure(store, 0).used < 1 << 20
    assert disk_space.measure(store, 2.5).limit == 2_500_000_000


def test_a_store_that_is_not_there_yet_takes_up_nothing(tmp_path: Path) -> None:
    space = disk_space.measure(tmp_path / "none" / "store", 0)
    assert (space.used, space.full) == (0, False)
    assert space.free > 0


@pytest.mark.parametrize(
    ("used", "free", "limit", "state", "todo"),
    [
        (1 * GB, 100 * GB, 0, "ok", "disk"),
        (1 * GB, 100 * GB, 2 * GB, "ok", "MAX_GB"),
        (1 * GB, LITTLE, 0, "low", "disk"),
        (19 * GB, 100 * GB, 20 * GB, "low", "MAX_GB"),
        (2 * GB, 100 * GB, 2 * GB, "full", "MAX_GB"),
        (1 * GB, RESERVE, 0, "full", "disk"),
        (1 * GB, RESERVE, 2 * GB, "full", "disk"),
    ],
)
def test_it_is_low_and_then_full_by_its_limit_or_by_the_disk(
    used: int, free: int, limit: int, state: str, todo: str
) -> None:
    space = DiskSpace(used, free, limit)
    assert (space.low, space.full) == (state != "ok", state == "full")
    assert ("nothing new is stored" in space.summary) == (state == "full")
    assert todo in space.todo
