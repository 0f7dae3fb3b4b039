"""Amounts with units as they stand in a file: durations, money, chances.

A duration is written with its unit (``4 h``, ``30 min``, ``2 d``) and kept in hours; money is written in rupees
(``Rs 5 lakh``, ``Rs 2.5 crore``) and kept in rupees. Each amount is written back in the same form.
"""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

HOURS_PER = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0, "w": 168.0, "months": 730.5, "y": 8766.0}
RUPEES_PER = {"": 1.0, "lakh": 1e5, "crore": 1e7}

_NUMBER = r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_HOURS = re.compile(rf"^\s*{_NUMBER}\s*({'|'.join(HOURS_PER)})\s*$")
_RUPEES = re.compile(rf"^\s*Rs\s*{_NUMBER}\s*(lakh|crore)?\s*$")


def parse_hours(value: object) -> float:
    """Read a duration such as ``"90 min"`` and return it in hours.

    Raises
    ------
    ValueError
        When there is no number with a known unit.

    Examples
    --------
    >>> parse_hours("90 min")
    1.5
    """
    found = _HOURS.match(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected a duration with its unit, such as '4 h', '30 min' or '2 d', found {value!r}")
    return float(found.group(1)) * HOURS_PER[found.group(2)]


def format_hours(hours: float) -> str:
    """Write hours in the unit that reads best and parses back to the same number.

    Examples
    --------
    >>> format_hours(0.5), format_hours(36.0), format_hours(72.0)
    ('30 min', '36 h', '3 d')
    """
    units = ("d", "h", "min") if hours >= 48 else ("h", "min") if hours >= 1 else ("min", "s", "h")
    for unit in units:
        text = f"{hours / HOURS_PER[unit]:.6g} {unit}"
        if "e" not in text and parse_hours(text) == hours:
            return text
    return f"{hours!r} h"


def parse_rupees(value: object) -> float:
    """Read an amount of money such as ``"Rs 2.5 crore"`` and return it in rupees.

    Examples
    --------
    >>> parse_rupees("Rs 2.5 crore")
    25000000.0
    """
    found = _RUPEES.match(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected money such as 'Rs 500', 'Rs 5 lakh' or 'Rs 2.5 crore', found {value!r}")
    return float(found.group(1)) * RUPEES_PER[found.group(2) or ""]


def format_rupees(rupees: float) -> str:
    """Write rupees in crore, lakh or units, whichever reads best and parses back to the same number.

    Examples
    --------
    >>> format_rupees(25000000.0), format_rupees(750.0)
    ('Rs 2.5 crore', 'Rs 750')
    """
    for unit, size in (("crore", 1e7), ("lakh", 1e5)):
        text = f"Rs {rupees / size:.6g} {unit}"
        if rupees >= size and parse_rupees(text) == rupees:
            return text
    return f"Rs {rupees:.0f}" if rupees == int(rupees) else f"Rs {rupees!r}"


FROM_FILE = {"from_file": True}
"""Validation context of values that come from a file: there, an amount without a unit is refused."""


def _plain(value: object, info: ValidationInfo) -> bool:
    """Whether the value is a number given in Python, where hours and rupees need no unit."""
    return type(value) in (int, float) and not (info.context or {}).get("from_file")


def _hours(value: object, info: ValidationInfo) -> object:
    return value if _plain(value, info) else parse_hours(value)


def _rupees(value: object, info: ValidationInfo) -> object:
    return value if _plain(value, info) else parse_rupees(value)


Hours = Annotated[
    float,
    Field(ge=0),
    BeforeValidator(_hours),
    PlainSerializer(format_hours, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _HOURS.pattern, "description": "a duration with its unit"}),
]
"""A duration: written ``4 h``, kept as hours."""

Rupees = Annotated[
    float,
    Field(ge=0),
    BeforeValidator(_rupees),
    PlainSerializer(format_rupees, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _RUPEES.pattern, "description": "an amount of money"}),
]
"""An amount of money: written ``Rs 5 lakh``, kept as rupees."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share, level or chance between 0 and 1."""

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""An identifier: lower-case letters, digits and underscores."""

Text = Annotated[str, Field(max_length=4000)]
"""Prose of up to 4,000 characters."""
