"""The sidecar beside a payload: what it claims to hold. One shape for writer and reader."""

from pathlib import Path

import msgspec
from msgspec import Struct, structs

from iai import injected
from iai.freshness.decide import LEFT_OUT, Basis
from iai.messages import Trigger
from iai.record import Watermark


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


def claim(payload: Path) -> Sidecar | None:
    """Return what the sidecar claims, as far as the payload bears it out.

    The revision is 0 where the payload was cut, or is no payload; None if one of them cannot be
    read.
    """
    sidecar = read_sidecar(payload)
    try:
        text = payload.read_text()
    except (OSError, UnicodeDecodeError):
        return None
    if sidecar is None:
        return None
    return structs.replace(sidecar, revision=min(sidecar.revision, injected.revision(text)))


def sidecar_path(payload: Path) -> Path:
    """`.session-start-payload.cached.md` -> `.session-start-payload.cached.meta.json`."""
    return payload.with_suffix(".meta.json")


def encode_sidecar(sidecar: Sidecar) -> bytes:
    """Return the bytes of a sidecar file."""
    return msgspec.json.encode(sidecar) + b"\n"


def read_sidecar(payload: Path) -> Sidecar | None:
    """Return the sidecar of a payload; None if it is not there or cannot be read."""
    try:
        return msgspec.json.decode(sidecar_path(payload).read_bytes(), type=Sidecar)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
