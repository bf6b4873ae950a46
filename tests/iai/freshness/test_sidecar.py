"""The sidecar: one path and one shape (SEED R19, T9)."""

from pathlib import Path

import msgspec

from iai.freshness.inputs import InputVersion
from iai.freshness.sidecar import Sidecar, encode_sidecar, sidecar_path
from iai.model.record import Watermark

SIDECAR = Sidecar(
    revision=5, records_count=4, max_vec_label=6, max_created_at=-1, max_updated_at=10**18,
    rendered_chars=99, generated_at="2026-11-23T10:00:00Z", trigger="manual",
    graph=3, program="iai 1",
)  # fmt: skip


def test_the_last_suffix_becomes_meta_json() -> None:
    payload = Path("/s/.session-start-payload.cached.md")
    assert sidecar_path(payload) == Path("/s/.session-start-payload.cached.meta.json")
    assert sidecar_path(Path("/s/session-start/0a.md")) == Path("/s/session-start/0a.meta.json")


def test_a_sidecar_names_the_version_of_its_inputs() -> None:
    assert SIDECAR.version() == InputVersion(Watermark(5, 4, 6, -1, 10**18), 3, "iai 1")


def test_a_sidecar_file_is_one_json_object_on_a_line() -> None:
    assert msgspec.json.decode(encode_sidecar(SIDECAR)) == msgspec.to_builtins(SIDECAR)
    assert encode_sidecar(SIDECAR).endswith(b"}\n")
