"""What commands have in common when they show or write something."""

import json
import math
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyberrange.errors import CyberrangeError, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_WIDTH_OF_A_PIPE = 120


def console(*, error: bool = False) -> "Console":
    """Return where to print: as wide as the terminal, or wide enough for a table when it is none."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _WIDTH_OF_A_PIPE)


def plain(text: object, style: str = "") -> "Text":
    """Return text from a file as it is: nothing in it colours, moves or breaks what is shown."""
    from rich.text import Text

    return Text(printable(str(text)), style=style)


def print_json(value: Any) -> None:
    """Print a value for machines; what is not a number becomes null."""
    print(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def can_write(path: Path | None, *endings: str) -> None:
    """Refuse a file that could not be written in the end, before the work for it begins."""
    if path is None:
        return
    if endings and path.suffix.lower() not in endings:
        raise CyberrangeError(f"{path} cannot be written: its name ends in none of {', '.join(endings)}")
    if path.is_dir():
        raise CyberrangeError(f"{path} cannot be written: it is a folder")
    if not path.parent.is_dir():
        raise CyberrangeError(f"{path} cannot be written: there is no folder {path.parent}")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a draft to write to, which takes the file's place when it is complete, and else disappears."""
    target = path.resolve()
    draft = target.with_name(f".{secrets.token_hex(8)}{target.suffix}")
    try:
        yield draft
        os.replace(draft, target)
    except OSError as error:
        raise CyberrangeError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            draft.unlink()


def write(path: Path | None, how: Callable[[Path], object]) -> None:
    """Write a file by a function that takes its path: whole or not at all."""
    if path is not None:
        with whole(path) as draft:
            how(draft)


def spoken_hours(hours: float, beside: float = 0.0) -> str:
    """Return a time as people say it, in the unit that fits it and another time beside it.

    Examples
    --------
    >>> spoken_hours(0.25), spoken_hours(5.25), spoken_hours(75.0), spoken_hours(float("nan"))
    ('15 min', '5.2 h', '3.1 d', '-')
    >>> spoken_hours(5.25, beside=75.0)
    '0.2 d'
    """
    if not math.isfinite(hours):
        return "-"
    largest = max(abs(hours), abs(beside))
    if largest == 0:
        return "0 h"
    if largest < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if largest < 48 else f"{hours / 24:.1f} d"


def spoken_moment(hours: float) -> str:
    """Return how long after the start something happened, in days and hours where it took days.

    Examples
    --------
    >>> spoken_moment(5.25), spoken_moment(64.9), spoken_moment(float("nan"))
    ('5.2 h', '2 d 17 h', '-')
    """
    if not math.isfinite(hours) or hours < 48:
        return spoken_hours(hours)
    days, rest = divmod(round(hours), 24)
    return f"{days} d {rest} h"


def spoken_level(level: float) -> str:
    """Return a level in per cent; what is not whole is never shown as whole."""
    return "> 99%" if 0.995 <= level < 1 else f"{level:.0%}"


def spoken_share(share: float, beside: float = 0.0) -> str:
    """Return a share in per cent, with a decimal where it would otherwise vanish."""
    del beside
    return f"{share:.1%}" if 0 < abs(share) < 0.01 else f"{share:.0%}"


def spoken_rupees(rupees: float, beside: float = 0.0) -> str:
    """Return money as people in India say it, in the unit that fits it and another amount beside it.

    Examples
    --------
    >>> spoken_rupees(750.0), spoken_rupees(437247.3), spoken_rupees(80000000.0)
    ('Rs 750', 'Rs 4.37 lakh', 'Rs 8 crore')
    """
    for unit, size in (("crore", 1e7), ("lakh", 1e5)):
        if max(abs(rupees), abs(beside)) >= size:
            return f"Rs {rupees / size:,.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"Rs {rupees:,.0f}"


def spoken_number(number: float, beside: float = 0.0) -> str:
    """Return a number with as many digits as it deserves; one beside it does not matter.

    Examples
    --------
    >>> spoken_number(1234567.8), spoken_number(12.345), spoken_number(0.0)
    ('1,234,568', '12.3', '0')
    """
    del beside
    if not math.isfinite(number):
        return "-"
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 100 else f"{number:,.3g}"
