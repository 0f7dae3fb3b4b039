"""Axes of rupees: round ticks in the unit that fits, which the axis names once."""

import math

from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator

from cyberrange.views.theme import light
from cyberrange.views.words import CRORE, LAKH, MINUS, amount

MOST_DECADES = 3
"""Over so many powers of ten, twice and five times each have a tick too."""


def money_axis(axis: Axis, top: float, says: str, few: int = 6) -> float:
    """Give an axis round ticks in rupees, lakh or crore, and a label that names the unit.

    Parameters
    ----------
    axis
        Of axes whose limits are set.
    top
        The largest amount that matters: it decides the unit.
    says
        What the amounts are.
    few
        About so many ticks.

    Returns
    -------
    float
        Rupees of the unit.
    """
    axis.set_major_locator(MaxNLocator(few, steps=[1, 2, 2.5, 5, 10]))
    low, high = axis.get_view_interval()
    ticks = [x for x in axis.get_major_locator().tick_values(low, high) if low - 1e-9 <= x <= high * (1 + 1e-9)]
    unit, word = unit_of(max([top, *ticks]))
    axis.set_ticks(ticks, [plain(x / unit) for x in ticks])
    axis.set_label_text(f"{says}, {word}", color=light("muted"))
    return unit


def root_money_axis(axis: Axis, top: float, says: str) -> None:
    """Give an axis of the roots of amounts a few round ticks, so that zero and small amounts have a place.

    Parameters
    ----------
    axis
        Its limits are in roots of rupees.
    top
        The largest amount.
    says
        What the amounts are.
    """
    unit, word = unit_of(top)
    scale = 10.0 ** math.floor(math.log10(top))
    steps = [0.0, *(m * scale * 10.0**i for i in (-3, -2, -1, 0) for m in (1, 2, 5))]
    ticks: list[float] = []
    for x in steps:
        if x <= top * 1.001 and (not ticks or math.sqrt(x) - math.sqrt(ticks[-1]) > 0.11 * math.sqrt(top)):
            ticks.append(x)
    axis.set_ticks([math.sqrt(x) for x in ticks], [plain(x / unit) for x in ticks])
    axis.set_label_text(f"{says}, {word} (root scale)", color=light("muted"))


def unit_of(top: float) -> tuple[float, str]:
    """Return the unit in which an amount is best told, and its name.

    Examples
    --------
    >>> unit_of(2.5e7), unit_of(900.0)
    ((10000000.0, 'Rs crore'), (1.0, 'Rs'))
    """
    return (CRORE, "Rs crore") if top >= CRORE else (LAKH, "Rs lakh") if top >= LAKH else (1.0, "Rs")


def plain(x: float) -> str:
    """Write a number without needless decimals.

    Examples
    --------
    >>> plain(2.50), plain(-3.0), plain(0.0), plain(12500.0)
    ('2.5', '−3', '0', '12,500')
    """
    text = f"{abs(x):,.2f}".rstrip("0").rstrip(".") if abs(x) < 1000 else amount(abs(x))
    return f"{MINUS if x < 0 and text != '0' else ''}{text}"


def log_money_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Return round amounts on a log scale with their names: `1 lakh`, `10 lakh`, `1 crore`.

    Examples
    --------
    >>> log_money_ticks(5e4, 2e9)[1]
    ['Rs 1 lakh', 'Rs 10 lakh', 'Rs 1 crore', 'Rs 10 crore', 'Rs 100 crore']
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    within = (1.0, 2.0, 5.0) if last - first <= MOST_DECADES else (1.0,)
    found = [m * 10.0**i for i in range(first, last + 1) for m in within]
    ticks = [x for x in found if low * (1 - 1e-9) <= x <= high * (1 + 1e-9)]
    return ticks, [_short(tick) for tick in ticks]


def _short(x: float) -> str:
    unit, word = unit_of(x)
    return f"Rs {plain(x / unit)}{word.removeprefix('Rs')}"
