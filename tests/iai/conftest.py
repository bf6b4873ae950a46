"""Fixtures that tests of several rooms need."""

from collections.abc import Iterator

import pytest

from iai.config.layout import Layout
from iai.store.records import Records


@pytest.fixture
def records(layout: Layout) -> Iterator[Records]:
    """Return the records of an empty store, opened by their writer."""
    opened = Records(layout.records, writer=True)
    yield opened
    opened.close()
