"""The city as a graph: layers from the street to the services, sectors as bands, damage as colour, cause as shape."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch, Rectangle
from matplotlib.path import Path

from cyberrange.views.figures.frame import bare, drawn, fitted, room, sheet, width_of
from cyberrange.views.subjects import CityMap, Harm, MapNode, MapPanel
from cyberrange.views.theme import SIZE, light
from cyberrange.views.words import duration

LAYERS = ("sensing", "communication", "data", "application", "service")
TITLES = ("Sensing", "Communication", "Data", "Application", "Services")
WEIGHTS = (1.0, 0.95, 1.0, 1.05, 1.3)
"""How much of the room each column gets when there is not enough."""
WIDE, SIDE = 648.0, 70.0
ROW, GLYPH, DOT, BAND_GAP = 11.8, 9.8, 6.0, 5.0
LEGEND, HEAD, BETWEEN = 44.0, 34.0, 14.0
CLASSES = ((0.0, "nothing"), (6.0, "under 6 h"), (24.0, "6 to 24 h"), (168.0, "1 to 7 d"), (720.0, "7 to 30 d"))
"""Upper ends of the classes of time lost, as hours of full outage; the last class has none."""
LETTER = SIZE - 2.2
BULGE = -11.0
"""How far a curve within a column swings out to the left, in points."""
ALIKE = 3
"""So many systems of one cell that differ only in their place share a row."""


SECTORS = {"iccc": "command centre", "iot": "devices", "safety": "public safety"}
"""Sectors whose ids are not words."""


class Layout(NamedTuple):
    """Where everything stands within a panel, in points from its upper left corner."""

    place: dict[str, tuple[float, float]]
    labels: tuple[tuple[float, float, str], ...]
    bands: tuple[tuple[str, float, float], ...]
    """Title, top, bottom."""
    columns: tuple[float, ...]
    high: float


def damage_class(hours: float) -> int:
    """Return the class of a time lost: 0 nothing, 5 over 30 days of full outage.

    Examples
    --------
    >>> [damage_class(h) for h in (0.0, 3.0, 6.0, 100.0, 5000.0)]
    [0, 1, 2, 3, 5]
    """
    return 0 if hours <= 0 else 1 + sum(hours >= end for end, _ in CLASSES[1:])


@drawn
def city_map(subject: CityMap, only: int | None = None) -> Figure:
    """Draw the city once for each posture, every node in the same place.

    Parameters
    ----------
    subject
        Nodes, and the harm done to them in one run or in two with the same luck.
    only
        Draw one of the panels alone, as a sheet of its own with the same places.
    """
    figure = sheet(4.0)
    layout = _layout(subject)
    drawn_panels = subject.panels if only is None else subject.panels[only : only + 1]
    panels = len(drawn_panels)
    height = LEGEND + panels * (HEAD + layout.high) + (panels - 1) * BETWEEN + 4
    figure.set_size_inches(WIDE / 72, height / 72)
    axes = room(figure, 0, 0, 0, 0)
    bare(axes)
    axes.set_xlim(0, WIDE)
    axes.set_ylim(height, 0)
    _legend(axes)
    for i, panel in enumerate(drawn_panels):
        _panel(axes, subject, panel, layout, LEGEND + i * (HEAD + layout.high + BETWEEN))
    return figure


# --- where everything stands ------------------------------------------------------------------------------------------


def _layout(subject: CityMap) -> Layout:
    """Give each sector with damage a band and each layer a column; what was spared gets dots."""
    hurt = {key for panel in subject.panels for key in panel.harm}
    order = _order(subject)
    bands = _bands(subject, hurt)
    columns = _columns([nodes for _, nodes in bands], hurt)
    place: dict[str, tuple[float, float]] = {}
    labels: list[tuple[float, float, str]] = []
    edges, y = [], 0.0
    for title, nodes in bands:
        high = 0.0
        for i, layer in enumerate(LAYERS):
            own = sorted((n for n in nodes if n.layer == layer), key=lambda n: order.get(n.key, 0.0))
            high = max(high, _cell(own, hurt, (columns[i], y, columns[i + 1] - columns[i]), place, labels))
        edges.append((title, y, y + high))
        y += high + BAND_GAP
    return Layout(place, tuple(labels), tuple(edges), columns, y - BAND_GAP)


def _bands(subject: CityMap, hurt: set[str]) -> list[tuple[str, list[MapNode]]]:
    """Nodes by sector, in the file's order; sectors without damage share the last band."""
    damaged = {n.sector for n in subject.nodes if n.key in hurt}
    bands: dict[str, list[MapNode]] = {}
    for node in subject.nodes:
        if node.sector in damaged:
            title = SECTORS.get(node.sector, node.sector.replace("_", " "))
            bands.setdefault(title, []).append(node)
    rest = [n for n in subject.nodes if n.sector not in damaged]
    return [*bands.items(), *([("unharmed", rest)] if rest else [])]


def _order(subject: CityMap) -> dict[str, float]:
    """Order of nodes along the ways of the damage: causes above what fell with them."""
    graph: nx.DiGraph[str] = nx.DiGraph(edge for panel in subject.panels for edge in panel.paths)
    ranks = nx.condensation(graph)
    depth: dict[str, float] = {}
    for i, generation in enumerate(nx.topological_generations(ranks)):
        for component in generation:
            depth |= dict.fromkeys(ranks.nodes[component]["members"], float(i))
    return depth


def _groups(nodes: Sequence[MapNode], hurt: set[str]) -> dict[str, list[str]]:
    """Nodes with damage by name: the same system of several cities or places shares a row."""
    own = [node for node in nodes if node.key in hurt]
    alike = Counter(_kind(node.name) for node in own)
    groups: dict[str, list[str]] = {}
    for node in own:
        groups.setdefault(_kind(node.name) if alike[_kind(node.name)] >= ALIKE else node.name, []).append(node.key)
    return groups


def _kind(name: str) -> str:
    """What a name says before its place: `Signals, Ring Road` -> `Signals`."""
    return name.split(",", maxsplit=1)[0]


def _columns(bands: Sequence[Sequence[MapNode]], hurt: set[str]) -> tuple[float, ...]:
    """Edges of the columns: each as wide as its longest row, all together as wide as the sheet."""
    wide = []
    for layer in LAYERS:
        rows = [
            GLYPH * len(keys) + width_of(name, SIZE - 1)
            for nodes in bands
            for name, keys in _groups([n for n in nodes if n.layer == layer], hurt).items()
        ]
        wide.append(max([46.0, *rows]) + 14)
    room_left = WIDE - SIDE
    spare = room_left - sum(wide)
    if spare < 0:
        most = _water_level([w / weight for w, weight in zip(wide, WEIGHTS, strict=True)], room_left)
        wide = [min(w, most * weight) for w, weight in zip(wide, WEIGHTS, strict=True)]
    else:
        wide = [w + spare / len(wide) for w in wide]
    return tuple(SIDE + sum(wide[:i]) for i in range(len(wide) + 1))


def _water_level(wide: Sequence[float], total: float) -> float:
    """Width, before weighting, at which the widest columns are cut so that all fit."""
    low, high = 0.0, max(wide)
    for _ in range(40):
        middle = (low + high) / 2
        fits = sum(min(w, middle) * weight for w, weight in zip(wide, WEIGHTS, strict=True)) < total
        low, high = (middle, high) if fits else (low, middle)
    return low


def _cell(
    nodes: Sequence[MapNode], hurt: set[str], box: tuple[float, float, float],
    place: dict[str, tuple[float, float]], labels: list[tuple[float, float, str]],
) -> float:  # fmt: skip
    """Place the nodes of a sector and layer: damaged ones in rows with names, the others as dots; return the height."""
    left, top, wide = box
    y = top + ROW / 2
    for name, keys in _groups(nodes, hurt).items():
        for i, key in enumerate(keys):
            place[key] = (left + GLYPH * (i + 0.5), y)
        x = left + GLYPH * len(keys) + 2
        labels.append((x, y, fitted(name, left + wide - x - 6, SIZE - 1)))
        y += ROW
    spared = [n.key for n in nodes if n.key not in hurt]
    across = max(1, int((wide - 12) // DOT))
    for i, key in enumerate(spared):
        place[key] = (left + DOT * (i % across + 0.7), y - 2 + DOT * (i // across))
    rows = -(-len(spared) // across)
    return y - ROW / 2 - top + rows * DOT + (2 if rows else 0)


# --- what is drawn ----------------------------------------------------------------------------------------------------


def _legend(axes: Axes) -> None:
    shapes = (
        (Harm(True, False, 0, 1), "hit by the attack"),
        (Harm(False, True, 0, 1), "cut off by the response"),
        (Harm(False, False, 0, 1), "fell with what it needs"),
    )
    x = 10.0
    for harm, text in shapes:
        _glyph(axes, x, 10, harm)
        axes.text(x + 9, 10, text, va="center", color=light("muted"))
        x += 124
    axes.add_artist(Circle((x, 10), 1.6, facecolor="none", edgecolor=light("muted"), linewidth=0.6))
    axes.text(x + 9, 10, "spared", va="center", color=light("muted"))
    axes.plot([x + 52, x + 72], [12, 8], color=light("muted"), lw=0.7)
    axes.text(x + 78, 10, "way of the damage", va="center", color=light("muted"))
    axes.text(4, 29, "Time lost, as hours of full outage:", va="center", color=light("muted"))
    x = 150.0
    for i, text in enumerate((*(name for _, name in CLASSES), "over 30 d")):
        box = Rectangle((x, 24), 10, 10, facecolor=light(f"damage{i}"), edgecolor=light("muted"), linewidth=0.5)
        axes.add_artist(box)
        axes.text(x + 14, 29, text, va="center", color=light("muted"))
        x += 76


def _panel(axes: Axes, subject: CityMap, panel: MapPanel, layout: Layout, top: float) -> None:
    services = [n.key for n in subject.nodes if n.layer == "service"]
    fell = sum(panel.harm[key].hours > 0 for key in services if key in panel.harm)
    hit = sum(h.hit for h in panel.harm.values())
    cut = sum(h.cut for h in panel.harm.values())
    hours = sum(panel.harm[key].hours for key in services if key in panel.harm)
    axes.text(4, top + 7, fitted(panel.title, 230, SIZE + 2), weight="bold", va="center", fontsize=SIZE + 1)
    hurt = f"{fell} of {len(services)} services hurt"
    says = f"{hit} systems hit, {cut} cut off, {hurt}, for {duration(hours)} of full outage in all"
    axes.text(WIDE - 4, top + 7, says, ha="right", va="center", color=light("muted"))
    for i, title in enumerate(TITLES):
        axes.text(layout.columns[i], top + 22, title, va="center", color=light("muted"), fontsize=SIZE - 0.5)
    base = top + HEAD
    for title, y0, y1 in layout.bands:
        axes.plot([4, WIDE - 4], [base + y0 - BAND_GAP / 2] * 2, color=light("line"), lw=0.5, zorder=0)
        y = base + min((y0 + y1) / 2, y0 + ROW / 2)
        axes.text(4, y, title.capitalize(), va="center", fontsize=SIZE - 1, color=light("muted"))
    _paths(axes, panel, layout, base)
    _nodes(axes, subject.nodes, panel, layout, base)


def _paths(axes: Axes, panel: MapPanel, layout: Layout, base: float) -> None:
    """Draw the ways of the damage as thin curves under everything else."""
    for a, b in panel.paths:
        (x0, y0), (x1, y1) = layout.place[a], layout.place[b]
        half = (x1 - x0) / 2
        out, back = (half, -half) if abs(x1 - x0) > GLYPH else (BULGE, BULGE)
        corners = [(x0, base + y0), (x0 + out, base + y0), (x1 + back, base + y1), (x1, base + y1)]
        path = Path(corners, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
        axes.add_artist(PathPatch(path, facecolor="none", edgecolor=light("muted"), linewidth=0.6, alpha=0.6, zorder=1))


def _nodes(axes: Axes, nodes: Sequence[MapNode], panel: MapPanel, layout: Layout, base: float) -> None:
    for node in nodes:
        x, y = layout.place[node.key]
        if node.key in panel.harm:
            _glyph(axes, x, base + y, panel.harm[node.key])
        else:
            axes.add_artist(
                Circle((x, base + y), 1.6, facecolor=light("paper"), edgecolor=light("muted"), linewidth=0.6, zorder=3)
            )
    box = {"boxstyle": "square,pad=0.08", "facecolor": light("paper"), "edgecolor": "none", "alpha": 0.8}
    for x, y, text in layout.labels:
        axes.text(x, base + y, text, va="center", fontsize=SIZE - 1, bbox=box, zorder=2)


def _glyph(axes: Axes, x: float, y: float, harm: Harm) -> None:
    """Draw a node: a square with A when it was hit, with R when it was only cut off, else a circle."""
    k = damage_class(harm.hours)
    fill = light(f"damage{k}")
    if not (harm.hit or harm.cut):
        axes.add_artist(Circle((x, y), 3.9, facecolor=fill, edgecolor=light("ink"), linewidth=0.8, zorder=3))
        return
    edge = light("attack" if harm.hit else "response")
    axes.add_artist(Rectangle((x - 4.2, y - 4.2), 8.4, 8.4, facecolor=fill, edgecolor=edge, linewidth=0.8, zorder=3))
    letter = "A" if harm.hit else "R"
    axes.text(x, y + 0.2, letter, ha="center", va="center", fontsize=LETTER, color=light(f"on{k}"), zorder=4)
