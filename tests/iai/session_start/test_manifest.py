"""The manifest never trusts a file that another hand changed, and reads none that nobody did."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.freshness.claude_file import claude_path, encode_claude_file
from iai.freshness.sidecar import Sidecar, encode_sidecar, sidecar_path
from iai.freshness.target import Target
from iai.model import framing
from iai.process import files
from iai.session_start import manifest as module
from iai.session_start.manifest import Manifest
from iai.session_start.payload_files import read_sidecar

NAMES = ("a", "b", "global")


def targets(directory: Path) -> list[Target]:
    return [Target(directory / f"{name}.md", name, name) for name in NAMES]


def payload(revision: int) -> str:
    return f"{framing.opening(revision, 'now', 'p')}\n{framing.CLOSING}\n"


def sidecar(revision: int) -> Sidecar:
    return Sidecar(
        revision=revision, records_count=1, max_vec_label=1, max_created_at=1, max_updated_at=1,
        rendered_chars=1, generated_at="now", trigger="manual", message="1 session",
    )  # fmt: skip


def write(manifest: Manifest, path: Path, revision: int = 5, claimed: int = 5) -> None:
    """Write a payload and its sidecar as the cache-writer does."""
    text, claim = payload(revision), sidecar(claimed)
    files.replace(claude_path(path), encode_claude_file(text, claim.message))
    files.replace(path, text.encode())
    files.replace(sidecar_path(path), encode_sidecar(claim))
    manifest.wrote(path, text, claim)


def delete(path: Path) -> None:
    path.unlink(missing_ok=True)


def cut(path: Path) -> None:
    if path.exists():
        os.truncate(path, path.stat().st_size // 2)


def replace(path: Path) -> None:
    files.replace(path, b"by another hand")


def touch(path: Path) -> None:
    if path.exists():
        os.utime(path, ns=(1, 1))


def spoil(path: Path) -> None:
    path.write_bytes(b"\xff")


PLACES: dict[str, Callable[[Path], Path]] = {
    "payload": Path, "sidecar": sidecar_path, "shown": claude_path,
}  # fmt: skip
DAMAGE = (delete, cut, replace, touch, spoil)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["write", "claims too much", *PLACES]),
        st.sampled_from(DAMAGE),
    ),
    max_size=12,
)


@given(STEPS)
def test_it_sees_at_once_what_reading_every_file_would(
    story: list[tuple[str, str, Callable[[Path], None]]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        kept = Manifest()
        every = targets(Path(directory))
        for name, what, damage in story:
            path = Path(directory) / f"{name}.md"
            if what in ("write", "claims too much"):
                write(kept, path, claimed=5 if what == "write" else 6)
            else:
                damage(PLACES[what](path))
            read = Manifest()  # knows nothing, so it reads everything
            assert kept.intact(every) == read.intact(every)
            assert [kept.sidecar(t.path) for t in every] == [read.sidecar(t.path) for t in every]


def test_what_was_just_written_is_not_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Mock(wraps=read_sidecar)
    monkeypatch.setattr(module, "read_sidecar", read)
    kept = Manifest()
    for target in targets(tmp_path):
        write(kept, target.path)
    for _ in range(3):
        assert kept.intact(targets(tmp_path))
    read.assert_not_called()
    kept.expire()
    for _ in range(3):
        assert kept.intact(targets(tmp_path))
    assert read.call_count == len(NAMES)


def test_a_change_that_no_stamp_shows_is_found_after_the_next_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Manifest()
    path = tmp_path / "a.md"
    every = [Target(path, "a", "a")]
    write(kept, path)
    stamps = module._stamps(path)
    monkeypatch.setattr(module, "_stamps", lambda _: stamps)
    path.write_bytes(b"x" * path.stat().st_size)
    assert kept.intact(every)
    kept.expire()
    assert not kept.intact(every)


def test_what_changed_between_writing_and_noting_it_is_read(tmp_path: Path) -> None:
    kept = Manifest()
    path = tmp_path / "a.md"
    text, claim = payload(5), sidecar(5)
    files.replace(path, b"cut")
    files.replace(sidecar_path(path), encode_sidecar(claim))
    kept.wrote(path, text, claim)
    assert not kept.intact([Target(path, "a", "a")])


def test_the_global_payload_alone_may_lack_its_sidecar(tmp_path: Path) -> None:
    kept, every = Manifest(), targets(tmp_path)
    for target in every:
        write(kept, target.path)
    sidecar_path(every[-1].path).unlink()
    assert kept.intact(every)
    assert kept.sidecar(every[-1].path) is None
    sidecar_path(every[0].path).unlink()
    assert not kept.intact(every)
