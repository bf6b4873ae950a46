"""Memory that is free goes back to the system."""

import platform

import psutil
import pytest

from iai.process import heap


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_what_is_free_between_what_is_in_use_goes_back_to_the_system() -> None:
    process = psutil.Process()
    kept = [bytes(1_000) for _ in range(60_000)][::40]
    before = process.memory_info().rss
    heap.give_back()
    assert before - process.memory_info().rss > 20_000_000
    assert len(kept) == 1_500
