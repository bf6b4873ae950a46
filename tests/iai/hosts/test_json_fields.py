"""Fields of JSON of unknown shape: what is read is of the right type, and the store can hold it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.hosts.json_fields import whole
from iai.hosts.times import moment
from iai.store.codec import pack

NUMBERS = st.integers() | st.floats() | st.integers(10**9, 10**20) | st.integers(0, 10**25).map(str)


@given(NUMBERS | st.datetimes().map(str) | st.sampled_from(["9999-12-31T23:59:59Z", "0001-01-01"]))
def test_numbers_and_times_fit_into_the_store(value: object) -> None:
    pack({"at": moment(value), "number": whole({"n": value}, "n") or 0})
    assert moment(value) >= 0


@pytest.mark.parametrize(
    "written",
    [
        "Thu, 20 Nov 2025 01:04:25 GMT",
        "Thu, 20 Nov 2025 02:04:25 +0100",
        "Thu Nov 20 2025 02:04:25 GMT+0100 (Central European Standard Time)",
        "Thu Nov 20 01:04:25 UTC 2025",
        "2025-11-20 02:04:25 +0100",
        "2025-11-20 01:04:25 UTC",
        {"$date": "2025-11-20T01:04:25Z"},
        {"seconds": 1_763_600_665, "nanos": 0},
    ],
)
def test_a_time_is_read_as_mail_programs_and_databases_write_it(written: object) -> None:
    assert moment(written) == moment("2025-11-20T01:04:25Z")


@pytest.mark.parametrize(
    "written",
    [
        "2025-11-20T01:04:25Z[UTC]",
        "2025/11/20 01:04:25",
        {"$date": {"$numberLong": "1763600665000"}},
    ],
)
def test_a_time_is_read_as_java_and_canonical_json_write_it(written: object) -> None:
    assert moment(written) == moment("2025-11-20T01:04:25Z")


def test_what_only_looks_like_a_time_is_none() -> None:
    for value in ("Thu, 41 Nov 2025 01:04:25 GMT", "20 Foo 2025 01:04", {"$date": {"$date": 1}}):
        assert moment(value) == 0


def test_a_time_after_2262_is_none() -> None:
    assert moment("2262-04-11T23:47:16Z") > 0
    assert moment("2262-04-12T00:00:00Z") == 0
    assert moment(99_999_999_999) == 0
    assert whole({"n": 1 << 63}, "n") is None
