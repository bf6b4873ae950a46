"""The file `team.json`: for its user alone, sealed where the store is, and in no backup."""

import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from iai.admin import backup, encryption
from iai.config.layout import Layout
from iai.encryption.cipher import is_sealed
from iai.encryption.key_sources import KeyFile
from iai.errors import NoTeam, StoreCorrupt, StoreTooNew
from iai.store.records import Records
from iai.store.schema import is_encrypted
from iai.store.team_store import TeamStore
from iai.team import enrolment, team_file
from iai.team.enrolment import Enrolment
from tests.iai.encryption.process_keys import forget_keys
from tests.iai.store.builders import NOW, new_record, put
from tests.iai.team.machines import SERVER


@pytest.fixture
def enrolled(layout: Layout) -> Enrolment:
    own = enrolment.create("crew", SERVER, "Kim", "laptop")
    team_file.save(layout, own)
    return own


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    forget_keys()


def fill(layout: Layout) -> None:
    with closing(Records(layout.records, writer=True)) as records:
        put(records, new_record("one"))


def quiet(_line: str) -> None:
    """Report nothing."""


def test_what_was_saved_is_loaded_and_only_its_user_can_read_it(
    layout: Layout, enrolled: Enrolment
) -> None:
    assert team_file.load(layout) == enrolled
    assert layout.team_file.stat().st_mode & 0o777 == 0o600


def test_it_is_sealed_while_the_store_is_encrypted(layout: Layout, enrolled: Enrolment) -> None:
    TeamStore(layout.team).close()
    assert not is_encrypted(layout.team)
    encryption.encrypt(layout, KeyFile(f"{layout.root}.key"), quiet)
    sealed = layout.team_file.read_bytes()
    assert is_sealed(sealed)
    assert team_file.load(layout) == enrolled
    team_file.save(layout, enrolled)
    assert is_sealed(layout.team_file.read_bytes())
    assert encryption.forms(layout) == {"team": encryption.ENCRYPTED}
    encryption.rotate(layout, quiet)
    assert layout.team_file.read_bytes()[:40] != sealed[:40]
    assert team_file.load(layout) == enrolled
    encryption.decrypt(layout, quiet)
    assert not is_encrypted(layout.team)
    assert b"crew" in layout.team_file.read_bytes()
    assert team_file.load(layout) == enrolled


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version": 1}', b"\xff" * 40])
def test_a_damaged_file_is_refused_and_says_what_to_do(layout: Layout, data: bytes) -> None:
    layout.team_file.write_bytes(data)
    with pytest.raises(StoreCorrupt, match="iai team leave --force"):
        team_file.load(layout)


def test_a_file_of_a_newer_iai_is_left_alone(layout: Layout) -> None:
    layout.team_file.write_bytes(msgspec.json.encode({"version": 2, "new": True}))
    with pytest.raises(StoreTooNew):
        team_file.load(layout)


def test_without_it_there_is_no_team(layout: Layout) -> None:
    with pytest.raises(NoTeam, match="iai team join"):
        team_file.load(layout)


def test_a_backup_has_no_identity_and_a_restore_ends_the_place_in_the_team(
    layout: Layout, enrolled: Enrolment, tmp_path: Path
) -> None:
    fill(layout)
    path = tmp_path / "b.tar.gz"
    backup.make(layout, path, NOW.wall)
    with tarfile.open(path) as tar:
        assert not any("team" in name for name in tar.getnames())
    (layout.root / "team").mkdir()
    done = backup.restore(layout, path, NOW.wall, replace=True)
    assert done.left_team
    assert done.kept is not None
    assert not layout.team_file.exists()
    assert not layout.team.exists()
    assert team_file.load(Layout(done.kept)) == enrolled
    again = backup.restore(layout, path, NOW.wall + 10**9, replace=True)
    assert not again.left_team
