"""Small words of a study's report: how many, names in quotation marks, amounts from low to high."""

from cyberrange.results.intervals import Interval
from cyberrange.views.words import CRORE, LAKH, SPACE, listed, rupees, span


def counted(number: int, thing: str) -> str:
    """Write how many things there are.

    Examples
    --------
    >>> counted(1, "control"), counted(3, "control")
    ('1 control', '3 controls')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def quoted(names: list[str]) -> str:
    """List names that may hold commas: each in quotation marks.

    Examples
    --------
    >>> quoted(["Locks, and keys", "A dog"])
    '“Locks, and keys” and “A dog”'
    """
    return listed([f"“{name}”" for name in names])


def between(low: float, high: float) -> str:
    """Write from where to where an amount of rupees lies; the unit once where both have the same.

    Examples
    --------
    >>> between(2.4e7, 2.8e7).replace(SPACE, " "), between(9e6, 1.2e7).replace(SPACE, " ")
    ('Rs 2.4 to 2.8 crore', 'Rs 90.0 lakh to Rs 1.2 crore')
    >>> between(1.59e7, 1.63e7).replace(SPACE, " ")
    'Rs 1.59 to 1.63 crore'
    """
    first, last = rupees(low), rupees(high)
    if first == last and low != high and min(low, high) >= LAKH:
        size, word = (CRORE, "crore") if low >= CRORE else (LAKH, "lakh")
        return f"Rs{SPACE}{low / size:.2f} to {high / size:.2f}{SPACE}{word}"
    sign, number, unit = first.partition(SPACE)[0], *_parts(first)
    same = sign == last.partition(SPACE)[0] and unit == _parts(last)[1]
    return f"{sign}{SPACE}{number} to {last.partition(SPACE)[2]}" if same else f"{first} to {last}"


def bounds(interval: Interval) -> str:
    """Write the ends of an interval of rupees: without signs where both ends are on one side of 0.

    Which side that is has to be said beside it.

    Examples
    --------
    >>> bounds(Interval(-3.0, -4.0, -2.0)).replace(SPACE, " "), bounds(Interval(1.0, -1.0, 3.0)).replace(SPACE, " ")
    ('Rs 2 to 4', '−Rs 1 to +Rs 3')
    """
    if interval.low >= 0:
        return between(interval.low, interval.high)
    return between(-interval.high, -interval.low) if interval.high <= 0 else span(interval, "Rs")


def _parts(amount: str) -> tuple[str, str]:
    """Number and unit of an amount of rupees, of which small ones have no unit."""
    number, _, unit = amount.partition(SPACE)[2].partition(SPACE)
    return number, unit
