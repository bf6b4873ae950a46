"""Plots a day: the changes that the payload was behind, and the old system's. Needs matplotlib."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.day import BEGIN, END, HOUR, Day, Lag

BINS = 1_440  # one a minute; each shows its worst moment
OURS, OLD = "#0072b2", "#d55e00"  # safe for the colour-blind (Okabe and Ito)
SHADE, INK = "#e6eaf0", "#444444"
TOP = 4_000
EVENING = 19.9  # hours; room for words to the right of the lines


def draw(day: Day, path: Path) -> None:
    """Draw it into a file."""
    mpl.use("agg")
    figure, axes = plt.subplots(figsize=(9.6, 4.4), dpi=100, layout="constrained")
    for begin, end in day.asleep:
        axes.axvspan(begin / HOUR, end / HOUR, color=SHADE, linewidth=0)
    hours, changes = worst(day.old)
    axes.fill_between(hours, changes, step="post", color=OLD, alpha=0.16, linewidth=0)
    axes.step(hours, changes, where="post", color=OLD, linewidth=1.2)
    axes.step(*worst(day.ours), where="post", color=OURS, linewidth=1.2)
    _words(axes, day)
    _frame(axes)
    axes.set_xlabel(
        f"a day in {(END - BEGIN) / day.factor / 60:g} minutes: a delay of the machine's own"
        f" looks {day.factor:.0f} times longer",
        fontsize=8,
        color=INK,
    )
    figure.savefig(path, pil_kwargs={"optimize": True})


def worst(lags: list[Lag]) -> tuple[list[float], list[int]]:
    """Return the hour of each bin, and the most changes that it was behind within it."""
    most: dict[int, int] = {}
    for lag in lags:
        place = int((lag.at - BEGIN) / (END - BEGIN) * BINS)
        most[place] = max(most.get(place, 0), lag.changes)
    places = sorted(most)
    hours = [(BEGIN + place * (END - BEGIN) / BINS) / HOUR for place in places]
    return hours, [most[place] for place in places]


def _words(axes: Axes, day: Day) -> None:
    """Name the lines where they are, and what happened above them."""
    bold = {"fontsize": 10.5, "fontweight": "bold"}
    axes.text(EVENING, 900, "the old system\nwrites only after a sleep", color=OLD, **bold)
    axes.text(EVENING, 4, "iai\nwrites after each change", color=OURS, **bold)
    happened = [(begin, f"kill -9 {actor}") for begin, _, actor in day.kills]
    for at, what in (*happened, *((at, "backfill") for at in day.backfills)):
        axes.axvline(at / HOUR, color=INK, linewidth=0.7, linestyle=(0, (2, 2)))
        axes.text(
            at / HOUR, TOP * 1.1, what, fontsize=8, color=INK, rotation=28, rotation_mode="anchor"
        )
    for begin, end in day.asleep:
        if end - begin > HOUR:
            axes.text((begin + end) / 2 / HOUR, 0.35, "asleep", ha="center", fontsize=8, color=INK)


def _frame(axes: Axes) -> None:
    axes.set_yscale("symlog", linthresh=1, linscale=0.6)
    axes.set_ylim(-0.12, TOP)
    axes.set_yticks([0, 1, 10, 100, 1_000], ["current", "1", "10", "100", "1,000"])
    axes.set_xlim(BEGIN / HOUR, END / HOUR)
    axes.set_xticks(range(6, 31, 3), [f"{hour % 24:02}:00" for hour in range(6, 31, 3)])
    axes.set_ylabel("changes that the payload lacks")
    axes.spines[["top", "right"]].set_visible(False)
