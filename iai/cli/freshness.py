"""Show how fresh the session-start text is and was: how far behind, and for how long.

local lag     what a stage still has to take from the stage before it, now
global lag    age of the oldest change, or unread file, that has not reached a stage, now
lag           age of the oldest stored change that the text lacked, over the whole period
reaction      time from a change to the text that has it: of the oldest change in each rewrite

Computed from the event log and the records, whether or not iai is running. --plot also draws the
last three into a file, as PNG, SVG or PDF by its name.

example: iai freshness --since 7d
"""

import importlib
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from iai.admin import freshness, health
from iai.admin.freshness import Freshness, Lag, Quantiles
from iai.cli import options
from iai.cli.output import answer
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import IaiError
from iai.model import units
from iai.model.units import count, span

_BLOCKS = ".▁▂▃▄▅▆▇█"
_COLUMNS = 56  # of the picture
_SCALE_S = (0.0, 1.0, 10.0, 60.0, 300.0, 3_600.0, 21_600.0, 86_400.0)  # one step of height each


class NoPlot(IaiError):
    """What draws, an extra, is not installed."""


def configure(parser: ArgumentParser) -> None:
    options.add_since(parser, "7d")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it; needs matplotlib")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    wall = time.time_ns()
    layout = Layout(settings.store)
    found = freshness.measure(layout, units.moment("--since", args.since, wall))
    now = freshness.lags(health.measure(layout, wall, settings.ready_projects).stages)
    if args.plot is not None:
        _plot(found, args.plot)
    answer(args, freshness.document(found, now), _lines(found, now))
    return 0


def _plot(found: Freshness, path: Path) -> None:
    try:
        plot = importlib.import_module("iai.cli.freshness_plot")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        raise NoPlot(
            "--plot needs matplotlib; add it with `pipx inject iai-memory matplotlib` or"
            " `pip install 'iai-memory[plot]'`"
        ) from error
    plot.draw(found, path)


def _lines(found: Freshness, now: dict[str, Lag]) -> Iterator[str]:
    yield "now        local lag               global lag"
    for name, lag in now.items():
        local = f"{count(lag.local_changes, 'change')}, {span(lag.local_s)}"
        yield f"  {name:<9}{local if lag.local_changes else '0':<24}{_span(lag.global_s)}"
    rewrites = count(found.writes, "rewrite")
    yield f"since      {found.since}: {span(found.seconds)}, {rewrites} of the text"
    yield f"lag        {_quantiles(found.lag)}"
    yield f"reaction   {_quantiles(found.reaction)}"
    for one in found.behind:
        what = f"longer than {span(one.longer_than_s)}" if one.longer_than_s else "at all"
        yield f"behind     {what:<19}{one.share:>9.4%} of the time"
    starts = found.starts
    lacked = f"; the oldest change that one lacked was {span(starts.longest_lag_s)} old"
    yield f"sessions   {count(starts.count, 'start')}, {starts.current} with every change" + (
        lacked if starts.longest_lag_s else ""
    )
    yield f"longest    {_picture(found)}"
    yield f"           one step each: {', '.join(span(step) for step in _SCALE_S[1:])}, more"


def _quantiles(times: Quantiles) -> str:
    pairs = (("p50", times.p50_s), ("p95", times.p95_s), ("p99", times.p99_s), ("max", times.max_s))
    return ", ".join(f"{name} {_span(seconds)}" for name, seconds in pairs)


def _span(seconds: float) -> str:
    return span(seconds) if seconds else "0"


def _picture(found: Freshness) -> str:
    """Return the longest lag in each part of the period as a row of blocks."""
    longest = [one.longest_s for one in found.history]
    width = -(-len(longest) // _COLUMNS)
    columns = [max(longest[at : at + width]) for at in range(0, len(longest), width)]
    return "".join(_BLOCKS[sum(seconds > step for step in _SCALE_S)] for seconds in columns)
