"""Small builders for the plan's arrays: ragged lists, distributions, calendars, profiles."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cyberrange.inputs.city import Profile
from cyberrange.inputs.records import Duration, WeekHours
from cyberrange.model import codes
from cyberrange.model.plan import Calendars, Uses, table
from cyberrange.model.rows import DurationRow

Z90 = 1.2815515655446004
"""90 % quantile of the standard normal distribution."""

DAYS = {"all": range(7), "weekdays": range(5), "mon-sat": range(6), "weekend": range(5, 7)}


def ints(values: Iterable[int]) -> Any:
    """Return an array of 64-bit integers."""
    return np.fromiter(values, dtype=np.int64)


def floats(values: Iterable[float]) -> Any:
    """Return an array of doubles."""
    return np.fromiter(values, dtype=np.float64)


def ragged(rows: Iterable[Sequence[Any]]) -> tuple[Any, list[Any]]:
    """Return the start of each row (and the end of the last), and all rows in one list."""
    start = [0]
    flat: list[Any] = []
    for row in rows:
        flat.extend(row)
        start.append(len(flat))
    return ints(start), flat


class DurationTable:
    """Collects distributions; equal ones share a row."""

    def __init__(self) -> None:
        self._rows: dict[tuple[float, ...], int] = {}
        self._points: list[float] = []

    def add(self, duration: Duration | None) -> int:
        """Return the row of a distribution; -1 for none."""
        if duration is None:
            return -1
        if duration.empirical is not None:
            return self._row((codes.EMPIRICAL, *self._quantiles(duration.empirical.quantiles), 0.0))
        return self._row(_parameters(duration))

    def _row(self, key: tuple[float, ...]) -> int:
        return self._rows.setdefault(key, len(self._rows))

    def _quantiles(self, quantiles: tuple[float, ...]) -> tuple[float, float]:
        first = len(self._points)
        self._points.extend(quantiles)
        return float(first), float(len(quantiles))

    def table(self) -> dict[str, Any]:
        """Return the collected rows as tables of the plan."""
        kind, a, b, c = zip(*(self._rows or [(0.0, 0.0, 0.0, 0.0)]), strict=True)
        return {"durations": table(DurationRow, kind=kind, a=a, b=b, c=c), "points": floats(self._points)}


def _parameters(duration: Duration) -> tuple[float, ...]:
    """Kind and three parameters of a distribution that has no points."""
    if duration.exponential is not None:
        return (codes.EXPONENTIAL, duration.exponential.mean, 0.0, 0.0)
    if duration.lognormal is not None:
        d = duration.lognormal
        return (codes.LOGNORMAL, math.log(d.median), math.log(d.p90 / d.median) / Z90, 0.0)
    if duration.triangular is not None:
        t = duration.triangular
        return (codes.TRIANGULAR, t.low, t.mode, t.high)
    if duration.uniform is not None:
        return (codes.UNIFORM, duration.uniform.low, duration.uniform.high, 0.0)
    if duration.weibull is not None:
        return (codes.WEIBULL, duration.weibull.scale, duration.weibull.shape, 0.0)
    return (codes.FIXED, duration.fixed or 0.0, 0.0, 0.0)


def _spans(hours: WeekHours) -> list[tuple[float, float]]:
    """Spans of the week, in hours since Monday 00:00; those past Sunday midnight are folded back.

    Hours are rounded to a billionth, so that the end of one span and the beginning of the next are one number.
    """
    length = (hours.end - hours.start) % 24 or 24.0
    spans = []
    for day in DAYS[hours.days]:
        start = round(day * 24 + hours.start, 9)
        end = round(day * 24 + hours.start + length, 9)
        spans.append((start, min(end, 168.0)))
        if end > 168:
            spans.append((0.0, round(end - 168, 9)))
    return spans


class CalendarTable:
    """Collects weekly step functions; equal ones share a row."""

    def __init__(self) -> None:
        self._rows: dict[tuple[tuple[float, int], ...], int] = {}

    def add(self, shifts: Iterable[tuple[WeekHours, int]]) -> int:
        """Return the row of the sum of some shifts."""
        steps: dict[float, int] = {0.0: 0}
        for hours, people in shifts:
            for start, end in _spans(hours):
                steps[start] = steps.get(start, 0) + people
                steps[end] = steps.get(end, 0) - people
        row: list[tuple[float, int]] = []
        value = 0
        for hour in sorted(h for h in steps if h < 168):
            value += steps[hour]
            if not row or row[-1][1] != value:
                row.append((hour, value))
        return self._rows.setdefault(tuple(row), len(self._rows))

    def table(self) -> Calendars:
        """Return the collected rows as arrays."""
        rows = list(self._rows) or [((0.0, 0),)]
        start, flat = ragged(rows)
        hours = np.arange(168)
        at = [
            first + np.searchsorted([begin for begin, _ in row], hours, side="right") - 1
            for first, row in zip(start, rows, strict=False)
        ]
        return Calendars(start, floats(h for h, _ in flat), ints(v for _, v in flat), ints(np.concatenate(at)))


def use_table(profiles: Iterable[Profile], origin: float) -> Uses:
    """Return weekly use by profile, scaled to a mean of 1; profile 0 is constant."""
    rates = [np.ones(168)]
    for profile in profiles:
        weekend = profile.weekend or profile.hours
        week = np.array([*profile.hours * 5, *weekend * 2])
        rates.append(week * (168 / week.sum()))
    totals = [np.concatenate(([0.0], np.cumsum(rate))) for rate in rates]
    rate: Any = np.concatenate(rates)
    total: Any = np.concatenate(totals)
    return Uses(rate, total, floats([origin]))
