"""Draws what `iai freshness` measured into a file. Imports matplotlib: only `--plot` needs it."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iai.admin.freshness import Freshness
from iai.errors import BadUsage
from iai.model.units import span

_LINE, _INK = "#0072b2", "#444444"  # safe for the colour-blind (Okabe and Ito)
_TICKS_S = (0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0)
_SHARES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of the time
_DATES = 6  # along the period


def draw(found: Freshness, path: Path) -> None:
    """Draw the lag over the period and as a distribution; the file's name gives the format.

    Needs no display: without pyplot, a figure is drawn by the canvas of its format. Raises BadUsage
    for a format that there is not, and OSError.
    """
    figure = Figure(figsize=(9.6, 6.4), dpi=100, layout="constrained")
    formats = figure.canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".").lower() not in formats:
        raise BadUsage(f"--plot {path}: the name must end in .{', .'.join(sorted(formats))}")
    over_time, distribution = figure.subplots(2)
    _history(over_time, found)
    _distribution(distribution, found)
    figure.savefig(path)


def _history(axes: Axes, found: Freshness) -> None:
    longest = [one.longest_s for one in found.history]
    axes.bar(range(len(longest)), longest, 1.0, align="edge", color=_LINE)
    top = max(_TICKS_S[2], found.lag.max_s) * 1.5
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(0.0, top)
    ticks = [0.0, *(one for one in _TICKS_S if 1.0 <= one <= top)]
    axes.set_yticks(ticks, ["0", *map(span, ticks[1:])], minor=False)
    axes.set_xlim(0, max(1, len(longest)))
    dates = range(0, len(longest), max(1, len(longest) // _DATES))
    axes.set_xticks(list(dates), [found.history[at].at[:16].replace("T", " ") for at in dates])
    _frame(axes, "Longest lag of the session-start text in each part of the period", "lag")


def _distribution(axes: Axes, found: Freshness) -> None:
    drawn = [(one.longer_than_s, one.share) for one in found.curve if one.share > 0]
    axes.plot([x for x, _ in drawn], [y for _, y in drawn], color=_LINE)
    axes.set_xscale("log")
    axes.set_yscale("log")
    last = max(_TICKS_S[2], found.lag.max_s)
    axes.set_xlim(_TICKS_S[0], last)
    axes.set_ylim(_SHARES[0], _SHARES[-1])
    ticks = [one for one in _TICKS_S if one <= last]
    axes.set_xticks(ticks, list(map(span, ticks)))
    axes.set_yticks(_SHARES, [f"{100 * share:.4g} %" for share in _SHARES])
    axes.minorticks_off()
    _frame(axes, "Behind for longer than x: y of the time", "of the time")


def _frame(axes: Axes, title: str, up: str) -> None:
    axes.set_title(title, fontsize=10, loc="left", color=_INK)
    axes.set_ylabel(up)
    axes.grid(visible=True, color="#e6eaf0", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
