"""The sidecar beside a payload: what it claims to hold. One shape for writer and reader."""

from pathlib import Path

import msgspec
from msgspec import Struct

from iai.freshness.decide import LEFT_OUT, Basis
from iai.model.record import Watermark
from iai.protocol.cache_writer import Trigger


class Sidecar(Struct, frozen=True, kw_only=True):
    """Claims no more than what the payload holds: its watermark was taken before composing."""

    revision: int
    records_count: int
    max_vec_label: int
    max_created_at: int
    max_updated_at: int
    rendered_chars: int
    generated_at: str  # UTC, ISO 8601
    trigger: Trigger
    graph: int = LEFT_OUT
    program: str = ""

    def basis(self) -> Basis:
        """Return what the payload was made from."""
        mark = Watermark(*(getattr(self, name) for name in Watermark.__struct_fields__))
        return Basis(mark, self.graph, self.program)


def sidecar_path(payload: Path) -> Path:
    """`.session-start-payload.cached.md` -> `.session-start-payload.cached.meta.json`."""
    return payload.with_suffix(".meta.json")


def encode_sidecar(sidecar: Sidecar) -> bytes:
    """Return the bytes of a sidecar file."""
    return msgspec.json.encode(sidecar) + b"\n"
