"""Rules of time: weekly calendars and weekly use, both exact."""

from cyberrange.model.plan import Arrays, Calendars, Uses

# Instants are sums of delays; a boundary of a calendar counts as reached this much (3.6 microseconds) before it.
EARLY = 1e-9
WEEK = 168.0


def hour_of_week(uses: Uses, now: float) -> float:
    """Return the hour of the week, in [0, 168)."""
    h = (uses.origin[0] + now + EARLY) % WEEK
    return h


def _row(calendars: Calendars, c: int, h: float) -> int:
    """Index of the step of calendar c that holds at hour h of the week."""
    i = calendars.at[c * 168 + int(h)]
    last = calendars.start[c + 1] - 1
    while i < last and calendars.hour[i + 1] <= h:
        i += 1
    return i


def value_at(p: Arrays, c: int, now: float) -> int:
    """Value of a calendar: people on shift, or 1 while an office is open."""
    return p.calendars.value[_row(p.calendars, c, hour_of_week(p.uses, now))]


def until_change(p: Arrays, c: int, now: float) -> float:
    """Hours until the calendar's next step; infinite when it never changes."""
    calendars = p.calendars
    first = calendars.start[c]
    last = calendars.start[c + 1]
    if last - first == 1:
        return float("inf")
    h = hour_of_week(p.uses, now)
    i = _row(calendars, c, h) + 1
    step = WEEK + calendars.hour[first] - h if i == last else calendars.hour[i] - h
    return step + EARLY


def until_open(p: Arrays, c: int, now: float) -> float:
    """Hours until the calendar's value is above 0: 0 if it is; infinite if it never is."""
    waited = 0.0
    for _ in range(p.calendars.start[c + 1] - p.calendars.start[c] + 1):
        if value_at(p, c, now + waited) > 0:
            return waited
        step = until_change(p, c, now + waited)
        if step == float("inf"):
            return step
        waited += step
    return float("inf")


def working_time(p: Arrays, c: int, now: float, work: float) -> float:
    """Hours from now until so many hours of work are done in the calendar's open time."""
    if p.calendars.start[c + 1] - p.calendars.start[c] == 1:
        return work if value_at(p, c, now) > 0 else float("inf")
    calendars = p.calendars
    h = hour_of_week(p.uses, now)
    i = _row(calendars, c, h)
    until = calendars.hour[i + 1] if i + 1 < calendars.start[c + 1] else WEEK
    if calendars.value[i] > 0 and until - h >= work:
        return work  # by far the most frequent case: done before the shift changes
    spent = 0.0
    left = work
    while True:
        closed = until_open(p, c, now + spent)
        if closed == float("inf"):
            return closed
        spent += closed
        span = until_change(p, c, now + spent)
        while span < left and value_at(p, c, now + spent + span) > 0:
            span += until_change(p, c, now + spent + span)
        if span >= left - 2 * EARLY:  # what is only short by rounding is done, not left for the next day
            return spent + left
        spent += span
        left -= span


def _used_by(uses: Uses, profile: int, t: float) -> float:
    """Use from the origin of the week to t hours after the start, in hours of mean use."""
    absolute = uses.origin[0] + t
    weeks = absolute // WEEK
    h = absolute - weeks * WEEK
    hour = int(h)
    return weeks * WEEK + uses.total[profile * 169 + hour] + (h - hour) * uses.rate[profile * 168 + hour]


def used_between(uses: Uses, profile: int, t0: float, t1: float) -> float:
    """Integral of use from t0 to t1, in hours of mean use."""
    if profile == 0:
        return t1 - t0
    return _used_by(uses, profile, t1) - _used_by(uses, profile, t0)


def time_to_use(uses: Uses, profile: int, t0: float, amount: float) -> float:
    """Hours after t0 until so much is used, for the first time; infinite for an infinite amount."""
    if profile == 0 or amount == float("inf"):
        return amount
    weeks = amount // WEEK
    left = amount - weeks * WEEK
    if left <= 0.0 < weeks:
        # Whole weeks' worth is used by the end of the last hour of use, not when use begins again.
        weeks -= 1.0
        left = WEEK
    absolute = uses.origin[0] + t0
    h = absolute - (absolute // WEEK) * WEEK
    waited = 0.0
    while True:
        hour = int(h) % 168
        span = int(h) + 1 - h
        rate = uses.rate[profile * 168 + hour]
        if rate * span >= left - EARLY and rate > 0:
            return weeks * WEEK + waited + left / rate
        left -= rate * span
        waited += span
        h = float((int(h) + 1) % 168)
