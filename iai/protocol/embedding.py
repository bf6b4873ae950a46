"""The requests, replies and events of embedding."""

from typing import Literal

from msgspec import Struct

from iai.protocol.message import Event, Reply, Request


class EmbedQuery(Request, frozen=True):
    """Embed a query, so that graph-cache can compare it with the stored vectors."""

    text: str  # the query


class QueryVector(Struct, frozen=True, kw_only=True):
    """A vector of one generation, as packed numbers."""

    generation: int  # number of the generation, from 1
    dtype: Literal["f4"]  # 4-byte floats, little-endian
    dimension: int  # how many of them
    data: bytes  # `dimension` times 4 bytes


class QueryVectors(Reply, frozen=True):
    """The query's vector under each generation that stored vectors may have."""

    vectors: tuple[QueryVector, ...]  # empty while there is no generation


class VectorsCommitted(Event, frozen=True):
    """Vectors were committed, or a new generation of them began to serve."""

    revision: int  # of the records, up to which all have vectors; 0: none yet
    embedded: int  # records that got a vector just now
    reembedded: int  # records whose vectors were replaced by those of a new generation


class GenerationBegun(Event, frozen=True):
    """A new generation of vectors is being computed, while the old one serves."""

    generation: int  # its number
    embedder: str  # fingerprint of the embedder
    records: int  # records in the store
    counted_upto: int  # highest label that the token frequencies were counted over; 0: none


class GenerationServing(Event, frozen=True):
    """A new generation of vectors is complete and serves from now on."""

    generation: int  # its number
    embedder: str  # fingerprint of the embedder
    records: int  # records in the store
    counted_upto: int  # highest label that the token frequencies were counted over; 0: none
