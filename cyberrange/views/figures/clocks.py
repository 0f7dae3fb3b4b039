"""The clocks of the response under two designs: the middle half of the incidents, and the median."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cyberrange.views.figures.frame import WIDE, drawn, posture_handles, room, sheet
from cyberrange.views.study_subjects import ClockRow
from cyberrange.views.theme import MARKERS, SIZE, light, posture_colour
from cyberrange.views.words import SPACE, duration

LEFT, RIGHT, TOP, BOTTOM = 170.0, 90.0, 28.0, 34.0
LINE, GAP = 14.0, 10.0
TICKS = ((0, "at once"), (6, "6 h"), (24, "1 d"), (72, "3 d"), (168, "1 wk"), (336, "2 wk"), (720, "30 d"),
         (1440, "60 d"), (2160, "90 d"), (4380, "6 mo"), (8760, "1 y"))  # fmt: skip


@drawn
def clocks(rows: Sequence[ClockRow], designs: Sequence[str]) -> Figure:
    """Draw medians with quartiles on a root scale.

    Parameters
    ----------
    rows
        Clocks in hours.
    designs
        What the designs are called.
    """
    each = LINE * len(designs) + GAP
    figure = sheet((TOP + each * len(rows) + BOTTOM) / 72)
    axes = room(figure, LEFT, TOP, RIGHT, BOTTOM)
    axes.set_ylim(each * len(rows), 0)
    _axis(axes, max([24.0, *(spread.high for row in rows for spread in row.spreads)]))
    for i, row in enumerate(rows):
        _row(axes, row, each * i, each)
    figure.legend(
        handles=posture_handles(designs, WIDE - LEFT), loc="upper left", ncols=2,
        bbox_to_anchor=((LEFT - 10) / WIDE, 1.0),
    )  # fmt: skip
    return figure


def _axis(axes: Axes, top: float) -> None:
    """Hours on a root scale: zero has a place; ticks only where there is room for their names."""
    ticks: list[tuple[float, str]] = []
    for hours, says in TICKS:
        if hours <= top * 1.05 and (not ticks or math.sqrt(hours) - math.sqrt(ticks[-1][0]) > 0.08 * math.sqrt(top)):
            ticks.append((hours, says))
    axes.set_xlim(-0.01 * math.sqrt(top), math.sqrt(top) * 1.03)
    axes.set_xticks([math.sqrt(hours) for hours, _ in ticks], [says for _, says in ticks])
    axes.set_xlabel("time since the first foothold (root scale)", color=light("muted"))
    axes.grid(axis="x")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _row(axes: Axes, row: ClockRow, top: float, each: float) -> None:
    across = axes.get_yaxis_transform()
    axes.annotate(
        row.name, (0, top + each / 2), xycoords=across, xytext=(-12, 0), textcoords="offset points", ha="right",
        va="center", annotation_clip=False,
    )  # fmt: skip
    axes.axhline(top + each, color=light("faint"), lw=0.6, zorder=0)
    for i, spread in enumerate(row.spreads):
        y, colour = top + GAP / 2 + LINE * (i + 0.5), posture_colour(i)
        low, middle, high = (math.sqrt(x) for x in spread)
        axes.plot([low, high], [y, y], color=colour, lw=4, solid_capstyle="butt", zorder=2)
        axes.plot(
            [middle], [y], marker=MARKERS[i], color=colour, markersize=7, markeredgecolor=light("paper"),
            markeredgewidth=0.9, zorder=3,
        )  # fmt: skip
        axes.text(1.015, y, duration(spread.median).replace(SPACE, " "), transform=across, va="center", color=colour,
                  fontsize=SIZE - 0.5)  # fmt: skip
