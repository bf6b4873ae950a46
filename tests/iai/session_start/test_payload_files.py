"""Payload files on disk: what is read of them, and which are used (SEED R19, T9)."""

from pathlib import Path

import pytest
from msgspec import structs

from iai.config.layout import Layout
from iai.freshness.sidecar import Sidecar, encode_sidecar, sealed, sidecar_path
from iai.freshness.target import Target
from iai.model import framing
from iai.process import files
from iai.session_start.payload_files import claim, leftovers, links, read_sidecar, servable

SIDECAR = Sidecar(
    revision=5, records_count=4, max_vec_label=6, max_created_at=-1, max_updated_at=10**18,
    rendered_chars=99, generated_at="2026-11-23T10:00:00Z", trigger="manual",
    graph=3, program="iai 1",
)  # fmt: skip


HEAD = framing.opening(5, "2026-11-23T10:00:00Z", "p")


def test_what_the_writer_wrote_the_reader_reads(tmp_path: Path) -> None:
    payload = tmp_path / "p.md"
    sidecar_path(payload).write_bytes(encode_sidecar(SIDECAR))
    assert read_sidecar(payload) == SIDECAR


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"revision": "5"}', b"\xff"])
def test_a_sidecar_that_cannot_be_read_is_none(tmp_path: Path, data: bytes) -> None:
    assert read_sidecar(tmp_path / "p.md") is None
    (tmp_path / "p.meta.json").write_bytes(data)
    assert read_sidecar(tmp_path / "p.md") is None


def test_what_a_newer_version_adds_to_the_sidecar_is_ignored(tmp_path: Path) -> None:
    data = encode_sidecar(SIDECAR).replace(b"{", b'{"new": 1,', 1)
    (tmp_path / "p.meta.json").write_bytes(data)
    assert read_sidecar(tmp_path / "p.md") == SIDECAR


@pytest.mark.parametrize(
    ("age_s", "limit_s", "served"),
    [
        (0, 10, True),
        (9, 10, True),
        (11, 10, False),
        (10**9, 0, True),
        (-5, 10, False),
        (-5, 0, False),
    ],
)
def test_the_hook_prints_neither_old_payloads_nor_future_ones(
    tmp_path: Path,
    age_s: int,
    limit_s: float,
    served: bool,  # noqa: FBT001
) -> None:
    path = tmp_path / "p.md"
    path.write_text("x")
    written = path.stat().st_mtime_ns
    assert servable(path, written + age_s * 10**9, limit_s) is served


def test_the_hook_prints_no_empty_and_no_missing_file(tmp_path: Path) -> None:
    assert not servable(tmp_path / "p.md", 0, 0)
    (tmp_path / "p.md").touch()
    assert not servable(tmp_path / "p.md", (tmp_path / "p.md").stat().st_mtime_ns, 0)


@pytest.mark.parametrize(("held", "claimed"), [(9, 5), (5, 5), (4, 4)])
def test_a_claim_is_never_later_than_what_the_payload_holds(
    tmp_path: Path, held: int, claimed: int
) -> None:
    payload = tmp_path / "p.md"
    assert claim(payload) is None
    sidecar_path(payload).write_bytes(encode_sidecar(SIDECAR))
    assert claim(payload) is None
    text = f"{framing.opening(held, 'now', 'p')}\n{framing.CLOSING}\n"
    payload.write_text(text)
    assert claim(payload) == structs.replace(SIDECAR, revision=claimed)
    payload.write_text(text[:-5])
    assert claim(payload) == structs.replace(SIDECAR, revision=0)


def test_leftovers_are_the_files_and_links_that_no_payload_needs(layout: Layout) -> None:
    kept, old = (
        Target(layout.project_payload(project), project, project, (f"/{project}",))
        for project in ("aa", "bb")
    )
    for target in (kept, old):
        files.replace(target.path, b"text")
        files.replace(sidecar_path(target.path), b"{}")
        for link, to in links(target, layout).items():
            files.link(link, to)
    files.replace(layout.payload, b"text")
    noted = structs.replace(old, tops=("/bb", "/bb2"))
    files.replace(layout.project_files("bb"), b"notes")
    for top in noted.tops:
        found = layout.files_link(top)
        assert found is not None
        files.link(found, layout.project_files("bb"))
    everyone = Target(layout.payload, "", "")
    assert leftovers([kept, noted, everyone], layout) == []
    assert set(leftovers([kept, old, everyone], layout)) == {
        layout.project_files("bb"),
        *(layout.files_link(top) for top in noted.tops),
    }
    assert set(leftovers([kept, everyone], layout)) == {
        old.path,
        sidecar_path(old.path),
        layout.project_files("bb"),
        *links(noted, layout),
    }


def test_a_flipped_bit_in_a_payload_or_its_sidecar_makes_it_claim_nothing(tmp_path: Path) -> None:
    payload = tmp_path / "p.md"
    text = f"{HEAD}\nwe chose port 9443\n{framing.CLOSING}\n"
    written = sealed(SIDECAR, text)
    for path, data in ((payload, text.encode()), (sidecar_path(payload), encode_sidecar(written))):
        payload.write_text(text)
        sidecar_path(payload).write_bytes(encode_sidecar(written))
        assert claim(payload) == written
        for bit in range(0, 8 * len(data) - 8, 3):  # all but the newline at the end
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            found = claim(payload)
            bare = found and structs.replace(found, checksum=None)
            assert found is None or found.revision == 0 or bare == SIDECAR, bit


def test_a_sidecar_of_an_earlier_version_has_no_checksum_and_counts(tmp_path: Path) -> None:
    payload = tmp_path / "p.md"
    payload.write_text(f"{HEAD}\n{framing.CLOSING}\n")
    sidecar_path(payload).write_bytes(encode_sidecar(SIDECAR))
    found = claim(payload)
    assert found is not None
    assert found.revision == SIDECAR.revision
