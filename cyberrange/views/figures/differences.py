"""Paired differences from the base posture with their intervals: a forest plot, relative to the base's mean."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cyberrange.views.figures.frame import WIDE, drawn, posture_handles, room, sheet
from cyberrange.views.subjects import Gap
from cyberrange.views.theme import MARKERS, light, posture_colour
from cyberrange.views.words import SPACE

LEFT, RIGHT, TOP, BOTTOM = 208.0, 24.0, 28.0, 36.0
LINE, HEAD = 9.0, 17.0
LIMIT = 1.5
"""Beyond so many times the base's mean a bar is cut off with an arrow."""


@drawn
def differences(gaps: Sequence[Gap], postures: Sequence[str]) -> Figure:
    """Draw paired differences with 95 % intervals.

    Parameters
    ----------
    gaps
        Differences relative to the base's mean, grouped; every measure has one for each posture but the first.
    postures
        All the postures, the base first.
    """
    rows = _rows(gaps)
    each = LINE * max(1, len(postures) - 1) + 7
    tall = sum(HEAD if name == "" else each for _, name in rows)
    height = TOP + tall + BOTTOM
    figure = sheet(height / 72)
    axes = room(figure, LEFT, TOP, RIGHT, BOTTOM)
    axes.set_ylim(tall, 0)
    low, high = _limits(gaps)
    axes.set_xlim(low, high)
    _frame(axes, postures[0])
    y = 0.0
    for group, name in rows:
        if name == "":
            _beside(axes, group, y + HEAD * 0.62, LEFT - 4, weight="bold")
            y += HEAD
            continue
        _row(axes, [g for g in gaps if (g.group, g.name) == (group, name)], name, y, each)
        y += each
    handles = posture_handles(postures, WIDE - LEFT)[1:]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=((LEFT - 8) / WIDE, 1.0), ncols=4)
    return figure


def _rows(gaps: Sequence[Gap]) -> list[tuple[str, str]]:
    """Return (group, measure) in order, with a row without a measure ahead of each group."""
    rows: dict[tuple[str, str], None] = {}
    for gap in gaps:
        rows.setdefault((gap.group, ""))
        rows.setdefault((gap.group, gap.name))
    return list(rows)


def _limits(gaps: Sequence[Gap]) -> tuple[float, float]:
    low = min([-0.25, *(g.low for g in gaps)])
    high = max([0.25, *(g.high for g in gaps)])
    return max(low, -LIMIT) * 1.06, min(high, LIMIT) * 1.06


def _frame(axes: Axes, base: str) -> None:
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=light("ink"), lw=0.9, zorder=1)
    axes.grid(axis="x")
    axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:+.0f}{SPACE}%".replace("-", "−") if abs(x) > 1e-9 else "0")
    axes.set_xlabel(f"difference, relative to the mean under {base}", color=light("muted"))


def _beside(axes: Axes, text: str, y: float, points: float, **more: Any) -> None:
    """Write left of the axes, so many points from their edge."""
    axes.annotate(
        text, (0, y), xycoords=axes.get_yaxis_transform(), xytext=(-points, 0), textcoords="offset points", va="center",
        annotation_clip=False, **more,
    )  # fmt: skip


def _row(axes: Axes, gaps: Sequence[Gap], name: str, y: float, each: float) -> None:
    _beside(axes, name, y + each / 2, 8, ha="right")
    axes.axhline(y + each, color=light("faint"), lw=0.6, zorder=0)
    for gap in gaps:
        at = y + 3.5 + LINE * (gap.posture - 0.5)
        _bar(axes, gap, at)


def _bar(axes: Axes, gap: Gap, y: float) -> None:
    """Draw a mean with its interval: a filled mark where the interval leaves zero out, else a hollow one."""
    colour = posture_colour(gap.posture)
    low, high = axes.get_xlim()
    ends = max(gap.low, low), min(gap.high, high)
    axes.plot(ends, [y, y], color=colour, lw=1.6 if gap.told else 0.9, solid_capstyle="butt", zorder=3)
    for cut, end, arrow in ((gap.low < low, low, "<"), (gap.high > high, high, ">")):
        if cut:
            axes.plot([end], [y], marker=arrow, color=colour, markersize=4, clip_on=False, zorder=4)
    if low <= gap.mean <= high:
        axes.plot(
            [gap.mean], [y], marker=MARKERS[gap.posture % len(MARKERS)], markersize=5, color=colour,
            markerfacecolor=colour if gap.told else light("paper"), zorder=4, linestyle="none",
        )  # fmt: skip
