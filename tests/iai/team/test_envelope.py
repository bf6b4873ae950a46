"""Envelopes: what was sealed comes out, and nothing that anybody changed, moved or forged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from iai.errors import Forged, UnknownKey
from iai.team import envelope, identity
from iai.team.envelope import Header, ProjectKey
from iai.team.identity import Identity

OWN, OTHER = identity.new_identity(), identity.new_identity()
KEY, LATER = envelope.new_key(), envelope.new_key()


def header(**fields: object) -> Header:
    whole = Header("0" * 16, "a" * 16, OWN.machine, 7, 5, KEY.id)
    return structs.replace(whole, **fields)


def opened(data: bytes, signing: bytes = OWN.public.signing, key: ProjectKey = KEY) -> bytes:
    envelope.verify(data, signing)
    return envelope.unseal(data, key)


@given(st.binary(max_size=5_000))
def test_what_was_sealed_comes_out(plain: bytes) -> None:
    data = envelope.seal(OWN, KEY, header(), plain)
    assert envelope.read_header(data) == header()
    assert opened(data) == plain


def test_it_shows_nothing_of_the_content_and_never_looks_the_same() -> None:
    first, second = (envelope.seal(OWN, KEY, header(), b"open sesame") for _ in range(2))
    assert first != second
    assert b"open sesame" not in first


@given(st.data())
def test_no_byte_of_it_can_be_changed(data: st.DataObject) -> None:
    whole = bytearray(envelope.seal(OWN, KEY, header(), b"fact"))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Forged):
        opened(bytes(whole))


def test_the_header_is_bound_to_the_content_even_if_somebody_signs_them_again() -> None:
    """A member who has the key still cannot put another's content under a header of its own."""
    theirs = envelope.seal(OWN, KEY, header(), b"fact")
    mine = envelope.seal(OTHER, KEY, header(machine=OTHER.machine), b"x")
    start = envelope._body(mine)
    grafted = mine[:start] + theirs[envelope._body(theirs) : -identity.SIGNATURE]
    grafted += OTHER.sign(envelope._PURPOSE + grafted)
    envelope.verify(grafted, OTHER.public.signing)
    with pytest.raises(Forged, match="not what was sealed"):
        envelope.unseal(grafted, KEY)


def test_a_member_cannot_speak_for_another_machine() -> None:
    forged = envelope.seal(OTHER, KEY, header(machine=OWN.machine), b"I never said this")
    with pytest.raises(Forged, match=f"not what machine {OWN.machine} has signed"):
        opened(forged)


def test_without_its_key_it_stays_closed() -> None:
    data = envelope.seal(OWN, KEY, header(), b"fact")
    with pytest.raises(UnknownKey, match=KEY.id.hex()):
        opened(data, key=LATER)


@given(st.binary(max_size=200))
def test_garbage_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Forged):
        opened(data)


@given(st.integers(1, 1 << 30))
def test_a_length_shows_little_and_padding_costs_at_most_an_eighth(size: int) -> None:
    padded = envelope._padded_size(size)
    assert size <= padded <= size * 1.125 + 1
    assert envelope._padded_size(padded) == padded


def test_a_megabyte_of_lengths_has_few_that_show() -> None:
    assert len({envelope._padded_size(size) for size in range(1, 1 << 20, 7)}) < 600


def test_a_secret_is_unwrapped_by_its_machine_and_in_its_place_alone() -> None:
    wrapped = identity.wrap(OWN.public, b"here", b"secret")
    assert OWN.unwrap(b"here", wrapped) == b"secret"
    for other, context, what in (
        (OTHER, b"here", wrapped),
        (OWN, b"there", wrapped),
        (OWN, b"here", wrapped[:-1]),
        (OWN, b"here", b""),
        (OWN, b"here", bytes(len(wrapped))),  # a point of low order
    ):
        with pytest.raises(Forged):
            other.unwrap(context, what)


def test_no_key_is_printed() -> None:
    own = Identity(b"\1" * 32, b"\2" * 32)
    for shown in (repr(own), repr(KEY), f"{own}", f"{KEY}"):
        assert "\\x" not in shown
        assert len(shown) < 40
