"""Loss exceedance curves: how likely a year is that costs more than so much, with bands."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cyberrange.views.figures.frame import WIDE, drawn, room, sheet
from cyberrange.views.figures.money import log_money_ticks
from cyberrange.views.study_subjects import Exceedance, RiskCurve
from cyberrange.views.theme import DASHES, MARKERS, SIZE, light, posture_colour
from cyberrange.views.words import percent, rupees

LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 46.0, 70.0, 30.0, 34.0, 320.0
LEAST = 1e-3
"""Least chance that is drawn."""
CHANCES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
BANDS = (0.28, 0.2)
"""How opaque the bands are."""


@drawn
def exceedance(subject: Exceedance) -> Figure:
    """Draw the curves with their bands and the threshold.

    Parameters
    ----------
    subject
        Curves of today's design and of the recommended one.
    """
    figure = sheet(HEIGHT / 72)
    axes = room(figure, LEFT, TOP, RIGHT, BOTTOM)
    _frame(axes, subject)
    for i, curve in enumerate(subject.curves):
        _curve(axes, curve, i)
    if subject.threshold > 0:
        _threshold(axes, subject)
    figure.legend(
        handles=[_handle(curve, i) for i, curve in enumerate(subject.curves)], loc="upper left", ncols=2,
        bbox_to_anchor=((LEFT - 10) / WIDE, 1.0), handlelength=3.4,
    )  # fmt: skip
    return figure


def _frame(axes: Axes, subject: Exceedance) -> None:
    loss = subject.curves[0].loss
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(loss[0], loss[-1])
    axes.set_ylim(LEAST, 1.0)
    ticks, says = log_money_ticks(float(loss[0]), float(loss[-1]))
    axes.set_xticks(ticks, says)
    axes.set_yticks(CHANCES, [percent(x) for x in CHANCES])
    axes.minorticks_off()
    axes.set_xlabel("loss of a year, city and citizens", color=light("muted"))
    axes.set_ylabel("chance of a year that loses more", color=light("muted"))
    axes.grid(axis="both")
    across = axes.get_yaxis_transform()
    for x in CHANCES[1:]:
        axes.text(1.012, x, f"1 in {1 / x:,.0f} years", transform=across, va="center", color=light("muted"),
                  fontsize=SIZE - 1)  # fmt: skip


def _curve(axes: Axes, curve: RiskCurve, i: int) -> None:
    """Draw a curve as far as it can be seen, with its band and, on it, its mark."""
    colour = posture_colour(i)
    low, high = np.maximum(curve.low, LEAST / 10), np.maximum(curve.high, LEAST / 10)
    axes.fill_between(curve.loss, low, high, color=colour, alpha=BANDS[i], lw=0, zorder=2)
    seen = curve.chance > LEAST / 10
    axes.plot(curve.loss[seen], curve.chance[seen], color=colour, ls=DASHES[i], lw=1.6, zorder=3)
    marks = [int(np.argmin(np.abs(curve.chance - x))) for x in (0.2, 0.05, 0.01)]
    marks = [m for m, x in zip(marks, (0.2, 0.05, 0.01), strict=True) if abs(curve.chance[m] / x - 1) < 0.2]
    axes.plot(
        curve.loss[marks], curve.chance[marks], linestyle="none", marker=MARKERS[i], color=colour, markersize=5.5,
        markeredgecolor=light("paper"), markeredgewidth=0.6, zorder=4,
    )  # fmt: skip


def _threshold(axes: Axes, subject: Exceedance) -> None:
    """Draw the threshold, and on it the chance of each curve."""
    at = subject.threshold
    axes.axvline(at, color=light("attack"), lw=1.1, zorder=1)
    axes.annotate(
        f"threshold: {rupees(at)}", (at, LEAST), xytext=(4, 8), textcoords="offset points", color=light("attack"),
        fontsize=SIZE - 0.5,
    )  # fmt: skip
    chances = [float(np.interp(np.log(at), np.log(curve.loss), curve.chance)) for curve in subject.curves]
    for i, chance in enumerate(chances):
        if chance > LEAST:
            above = chance == max(chances)
            axes.annotate(
                percent(chance), (at, chance), xytext=(5, 4) if above else (-7, -4), textcoords="offset points",
                color=posture_colour(i), weight="bold", va="bottom" if above else "top",
                ha="left" if above else "right", zorder=6,
            )  # fmt: skip
            axes.plot([at], [chance], marker=MARKERS[i], color=posture_colour(i), markersize=6, zorder=5)


def _handle(curve: RiskCurve, i: int) -> Line2D:
    return Line2D([], [], color=posture_colour(i), ls=DASHES[i], marker=MARKERS[i], markersize=5, label=curve.name)
