"""Shifts, office hours and daily use, against counting minute by minute."""

import itertools
import math
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from cyberrange.engine.calendar import time_to_use, until_change, until_open, used_between, value_at, working_time
from cyberrange.inputs.city import Profile
from cyberrange.inputs.records import WeekHours
from cyberrange.model.tables import CalendarTable, use_table

MINUTES = 7 * 24 * 60
DAYS = {"all": range(7), "weekdays": range(5), "mon-sat": range(6), "weekend": range(5, 7)}
CLOSE = 1e-6

minutes_of_day = st.integers(0, 24 * 60)
shifts = st.lists(
    st.tuples(st.sampled_from(list(DAYS)), minutes_of_day, minutes_of_day, st.integers(0, 3)), min_size=1, max_size=4
)
origins = st.integers(0, MINUTES - 1)
nows = st.integers(0, 3 * MINUTES)


def rota(rows):
    """People on shift in each minute of the week."""
    people = [0] * MINUTES
    for days, start, end, n in rows:
        length = (end - start) % (24 * 60) or 24 * 60
        for day in DAYS[days]:
            for minute in range(length):
                people[(day * 24 * 60 + start + minute) % MINUTES] += n
    return people


def compiled(rows, origin):
    table = CalendarTable()
    weeks = [(WeekHours(days=days, start=start / 60, end=end / 60), n) for days, start, end, n in rows]
    c = table.add(weeks)
    return SimpleNamespace(calendars=table.table(), uses=use_table([], origin / 60)), c


@settings(max_examples=60, deadline=None)
@given(shifts, origins, st.lists(nows, min_size=5, max_size=20))
def test_the_people_on_shift_are_those_of_the_rota(rows, origin, moments):
    (p, c), people = compiled(rows, origin), rota(rows)
    for now in moments:
        assert value_at(p, c, now / 60) == people[(origin + now) % MINUTES]
        assert value_at(p, c, (now + 0.5) / 60) == people[(origin + now) % MINUTES]


@settings(max_examples=60, deadline=None)
@given(shifts, origins, nows)
def test_the_next_change_of_shift_is_where_the_rota_changes_or_the_week_ends(rows, origin, now):
    (p, c), people = compiled(rows, origin), rota(rows)
    place = (origin + now) % MINUTES
    until = until_change(p, c, now / 60)
    if math.isinf(until):
        assert len(set(people)) == 1
        return
    minutes = round(until * 60)
    assert until == pytest.approx(minutes / 60, abs=CLOSE)
    assert minutes > 0
    assert len({people[(place + m) % MINUTES] for m in range(minutes)}) == 1
    assert people[(place + minutes) % MINUTES] != people[place] or (place + minutes) % MINUTES == 0


@settings(max_examples=60, deadline=None)
@given(shifts, origins, nows)
def test_an_office_opens_when_the_rota_says(rows, origin, now):
    (p, c), people = compiled(rows, origin), rota(rows)
    wait = next((m for m in range(MINUTES) if people[(origin + now + m) % MINUTES] > 0), math.inf)
    assert until_open(p, c, now / 60) == pytest.approx(wait / 60, abs=CLOSE)


@pytest.mark.parametrize(("start", "end"), [(237, 284), (540, 1020), (571, 1031), (1, 3)])
def test_work_that_fills_a_shift_ends_with_it(start, end):
    """Not a rounding error's worth of it is left for the next day."""
    p, c = compiled([("all", start, end, 1)], 0)
    for day in range(40):
        now = day * 24 + start / 60
        assert working_time(p, c, now, (end - start) / 60) == pytest.approx((end - start) / 60)
        assert working_time(p, c, now - 1.1, (end - start) / 60) == pytest.approx((end - start) / 60 + 1.1)


@settings(max_examples=60, deadline=None)
@example([("all", 237, 284, 1)], 0, 0, 47)
@given(shifts, origins, nows, st.integers(1, 3000))
def test_work_goes_on_only_while_somebody_is_on_shift(rows, origin, now, work):
    (p, c), people = compiled(rows, origin), rota(rows)
    if not any(people):
        assert math.isinf(working_time(p, c, now / 60, work / 60))
        return
    spent = done = 0
    while done < work:
        done += people[(origin + now + spent) % MINUTES] > 0
        spent += 1
    assert working_time(p, c, now / 60, work / 60) == pytest.approx(spent / 60, abs=CLOSE)


def test_a_boundary_reached_by_adding_up_delays_counts_as_reached():
    """Ten waits of 0.1 h end at 0.9999999999999999: the office that opens at one is open."""
    p, c = compiled([("all", 60, 18 * 60, 1)], 0)
    nearly = sum([0.1] * 10)
    assert nearly < 1
    assert value_at(p, c, nearly) == 1
    assert until_open(p, c, nearly) == 0
    assert until_change(p, c, nearly) == pytest.approx(17.0)


hourly = st.lists(st.sampled_from([0.0, 0.25, 1.0, 3.0]), min_size=24, max_size=24).filter(any)
hours = st.floats(0, 600, allow_subnormal=False)


def profile_of(day, weekend, origin):
    return use_table([Profile(hours=day, weekend=weekend)], origin)


@settings(max_examples=40, deadline=None)
@given(hourly, hourly, st.floats(0, 167.99), hours, hours)
def test_use_is_the_integral_of_the_profile_scaled_to_a_weekly_mean_of_one(day, weekend, origin, a, b):
    uses = profile_of(day, weekend, origin)
    scale = 168 / (5 * sum(day) + 2 * sum(weekend))

    def rate(t):
        hour = int(origin + t) % 168
        return (day if hour < 120 else weekend)[hour % 24] * scale

    start, end = sorted((a, b))
    edges = [start, *(h - origin for h in range(math.floor(origin + start) + 1, math.ceil(origin + end))), end]
    expected = math.fsum((v - u) * rate((u + v) / 2) for u, v in itertools.pairwise(edges))
    assert used_between(uses, 1, start, end) == pytest.approx(expected, abs=1e-9)
    assert used_between(uses, 1, start, start + 168) == pytest.approx(168, abs=1e-9)
    assert used_between(uses, 0, start, end) == end - start


def test_use_agrees_with_numerical_integration():
    day = [float(h % 5) for h in range(24)]
    uses = profile_of(day, None, 30.5)
    numeric, _ = quad(lambda t: day[int(30.5 + t) % 24] * 24 / sum(day), 3.3, 51.7, limit=2000, epsabs=1e-7)
    assert used_between(uses, 1, 3.3, 51.7) == pytest.approx(numeric, abs=1e-4)


@settings(max_examples=150, deadline=None)
@given(hourly, hourly, st.floats(0, 167.99), hours, st.floats(0.001, 500))
def test_the_time_to_use_an_amount_is_the_inverse_of_use(day, weekend, origin, start, amount):
    uses = profile_of(day, weekend, origin)
    wait = time_to_use(uses, 1, start, amount)
    assert used_between(uses, 1, start, start + wait) == pytest.approx(amount, abs=1e-8)
    assert used_between(uses, 1, start, start + wait - 1e-3) < amount
    assert time_to_use(uses, 1, start, math.inf) == math.inf
