"""What the figures share: a fresh sheet, time axes, ends of text."""

import datetime as dt
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, wraps
from typing import ParamSpec

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from cyberrange.views.theme import DASHES, MARKERS, SIZE, WIDTH, drawing, light, posture_colour
from cyberrange.views.words import SPACE, shorten

P = ParamSpec("P")
WIDE = 72 * WIDTH
"""Points of a sheet across."""


def drawn(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure in our style, whatever the user's own settings are."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with drawing():
            return draw(*args, **kwargs)

    return inside


def sheet(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure of so many inches; no window and no user's backend is touched."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def room(figure: Figure, left: float, top: float, right: float, bottom: float, **more: object) -> Axes:
    """Return axes whose edges lie so many points from those of the sheet."""
    width, height = (72 * x for x in figure.get_size_inches())
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes: Axes = figure.add_axes(box, **more)  # type: ignore[call-overload]
    return axes


def bare(axes: Axes) -> None:
    """Take all of the frame away."""
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])


def fitted(text: str, points: float, size: float) -> str:
    """Cut a text so that it is at most so many points wide."""
    most = len(text)
    while most > 4 and (wide := width_of(shorten(text, most), size)) > points:
        most = min(most - 1, int(most * points / wide) + 1)
    return shorten(text, most)


def wrapped(text: str, points: float, size: float) -> str:
    """Break a text into two lines at most, each at most so many points wide; what does not fit is cut."""
    words = " ".join(text.split()).replace(" %", f"{SPACE}%").split(" ")
    first = 0
    while first < len(words) and width_of(" ".join(words[: first + 1]), size) <= points:
        first += 1
    if first in {0, len(words)}:
        return fitted(text, points, size)
    return " ".join(words[:first]) + "\n" + fitted(" ".join(words[first:]), points, size)


@lru_cache(maxsize=20_000)
def width_of(text: str, size: float) -> float:
    """Width of a text in points, in our style."""
    figure = _scale()
    artist = Text(0, 0, text, fontsize=size, figure=figure)
    return float(artist.get_window_extent(figure.canvas.get_renderer()).width * 72 / figure.dpi)  # type: ignore[attr-defined]


@cache
def _scale() -> Figure:
    """Return the sheet on which texts are measured."""
    return sheet(1.0)


def day_ticks(start: dt.datetime, until: float) -> list[tuple[float, str]]:
    """Return about seven hours since the start with their calendar dates."""
    if until <= 36:
        return _clock_ticks(start, until, 6)
    if until <= 96:
        return _clock_ticks(start, until, 12)
    step = next(d for d in (1, 2, 3, 7, 14, 28, 61, 10**6) if until / 24 / d <= 9)
    first = dt.datetime.combine(start.date(), dt.time()) + dt.timedelta(days=1)
    ticks = []
    while (hour := (first - start).total_seconds() / 3600) <= until:
        ticks.append((hour, f"{first:%a} {first.day} {first:%b}"))
        first += dt.timedelta(days=step)
    return ticks


def _clock_ticks(start: dt.datetime, until: float, every: int) -> list[tuple[float, str]]:
    at = start.replace(hour=start.hour - start.hour % every, minute=0, second=0, microsecond=0)
    ticks = []
    while (hour := (at - start).total_seconds() / 3600) <= until:
        if hour >= 0:
            ticks.append((hour, f"{at:%a} {at.day} {at:%b}\n{at:%H:%M}"))
        at += dt.timedelta(hours=every)
    return ticks


def closed_hours(start: dt.datetime, until: float) -> list[tuple[float, float]]:
    """Return spans, in hours since the start, in which offices are shut: nights up to ten days, else weekends."""
    spans = []
    day = dt.datetime.combine(start.date(), dt.time()) - dt.timedelta(days=1)
    while (hour := (day - start).total_seconds() / 3600) < until:
        if day.weekday() >= 5:
            spans.append((hour, hour + 24))
        elif until <= 240:
            spans += [(hour, hour + 10), (hour + 18, hour + 24)]
        day += dt.timedelta(days=1)
    return [(max(0.0, a), min(b, until)) for a, b in _joined(spans) if b > 0 and a < until]


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for a, b in spans:
        if joined and a <= joined[-1][1] + 1e-9:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    return joined


def date_axis(axes: Axes, start: dt.datetime, until: float) -> None:
    """Give an axis of hours calendar dates, and shade the hours in which offices are shut."""
    ticks = day_ticks(start, until)
    axes.set_xticks([hour for hour, _ in ticks], [text for _, text in ticks])
    axes.set_xlim(0, until)
    for a, b in closed_hours(start, until) if until <= 24 * 75 else []:
        axes.axvspan(a, b, color=light("faint"), lw=0, zorder=-5)


def shading_says(until: float) -> str:
    """What the shading of `date_axis` means."""
    if until > 24 * 75:
        return ""
    return "shaded: nights and weekends, offices shut" if until <= 240 else "shaded: weekends"


def posture_handles(postures: Sequence[str], points: float, line: bool = False) -> list[Line2D]:
    """Return legend entries for postures, colour and shape, whose names fit side by side into so many points."""
    each = points / max(1, len(postures)) - (54 if line else 38)
    return [
        Line2D(
            [], [], color=posture_colour(i), marker=MARKERS[i % len(MARKERS)], markersize=5,
            linestyle=DASHES[i % len(DASHES)] if line else "none", label=fitted(name, each, SIZE),
        )
        for i, name in enumerate(postures)
    ]  # fmt: skip
