"""How often each design is the best when the inputs are drawn, and what choosing it may forgo."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cyberrange.views.figures.frame import drawn, fitted, room, sheet
from cyberrange.views.figures.money import root_money_axis
from cyberrange.views.figures.placing import BOLD
from cyberrange.views.study_subjects import DesignChance
from cyberrange.views.theme import SIZE, light, posture_colour
from cyberrange.views.words import percent

LEFT, BETWEEN, RIGHT, TOP, BOTTOM = 224.0, 40.0, 20.0, 22.0, 34.0
SHARE = 150.0
"""Points of the panel on the left."""
ROW, BAR = 18.0, 10.0
ROLES = {"today": 0, "recommended": 1, "chosen": 3}


@drawn
def chances(designs: Sequence[DesignChance]) -> Figure:
    """Draw the share of draws in which each design is best, and its mean regret with that of one draw in twenty.

    Parameters
    ----------
    designs
        Designs within the budget.
    """
    figure = sheet((TOP + ROW * len(designs) + BOTTOM) / 72)
    wide = 72 * figure.get_size_inches()[0]
    left = room(figure, LEFT, TOP, wide - LEFT - SHARE, BOTTOM)
    right = room(figure, LEFT + SHARE + BETWEEN, TOP, RIGHT, BOTTOM)
    for axes, says in ((left, "best in so many draws"), (right, "regret: mean, and one draw in twenty above")):
        axes.set_ylim(ROW * len(designs), 0)
        axes.set_yticks([])
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.set_title(says, pad=6, fontsize=SIZE, color=light("muted"))
    left.set_xlim(0, 1.0)
    left.set_xticks([0, 0.5, 1], [percent(x) for x in (0, 0.5, 1)])
    top = max([1.0, *(d.regret_p95 for d in designs), *(d.regret for d in designs)])
    right.set_xlim(0, 1.03 * math.sqrt(top))
    root_money_axis(right.xaxis, top, "a year")
    for i, design in enumerate(designs):
        _row(left, right, design, ROW * (i + 0.5))
    return figure


def _row(left: Axes, right: Axes, design: DesignChance, y: float) -> None:
    colour = posture_colour(ROLES[design.role]) if design.role in ROLES else light("ink")
    name = f"{design.letter}: {design.short}" + (f", {design.role}" if design.role else "")
    fits = fitted(name, (LEFT - 14) / (BOLD if design.role else 1.0), SIZE)
    left.annotate(
        fits, (0, y), xycoords=left.get_yaxis_transform(), xytext=(-8, 0), ha="right",
        textcoords="offset points", va="center", annotation_clip=False, color=colour,
        weight="bold" if design.role else "normal",
    )  # fmt: skip
    left.barh(y, design.best, BAR, color=colour, lw=0, zorder=2)
    left.annotate(
        percent(design.best), (design.best, y), xytext=(4, 0), textcoords="offset points", va="center",
        fontsize=SIZE - 1, annotation_clip=False,
    )  # fmt: skip
    mean, high = math.sqrt(design.regret), math.sqrt(design.regret_p95)
    right.plot([mean, high], [y, y], color=colour, lw=1.2, zorder=2)
    right.plot([mean], [y], marker="o", color=colour, markersize=5.5, zorder=3, clip_on=False)
    right.plot([high], [y], marker="|", color=colour, markersize=9, zorder=3)
