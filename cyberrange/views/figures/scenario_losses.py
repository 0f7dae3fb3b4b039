"""Which scenarios the expected loss of a year comes from, today and under the recommended design."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cyberrange.views.figures.frame import WIDE, drawn, room, sheet, wrapped
from cyberrange.views.figures.money import money_axis
from cyberrange.views.study_subjects import ScenarioLoss
from cyberrange.views.theme import SIZE, light, posture_colour
from cyberrange.views.words import rupees

LEFT, RIGHT, TOP, BOTTOM = 200.0, 66.0, 28.0, 34.0
LINE, GAP = 12.0, 9.0
PATTERNS = ("", "////")


@drawn
def scenario_losses(rows: Sequence[ScenarioLoss], designs: Sequence[str]) -> Figure:
    """Draw a bar for each scenario and design, with its interval.

    Parameters
    ----------
    rows
        Rupees a year by scenario.
    designs
        What the designs are called.
    """
    each = max(LINE * len(designs), 20.0) + GAP
    figure = sheet((TOP + each * len(rows) + BOTTOM) / 72)
    axes = room(figure, LEFT, TOP, RIGHT, BOTTOM)
    top = max([1.0, *(x.high for row in rows for x in row.losses), *(x.mean for row in rows for x in row.losses)])
    axes.set_ylim(each * len(rows), 0)
    axes.set_xlim(0, top * 1.02)
    money_axis(axes.xaxis, top, "expected loss a year")
    axes.set_yticks([])
    axes.grid(axis="x")
    for i, row in enumerate(rows):
        _row(axes, row, each * i, each)
    handles = [Patch(facecolor=posture_colour(i), hatch=PATTERNS[i], edgecolor=light("paper"), linewidth=0, label=name)
               for i, name in enumerate(designs)]  # fmt: skip
    figure.legend(handles=handles, loc="upper left", ncols=2, bbox_to_anchor=((LEFT - 8) / WIDE, 1.0))
    return figure


def _row(axes: Axes, row: ScenarioLoss, top: float, each: float) -> None:
    across = axes.get_yaxis_transform()
    axes.annotate(
        wrapped(row.name, LEFT - 14, SIZE), (0, top + each / 2), xycoords=across, xytext=(-8, 0), ha="right",
        textcoords="offset points", va="center", annotation_clip=False, linespacing=1.0,
    )  # fmt: skip
    axes.axhline(top + each, color=light("faint"), lw=0.6, zorder=0)
    first = top + (each - LINE * len(row.losses)) / 2
    for i, loss in enumerate(row.losses):
        y = first + LINE * (i + 0.5)
        axes.barh(y, loss.mean, LINE - 2.5, color=posture_colour(i), hatch=PATTERNS[i], edgecolor=light("paper"), lw=0,
                  zorder=2)  # fmt: skip
        axes.plot([max(0.0, loss.low), loss.high], [y, y], color=light("ink"), lw=1.0, zorder=3, solid_capstyle="butt")
        axes.annotate(
            rupees(loss.mean), (max(loss.mean, loss.high), y), xytext=(4, 0), textcoords="offset points", va="center",
            color=posture_colour(i), fontsize=SIZE - 1, annotation_clip=False,
        )  # fmt: skip
