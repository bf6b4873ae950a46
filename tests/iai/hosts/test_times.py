"""Times in the forms of many programs: each is read as the one that it means, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.hosts.times import moment

AT = moment("2026-11-20T14:00:05Z")


@pytest.mark.parametrize(
    "written",
    [
        "20/11/2026 14:00:05", "20.11.2026, 14:00:05", "20-11-2026 14:00:05",
        "11/20/2026 14:00:05", "11/20/2026, 2:00:05 PM", "20/11/2026, 2:00:05 pm",
        "2026.11.20 14:00:05", "20-Nov-2026 14:00:05", "20. November 2026 14:00:05",
        "November 20, 2026 at 2:00:05 PM", "Nov 20th, 2026 2:00:05 p.m.", "2026-11-20 2:00:05 PM",
        "2026-11-20 14:00:05 +0000 UTC m=+0.000123", "Friday, 20 Nov 2026 14:00:05 Z",
    ],
)  # fmt: skip
def test_a_date_is_read_in_the_orders_that_are_certain(written: str) -> None:
    assert moment(written) == AT


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-20 15:00:05 Europe/Berlin", "2026-11-20T15:00:05[Europe/Berlin]",
        "2026-11-20T15:00:05 CET", "Fri Nov 20 15:00:05 CET 2026", "2026-11-20 15:00:05 GMT+1",
        "Fri, 20 Nov 2026 09:00:05 EST", "2026-11-20 19:30:05 Asia/Kolkata",
        "2026-11-20T09:00:05 America/New_York", "2026-11-20T13:00:05\u221201:00",
        "2026-11-20 15:00:05.000 +0100 CET", "20.11.2026 06:00:05 PST",
    ],
)  # fmt: skip
def test_a_zone_is_known_by_its_name(written: str) -> None:
    assert moment(written) == AT


@pytest.mark.parametrize("factor", [1, 1_000, 1_000_000, 1_000_000_000])
def test_a_number_is_read_by_its_size_as_seconds_or_parts_of_one(factor: int) -> None:
    number = AT // 10**9 * factor
    assert moment(number) == moment(str(number)) == AT
    assert moment(f"/Date({AT // 10**6})/") == AT


@pytest.mark.parametrize(
    "written",
    [
        "05/11/2026 14:00:05", "05/11/2026, 2:00:05 PM", "20/11/2026", "20/11/26 14:00:05",
        "2026-11-20 14:00:05 IST", "2026-11-20 14:00:05 Mars/Olympus", "yesterday at 14:00:05",
        "2026-11-20 14:00:05 and 15:00:05", "14:00:05", "2026-11-20 14:00:05 ?",
        "2026-11-20 99:00:05 PM", "20 Nov 2026 Dec 14:00:05",
    ],
)  # fmt: skip
def test_what_may_mean_two_times_or_none_is_not_read(written: str) -> None:
    assert moment(written) == 0


@given(st.text("0123456789:-/. TZ+APMNOVECT", max_size=40))
def test_no_text_takes_the_reader_down(text: str) -> None:
    assert moment(text) >= 0
