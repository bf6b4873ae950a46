"""`lifecycle.json`: what was saved is read, or nothing."""

from iai.lifecycle.saved_state import Saved, decode, encode
from iai.protocol.message import State

SAVED = Saved(state=State.SLEEP, since=10**18, last_activity_at=10**18 - 7)


def test_what_was_saved_is_read() -> None:
    found = decode(encode(SAVED))
    assert found is not None
    assert (found.state, found.since) == (SAVED.state, SAVED.since)


def test_a_flipped_bit_makes_it_unreadable() -> None:
    data = encode(SAVED)
    for bit in range(8 * len(data) - 8):  # all but the newline at the end
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert decode(bytes(flipped)) is None, bit


def test_one_of_an_earlier_version_has_no_checksum() -> None:
    found = decode(b'{"state":"sleep","since":5,"last_activity_at":4}')
    assert found is not None
    assert found.since == 5
    assert decode(b"") is None
