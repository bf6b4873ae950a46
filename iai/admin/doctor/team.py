"""Checks of the team: is its server reached, is each machine current, is anything missing?"""

import time
from collections.abc import Iterator

from iai.admin import team
from iai.admin.doctor.finding import Finding, fail, ok, warn
from iai.admin.team import Line
from iai.config.layout import Layout

LAG_S = 120.0  # for which a machine may be behind, or the server away


def checks(layout: Layout) -> Iterator[Finding]:
    """Check the team; nothing where there is none."""
    found = team.measure(layout)
    for line in found.lines(time.time_ns()) if found else ():
        yield _finding(line)


def _finding(line: Line) -> Finding:
    """Return a line as a check. What is late by little is no problem."""
    check = f"team: {line.about}"
    if line.level == "fail":
        return fail(check, line.said, line.todo)
    if line.level == "warn" and line.for_s > LAG_S:
        return warn(check, line.said, line.todo)
    return ok(check, line.said)
