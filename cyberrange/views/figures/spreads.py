"""How loss and clocks spread over the replicates under each posture: small multiples of cumulative shares."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cyberrange.views.figures.frame import WIDE, drawn, posture_handles, room, sheet
from cyberrange.views.subjects import Spread
from cyberrange.views.theme import DASHES, MARKERS, SIZE, light, posture_colour
from cyberrange.views.words import SPACE, percent, value

ACROSS = 3
LEFT, RIGHT, TOP, PANEL, BETWEEN = 40.0, 14.0, 30.0, 96.0, 50.0


@drawn
def spreads(measures: Sequence[Spread], postures: Sequence[str]) -> Figure:
    """Draw, for each measure, the share of replicates at or below each value.

    Parameters
    ----------
    measures
        Values by replicate under each posture.
    postures
        Names of the postures.
    """
    down = max(1, math.ceil(len(measures) / ACROSS))
    height = TOP + down * (PANEL + BETWEEN)
    figure = sheet(height / 72)
    wide = (WIDE - LEFT - RIGHT - (ACROSS - 1) * 34) / ACROSS
    for i, measure in enumerate(measures):
        row, column = divmod(i, ACROSS)
        left, top = LEFT + column * (wide + 34), TOP + 18 + row * (PANEL + BETWEEN)
        axes = room(figure, left, top, WIDE - left - wide, height - top - PANEL)
        _panel(axes, measure, labelled=column == 0)
    figure.legend(
        handles=posture_handles(postures, WIDE - LEFT, line=True), loc="upper left", ncols=4, handlelength=3.4,
        bbox_to_anchor=((LEFT - 12) / WIDE, 1.0),
    )  # fmt: skip
    return figure


def _panel(axes: Axes, measure: Spread, labelled: bool) -> None:
    axes.set_title(measure.name, pad=5)
    axes.set_ylim(0, 1.04)
    axes.set_yticks([0, 0.5, 1], [percent(x) if labelled else "" for x in (0, 0.5, 1)])
    axes.grid(axis="both")
    top = max(float(np.max(v)) for v in measure.values) or 1.0
    for i, values in enumerate(measure.values):
        _curve(axes, values, i, top)
    axes.set_xlim(0, 1.04 * top)
    _ticks(axes, measure, top)


def _curve(axes: Axes, values: np.ndarray, i: int, top: float) -> None:
    """Draw a cumulative share as steps, with a mark at the median."""
    x = np.sort(values)
    share = np.arange(1, len(x) + 1) / len(x)
    corners = np.concatenate([[0.0], np.repeat(x, 2), [1.04 * top]])
    heights = np.concatenate([[0.0, 0.0], np.repeat(share, 2)])
    colour = posture_colour(i)
    axes.plot(corners, heights, color=colour, linestyle=DASHES[i % len(DASHES)], lw=1.3, zorder=3)
    axes.plot(
        [float(np.median(x))], [0.5], marker=MARKERS[i % len(MARKERS)], color=colour, markersize=5.5, zorder=4,
        markeredgecolor=light("paper"), markeredgewidth=0.6,
    )  # fmt: skip


def _ticks(axes: Axes, measure: Spread, top: float) -> None:
    """Put a few round ticks, in the unit that fits, and a mark where the scenario ends."""
    unit = 24.0 if measure.unit == "hours" and top > 48 else 1.0
    few = 4.2 if measure.unit == "hours" else 3.2
    step = _round_step(top / unit / few) * unit
    at = np.arange(0, top * 1.03, step)
    says = [value(float(x), measure.unit).replace(f".0{SPACE}", SPACE) if x else "0" for x in at]
    axes.set_xticks(at, says, fontsize=SIZE - 1)
    if measure.unit == "hours" and top >= 0.98 * measure.horizon:
        axes.axvline(top, color=light("muted"), lw=0.8, ls=(0, (2, 2)), zorder=1)
        axes.annotate(
            "end of scenario", (top, 0.07), xytext=(-4, 0), textcoords="offset points", ha="right", va="center",
            fontsize=SIZE - 2, color=light("muted"),
        )  # fmt: skip


def _round_step(x: float) -> float:
    power = 10.0 ** math.floor(math.log10(x))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= x * 0.999)
