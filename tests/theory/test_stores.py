"""Stores: what a tank or a battery saves, exactly for known outages and on average for random ones."""

import itertools
import math
from random import Random

import pytest
from scipy.integrate import quad

from cyberrange.engine.accounts import close
from cyberrange.engine.live import World
from cyberrange.engine.supply import stored
from tests.build import (
    Hand,
    account,
    agrees,
    asset,
    city,
    exponential,
    failing,
    happenings,
    hours,
    lost,
    need,
    path,
    plan,
    play,
    scenario,
    service,
    step,
)

EXACT = 1e-9
DAY = tuple(float(1 + (hour % 12)) for hour in range(24))
"""Use that rises twice a day."""
WEEKEND = tuple(float(3 - (hour % 3)) for hour in range(24))


def town(**buffer):
    """A plant whose water reaches citizens by way of a tank."""
    return city(
        {"plant": asset()},
        {"water": service(need("plant", buffer=buffer))},
        profiles={"day": {"hours": DAY, "weekend": WEEKEND}},
    )


def outage(hours, at=0.0, level=0.0):
    return step("plant", {"do": "impair", "level": level, "lasts": hours}, duration=at)


# --- exactly --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tank", "expected"), [(12, 8), (20, 0), (25, 0), (0, 20)])
def test_an_outage_costs_what_the_tank_does_not_hold(tank, expected):
    assert lost(play(town(lasts=tank), scenario(hit=outage(20, at=3))), "water") == pytest.approx(expected, abs=EXACT)


def test_a_tank_that_is_half_full_lasts_half_as_long():
    world = play(town(lasts=12, full=0.5, refill=0.0001), scenario(hit=outage(20)))
    assert hours(world, "store.empty") == pytest.approx([6.0], abs=EXACT)
    assert lost(world, "water") == pytest.approx(14, abs=EXACT)


def test_a_partial_supply_drains_the_tank_only_by_what_is_missing():
    world = play(town(lasts=12), scenario(hit=outage(50, level=0.4)))
    assert hours(world, "store.empty") == pytest.approx([20.0], abs=EXACT)
    assert [x for _, x in path(world, "water")] == [1, 0.4, 1]
    assert lost(world, "water") == pytest.approx(0.6 * 30, abs=EXACT)


def test_a_change_of_supply_changes_the_pace_at_which_the_tank_drains():
    """6 h at 1 leave 6; then 0.4 is missing, and they last 15 h more."""
    world = play(town(lasts=12), scenario(hit=outage(6), more=outage(50, level=0.6)))
    assert hours(world, "store.empty") == pytest.approx([21.0], abs=EXACT)
    assert lost(world, "water") == pytest.approx(0.4 * 29, abs=EXACT)


@pytest.mark.parametrize(("refill", "gap", "left"), [(0.5, 3.0, 7.5), (0.5, 100.0, 12.0), (4.0, 1.0, 10.0)])
def test_a_tank_refills_at_its_own_rate_and_no_higher_than_its_brim(refill, gap, left):
    attack = scenario(300, first=outage(6), second=outage(40, at=6 + gap))
    assert lost(play(town(lasts=12, refill=refill), attack), "water") == pytest.approx(40 - left, abs=EXACT)


def test_a_tank_does_not_refill_while_the_supply_is_not_whole():
    """Ten hours at 0.9 between two outages drain it further: 12 - 6 - 1 = 5."""
    attack = scenario(first=outage(6), thin=outage(16, level=0.9), second=outage(40, at=16))
    assert lost(play(town(lasts=12, refill=5), attack), "water") == pytest.approx(35, abs=EXACT)


def use(t: float) -> float:
    """Use at an hour after Monday 00:00, with a weekly mean of 1."""
    hour = int(t) % 168
    scale = 168 / (5 * sum(DAY) + 2 * sum(WEEKEND))
    return (DAY if hour < 120 else WEEKEND)[hour % 24] * scale


def used(start: float, end: float) -> float:
    edges = [start, *range(math.floor(start) + 1, math.ceil(end)), end]
    return math.fsum((b - a) * use((a + b) / 2) for a, b in itertools.pairwise(edges))


@pytest.mark.parametrize(("start", "supply"), [(0.0, 0.0), (31.25, 0.0), (110.5, 0.0), (130.75, 0.3)])
def test_a_tank_with_a_daily_use_empties_when_so_much_was_used_and_the_loss_is_the_use_after_that(start, supply):
    assert quad(use, start, start + 5, points=range(math.ceil(start), int(start) + 6), limit=200)[0] == pytest.approx(
        used(start, start + 5)
    )
    buffered = service(need("plant", buffer={"lasts": 12, "profile": "day"}), profile="day")
    of = city({"plant": asset()}, {"water": buffered}, profiles={"day": {"hours": DAY, "weekend": WEEKEND}})
    world = play(of, scenario(300, hit=outage(60, at=start, level=supply)))
    (empty,) = hours(world, "store.empty")
    assert (1 - supply) * used(start, empty) == pytest.approx(12, abs=EXACT)
    assert lost(world, "water") == pytest.approx((1 - supply) * used(empty, start + 60), abs=EXACT)


def test_the_last_set_point_holds_for_its_time_and_again_once_control_was_back():
    of = city({"scada": asset()}, {"water": service(need("scada", hold=5))})
    attack = scenario(
        first=step("scada", {"do": "impair", "lasts": 8}),
        second=step("scada", {"do": "impair", "lasts": 20}, duration=9),
    )
    world = play(of, attack)
    assert path(world, "water") == [(0, 1), (5, 0), (8, 1), (14, 0), (29, 1)]


def test_a_tank_that_runs_empty_at_the_very_moment_at_which_the_supply_changes_is_empty():
    """The total outage gives way to a partial one after exactly the ten hours that the tank holds."""
    world = play(town(lasts=10), scenario(total=outage(10), partial=outage(50, level=0.5)))
    assert path(world, "water") == [(0, 1), (10, 0.5), (50, 1)]
    assert lost(world, "water") == pytest.approx(20, abs=EXACT)


def test_stores_in_a_row_last_one_after_the_other():
    of = city(
        {"grid": asset(), "pump": asset(need("grid", buffer={"lasts": 4}))},
        {"water": service(need("pump", buffer={"lasts": 12}))},
    )
    world = play(of, scenario(hit=step("grid", {"do": "impair", "lasts": 30})))
    assert path(world, "pump") == [(0, 1), (4, 0), (30, 1)]
    assert path(world, "water") == [(0, 1), (16, 0), (30, 1)]


def test_each_line_about_a_tank_that_ran_empty_follows_from_what_cut_its_supply():
    world = play(town(lasts=12), scenario(hit=outage(20)))
    (effect,) = happenings(world, "attack.effect")
    (plant_fell, _) = happenings(world, "level", about="plant")
    (empty,) = happenings(world, "store.empty")
    (water_fell, _) = happenings(world, "level", about="water")
    assert (water_fell.cause, empty.cause, plant_fell.cause) == (empty.number, plant_fell.number, effect.number)


# --- on average -----------------------------------------------------------------------------------


def close_books(world):
    account_of = world.plan.lists.services[0]
    state = world.state.nodes[account_of.node]
    close(world.plan.lists, world.state, 0, state.level, state.blame, world.env.now)


def test_random_outages_with_a_tank_that_refills_at_once():
    """Exponential outages of mean 8 h every 100 h, tank 12 h: the unmet share is lam/(lam+mu) e^(-mu tau).

    Each outage is an independent observation: it costs e^(-mu tau)/mu on average.
    """
    lam, mu, tau = 0.01, 0.125, 12.0
    made = plan(town(lasts=tau, refill=1e12))
    unmet, spans = [], []
    for batch in range(60):
        times = exponential(1 / lam, f"up {batch}"), exponential(1 / mu, f"down {batch}")
        world = World(made, 1)
        hand, before = Hand(world), 0.0
        for _ in range(200):
            up, down = (draw() for draw in times)
            world.advance(world.env.now + up)
            hand.impair("plant")
            world.advance(world.env.now + down)
            hand.mend("plant")
            unmet.append(account(world, "water").lost - before)
            spans.append(up + down)
            before = account(world, "water").lost
    agrees("unmet per outage", unmet, 1.785041)
    ratio = [x - 0.01652816 * span for x, span in zip(unmet, spans, strict=True)]
    agrees("unmet less share of time", ratio, 0.0)


def unmet_share(lam, mu, s, d, tank):
    """On/off source of rate s, demand d, finite tank: the stationary unmet share (derived for this project)."""
    a = s - d
    theta = mu / d - lam / a
    c = 1 / ((1 + a / d) * (math.exp(theta * tank) - 1) / theta + a * math.exp(theta * tank) / lam + a / mu)
    return a * c / mu


@pytest.mark.parametrize(
    ("lam", "mu", "s", "d", "tank", "expected"),
    [
        (0.01, 0.125, 1.5, 1.0, 12.0, 0.01848869),
        (0.05, 0.2, 1.5, 1.0, 4.0, 0.10082427),
        (0.02, 0.1, 2.0, 1.0, 10.0, 0.06582604),
    ],
)
def test_an_on_off_source_with_a_finite_tank(lam, mu, s, d, tank, expected):
    """Stationary from hour 1,000 on; one observation per world. The spare capacity (s - d)/d refills the tank."""
    assert unmet_share(lam, mu, s, d, tank) == pytest.approx(expected, abs=1e-8)
    made = plan(town(lasts=tank / d, refill=(s - d) / d))
    shares = []
    for replicate in range(60):
        up, down = exponential(1 / lam, f"up {replicate}"), exponential(1 / mu, f"down {replicate}")
        world = World(made, 1, replicate, [failing("plant", up, down)])
        marks = []
        for hour in (1_000, 11_000):
            world.advance(hour)
            close_books(world)
            marks.append(lost(world, "water"))
        shares.append((marks[1] - marks[0]) / 10_000)
    agrees(f"unmet share, tank {tank}", shares, expected)


def test_what_flows_out_of_a_tank_and_what_is_left_in_it_is_what_flowed_in():
    """Volume in = out + stored, hour by hour, for a plant that gives less or nothing at random times."""
    tank, refill = 6.0, 0.5
    made = plan(town(lasts=tank, refill=refill))
    for replicate in range(20):
        random = Random(replicate)
        world = World(made, 1, replicate)
        hand, supply = Hand(world), 1.0
        held, unmet, drawn = tank, 0.0, 0.0
        for _ in range(100):
            span = random.expovariate(0.2)
            world.advance(world.env.now + span)
            if supply >= 1.0:
                drawn -= min(tank - held, refill * span)
                held = min(tank, held + refill * span)
            else:
                out = min(held, (1 - supply) * span)
                held, drawn, unmet = held - out, drawn + out, unmet + (1 - supply) * span - out
            close_books(world)
            assert stored(made.lists, world.state, 0, world.env.now) == pytest.approx(held, abs=EXACT)
            assert lost(world, "water") == pytest.approx(unmet, abs=EXACT)
            hand.mend("plant")
            supply = random.choice([0.0, 0.3, 0.7, 1.0, 1.0])
            hand.impair("plant", supply)
        assert drawn + held == pytest.approx(tank, abs=EXACT)
        assert unmet > 0
