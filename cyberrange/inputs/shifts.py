"""How many people the shifts of a team bring together."""

from collections.abc import Iterable

from cyberrange.inputs.posture import Shift
from cyberrange.inputs.records import WeekHours

DAYS = {"all": range(7), "weekdays": range(5), "mon-sat": range(6), "weekend": range(5, 7)}


def most_on_shift(shifts: Iterable[Shift]) -> int:
    """Return the most people who are ever on shift at once.

    Examples
    --------
    >>> watch = Shift(people=2)
    >>> by_day = Shift(people=3, hours=WeekHours(days="weekdays", start=9, end=18))
    >>> most_on_shift([watch, by_day])
    5
    >>> most_on_shift([by_day, Shift(people=4, hours=WeekHours(days="weekend"))])
    4
    """
    staffed = [shift for shift in shifts if shift.people]
    # The number of people only rises when a shift begins.
    moments = {day * 24 + shift.hours.start for shift in staffed for day in DAYS[shift.hours.days]}
    return max((sum(s.people for s in staffed if _covers(s.hours, moment)) for moment in moments), default=0)


def _covers(hours: WeekHours, moment: float) -> bool:
    """Whether an hour of the week lies in some hours of some days; they may run past midnight."""
    length = (hours.end - hours.start) % 24 or 24.0
    return any((moment - day * 24 - hours.start) % 168 < length for day in DAYS[hours.days])
