"""Published outages beside the simulated ones of services of the same sector."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cyberrange.views.figures.frame import WIDE, drawn, fitted, posture_handles, room, sheet, wrapped
from cyberrange.views.subjects import Numbers, OutageRow
from cyberrange.views.theme import MARKERS, SIZE, light, posture_colour
from cyberrange.views.words import SPACE

LEFT, RIGHT, TOP, BOTTOM = 232.0, 30.0, 32.0, 34.0
LINE, GAP = 13.0, 14.0
TICKS = (0, 1, 3, 7, 14, 30, 60, 90, 180, 365, 730)


@drawn
def outages(rows: Sequence[OutageRow], postures: Sequence[str]) -> Figure:
    """Draw published days as diamonds beside the simulated days of every replicate.

    Parameters
    ----------
    rows
        Published outages with the simulated days of the services that they are compared with.
    postures
        Names of the postures.
    """
    each = max(LINE * len(postures), 36.0) + GAP
    height = TOP + each * len(rows) + BOTTOM
    figure = sheet(height / 72)
    axes = room(figure, LEFT, TOP, RIGHT, BOTTOM)
    axes.set_ylim(each * len(rows), 0)
    _days_axis(axes, rows)
    for i, row in enumerate(rows):
        _row(axes, row, i * each, each)
    mark = Line2D([], [], marker="D", color=light("ink"), markersize=6, linestyle="none", label="published")
    handles = [mark, *posture_handles(postures, WIDE - LEFT - 90)]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=((LEFT - 8) / WIDE, 1.0), ncols=5)
    return figure


def _days_axis(axes: Axes, rows: Sequence[OutageRow]) -> None:
    """Days on a root scale: zero has a place, and a quarter of the days has half the way."""
    top = max([1.0, *(row.days for row in rows), *(float(np.max(v)) for row in rows for v in row.simulated)])
    ticks = [t for t in TICKS if t <= top * 1.02]
    axes.set_xlim(-0.02 * math.sqrt(top), math.sqrt(top) * 1.04)
    axes.set_xticks([math.sqrt(t) for t in ticks], [f"{t}" for t in ticks])
    axes.set_xlabel("days out (root scale)", color=light("muted"))
    axes.grid(axis="x")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _row(axes: Axes, row: OutageRow, y: float, each: float) -> None:
    middle = y + (each - GAP) / 2 + GAP / 2
    across = axes.get_yaxis_transform()
    what = wrapped(row.what, LEFT - 16, SIZE)
    with_what = fitted(row.compared_with, LEFT - 16, SIZE - 1)
    axes.text(-0.022, middle + 1, what, transform=across, ha="right", va="bottom")
    small = {"fontsize": SIZE - 1, "color": light("muted")}
    axes.text(-0.022, middle + 4, with_what, transform=across, ha="right", va="top", fontdict=small)
    axes.axhline(y + each, color=light("faint"), lw=0.6)
    for i, days in enumerate(row.simulated):
        _days(axes, days, i, y + GAP / 2 + LINE * (i + 0.5))
    top, bottom = y + GAP / 2 - 2, y + each - GAP / 2 + 2
    published = math.sqrt(row.days)
    axes.plot([published] * 2, [top, bottom], color=light("ink"), lw=0.9, zorder=5)
    axes.plot([published], [top], marker="D", markersize=5.5, color=light("ink"), zorder=6, clip_on=False)
    axes.annotate(
        f"{row.days:g}{SPACE}d", (published, top), xytext=(6, 0), textcoords="offset points", va="center",
        fontsize=SIZE - 1, zorder=6,
    )  # fmt: skip


def _days(axes: Axes, days: Numbers, i: int, y: float) -> None:
    """Draw every replicate as a tick, the middle half as a bar, the median as the posture's mark."""
    x, colour = np.sqrt(days), posture_colour(i)
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    axes.plot(x, np.full(len(x), y), "|", color=colour, markersize=6, alpha=0.45, markeredgewidth=0.8, zorder=2)
    axes.plot([low, high], [y, y], color=colour, lw=3, solid_capstyle="butt", zorder=3)
    axes.plot(
        [middle], [y], marker=MARKERS[i % len(MARKERS)], color=colour, markersize=6, zorder=4,
        markeredgecolor=light("paper"), markeredgewidth=0.7,
    )  # fmt: skip
