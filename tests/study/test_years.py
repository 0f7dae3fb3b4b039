"""Whole years agree with composed ones while incidents hardly meet, and tell what it changes when they do."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cyberrange as cr
from cyberrange.engine.live import World
from cyberrange.errors import CyberrangeError
from cyberrange.model.build import CannotPlayError, compile_plan
from cyberrange.results.measures import MEASURES
from cyberrange.study.risk.curve import compose
from cyberrange.study.runner import play
from cyberrange.study.years import (
    YEAR_HOURS,
    YEAR_START,
    Incident,
    incidents_of_year,
    overlap_check,
    overlapping,
    whole_years,
    year_scenario,
)
from tests.build import SEEN, agrees, asset, city, happenings, need, posture, respond, scenario, service, step, team

KASBA = cr.load_city("kasba")
CCTV = cr.load_scenario("traffic_cctv")
SHIPPED = {"cctv": CCTV, "flood": cr.load_scenario("registration_flood")}
LONGEST = max(s.horizon for s in SHIPPED.values())


def watchful(name: str = "inhouse_ciso") -> cr.Posture:
    """A shipped organisation whose analysts never err: a calm year loses nothing, and no incident stays unseen."""
    shipped = cr.load_posture(name)
    return shipped.model_copy(update={"triage": shipped.triage.model_copy(update={"confirms": 1.0, "mistakes": 0.0})})


def outage(name: str, hours, horizon: float = 100.0, **others) -> cr.Scenario:
    """An attack that takes an asset down for so long."""
    return scenario(horizon, hit=step(name, {"do": "impair", "lasts": hours}, **others))


def twin_towns() -> cr.City:
    """Two services of one citizen each, on an asset each."""
    return city({n: asset() for n in "ab"}, {f"serve_{n}": service(need(n)) for n in "ab"})


def within(observed: float, expected: float, error: float) -> bool:
    print(f"observed {observed:.6g}, expected {expected:.6g}, {(observed - expected) / error:+.2f} standard errors")
    return abs(observed - expected) <= 4 * error


# --- the incidents of a year --------------------------------------------------------------------------


def test_the_incidents_of_a_scenario_are_a_poisson_process() -> None:
    drawn = [incidents_of_year({"flood": 3.0, "worm": 0.4}, 1, year, hours=2 * YEAR_HOURS) for year in range(2000)]
    for name, mean in (("flood", 6.0), ("worm", 0.8)):
        counts = np.array([sum(i.scenario == name for i in incidents) for incidents in drawn])
        assert within(counts.mean(), mean, math.sqrt(mean / len(counts)))
        # The variance of a Poisson count is its mean; that of a sample variance is (mean + 2 mean^2) / n.
        assert within(counts.var(), mean, math.sqrt((mean + 2 * mean**2) / len(counts)))
    hours = np.array([i.hour for incidents in drawn for i in incidents]) / (2 * YEAR_HOURS)
    assert stats.kstest(hours, "uniform").pvalue > 6e-5  # 4 standard errors, two-sided
    assert all(incidents == sorted(incidents) for incidents in drawn)


def test_a_year_is_drawn_the_same_whatever_else_is_asked_for() -> None:
    alone = incidents_of_year({"flood": 5.0}, 1, 4)
    with_others = incidents_of_year({"worm": 9.0, "flood": 5.0, "insider": 0.0}, 1, 4)
    assert [i for i in with_others if i.scenario == "flood"] == alone
    assert incidents_of_year({"flood": 5.0, "worm": 9.0}, 1, 4) == with_others
    assert incidents_of_year({"flood": 5.0}, 1, 5) != alone != incidents_of_year({"flood": 5.0}, 2, 4)


@pytest.mark.parametrize(("rate", "hours"), [(-0.1, 8760.0), (math.nan, 8760.0), (1.0, math.inf), (1.0, -1.0)])
def test_rates_and_lengths_that_mean_nothing_are_refused(rate: float, hours: float) -> None:
    with pytest.raises(CyberrangeError, match="must be a number of 0 or more"):
        incidents_of_year({"flood": rate}, 1, 0, hours)


def test_incidents_overlap_while_their_scenarios_watch() -> None:
    both = {"short": outage("a", 1, horizon=10.0), "long": outage("a", 1, horizon=100.0)}

    def count(*incidents: tuple[float, str]) -> int:
        return overlapping(both, [Incident(*i) for i in incidents])

    assert count() == count((5, "short")) == count((0, "short"), (10, "short")) == 0
    assert count((0, "short"), (9.9, "short")) == 2
    assert count((0, "long"), (20, "short"), (60, "short"), (200, "long")) == 3
    assert count((60, "short"), (200, "long"), (20, "short"), (0, "long")) == 3


# --- one scenario of a whole year ---------------------------------------------------------------------


def test_each_incident_plays_its_own_steps_from_its_hour_on() -> None:
    attack = scenario(
        100,
        {"there": {"kind": ["server"], "pick": 1}},
        first=step("there", duration=2, begins=1),
        then=step("a", {"do": "impair", "on": "b"}, after_all=["first"]),
        either=step("a", duration=5, after_any=["first", "then"]),
    )
    year = year_scenario({"raid": attack}, [(50.0, "raid"), (20.0, "raid")], horizon=200.0)
    world = World(compile_plan(city({n: asset() for n in "ab"}), year, posture()), seed=1)
    world.finish()
    begun = {line.subject: line.hour for line in happenings(world, "attack.start")}
    assert begun == {f"i{i}_{name}": hour + later for i, hour in ((1, 50), (2, 20))
                     for name, later in (("first", 1), ("then", 3), ("either", 3))}  # fmt: skip
    assert [(line.hour, line.subject) for line in happenings(world, "attack.effect")] == [(23, "b"), (53, "b")]


def test_steps_that_need_only_a_foothold_do_not_start_by_what_an_earlier_incident_holds() -> None:
    attack = scenario(
        100,
        enter=step("a", {"do": "compromise"}, duration=4),
        on=step("a", {"do": "impair"}, foothold="held", duration=1),
    )
    year = year_scenario({"raid": attack}, [(0.0, "raid"), (30.0, "raid")], horizon=200.0)
    world = World(compile_plan(city({"a": asset()}), year, posture()), seed=1)
    world.finish()
    begun = {line.subject: line.hour for line in happenings(world, "attack.start")}
    assert begun == {"i1_enter": 0, "i1_on": 4, "i2_enter": 30, "i2_on": 30}


@pytest.mark.parametrize("place", ["kasba", "suryanagar"])
def test_targets_select_by_properties_on_any_city(place: str) -> None:
    where, organisation = cr.load_city(place), watchful()
    alone = compile_plan(where, CCTV, organisation).operations
    year = year_scenario(SHIPPED, [(0.0, "cctv"), (5.0, "flood"), (7.0, "cctv")])
    operations = compile_plan(where, year, organisation).operations
    for before in ("i1_", "i3_"):
        assert [(op.name.removeprefix(before), op.targets) for op in operations if op.name.startswith(before)] == [
            (op.name, op.targets) for op in alone
        ]


def test_incidents_that_cannot_be_played_are_refused() -> None:
    with pytest.raises(CyberrangeError, match=r"no scenario 'cctvv' for an incident. Did you mean 'cctv'"):
        year_scenario(SHIPPED, [(0.0, "cctvv")])
    with pytest.raises(CyberrangeError, match=r"at hour 8760.0 lies outside the 8760 h"):
        year_scenario(SHIPPED, [(8760.0, "cctv")])
    with pytest.raises(CyberrangeError, match=r"cannot be watched for 20001.0 h"):
        year_scenario(SHIPPED, [], horizon=20_001.0)
    with pytest.raises(CyberrangeError, match=r"no scenario 'flod' for a rate. Did you mean 'flood'"):
        whole_years(KASBA, SHIPPED, {"flod": 1.0}, watchful(), years=1, seed=1)
    with pytest.raises(CyberrangeError, match="at least 1 is needed"):
        whole_years(KASBA, SHIPPED, {}, watchful(), years=0, seed=1)
    with pytest.raises(CannotPlayError, match="'worm': no asset for target 'first_device'"):
        whole_years(KASBA, {"worm": cr.load_scenario("iot_worm")}, {"worm": 0.0}, watchful(), years=1, seed=1)


# --- against the scenario's own run and a calm year ---------------------------------------------------


def test_an_empty_year_is_a_calm_year() -> None:
    organisation = cr.load_posture("vendor_reliant")
    calm = cr.load_scenario("calm_day").model_copy(update={"start": YEAR_START, "horizon": YEAR_HOURS})
    own = cr.replicate(KASBA, calm, organisation, runs=3, seed=5, engine="compiled", workers=1)
    rates = {"calm_day": 120.0}  # has no steps, so no incidents
    year = whole_years(KASBA, {"calm_day": calm}, rates, organisation, years=3, seed=5, engine="compiled")
    assert (year[["incidents", "overlapping"]] == 0).all(axis=None)
    pd.testing.assert_frame_equal(year.drop(columns=["incidents", "overlapping"]), own, check_names=False)
    assert (own["false_alarms"] > 100).all()


@pytest.mark.parametrize("hour", [0.0, 30.0])
def test_a_year_with_one_incident_is_the_scenario_s_own_run(hour: float) -> None:
    organisation, runs = watchful("vendor_reliant"), 600
    own = cr.replicate(KASBA, CCTV, organisation, runs=runs, seed=5, engine="compiled", workers=1)
    begins = CCTV.start - dt.timedelta(hours=hour)
    year = year_scenario(SHIPPED, [(hour, "cctv")], begins, CCTV.horizon + hour)
    other = cr.replicate(KASBA, year, organisation, runs=runs, seed=5, engine="compiled", workers=1)
    assert not np.array_equal(own["unserved_citizen_hours"], other["unserved_citizen_hours"])
    for measure in ("unserved_citizen_hours", "time_to_contain", "worked", "assets_hit"):
        error = math.sqrt((own[measure].var() + other[measure].var()) / runs)
        assert within(other[measure].mean(), own[measure].mean(), error), measure
    median = own["unserved_citizen_hours"].median()
    share = (other["unserved_citizen_hours"] > median).mean()
    assert within(share, 0.5, math.sqrt(0.25 * 2 / runs))


# --- rare incidents: the composed year ----------------------------------------------------------------


def test_rare_incidents_of_known_length_make_the_composed_year() -> None:
    """Outages of uniform(4, 20) h and of exactly 30 h, three and one a year, of one citizen each."""
    attacks = {"a": outage("a", {"uniform": {"low": 4, "high": 20}}), "b": outage("b", 30.0)}
    rates = {"a": 3.0, "b": 1.0}
    losses = {"a": np.linspace(4, 20, 1001), "b": [30.0]}
    composed = compose(losses, rates)
    years = whole_years(twin_towns(), attacks, rates, posture(), years=500, seed=2, engine="compiled")
    agrees("outage of a whole year", years["unserved_citizen_hours"].tolist(), 3 * 12 + 30)
    for threshold in (1.0, 25.0, 60.0, 100.0, 150.0):
        chance = composed.chance_above(threshold)
        share = (years["unserved_citizen_hours"] > threshold).mean()
        assert within(share, chance, math.sqrt(chance * (1 - chance) / len(years))), threshold


def references(name: str, organisation: cr.Posture, strata: int = 84, each: int = 12) -> np.ndarray:
    """Losses of an incident alone, at hours spread over the year, watched for as long as in a whole year."""
    luck = np.random.default_rng([1, 2])
    found = []
    for k in range(strata):
        hour = YEAR_HOURS * (k + luck.random()) / strata
        year = year_scenario(SHIPPED, [(hour, name)], horizon=YEAR_HOURS + LONGEST)
        plan = compile_plan(KASBA, year, organisation)
        found.append(play(plan, 77, each * k, each * (k + 1), "compiled")["unserved_citizen_hours"])
    return np.concatenate(found)


@pytest.mark.slow
def test_rare_incidents_of_shipped_scenarios_make_the_composed_year() -> None:
    organisation, rates = watchful(), {"cctv": 0.7, "flood": 0.4}
    losses = {name: references(name, organisation) for name in SHIPPED}
    composed = compose(losses, rates)
    years = whole_years(KASBA, SHIPPED, rates, organisation, years=400, seed=6, engine="compiled")
    found = years["unserved_citizen_hours"]
    # The means of the references are uncertain as well.
    of_references = sum(rates[name] ** 2 * loss.var() / len(loss) for name, loss in losses.items())
    assert within(found.mean(), composed.ale, math.sqrt(found.var() / len(years) + of_references))
    runs = min(len(loss) for loss in losses.values())
    for threshold in (0.0, 1500.0, 3000.0, 6000.0):
        chance = composed.chance_above(threshold)
        # A shift of a distribution by one in `runs` moves the chance by at most rate / runs for each scenario.
        of_references = sum(rate**2 / 4 / runs for rate in rates.values())
        error = math.sqrt(chance * (1 - chance) / len(years) + of_references)
        assert within((found > threshold).mean(), chance, error), threshold


def test_a_year_is_watched_for_a_run_off_in_which_nothing_new_begins() -> None:
    """An outage of 2000 h counts whole, though a quarter of them begin in the last 2000 h of the year."""
    attacks = {"a": outage("a", 2000.0, horizon=2000.0)}
    years = whole_years(twin_towns(), attacks, {"a": 0.5}, posture(), years=120, seed=3, engine="compiled")
    single = years[years["incidents"] == 1]
    assert len(single) > 20
    np.testing.assert_allclose(single["unserved_citizen_hours"], 2000.0)


# --- frequent incidents: what meets, shares -----------------------------------------------------------


def queue(places: int, hours: float) -> tuple[cr.City, dict[str, cr.Scenario], cr.Posture]:
    """Many assets that are hit one at a time, and one person who restores each in so many hours."""
    names = [f"n{i}" for i in range(places)]
    attacks = {name: scenario(hours, hit=step(name, {"do": "impair"}, signs=SEEN)) for name in names}
    organisation = posture({"fix": respond("found", effect="restore", duration=hours)}, teams={"crew": team(1)})
    return city({name: asset() for name in names}), attacks, organisation


def test_incidents_that_overlap_wait_for_the_same_crew_as_in_a_queue() -> None:
    """One person, fixed work, Poisson incidents: the mean wait is rho D / (2 (1 - rho)) (Pollaczek and Khinchine)."""
    places, hours, load = 60, 10.0, 0.3
    of, attacks, organisation = queue(places, hours)
    rate = load / hours * YEAR_HOURS / places
    rates = dict.fromkeys(attacks, rate)
    years = whole_years(of, attacks, rates, organisation, years=40, seed=4, engine="compiled")
    agrees("incidents a year", years["incidents"].tolist(), rate * places)
    # Hardly any asset is hit again while it is down (once in 150 incidents), and years are independent.
    wait = load * hours / (2 * (1 - load))
    agrees("hours waited in a year", (years["waited_for_staff"] / (rate * places)).tolist(), wait)


def test_the_check_tells_what_sharing_a_crew_adds() -> None:
    of, attacks, organisation = queue(4, 20.0)
    rates = dict.fromkeys(attacks, 15.0)
    check = overlap_check(
        of, attacks, rates, organisation, years=8, seed=4, measure="waited_for_staff", level=0.999, engine="compiled"
    )
    assert check.alone == check.composed == (0.0, 0.0, 0.0)  # alone, nobody waits
    assert check.whole == check.difference
    assert check.difference.low > 0
    assert 0 < check.overlapping < check.incidents
    assert "overlapped with another, and that adds" in check.sentence
    assert "which a composed year leaves out" in check.sentence


def test_the_check_tells_what_is_lost_only_once() -> None:
    """Two attacks on one asset, at once: the asset is down for the longer of two outages, not for their sum."""
    attacks = {name: outage("a", 50.0) for name in ("one", "two")}
    check = overlap_check(
        twin_towns(), attacks, dict.fromkeys(attacks, 30.0), posture(), years=8, seed=4, level=0.999, engine="compiled"
    )
    assert check.difference.high < 0
    assert "that saves" in check.sentence
    assert "which a composed year counts too often" in check.sentence
    expected = 2 * 30 * 50.0
    assert check.composed == (expected, expected, expected)
    assert check.alone.low <= expected <= check.alone.high


def test_rare_incidents_show_no_effect_of_overlap() -> None:
    rates = {"a": 0.3}
    check = overlap_check(twin_towns(), {"a": outage("a", 10.0)}, rates, posture(), years=60, seed=4, engine="compiled")
    assert check.difference.mean == 0.0
    assert check.whole == check.alone
    assert "cannot be told from chance" in check.sentence


@pytest.mark.slow
def test_the_crews_of_a_shipped_city_have_more_to_wait_for_when_incidents_meet() -> None:
    """Restorers and analysts of two incidents are the same few people: their tasks queue behind each other's."""
    attacks = {"cctv": CCTV, "water": cr.load_scenario("water_setpoints")}
    check = overlap_check(
        KASBA, attacks, {"cctv": 9.0, "water": 9.0}, watchful(), years=30, seed=9, measure="waited_for_staff",
        level=0.999, engine="compiled",
    )  # fmt: skip
    print(check.sentence)
    assert check.difference.low > 0
    assert check.overlapping > check.incidents / 4


def test_only_measures_that_add_up_are_checked() -> None:
    with pytest.raises(CyberrangeError, match="'time_to_contain' is no measure that adds up"):
        overlap_check(KASBA, SHIPPED, {}, watchful(), years=1, seed=1, measure="time_to_contain")
    with pytest.raises(CyberrangeError, match=r"Did you mean 'unserved.water'"):
        overlap_check(KASBA, SHIPPED, {}, watchful(), years=1, seed=1, measure="unserved.watr")


# --- bits ---------------------------------------------------------------------------------------------


def test_years_are_the_same_to_the_bit_alone_again_and_on_either_engine() -> None:
    rates, organisation = {"cctv": 2.0, "flood": 2.0}, cr.load_posture("inhouse_ciso")

    def years(count: int, engine: str) -> pd.DataFrame:
        return whole_years(KASBA, SHIPPED, rates, organisation, years=count, seed=11, engine=engine)

    first = years(3, "compiled")
    pd.testing.assert_frame_equal(years(3, "compiled"), first, check_exact=True)
    pd.testing.assert_frame_equal(years(1, "compiled"), first[:1], check_exact=True)
    pd.testing.assert_frame_equal(years(1, "live"), first[:1], check_exact=True)
    assert first["incidents"].tolist() == [len(incidents_of_year(rates, 11, year)) for year in range(3)]
    assert first["incidents"].iloc[0] > 0


def test_progress_and_provenance_are_told() -> None:
    told: list[tuple[int, int]] = []
    years = whole_years(
        twin_towns(), {"a": outage("a", 1.0)}, {"a": 1.0}, posture(), years=3, seed=1, engine="live",
        progress=lambda *done: told.append(done),
    )  # fmt: skip
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert years.attrs["scenario"].startswith("a ")
    assert years.attrs["scenario"].endswith(" 1 a year")
    assert years.attrs["seed"] == "1"
    assert set(years.columns[2:]) >= {m.name for m in MEASURES}
