"""What embedding is asked, answers and publishes."""

from typing import Literal

from msgspec import Struct

from iai.protocol.message import Event, Reply, Request


class EmbedQuery(Request, frozen=True):
    text: str


class QueryVector(Struct, frozen=True, kw_only=True):
    """A vector as packed little-endian numbers."""

    generation: int
    dtype: Literal["f4"]
    dimension: int
    data: bytes


class QueryVectors(Reply, frozen=True):
    """The query under each generation of weights that stored vectors may have."""

    vectors: tuple[QueryVector, ...]


class VectorsCommitted(Event, frozen=True):
    revision: int
    embedded: int
    reembedded: int


class GenerationBegun(Event, frozen=True):
    """All records get vectors anew, under weights counted up to a label, while the old serve."""

    generation: int
    embedder: str  # fingerprint
    records: int
    counted_upto: int


class GenerationServing(Event, frozen=True):
    """That is done."""

    generation: int
    embedder: str
    records: int
    counted_upto: int
