"""The best design for each amount of the city's own money, and what a further lakh gains."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cyberrange.views.figures.frame import WIDE, drawn, room, sheet
from cyberrange.views.figures.money import money_axis, plain, unit_of
from cyberrange.views.study_subjects import AmountStep
from cyberrange.views.theme import SIZE, light

LEFT, RIGHT, TOP, BOTTOM = 58.0, 14.0, 36.0, 34.0
UPPER, LOWER, BETWEEN = 170.0, 90.0, 18.0
NOTHING = 0.5
"""Rupees a year below which a gain is none."""


@drawn
def budgets(steps: Sequence[AmountStep], budget: float) -> Figure:
    """Draw cost and loss of the best design over the amounts, and below what a further lakh gains.

    Parameters
    ----------
    steps
        By rising amount, two or more.
    budget
        The amount that the study asks about.
    """
    figure = sheet((TOP + UPPER + BETWEEN + LOWER + BOTTOM) / 72)
    upper = room(figure, LEFT, TOP, RIGHT, BOTTOM + LOWER + BETWEEN)
    lower = room(figure, LEFT, TOP + UPPER + BETWEEN, RIGHT, BOTTOM)
    for axes in (upper, lower):
        axes.set_xlim(-0.6, len(steps) - 0.4)
    _bars(upper, steps)
    _gains(lower, steps)
    _amounts(lower, steps)
    upper.set_xticks([])
    place = _place(steps, budget)
    for axes in (upper, lower):
        axes.axvspan(place - 0.45, place + 0.45, color=light("faint"), lw=0, zorder=-5)
    upper.annotate(
        "the budget", (place, 1), xycoords=upper.get_xaxis_transform(), xytext=(0, 2), textcoords="offset points",
        ha="center", va="bottom", color=light("accent"), weight="bold", annotation_clip=False,
    )  # fmt: skip
    figure.legend(handles=_handles(), loc="upper left", ncols=2, bbox_to_anchor=((LEFT - 10) / WIDE, 1.0))
    return figure


def _place(steps: Sequence[AmountStep], budget: float) -> float:
    """Where an amount lies between the bars."""
    after = next((i for i, step in enumerate(steps) if step.own >= budget * (1 - 1e-9)), len(steps) - 1)
    if after == 0:
        return 0.0
    low, high = steps[after - 1].own, steps[after].own
    return after - 1 + min(1.0, (budget - low) / (high - low))


def _bars(axes: Axes, steps: Sequence[AmountStep]) -> None:
    top = max([1.0, *(max(step.cost, 0.0) + step.loss for step in steps)])
    axes.set_ylim(min(0.0, *(step.cost for step in steps)) * 1.05, top * 1.14)
    axes.grid(axis="y")
    money_axis(axes.yaxis, top, "a year", few=5)
    for i, step in enumerate(steps):
        axes.bar(i, step.cost, 0.66, color=light("response"), hatch="////", edgecolor=light("paper"), lw=0, zorder=2)
        axes.bar(i, step.loss, 0.66, max(step.cost, 0.0), color=light("damage3"), lw=0, zorder=2)
        axes.annotate(
            step.letter, (i, max(step.cost, 0.0) + step.loss), xytext=(0, 3), textcoords="offset points", ha="center",
            va="bottom", weight="bold",
        )  # fmt: skip


def _gains(axes: Axes, steps: Sequence[AmountStep]) -> None:
    """Draw between two amounts what each lakh gains on the way from the one to the other."""
    gains = [step.gain for step in steps if not math.isnan(step.gain)]
    top = max([1.0, *gains])
    axes.set_ylim(min(0.0, *gains), top * 1.25)
    if max(map(abs, gains)) < NOTHING:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "a further lakh gains nothing", transform=axes.transAxes, ha="center", color=light("muted"))
        return
    axes.grid(axis="y")
    unit = money_axis(axes.yaxis, top, "gain a year", few=3)
    for i, gain in enumerate(gains):
        axes.bar(i + 0.5, gain, 0.9, color=light("accent"), lw=0, zorder=2)
        axes.annotate(
            plain(round(gain / unit, 2)), (i + 0.5, max(gain, 0.0)), xytext=(0, 2), textcoords="offset points",
            ha="center", va="bottom", fontsize=SIZE - 1, color=light("muted"),
        )  # fmt: skip


def _amounts(axes: Axes, steps: Sequence[AmountStep]) -> None:
    unit, word = unit_of(steps[-1].own)
    axes.set_xticks(range(len(steps)), [plain(step.own / unit) for step in steps])
    axes.set_xlabel(f"the city's own money over all the years, {word}", color=light("muted"))


def _handles() -> list[Patch]:
    return [
        Patch(facecolor=light("damage3"), linewidth=0, label="expected loss"),
        Patch(facecolor=light("response"), hatch="////", edgecolor=light("paper"), linewidth=0, label="cost"),
    ]
