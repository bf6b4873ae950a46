"""Encodes messages as bytes and decodes them.

A frame is one msgpack map: `v` (protocol version), `id` (of the request that it belongs to; "" on a
feed), `kind`, and the fields of the message. Unknown fields are ignored, so that a newer peer may
send more; an unknown kind or a bad type is refused.
"""

from typing import Any, NamedTuple

import msgpack
import msgspec

from iai.errors import BadMessageReceived, BadMessageSent
from iai.protocol.message import Actor, ErrorCode, Message
from iai.protocol.registry import FEED, INBOX, REPLIES

PROTOCOL = 1
MAX_FRAME = 8 * 1024 * 1024  # bytes; a turn is at most a few hundred kilobytes
LONGEST_ID = 64  # characters of a request's id
_SHOWN = 100  # bytes of bad input that an error may quote: payloads are personal


class Envelope(NamedTuple):
    """A message and the request that it belongs to."""

    id: str  # of the request; "": none, as on a feed
    message: Message  # of one of the kinds asked for


Kinds = dict[str, type[Message]]


def _kinds(*messages: type[Message]) -> Kinds:
    return {str(message.__struct_config__.tag): message for message in messages}


REPLY_KINDS: Kinds = _kinds(*REPLIES)
INBOX_KINDS: dict[Actor, Kinds] = {actor: _kinds(*kinds) for actor, kinds in INBOX.items()}
FEED_KINDS: dict[Actor, Kinds] = {actor: _kinds(*kinds) for actor, kinds in FEED.items()}


def kind(message: Message | type[Message]) -> str:
    """Return the name of a message on the wire."""
    return str(message.__struct_config__.tag)


def encode(message: Message, request_id: str = "") -> bytes:
    """Return the frame of one message.

    Raises BadMessageSent if it is too large, or has a value that msgpack cannot hold.
    """
    fields = msgspec.to_builtins(message, builtin_types=(bytes,))
    try:
        frame = msgpack.packb({"v": PROTOCOL, "id": request_id, **fields}, use_bin_type=True)
    except (ValueError, OverflowError, TypeError) as error:
        raise BadMessageSent(f"{kind(message)} cannot be packed: {error}") from error
    if len(frame) > MAX_FRAME:
        raise BadMessageSent(
            f"{kind(message)} of {len(frame)} bytes exceeds the limit of {MAX_FRAME}"
        )
    return bytes(frame)


def decode(frame: bytes, kinds: Kinds) -> Envelope:
    """Return the message in a frame, which must be of one of `kinds`.

    Raises BadMessageReceived with an `ErrorCode` and, if it could be read, the id of the request,
    so that the peer gets an answer.
    """
    if len(frame) > MAX_FRAME:
        raise BadMessageReceived(ErrorCode.TOO_LARGE, f"{len(frame)} bytes; limit {MAX_FRAME}")
    fields = _unpack(frame)
    request_id = fields.get("id", "")
    if not isinstance(request_id, str) or len(request_id) > LONGEST_ID:
        raise BadMessageReceived(ErrorCode.BAD_MESSAGE, "`id` is not a short string")
    if fields.get("v") != PROTOCOL:
        reason = f"protocol {str(fields.get('v'))[:_SHOWN]}; this is {PROTOCOL}"
        raise BadMessageReceived(ErrorCode.BAD_VERSION, reason, request_id)
    name = fields.get("kind")
    type_ = kinds.get(name) if isinstance(name, str) else None
    if type_ is None:
        reason = f"{str(name)[:_SHOWN]!r}; known here: {', '.join(sorted(kinds))}"
        raise BadMessageReceived(ErrorCode.UNKNOWN_KIND, reason, request_id)
    try:
        return Envelope(request_id, msgspec.convert(fields, type_, strict=True))
    except msgspec.ValidationError as error:
        raise BadMessageReceived(ErrorCode.BAD_MESSAGE, str(error), request_id) from error


def _unpack(frame: bytes) -> dict[str, Any]:
    try:
        fields = msgpack.unpackb(frame, raw=False, strict_map_key=True)
    except Exception as error:  # msgpack raises a dozen types, some of them bare ValueErrors
        reason = f"not msgpack: {type(error).__name__} in {frame[:_SHOWN]!r}"
        raise BadMessageReceived(ErrorCode.BAD_MESSAGE, reason) from error
    if not isinstance(fields, dict):
        reason = f"a {type(fields).__name__}, not a map"
        raise BadMessageReceived(ErrorCode.BAD_MESSAGE, reason)
    return fields
