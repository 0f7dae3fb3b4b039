"""Which uncertain inputs change the choice: regret at their ends, and what knowing each is worth."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cyberrange.views.figures.frame import drawn, room, sheet, wrapped
from cyberrange.views.figures.money import money_axis
from cyberrange.views.study_subjects import Sway
from cyberrange.views.theme import SIZE, light
from cyberrange.views.words import rupees

LEFT, MIDDLE, RIGHT, TOP, BOTTOM = 190.0, 92.0, 14.0, 40.0, 34.0
WORTH = 128.0
"""Points of the panel on the right."""
ROW, BAR = 30.0, 12.0
MOST = 12
"""So many inputs are drawn; the table holds all."""


@drawn
def tornado(sways: Sequence[Sway], design: str) -> Figure:
    """Draw regret to the left where an input is low, to the right where it is high, and beside it its worth.

    Parameters
    ----------
    sways
        Inputs that may change the choice, one or more.
    design
        Letter of the design whose regret is shown.
    """
    rows = sways[:MOST]
    height = TOP + ROW * len(rows) + BOTTOM
    figure = sheet(height / 72)
    left = room(figure, LEFT, TOP, WORTH + MIDDLE + RIGHT, BOTTOM)
    wide = 72 * figure.get_size_inches()[0]
    right = room(figure, wide - WORTH - RIGHT, TOP, RIGHT, BOTTOM)
    _heads(left, right, design)
    for axes in (left, right):
        axes.set_ylim(ROW * len(rows), 0)
        axes.set_yticks([])
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
    _regret_axis(left, rows)
    _worth_axis(right, rows)
    for i, sway in enumerate(rows):
        _regrets(left, sway, ROW * i)
        _worth(right, sway, ROW * i)
    return figure


def _heads(left: Axes, right: Axes, design: str) -> None:
    heads = f"regret of {design}: input low to the left, high to the right", "worth of knowing it"
    for axes, says in zip((left, right), heads, strict=True):
        axes.annotate(
            says, (0, 1), xycoords="axes fraction", xytext=(0, 20), textcoords="offset points", va="center",
            weight="bold", color=light("muted"), annotation_clip=False,
        )  # fmt: skip


def _regret_axis(axes: Axes, rows: Sequence[Sway]) -> None:
    top = max([1.0, *(max(s.regret_low, s.regret_high) for s in rows)])
    axes.set_xlim(-2.1 * top, 2.1 * top)
    money_axis(axes.xaxis, top, "a year", few=5)
    axes.set_xticks(axes.get_xticks(), [t.get_text().lstrip("−") for t in axes.get_xticklabels()])
    axes.axvline(0, color=light("ink"), lw=0.9, zorder=3)


def _worth_axis(axes: Axes, rows: Sequence[Sway]) -> None:
    top = max([1.0, *(s.worth + s.error for s in rows)])
    axes.set_xlim(0, 1.1 * top)
    money_axis(axes.xaxis, top, "a year", few=3)
    axes.axvline(0, color=light("ink"), lw=0.9, zorder=3)


def _regrets(axes: Axes, sway: Sway, top: float) -> None:
    y = top + ROW / 2
    across = axes.get_yaxis_transform()
    axes.axhline(top + ROW, color=light("faint"), lw=0.6, zorder=0)
    axes.annotate(
        wrapped(sway.name, LEFT - 12, SIZE), (0, y), xycoords=across, xytext=(-6, 0), textcoords="offset points",
        ha="right", va="center", annotation_clip=False, linespacing=1.0,
    )  # fmt: skip
    for side, regret, says, best in ((-1, sway.regret_low, sway.low, sway.best_low),
                                     (1, sway.regret_high, sway.high, sway.best_high)):  # fmt: skip
        axes.barh(y, side * regret, BAR, color=light("attack" if side < 0 else "response"), lw=0, zorder=2,
                  hatch="" if side < 0 else "////", edgecolor=light("paper"))  # fmt: skip
        axes.annotate(
            f"{says}\n{best} best", (side * regret, y), xytext=(4 * side, 0), textcoords="offset points", va="center",
            ha="right" if side < 0 else "left", fontsize=SIZE - 1.5, color=light("muted"), linespacing=1.0,
        )  # fmt: skip


def _worth(axes: Axes, sway: Sway, top: float) -> None:
    y = top + ROW / 2
    axes.axhline(top + ROW, color=light("faint"), lw=0.6, zorder=0)
    axes.plot([max(0.0, sway.worth - sway.error), sway.worth + sway.error], [y, y], color=light("accent"), lw=1.4)
    axes.plot([sway.worth], [y], marker="D", color=light("accent"), markersize=5, clip_on=False)
    axes.annotate(
        rupees(sway.worth) if sway.worth >= 0.5 else "nothing", (sway.worth, y), xytext=(0, 6), ha="center",
        textcoords="offset points", va="bottom", fontsize=SIZE - 1.5, annotation_clip=False,
    )  # fmt: skip
