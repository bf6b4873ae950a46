"""Record identifiers."""

import hashlib

from ulid import ULID

from iai.model.ids import record_id

AT = 1_700_000_000_123_456_789


def test_the_same_turn_has_the_same_id() -> None:
    assert record_id("k", AT) == record_id("k", AT)
    assert record_id("k", AT) != record_id("l", AT)


def test_an_id_is_a_ulid_of_the_time_at_which_it_was_said() -> None:
    for key in map(str, range(100)):
        read = ULID.from_str(record_id(key, AT))
        assert read.milliseconds == AT // 1_000_000
        assert read.bytes[6:] == hashlib.blake2b(key.encode(), digest_size=10).digest()


def test_ids_sort_by_time() -> None:
    ids = [record_id(str(n), AT + n * 10**9) for n in range(20)]
    assert ids == sorted(ids)


def test_a_time_before_1970_or_after_10889_is_no_error() -> None:
    for at in (-(10**18), 10**25):
        assert len(record_id("k", at)) == 26
