"""What each service lost over time under each posture: strips as deep as the loss, with the marks of the response."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from cyberrange.views.figures.frame import WIDE, bare, date_axis, drawn, fitted, room, shading_says, sheet, wrapped
from cyberrange.views.subjects import CLOCK_MARKS, LevelStory, Numbers, ServiceLevels, Steps
from cyberrange.views.theme import SIZE, light, posture_colour
from cyberrange.views.words import amount, duration

LEFT, RIGHT = 158.0, 74.0
THIN = 1.3
"""Least depth in points of a loss, so that it can be seen at all."""
STRIP, GAP, CLOCK = 13.0, 9.0, 14.0
KEY, DATES, LETTER = 32.0, 30.0, 4.6
PLAIN = {"boxstyle": "square,pad=0.1", "facecolor": light("paper"), "edgecolor": "none"}
SHOWN = tuple(mark for mark in CLOCK_MARKS if mark[0] != "recovered")


@drawn
def levels(story: LevelStory) -> Figure:
    """Draw services over time.

    Parameters
    ----------
    story
        Services that lost something, with their levels under each posture, and the clocks of the response.
    """
    n = len(story.postures)
    head, rows = 4.0 + CLOCK * n, (STRIP * n + GAP) * max(1, len(story.services))
    figure = sheet((KEY + head + rows + 8 + DATES) / 72)
    axes = room(figure, LEFT, KEY, RIGHT, DATES)
    axes.set_ylim(head + rows + 8, 0)
    date_axis(axes, story.start, story.until)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    _key(figure, story)
    for i in range(n):
        _clocks(axes, story, i, 2.0 + CLOCK * (i + 0.5))
    for row, service in enumerate(story.services):
        _service(axes, story, service, head + 6 + row * (STRIP * n + GAP))
    return figure


def _key(figure: Figure, story: LevelStory) -> None:
    """Say above the strips what the letters and the shading mean."""
    key = room(figure, 0, 0, 0, 72 * figure.get_size_inches()[1] - KEY)
    bare(key)
    key.set_ylim(KEY, 0)
    key.set_xlim(0, 72 * figure.get_size_inches()[0])
    says = " · ".join(f"{letter} {meaning}" for _, letter, meaning in SHOWN)
    key.text(LEFT, 12, says, va="center", color=light("muted"))
    key.text(LEFT, 24, shading_says(story.until), va="center", color=light("muted"), fontsize=SIZE - 0.5)
    key.text(WIDE - 4, 24, "citizen-hours lost", ha="right", va="center", color=light("muted"), fontsize=SIZE - 0.5)


def _clocks(axes: Axes, story: LevelStory, i: int, y: float) -> None:
    """Draw the clocks of one posture as letters on a line; letters that would touch share a box."""
    colour = posture_colour(i)
    axes.plot([0, story.until], [y, y], color=light("line"), lw=0.7, zorder=1)
    beside, name = _beside(axes), fitted(story.postures[i], LEFT - 26, SIZE)
    axes.text(-0.012, y, name, transform=beside, ha="right", va="center", color=colour, weight="bold")
    hours = [(story.clocks[i][name], letter) for name, letter, _ in SHOWN if name in story.clocks[i]]
    point = story.until / (WIDE - LEFT - RIGHT)
    box = {"boxstyle": "round,pad=0.14", "facecolor": light("paper"), "edgecolor": colour, "linewidth": 0.7}
    boxes = _boxes([mark for mark in hours if mark[0] <= story.until], point)
    last = 0.0
    for hour, letters in boxes:
        x = min(max(hour - 2 * point, 2 * point), story.until - point * LETTER * len(letters))
        axes.text(x, y, letters, ha="left", va="center", fontsize=SIZE - 2, bbox=box, zorder=3)
        last = x + point * (LETTER * len(letters) + 8)
    spans = _spans(story.clocks[i]) if any(len(letters) > 2 for _, letters in boxes) else ""
    if spans and last < 0.4 * story.until:
        axes.text(last, y, spans, va="center", fontsize=SIZE - 1.5, color=light("muted"), zorder=3, bbox=PLAIN)


def _spans(clocks: dict[str, float]) -> str:
    """Say in words how far apart marks are that share a box."""
    noticed = clocks.get("noticed")
    if noticed is None or "compromised" not in clocks:
        return ""
    later = [
        f"{letter} {duration(max(0.0, clocks[name] - noticed))}" for name, letter, _ in SHOWN[2:] if name in clocks
    ]
    after = f"; after N: {', '.join(later)}" if later else ""
    return f"N {duration(noticed - clocks['compromised'])} after C{after}"


def _boxes(hours: Sequence[tuple[float, str]], point: float) -> list[tuple[float, str]]:
    """Join letters that stand too close together, in the order of their hours; a point is so many hours wide."""
    boxes: list[tuple[float, str]] = []
    for hour, letter in sorted(hours, key=lambda mark: mark[0]):
        if boxes and hour - boxes[-1][0] < point * (7 + LETTER * len(boxes[-1][1])):
            boxes[-1] = (boxes[-1][0], boxes[-1][1] + letter)
        else:
            boxes.append((hour, letter))
    return boxes


def _service(axes: Axes, story: LevelStory, service: ServiceLevels, top: float) -> None:
    n = len(story.postures)
    name = wrapped(service.name, LEFT - 16, SIZE)
    axes.text(-0.012, top + STRIP * n / 2, name, transform=_beside(axes), ha="right", va="center")
    for i, strip in enumerate(service.strips):
        base = top + STRIP * i
        hours, lost = _outline(strip, story.until)
        axes.plot([0, story.until], [base, base], color=light("line"), lw=0.5, zorder=0)
        deep = np.where(lost > 0, np.maximum((STRIP - 2.5) * lost, THIN), 0.0)
        axes.fill_between(hours, base, base + deep, color=posture_colour(i), lw=0, zorder=2)
        says = amount(service.lost[i])
        axes.text(
            1.012, base + STRIP / 2 - 1, says, transform=_beside(axes), va="center", fontsize=SIZE - 1,
            color=posture_colour(i),
        )  # fmt: skip


def _beside(axes: Axes) -> Transform:
    """Across in shares of the axes, down in points."""
    return axes.get_yaxis_transform()


def _outline(strip: Steps, until: float) -> tuple[Numbers, Numbers]:
    """Return hours and losses as corners of steps."""
    inside = strip.hours <= until
    hours, lost = strip.hours[inside], 1 - strip.levels[inside]
    corners = np.repeat(np.append(hours, until), 2)[1:-1]
    return corners, np.repeat(lost, 2)
