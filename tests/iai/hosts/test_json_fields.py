"""Fields of JSON of unknown shape: what is read is of the right type, and the store can hold it."""

from hypothesis import given
from hypothesis import strategies as st

from iai.hosts.json_fields import moment, whole
from iai.store.codec import pack

NUMBERS = st.integers() | st.floats() | st.integers(10**9, 10**20) | st.integers(0, 10**25).map(str)


@given(NUMBERS | st.datetimes().map(str) | st.sampled_from(["9999-12-31T23:59:59Z", "0001-01-01"]))
def test_numbers_and_times_fit_into_the_store(value: object) -> None:
    pack({"at": moment(value), "number": whole({"n": value}, "n") or 0})
    assert moment(value) >= 0


def test_a_time_after_2262_is_none() -> None:
    assert moment("2262-04-11T23:47:16Z") > 0
    assert moment("2262-04-12T00:00:00Z") == 0
    assert moment(99_999_999_999) == 0
    assert whole({"n": 1 << 63}, "n") is None
