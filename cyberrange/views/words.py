"""Numbers and findings in words: Indian digit groups, lakh and crore, durations, and sentences honest about chance."""

import math

from cyberrange.results.intervals import Interval

LAKH = 1e5
CRORE = 1e7
MINUS = "−"
SPACE = "\u00a0"
"""Keeps a number and its unit on one line."""


def grouped(value: float) -> str:
    """Round to a whole number and group its digits as in India.

    Examples
    --------
    >>> grouped(12345678)
    '1,23,45,678'
    """
    digits = f"{abs(value):.0f}"
    head, tail = digits[:-3], digits[-3:]
    pairs = [head[max(0, i - 2) : i] for i in range(len(head), 0, -2)][::-1]
    sign = MINUS if value < 0 and digits.strip("0") else ""
    return sign + ",".join([*pairs, tail])


def amount(value: float) -> str:
    """Write a quantity: whole with Indian digit groups, in lakh or in crore.

    Examples
    --------
    >>> amount(0.25), amount(76345), amount(4763829).replace(SPACE, " ")
    ('0.25', '76,345', '47.6 lakh')
    """
    if not math.isfinite(value):
        return "unknown"
    size = abs(value)
    if size < 100:
        return _small(value)
    if size < LAKH - 0.5:
        return grouped(value)
    unit, word = (CRORE, "crore") if size >= 0.99995 * CRORE else (LAKH, "lakh")
    return f"{_signed(value / unit)}{SPACE}{word}"


def rupees(value: float) -> str:
    """Write a sum of money.

    Examples
    --------
    >>> rupees(-35e5).replace(SPACE, " ")
    '−Rs 35.0 lakh'
    """
    text = grouped(value) if abs(value) < LAKH - 0.5 else amount(abs(value))
    sign = MINUS if value < 0 and text.lstrip(MINUS).strip("0,.") else ""
    return f"{sign}Rs{SPACE}{text.lstrip(MINUS)}" if math.isfinite(value) else "unknown"


def duration(hours: float) -> str:
    """Write a time span in the two units that matter.

    Examples
    --------
    >>> duration(76).replace(SPACE, " "), duration(5.34).replace(SPACE, " "), duration(0.2).replace(SPACE, " ")
    ('3 d 4 h', '5 h 20 min', '12 min')
    """
    if not math.isfinite(hours):
        return "unknown"
    sign, size = (MINUS if hours < 0 else ""), abs(hours)
    minutes = round(size * 60)
    if minutes == 0:
        return "0" if size == 0 else f"{sign}<{SPACE}1{SPACE}min"
    if minutes < 24 * 60:
        return sign + _two(*divmod(minutes, 60), "h", "min")
    if size < 10 * 24:
        return sign + _two(*divmod(round(size), 24), "d", "h")
    return f"{sign}{size / 24:.0f}{SPACE}d"


def percent(share: float) -> str:
    """Write a share: `63 %`, with a decimal below 10 %."""
    if not math.isfinite(share):
        return "unknown"
    text = f"{abs(100 * share):.{1 if 0 < abs(share) < 0.0995 else 0}f}"
    sign = MINUS if share < 0 and text.strip("0.") else ""
    return f"{sign}{text}{SPACE}%"


HOURS = ("hours", "task-hours", "people-hours")


def value(x: float, unit: str) -> str:
    """Write a value of a measure by its unit, without the unit's own name where the form shows it."""
    if unit == "hours":
        return duration(x)
    if unit == "Rs":
        return rupees(x)
    if unit in {"share", "level", "0 or 1"}:
        return percent(x)
    return amount(x)


def signed(x: float, unit: str) -> str:
    """Write a difference with its sign."""
    text = value(x, unit)
    return text if text.startswith((MINUS, "unknown")) or not any(c in "123456789" for c in text) else f"+{text}"


def span(interval: Interval, unit: str) -> str:
    """Write the bounds of an interval of differences."""
    if not all(map(math.isfinite, interval)):
        return "unknown from one run"
    return f"{signed(interval.low, unit)} to {signed(interval.high, unit)}"


def clear(interval: Interval) -> bool:
    """Whether an interval of differences leaves zero out, so that the runs can tell a difference."""
    return math.isfinite(interval.low) and (interval.low > 0 or interval.high < 0)


def shorten(text: str, most: int) -> str:
    """Cut a text to so many characters, with an ellipsis where it was cut."""
    flat = " ".join(text.split(" "))
    return flat if len(flat) <= most else flat[: most - 1].rstrip(" ,(") + "…"


def listed(things: list[str]) -> str:
    """Join things as in a sentence: `a, b and c`."""
    return things[0] if len(things) == 1 else " and ".join([", ".join(things[:-1]), things[-1]]) if things else ""


def _small(x: float) -> str:
    size = abs(x)
    text = f"{size:.2g}" if 1e-4 <= size < 0.095 else f"{size:.2f}".rstrip("0").rstrip(".")
    text = f"{size:.1f}".removesuffix(".0") if size >= 10 else text
    return f"{MINUS if x < 0 and text != '0' else ''}{text}"


def _signed(x: float) -> str:
    return f"{MINUS if x < 0 else ''}{abs(x):,.{1 if abs(x) < 99.95 else 0}f}"


def _two(large: int, small: int, of: str, and_of: str) -> str:
    parts = ([f"{large}{SPACE}{of}"] if large else []) + ([f"{small}{SPACE}{and_of}"] if small else [])
    return SPACE.join(parts)
