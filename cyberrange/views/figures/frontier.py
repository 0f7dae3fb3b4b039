"""What designs cost against what they leave to be lost: expected, and in the worst years."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cyberrange.results.intervals import Interval
from cyberrange.views.figures.frame import WIDE, drawn, room, sheet
from cyberrange.views.figures.money import money_axis
from cyberrange.views.figures.placing import Box, Label, box_of, place_labels
from cyberrange.views.study_subjects import DesignPoint
from cyberrange.views.theme import SIZE, light, posture_colour
from cyberrange.views.words import LAKH

LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 34.0, 34.0
UPPER, LOWER, BETWEEN = 230.0, 190.0, 30.0
SHAPES = {True: "o", False: "s"}
"""Within the budget, and beyond it."""
COLOURS = {"today": 0, "recommended": 1, "chosen": 3}
"""Roles with a colour of their own: that of a posture at this place."""


@drawn
def frontier(points: Sequence[DesignPoint]) -> Figure:
    """Draw expected loss and the mean of the worst years against cost.

    Parameters
    ----------
    points
        Designs that were played in full.
    """
    height = TOP + UPPER + BETWEEN + LOWER + BOTTOM
    figure = sheet(height / 72)
    upper = room(figure, LEFT, TOP, RIGHT, BOTTOM + LOWER + BETWEEN)
    lower = room(figure, LEFT, TOP + UPPER + BETWEEN, RIGHT, BOTTOM)
    for axes, of in ((upper, _loss), (lower, _cvar)):
        _limits(axes, points, of)
    _panel(upper, points, _loss, "expected loss a year")
    _panel(lower, points, _cvar, "mean of the worst 5 % of years")
    money_axis(lower.xaxis, max(abs(point.cost) for point in points), "cost a year beyond today's", few=8)
    upper.set_xticks(lower.get_xticks(), [""] * len(lower.get_xticks()))
    upper.set_xlim(lower.get_xlim())
    _predicted(upper, points)
    _same_total(upper, points)
    _label(upper, points, _loss)
    _label(lower, points, _cvar)
    figure.legend(
        handles=_handles(), loc="upper left", ncols=5, bbox_to_anchor=((LEFT - 10) / WIDE, 1.0), columnspacing=1.2,
        handletextpad=0.5,
    )  # fmt: skip
    return figure


def _loss(point: DesignPoint) -> Interval:
    return point.loss


def _cvar(point: DesignPoint) -> Interval:
    return point.cvar


def _limits(axes: Axes, points: Sequence[DesignPoint], of: Callable[[DesignPoint], Interval]) -> None:
    costs = [point.cost for point in points]
    wide = max(LAKH, max(costs) - min(costs), *map(abs, costs))
    top = max([1.0, *(of(point).high for point in points), *(of(point).mean for point in points)])
    axes.set_xlim(min(costs) - 0.05 * wide, max(costs) + 0.05 * wide)
    axes.set_ylim(0, 1.1 * top)


def _panel(axes: Axes, points: Sequence[DesignPoint], of: Callable[[DesignPoint], Interval], says: str) -> None:
    """Draw the designs with their intervals, and a line along those that nobody beats in both."""
    axes.grid(axis="both")
    money_axis(axes.yaxis, axes.get_ylim()[1] / 1.1, says, few=5)
    edge = sorted((point for point in points if point.efficient), key=lambda point: point.cost)
    axes.plot(
        [point.cost for point in edge], [of(point).mean for point in edge], color=light("muted"), lw=0.9, alpha=0.6,
        zorder=1,
    )  # fmt: skip
    for point in points:
        colour, mean = _colour(point), of(point)
        axes.plot([point.cost] * 2, [mean.low, mean.high], color=colour, lw=1.1, zorder=3, solid_capstyle="butt")
        axes.plot(
            [point.cost], [mean.mean], marker=SHAPES[point.within], markersize=7 if point.role else 5.5,
            zorder=5 if point.role else 4, clip_on=False,
            color=colour, markerfacecolor=colour if point.within else light("paper"), linestyle="none",
        )  # fmt: skip


def _colour(point: DesignPoint) -> str:
    return posture_colour(COLOURS[point.role]) if point.role in COLOURS else light("ink")


def _predicted(axes: Axes, points: Sequence[DesignPoint]) -> None:
    axes.plot(
        [point.cost for point in points], [point.predicted for point in points], linestyle="none", marker="x",
        markersize=5.5, markeredgewidth=0.9, color=light("muted"), alpha=0.8, zorder=2,
    )  # fmt: skip


def _same_total(axes: Axes, points: Sequence[DesignPoint]) -> None:
    """Draw the line on which cost and loss together are as high as under the recommended design, or today's."""
    here = next((p for p in points if p.role == "recommended"), None) or next(p for p in points if p.role == "today")
    total = here.cost + here.loss.mean
    left, right = axes.get_xlim()
    axes.plot([left, right], [total - left, total - right], color=light("accent"), lw=0.9, ls=(0, (1.5, 2)), zorder=1)


def _label(axes: Axes, points: Sequence[DesignPoint], of: Callable[[DesignPoint], Interval]) -> None:
    order = sorted(points, key=lambda point: (not point.role, point.cost))
    labels = [Label(p.cost, of(p).mean, f"{p.letter} {p.role}".strip(), _colour(p), bool(p.role)) for p in order]
    place_labels(axes, labels, SIZE, _bars(axes, points, of))


def _bars(axes: Axes, points: Sequence[DesignPoint], of: Callable[[DesignPoint], Interval]) -> list[Box]:
    return [box_of(axes, p.cost, of(p).low, p.cost, of(p).high, 1.5) for p in points]


def _handles() -> list[Line2D]:
    ink, muted = light("ink"), light("muted")
    return [
        Line2D([], [], marker="o", color=ink, linestyle="none", markersize=5.5, label="within the budget"),
        Line2D([], [], marker="s", color=ink, markerfacecolor=light("paper"), linestyle="none", markersize=5.5,
               label="beyond the budget"),
        Line2D([], [], marker="x", color=muted, linestyle="none", markersize=5.5, markeredgewidth=0.9,
               label="as predicted"),
        Line2D([], [], color=muted, lw=0.9, label="none cheaper loses less"),
        Line2D([], [], color=light("accent"), lw=0.9, ls=(0, (1.5, 2)), label="same cost and loss together"),
    ]  # fmt: skip
