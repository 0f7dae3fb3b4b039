"""Labels beside points that lie close together: each finds a free place, and a thin line leads there."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from cyberrange.views.figures.frame import width_of
from cyberrange.views.theme import light

RADII = (8.0, 12.0, 17.0, 23.0, 30.0, 38.0, 47.0, 58.0, 70.0)
TURNS = 16
BOLD = 1.15
"""Bold text is about so much wider."""
HALO = {"boxstyle": "square,pad=0.05", "facecolor": light("paper"), "edgecolor": "none"}
"""Keeps lines away from a text."""
LEADER = 13.0
"""Points beyond which a line leads from the point to its label."""


class Box(NamedTuple):
    """A rectangle in points."""

    x0: float
    y0: float
    x1: float
    y1: float

    def meets(self, other: "Box") -> bool:
        """Whether two rectangles overlap."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1


class Label(NamedTuple):
    """A text to be put beside a point, in the units of the axes."""

    x: float
    y: float
    text: str
    colour: str
    bold: bool


def place_labels(axes: Axes, labels: Sequence[Label], size: float, taken: Iterable[Box] = ()) -> None:
    """Put labels near their points so that they cover neither each other nor what is there already.

    Parameters
    ----------
    axes
        Axes whose limits and place are final.
    labels
        The first one has the first choice.
    size
        Points of the text.
    taken
        Rectangles that have to stay free, in points; see `box_of`.
    """
    used = [*taken, *(_mark(*in_points(axes, label.x, label.y)) for label in labels)]
    room = _room(axes)
    for label in labels:
        x, y = in_points(axes, label.x, label.y)
        box = _free(x, y, width_of(label.text, size) * (BOLD if label.bold else 1.0), size, used, room)
        used.append(box)
        across, up = (box.x0 + box.x1) / 2 - x, (box.y0 + box.y1) / 2 - y
        far = math.hypot(across, up) > LEADER + (box.x1 - box.x0) / 2
        line = {"arrowstyle": "-", "color": light("muted"), "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3.5}
        axes.annotate(
            label.text, (label.x, label.y), xytext=(across, up), textcoords="offset points", ha="center", va="center",
            fontsize=size, color=label.colour, weight="bold" if label.bold else "normal", zorder=6,
            arrowprops=line if far else None, annotation_clip=False, bbox=HALO,
        )  # fmt: skip


def in_points(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Return where something lies on the sheet, in points."""
    across, up = axes.transData.transform((x, y)) * 72 / axes.figure.dpi
    return float(across), float(up)


def box_of(axes: Axes, x0: float, y0: float, x1: float, y1: float, more: float = 0.0) -> Box:
    """Return a rectangle of the axes in points, so many points larger on every side."""
    (left, low), (right, high) = in_points(axes, x0, y0), in_points(axes, x1, y1)
    return Box(min(left, right) - more, min(low, high) - more, max(left, right) + more, max(low, high) + more)


def _mark(x: float, y: float) -> Box:
    return Box(x - 4.0, y - 4.0, x + 4.0, y + 4.0)


def _room(axes: Axes) -> Box:
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    return box_of(axes, left, low, right, high)


def _free(x: float, y: float, wide: float, size: float, used: Sequence[Box], room: Box) -> Box:
    """Return the nearest free place; beside the point where there is none."""
    for radius in RADII:
        for turn in range(TURNS):
            angle = math.pi / 2 + 2 * math.pi / TURNS * ((turn + 1) // 2) * (-1) ** turn
            middle, height = x + math.cos(angle) * (radius + wide / 2), y + math.sin(angle) * radius
            box = Box(middle - wide / 2 - 1, height - size * 0.55, middle + wide / 2 + 1, height + size * 0.55)
            inside = room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1
            if inside and not any(box.meets(other) for other in used):
                return box
    return Box(x + 5, y + 3, x + 5 + wide, y + 3 + size)
