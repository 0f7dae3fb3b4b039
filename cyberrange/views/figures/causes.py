"""The cascade as a tree: from steps to the assets they acted on to the services that lost, as wide as the loss."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from cyberrange.views.figures.frame import bare, drawn, fitted, room, sheet, wrapped
from cyberrange.views.subjects import CauseStep, CauseTree, Flow
from cyberrange.views.theme import SIZE, light
from cyberrange.views.words import amount

STEPS, ASSETS, SERVICES, END = 234.0, 342.0, 506.0, 648.0
"""Where the bars of the three columns stand, in points, and where the last labels end."""
BAR = 7.0
TOP = 34.0
STEP_ROOM, NODE_ROOM, SERVICE_ROOM = 25.0, 21.0, 25.0
"""Least height of an entry, so that its label can be read."""
TALL, EACH = 230.0, 70.0
"""Most height of the whole loss, and of each entry of the longest column where there are few."""


class Place(NamedTuple):
    """Where the bar of an entry stands."""

    top: float
    high: float


Places = dict[str, Place]


@drawn
def causes(tree: CauseTree) -> Figure:
    """Draw the tree of causes of a run.

    Parameters
    ----------
    tree
        Steps with their parents, and citizen-hours by step, asset and service.
    """
    figure = sheet(4.0)
    total = sum(f.lost for f in tree.flows) or 1.0
    entries = max(len({f.asset for f in tree.flows}), len({f.service for f in tree.flows}))
    scale = min(TALL, EACH * (1 + entries)) / total
    steps = _stack([(s.key + s.side, _of(tree.flows, s)) for s in tree.steps], scale, STEP_ROOM)
    assets = _stack(_sums(tree, 2), scale, NODE_ROOM)
    names = {name: wrapped(name, END - SERVICES - 14, SIZE) for name, _ in _sums(tree, 3)}
    services = _stack(_sums(tree, 3), scale, SERVICE_ROOM, [9.5 * text.count("\n") for text in names.values()])
    tall = max(_bottom(column) for column in (steps, assets, services))
    figure.set_size_inches(END / 72, (TOP + tall + 8) / 72)
    axes = room(figure, 0, 0, 0, 0)
    bare(axes)
    axes.set_xlim(0, END)
    axes.set_ylim(TOP + tall + 8, 0)
    _heads(axes)
    _ribbons(axes, tree, steps, assets, services, scale)
    _steps(axes, tree, steps)
    for name, place in assets.items():
        text = wrapped(name, SERVICES - ASSETS - 22, SIZE - 0.5)
        _entry(axes, ASSETS, place, text, "")
    for name, lost in _sums(tree, 3):
        _entry(axes, SERVICES, services[name], names[name], amount(lost))
    return figure


def _of(flows: Sequence[Flow], step: CauseStep) -> float:
    return sum(f.lost for f in flows if (f.step, f.side) == (step.key, step.side))


def _sums(tree: CauseTree, field: int) -> list[tuple[str, float]]:
    """Citizen-hours by asset (field 2) or service (3): the largest first, what was lumped together last."""
    total: dict[str, float] = {}
    for flow in tree.flows:
        total[str(flow[field])] = total.get(str(flow[field]), 0.0) + flow.lost
    return sorted(total.items(), key=lambda pair: (" more " in pair[0], -pair[1], pair[0]))


def _stack(
    sums: Sequence[tuple[str, float]], scale: float, least: float, more: Sequence[float] | None = None
) -> dict[str, Place]:
    """Stack bars as high as their loss, each with room for its label."""
    places, y = {}, TOP
    for (name, lost), extra in zip(sums, more or [0.0] * len(sums), strict=True):
        high = lost * scale
        slot = max(high + 4, least + extra)
        places[name] = Place(y + (slot - high) / 2, high)
        y += slot
    return places


def _bottom(places: dict[str, Place]) -> float:
    last = list(places.values())[-1:] or [Place(TOP, 40.0)]
    return last[0].top + last[0].high + 14 - TOP


def _heads(axes: Axes) -> None:
    heads = ((4.0, "Steps of attack and response"), (ASSETS, "What they acted on"), (SERVICES, "Citizen-hours lost"))
    for x, text in heads:
        axes.text(x, 10, text, va="center", weight="bold", color=light("muted"))


def _ribbons(axes: Axes, tree: CauseTree, steps: Places, assets: Places, services: Places, scale: float) -> None:
    """Draw each loss as a ribbon from step to asset and on to service."""
    order = {name: i for i, name in enumerate(assets)}, {name: i for i, name in enumerate(services)}
    used: dict[tuple[int, str], float] = {}
    firsts: dict[tuple[str, str, str], float] = {}
    for f in tree.flows:
        firsts[f.step, f.side, f.asset] = firsts.get((f.step, f.side, f.asset), 0.0) + f.lost
    for (step, side, asset), lost in sorted(firsts.items(), key=lambda item: (item[0][1], order[0][item[0][2]])):
        a, b = _take(used, 0, step + side, steps, lost * scale), _take(used, 1, asset, assets, lost * scale)
        _ribbon(axes, STEPS + BAR, a, ASSETS, b, lost * scale, side)
    for f in sorted(tree.flows, key=lambda f: (order[0][f.asset], order[1][f.service], f.side)):
        a, b = _take(used, 2, f.asset, assets, f.lost * scale), _take(used, 3, f.service, services, f.lost * scale)
        _ribbon(axes, ASSETS + BAR, a, SERVICES, b, f.lost * scale, f.side)


def _take(used: dict[tuple[int, str], float], end: int, name: str, places: dict[str, Place], high: float) -> float:
    """Take the next piece of a bar's side and return where it begins."""
    start = used.get((end, name), 0.0)
    used[end, name] = start + high
    return places[name].top + start


def _ribbon(axes: Axes, x0: float, y0: float, x1: float, y1: float, high: float, side: str) -> None:
    middle = (x0 + x1) / 2
    curve, line = Path.CURVE4, Path.LINETO
    there = [(x0, y0), (middle, y0), (middle, y1), (x1, y1)]
    back = [(x1, y1 + high), (middle, y1 + high), (middle, y0 + high), (x0, y0 + high)]
    path = Path(
        [*there, *back, (x0, y0)], [Path.MOVETO, curve, curve, curve, line, curve, curve, curve, Path.CLOSEPOLY]
    )
    axes.add_patch(PathPatch(path, facecolor=light(side), alpha=0.26, linewidth=0.35, edgecolor=light(side)))


def _steps(axes: Axes, tree: CauseTree, places: dict[str, Place]) -> None:
    """Write the steps as a tree: each under the one that it followed from, indented."""
    depth: dict[str, int] = {}
    for step in tree.steps:
        place = places[step.key + step.side]
        y = place.top + place.high / 2
        level = depth.get(step.parent, -1) + 1 if step.side == "attack" else 0
        depth[step.key] = min(level, 5)
        x = 14 + 7 * depth[step.key]
        if step.parent in depth and step.parent + step.side in places:
            above = places[step.parent + step.side]
            x0 = 10 + 7 * depth[step.parent]
            axes.plot([x0, x0, x - 5], [above.top + above.high / 2 + 8, y - 5, y - 5], color=light("muted"), lw=0.7)
        marker = "s" if step.side == "attack" else "o"
        axes.plot([x - 4], [y - 5], marker=marker, markersize=3.5, color=light(step.side))
        axes.text(x + 2, y - 5, fitted(step.name, STEPS - x - 8, SIZE), va="center")
        says = " · ".join(part for part in (_when(tree.start, step.hour), step.tag) if part)
        axes.text(x + 2, y + 5, says, va="center", fontsize=SIZE - 1.5, color=light("muted"))
        if place.high > 0:
            axes.add_patch(Rectangle((STEPS, place.top), BAR, place.high, facecolor=light(step.side), linewidth=0))


def _when(start: dt.datetime, hour: float) -> str:
    moment = start + dt.timedelta(hours=hour)
    return f"{moment:%a} {moment.day} {moment:%b} {moment:%H:%M}"


def _entry(axes: Axes, x: float, place: Place, text: str, under: str) -> None:
    """Draw a bar with its name, and under the name what it lost."""
    y = place.top + place.high / 2
    axes.add_patch(Rectangle((x, place.top), BAR, max(place.high, 0.6), facecolor=light("ink"), linewidth=0))
    up = 5 if under else 0
    size = SIZE if under else SIZE - 0.5
    axes.text(x + BAR + 4, y - up, text, va="center", fontsize=size, linespacing=1.0)
    if under:
        down = 5 + 4.5 * text.count("\n")
        axes.text(x + BAR + 4, y + down, under, va="center", fontsize=SIZE - 1, color=light("muted"))
