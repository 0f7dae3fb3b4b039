"""The response step by step under each posture: at work, or waiting for consent, staff, a vendor, outside help."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from cyberrange.views.figures.frame import WIDE, drawn, fitted, room, sheet, wrapped
from cyberrange.views.subjects import Lane, Numbers, ResponseStory, TaskSpan
from cyberrange.views.theme import HATCHES, SIZE, light, posture_colour
from cyberrange.views.words import SPACE, duration

LEFT, RIGHT, TOP, BOTTOM = 226.0, 92.0, 50.0, 26.0
NAMES = 134.0
LINE, GAP = 11.0, 9.0
EARLIEST = 0.1
"""Hours after the notice at which the axis begins; everything before counts as at once."""
TICKS = ((0.25, "15 min"), (1, "1 h"), (3, "3 h"), (6, "6 h"), (24, "1 d"), (72, "3 d"), (168, "1 wk"), (720, "30 d"),
         (2160, "90 d"), (8760, "1 y"))  # fmt: skip
STATES = ("approval", "staff", "vendor", "outside", "work")
SAYS = {
    "approval": "waiting for consent",
    "staff": "waiting for the city's own people",
    "vendor": "waiting for a vendor",
    "outside": "waiting for outside help",
    "work": "at work (until done)",
}
WHO = {"own": "staff", "vendor": "vendor", "outside": "outside"}


@drawn
def timeline(story: ResponseStory) -> Figure:
    """Draw the lanes of the response against the time since the notice.

    Parameters
    ----------
    story
        Steps of the playbook with their tasks under each posture.
    """
    each = LINE * len(story.postures) + GAP
    height = TOP + each * max(1, len(story.lanes)) + BOTTOM
    figure = sheet(height / 72)
    axes = room(figure, LEFT, TOP, RIGHT, BOTTOM)
    axes.set_ylim(each * max(1, len(story.lanes)), 0)
    _axis(axes, story)
    for i, lane in enumerate(story.lanes):
        _lane(axes, story, lane, i * each)
    edge = light("paper")
    handles = [Patch(facecolor=light(s), edgecolor=edge, hatch=HATCHES[s], label=SAYS[s], linewidth=0) for s in STATES]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(NAMES / WIDE, 1.0), ncols=3, handlelength=2.2,
        columnspacing=1.4,
    )  # fmt: skip
    return figure


def at(hours: float) -> float:
    """Place of a time on the axis."""
    return math.log10(max(hours, EARLIEST) / EARLIEST)


def _axis(axes: Axes, story: ResponseStory) -> None:
    last = max((t.ended for lane in story.lanes for tasks in lane.tasks for t in tasks), default=24.0)
    axes.set_xlim(0, at(max(last, 12.0)) * 1.01)
    ticks = [(hours, text) for hours, text in TICKS if hours <= last * 1.05]
    axes.set_xticks([0, *(at(hours) for hours, _ in ticks)], ["noticed", *(text for _, text in ticks)])
    axes.grid(axis="x")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(at(story.legal), color=light("attack"), lw=1.2, zorder=5)
    axes.annotate(
        f"report due ({duration(story.legal)})", (at(story.legal), 0), xytext=(0, 4), textcoords="offset points",
        ha="center", va="bottom", color=light("attack"), fontsize=SIZE - 0.5, annotation_clip=False,
    )  # fmt: skip


def _lane(axes: Axes, story: ResponseStory, lane: Lane, top: float) -> None:
    across = axes.get_yaxis_transform()
    middle = top + GAP / 2 + LINE * len(story.postures) / 2
    name = wrapped(lane.name, NAMES - 8, SIZE)
    _beside(axes, name, middle, LEFT - 4, "ink")
    axes.axhline(top, color=light("line"), lw=0.5, zorder=0, clip_on=False)
    for i, tasks in enumerate(lane.tasks):
        y = top + GAP / 2 + LINE * i
        posture = fitted(story.postures[i], LEFT - NAMES - 6, SIZE - 1)
        _beside(axes, posture, y + LINE / 2, LEFT - NAMES, f"posture{i % 6 + 1}", SIZE - 1)
        axes.text(
            1.012, y + LINE / 2, _ending(lane, tasks, story), transform=across, va="center", fontsize=SIZE - 1,
            color=posture_colour(i),
        )  # fmt: skip
        _states(axes, tasks, y + 0.8, LINE - 1.6)


def _beside(axes: Axes, text: str, y: float, points: float, colour: str, size: float = SIZE) -> None:
    axes.annotate(
        text, (0, y), xycoords=axes.get_yaxis_transform(), xytext=(-points, 0), textcoords="offset points", va="center",
        color=light(colour), fontsize=size, annotation_clip=False,
    )  # fmt: skip


def _ending(lane: Lane, tasks: Sequence[TaskSpan], story: ResponseStory) -> str:
    """When a step was done: for the case the first time, for systems the last of them."""
    if not tasks:
        return "not asked for"
    ends = [t.ended for t in tasks]
    end = max(ends) if lane.by_asset else ends[0]
    when = "not done" if end >= story.until - 1e-6 else duration(end).replace(SPACE, " ")
    more = f" ({len(tasks)}×)" if len(tasks) > 1 else ""
    return when + more


def _states(axes: Axes, tasks: Sequence[TaskSpan], y: float, high: float) -> None:
    """Draw, over time, how many of a step's tasks are in which state, one upon the other; the most fill the lane."""
    if not tasks:
        return
    ends = np.unique([x for t in tasks for x in (max(t.asked, 0), max(t.approved, 0), max(t.started, 0), t.ended)])
    now = [[_state(t, a) for t in tasks] for a in ends[:-1]]
    counts = np.array([[states.count(s) for s in STATES] for states in now], dtype=float).reshape(-1, len(STATES))
    tops = high * counts.cumsum(axis=1) / max(1.0, counts.sum(axis=1).max(initial=0.0))
    lows = np.hstack([np.zeros((len(tops), 1)), tops[:, :-1]])
    for k, state in enumerate(STATES):
        low, top = y + high - lows[:, k], y + high - tops[:, k]
        boxes = [
            _box(at(ends[first]), at(ends[last + 1]), low[first], top[first])
            for first, last in _runs(lows[:, k], tops[:, k])
        ]
        if boxes:
            shape = Path.make_compound_path(*boxes)
            axes.add_patch(
                PathPatch(
                    shape, facecolor=light(state), hatch=HATCHES[state], edgecolor=light("paper"), linewidth=0, zorder=3
                )
            )


def _box(left: float, right: float, low: float, top: float) -> Path:
    return Path([(left, low), (right, low), (right, top), (left, top), (left, low)], closed=True)


def _runs(low: Numbers, top: Numbers) -> list[tuple[int, int]]:
    """First and last interval of each stretch in which a state holds and keeps its height."""
    runs: list[tuple[int, int]] = []
    for i in np.flatnonzero(top > low):
        if runs and runs[-1][1] == i - 1 and (low[i], top[i]) == (low[i - 1], top[i - 1]):
            runs[-1] = (runs[-1][0], int(i))
        else:
            runs.append((int(i), int(i)))
    return runs


def _state(task: TaskSpan, hour: float) -> str:
    if hour < task.asked or hour >= task.ended:
        return ""
    if hour < task.approved:
        return "approval"
    return WHO[task.waited_for] if hour < task.started else "work"
