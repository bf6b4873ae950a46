"""The sidecar file of a payload: what the payload claims to hold. One shape to write and read."""

from pathlib import Path
from zlib import crc32

import msgspec
from msgspec import Struct, structs

from iai.freshness.inputs import LEFT_OUT, InputVersion
from iai.model.record import Watermark
from iai.protocol.cache_writer import Trigger


class Sidecar(Struct, frozen=True, kw_only=True):
    """Never claims more than its payload holds: the watermark is read before composing.

    The first five fields are those of the watermark; times are nanoseconds UTC.
    """

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
    message: str = ""  # that the person is shown with it; "": none
    checksum: int | None = None  # see `sealed`; None: an earlier iai wrote it

    def version(self) -> InputVersion:
        """Return the version of the inputs that the payload was made from."""
        mark = Watermark(*(getattr(self, name) for name in Watermark.__struct_fields__))
        return InputVersion(mark, self.graph, self.program)


def sealed(sidecar: Sidecar, text: str) -> Sidecar:
    """Return a sidecar with the CRC-32 of its payload and of what it says itself."""
    bare = structs.replace(sidecar, checksum=None)
    return structs.replace(bare, checksum=crc32(encode_sidecar(bare), crc32(text.encode())))


def is_intact(sidecar: Sidecar, text: str) -> bool:
    """Are payload and sidecar what was written?"""
    return sidecar.checksum is None or sealed(sidecar, text) == sidecar


def sidecar_path(payload: Path) -> Path:
    """`.session-start-payload.cached.md` -> `.session-start-payload.cached.meta.json`."""
    return payload.with_suffix(".meta.json")


def encode_sidecar(sidecar: Sidecar) -> bytes:
    """Return the contents of a sidecar file."""
    return msgspec.json.encode(sidecar) + b"\n"
