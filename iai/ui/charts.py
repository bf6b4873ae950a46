"""Charts as plain numbers, which the templates draw as SVG: no script, and no style in the page."""

import math
from collections.abc import Sequence

from msgspec import Struct

from iai.admin.freshness import Freshness
from iai.model.units import span

WIDTH, HEIGHT = 1_000.0, 100.0  # of every chart, in its own units; the style sheet stretches it
SHADES = 8  # classes of colours in the style sheet
TICKS_S = (1.0, 60.0, 3_600.0, 86_400.0)
_LEAST_SHARE = 1e-5  # of the time: the lowest that is drawn
_CLOSE = 15.0  # labels nearer to each other than this, in percent of the height, have no room
_SHARES = (1.0, 0.1, 0.01, 0.001, 0.0001)


class Bar(Struct, frozen=True):
    """A rectangle with what it says."""

    x: float
    y: float
    width: float
    height: float
    said: str
    shade: int = 0


class Tick(Struct, frozen=True):
    """A line across the chart, with its label. `at` is from 0, at the start, to 100."""

    at: float
    label: str


class Chart(Struct, frozen=True, kw_only=True):
    """Bars, or a line, before ticks."""

    bars: list[Bar] = []
    line: str = ""  # points, as SVG has them
    across: list[Tick] = []  # of the vertical axis, from the top
    along: list[Tick] = []  # of the horizontal one
    ends: tuple[str, str] = ("", "")  # of the horizontal one


def stack(parts: Sequence[tuple[str, int]], whole: int) -> Chart:
    """Return parts of a whole side by side."""
    total = max(whole, sum(size for _, size in parts), 1)
    bars, x = [], 0.0
    for number, (name, size) in enumerate(parts):
        width = WIDTH * size / total
        bars.append(
            Bar(_r(x), 0, _r(width), HEIGHT, f"{name or 'preface'}: {size}", number % SHADES)
        )
        x += width
    return Chart(bars=bars)


def history(found: Freshness) -> Chart:
    """Return the longest lag in each part of the period, on a logarithmic scale."""
    top = max([TICKS_S[0], *(one.longest_s for one in found.history)])
    width = WIDTH / max(1, len(found.history))
    bars = []
    for number, one in enumerate(found.history):
        if one.longest_s > 0:
            height = HEIGHT * _height(one.longest_s, top)
            said = f"{one.at}: behind for up to {span(one.longest_s)}"
            x = number * width
            bars.append(Bar(_r(x), _r(HEIGHT - height), _r(width * 0.85), _r(height), said))
    ticks = [Tick(_r(100 - 100 * _height(t, top)), span(t)) for t in TICKS_S if t <= top]
    if ticks[-1].at > _CLOSE:
        ticks.append(Tick(0, span(top)))
    return Chart(bars=bars, across=ticks)


def distribution(found: Freshness) -> Chart:
    """Return in which share of the time the lag was longer than x: both axes are logarithmic."""
    last = max(TICKS_S[0], found.lag.max_s)
    times = [one.longer_than_s for one in found.curve]
    first = times[0]

    def x(seconds: float) -> float:
        return math.log(seconds / first) / math.log(last / first)

    points = [
        (WIDTH * x(one.longer_than_s), HEIGHT * _down(one.share))
        for one in found.curve
        if one.longer_than_s <= last
    ]
    return Chart(
        line=" ".join(f"{_r(px)},{_r(py)}" for px, py in [*points, (WIDTH, HEIGHT)]),
        across=[Tick(_r(100 * _down(share)), f"{share * 100:g} %") for share in _SHARES],
        ends=(span(first), span(last)),
        along=[Tick(_r(100 * x(t)), span(t)) for t in TICKS_S if t <= last],
    )


def _height(seconds: float, top: float) -> float:
    return math.log1p(seconds) / math.log1p(top)


def _down(share: float) -> float:
    return math.log(max(share, _LEAST_SHARE)) / math.log(_LEAST_SHARE)


def _r(value: float) -> float:
    return round(value, 2)
