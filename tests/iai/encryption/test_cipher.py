"""The cipher: what is sealed opens only where it was put, and equal words have equal tokens."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.encryption.cipher import TAG, Cipher, is_sealed, sealed_name
from iai.errors import Tampered

WORDS = b"w" * 32
CIPHER = Cipher({1: b"a" * 32, 2: b"b" * 32}, 2, WORDS)
ROTATED = Cipher({3: b"c" * 32}, 3, WORDS)
OTHER = Cipher({2: b"b" * 32}, 2, b"x" * 32)
TEXT = st.binary(max_size=200)
OVERHEAD = 1 + 12 + TAG  # generation, nonce and tag: bytes by which what is sealed is longer


@given(context=TEXT, plain=TEXT)
def test_what_was_sealed_is_opened_in_its_context(context: bytes, plain: bytes) -> None:
    sealed = CIPHER.seal(context, plain)
    assert CIPHER.open(context, sealed) == plain
    assert len(sealed) == len(plain) + OVERHEAD


@given(context=TEXT, plain=TEXT, data=st.data())
def test_every_flipped_bit_of_sealed_bytes_or_context_is_found(
    context: bytes, plain: bytes, data: st.DataObject
) -> None:
    sealed = CIPHER.seal(context, plain)
    changed = bytearray(context + sealed)
    bit = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered):
        CIPHER.open(bytes(changed[: len(context)]), bytes(changed[len(context) :]))


@given(entries=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5), data=st.data())
def test_many_are_opened_as_one_by_one_and_a_flipped_bit_of_any_is_found(
    entries: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    contexts = [context for context, _ in entries]
    sealed = [CIPHER.seal(context, plain) for context, plain in entries]
    assert CIPHER.open_each(contexts, sealed) == [plain for _, plain in entries]
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed[place])
    bit = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered):
        CIPHER.open_each(contexts, [*sealed[:place], bytes(changed), *sealed[place + 1 :]])


@given(noise=st.binary(max_size=OVERHEAD + 20))
def test_bytes_that_were_never_sealed_are_refused(noise: bytes) -> None:
    for opened in (CIPHER.open, lambda context, sealed: CIPHER.open_each([context], [sealed])):
        with pytest.raises(Tampered):
            opened(b"context", noise)


@given(plain=TEXT, cut=st.integers(0, OVERHEAD))
def test_sealed_bytes_cut_short_are_refused(plain: bytes, cut: int) -> None:
    sealed = CIPHER.seal(b"context", plain)
    with pytest.raises(Tampered):
        CIPHER.open(b"context", sealed[: len(sealed) - 1 - cut])


def test_what_is_sealed_twice_looks_different() -> None:
    sealed = {CIPHER.seal(b"context", b"") for _ in range(100)}
    assert len(sealed) == 100


def test_a_fork_never_uses_a_nonce_of_its_parent() -> None:
    CIPHER.seal(b"c", b"")  # draws some for later
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, CIPHER.seal(b"c", b"plain"))
        os._exit(0)
    os.waitpid(child, 0)
    theirs, ours = os.read(reader, 100), CIPHER.seal(b"c", b"plain")
    os.close(reader)
    os.close(writer)
    assert CIPHER.open(b"c", theirs) == CIPHER.open(b"c", ours) == b"plain"
    assert theirs[:13] != ours[:13]


def test_an_earlier_key_opens_and_does_not_seal() -> None:
    earlier = Cipher({1: b"a" * 32}, 1, WORDS)
    assert CIPHER.open(b"c", earlier.seal(b"c", b"plain")) == b"plain"
    with pytest.raises(Tampered):
        earlier.open(b"c", CIPHER.seal(b"c", b"plain"))


@given(block=st.binary(min_size=16, max_size=16))
def test_a_mask_is_undone_and_outlasts_rotations(block: bytes) -> None:
    assert CIPHER.unmask(CIPHER.mask(block)) == block
    assert ROTATED.mask(block) == CIPHER.mask(block) != OTHER.mask(block)


@given(number=st.integers(0, (1 << 32) - 1), other=st.integers(0, (1 << 32) - 1))
def test_a_masked_number_is_undone_and_is_nobody_elses(number: int, other: int) -> None:
    masked = CIPHER.mask_number(number)
    assert 0 <= masked < 1 << 32
    assert CIPHER.unmask_number(masked) == number
    assert (CIPHER.mask_number(other) == masked) == (other == number)
    assert ROTATED.mask_number(number) == masked


@given(word=TEXT, size=st.integers(8, 64))
def test_a_token_depends_on_the_purpose_and_the_words_key_alone(word: bytes, size: int) -> None:
    token = CIPHER.token("file", word, size)
    assert len(token) == size
    assert token == ROTATED.token("file", word, size)
    assert token not in (CIPHER.token("commit", word, size), OTHER.token("file", word, size))


@given(name=st.text(max_size=40), plain=TEXT)
def test_a_file_is_opened_under_its_name_and_can_be_sealed_again(name: str, plain: bytes) -> None:
    sealed = CIPHER.seal_file(name, plain)
    assert is_sealed(sealed)
    assert sealed_name(sealed) == name
    assert CIPHER.open_file(name, sealed) == plain
    assert CIPHER.open_file(name, CIPHER.reseal_file(sealed)) == plain
    with pytest.raises(Tampered):
        CIPHER.open_file(name + "x", sealed)


@given(plain=TEXT, data=st.data())
def test_every_flipped_bit_of_a_sealed_file_is_found(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(CIPHER.seal_file("a/file", plain))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered):
        CIPHER.open_file("a/file", bytes(sealed))


def test_a_plain_file_is_not_taken_for_a_sealed_one() -> None:
    assert not is_sealed(b"{}")
    with pytest.raises(Tampered):
        CIPHER.open_file("a", b"{}")
