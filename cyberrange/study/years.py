"""Whole years: all incidents of a year played on one city, as the check of a composed year.

`cyberrange.study.risk.curve` composes a year from incidents that never meet. Here the incidents of a year are played
in one run: those that overlap share crews, analysts, cases and what is left of the city, and a later one finds the city
as an earlier one left it. This is slow, so it checks the composed year and does not replace it.

Incidents come at any hour of the week, whereas a scenario played by itself begins at the start that its file gives.
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cyberrange.errors import CyberrangeError, did_you_mean, quoted
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.load import load_catalogue
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Effect, Scenario, Step
from cyberrange.model.assault import lacking
from cyberrange.model.build import CannotPlayError, Plan, compile_plan
from cyberrange.model.names import name_key
from cyberrange.results.intervals import Floats, Interval, check_share, mean_interval
from cyberrange.results.measures import MEASURES
from cyberrange.results.provenance import digest, provenance
from cyberrange.study.runner import Choice, Engine, chosen_engine, play
from cyberrange.study.workers import Progress

YEAR_HOURS = 8760.0
"""Hours of a year."""
YEAR_START = dt.datetime(2027, 1, 1)
"""Local time at which hour 0 of a year falls when none is given."""

_STREAM = 8760
"""Names the random numbers that say which incidents a year has."""
_ADD_UP = ("citizen-hours", "Rs", "weighted minutes", "task-hours", "people-hours")
"""Units of the measures that add up over incidents."""
_LONGEST = 20_000.0
"""Hours that a scenario may be watched for."""


class Incident(NamedTuple):
    """An incident of a year."""

    hour: float
    """When it begins, in hours since the start of the year."""
    scenario: str
    """Id of its scenario."""


Numbered = Sequence[tuple[int, Incident]]
"""Incidents with their number in the year, which names their luck."""


# --- the incidents of a year --------------------------------------------------------------------------


def incidents_of_year(per_year: Mapping[str, float], seed: int, year: int, hours: float = YEAR_HOURS) -> list[Incident]:
    """Draw the incidents of a year: an independent Poisson process for each scenario.

    The number of incidents of a scenario is Poisson with mean rate x hours / 8760; their hours are uniform. Each
    scenario has a generator of its own, seeded by (seed, a stream, year, name of the scenario), so that another
    scenario, or another rate of it, changes nothing for this one.

    Parameters
    ----------
    per_year
        By scenario id, the mean number of incidents in 8760 hours.
    seed, year
        Name the luck.
    hours
        Length of the time in which incidents begin.

    Returns
    -------
    list of Incident
        In order of their hours.

    Raises
    ------
    CyberrangeError
        For a rate or length that is negative or not a number.

    Examples
    --------
    >>> [(round(i.hour), i.scenario) for i in incidents_of_year({"flood": 2.0, "insider": 0.5}, seed=7, year=3)]
    [(4335, 'flood'), (8048, 'flood'), (8176, 'flood')]
    """
    found = []
    for scenario, rate in per_year.items():
        for name, number in ((f"the rate of {quoted(scenario)}", rate), ("the length of a year", hours)):
            if not (math.isfinite(number) and number >= 0):
                raise CyberrangeError(f"{name} is {number}, but must be a number of 0 or more")
        luck = np.random.default_rng([seed, _STREAM, year, *name_key(f"scenario/{scenario}")])
        count = luck.poisson(rate * hours / YEAR_HOURS)
        found += [Incident(float(hour), scenario) for hour in luck.uniform(0.0, hours, count)]
    return sorted(found)


def overlapping(scenarios: Mapping[str, Scenario], incidents: Sequence[Incident]) -> int:
    """Return how many incidents are under way, for the horizon of their scenario, while another one is.

    Examples
    --------
    >>> import cyberrange as cr
    >>> lights = cr.load_scenario("traffic_cctv")  # watched for 240 h
    >>> overlapping({"lights": lights}, [Incident(hour, "lights") for hour in (0.0, 100.0, 400.0)])
    2
    """
    ordered = sorted(incidents)
    begins = np.array([hour for hour, _ in ordered])
    ends = begins + [scenarios[scenario].horizon for _, scenario in ordered]
    met = np.zeros(len(ordered), dtype=bool)
    met[1:] |= begins[1:] < np.maximum.accumulate(ends)[:-1]
    met[:-1] |= begins[1:] < ends[:-1]
    return int(met.sum())


# --- one scenario of a whole year ---------------------------------------------------------------------


def year_scenario(
    scenarios: Mapping[str, Scenario],
    incidents: Sequence[tuple[float, str]],
    start: dt.datetime = YEAR_START,
    horizon: float = YEAR_HOURS,
) -> Scenario:
    """Return one scenario in which each incident plays all steps of its scenario from its hour on.

    The steps of the n-th incident are those of its scenario with `i<n>_` before their names, so each incident has luck
    of its own, and none starts before the incident's hour. Targets select by the same properties. Steps of one incident
    wait only for steps of the same one; footholds are not told apart: what one attacker holds, another may use.

    Parameters
    ----------
    scenarios
        By id, the scenarios.
    incidents
        (hour, scenario id) of each, in any order; the n-th of this sequence is number n, from 1.
    start
        Local time of hour 0.
    horizon
        Hours for which the city is watched.

    Raises
    ------
    CyberrangeError
        For a scenario that is not given, an incident outside the horizon, or a horizon that is none.

    Examples
    --------
    >>> import cyberrange as cr
    >>> lights = {"lights": cr.load_scenario("traffic_cctv")}
    >>> year = year_scenario(lights, [(100.0, "lights"), (130.5, "lights")])
    >>> [(name, year.steps[name].begins) for name in ("i1_roster", "i2_roster")]
    [('i1_roster', 100.0), ('i2_roster', 130.5)]
    """
    return _composite(scenarios, _numbered(incidents), start, horizon)


def _numbered(incidents: Sequence[tuple[float, str]]) -> list[tuple[int, Incident]]:
    return [(number, Incident(*incident)) for number, incident in enumerate(incidents, 1)]


def _composite(scenarios: Mapping[str, Scenario], numbered: Numbered, start: dt.datetime, horizon: float) -> Scenario:
    """Return the scenario of some of a year's incidents."""
    _check(scenarios, numbered, horizon)
    played = {scenario: scenarios[scenario] for scenario in sorted({i.scenario for _, i in numbered})}
    place = {scenario: f"s{k}_" for k, scenario in enumerate(played, 1)}
    return Scenario(
        id="year",
        name="A whole year",
        story="The incidents of a year, each at its hour.",
        attack_version="; ".join(dict.fromkeys(s.attack_version for s in played.values())) or "none",
        start=start,
        horizon=horizon,
        touches=tuple(dict.fromkeys(sector for s in played.values() for sector in s.touches)),
        targets={place[key] + name: target for key, s in played.items() for name, target in s.targets.items()},
        steps={
            f"i{number}_{name}": _moved(step, f"i{number}_", place[i.scenario], i.hour)
            for number, i in numbered
            for name, step in played[i.scenario].steps.items()
        },
    )


def _moved(step: Step, before: str, place: str, hour: float) -> Step:
    """Return a step of a scenario as a step of an incident: other names, and not before its hour."""
    return step.model_copy(
        update={
            "target": place + step.target,
            "after_all": tuple(before + other for other in step.after_all),
            "after_any": tuple(before + other for other in step.after_any),
            "begins": hour + step.begins,
            "effects": tuple(_elsewhere(effect, place) for effect in step.effects),
        }
    )


def _elsewhere(effect: Effect, place: str) -> Effect:
    return effect if effect.on is None else effect.model_copy(update={"on": place + effect.on})


def _check(scenarios: Mapping[str, Scenario], numbered: Numbered, horizon: float) -> None:
    """Refuse incidents that cannot be played."""
    if not 0 < horizon <= _LONGEST:
        raise CyberrangeError(
            f"a year cannot be watched for {horizon} h; it must be above 0 and at most {_LONGEST:.0f} h"
        )
    for _, (hour, scenario) in numbered:
        if scenario not in scenarios:
            hint = did_you_mean(scenario, scenarios)
            raise CyberrangeError(f"there is no scenario {quoted(scenario)} for an incident.{hint}")
        if not 0 <= hour < horizon:
            raise CyberrangeError(f"an incident at hour {hour} lies outside the {horizon:.0f} h that are watched")


# --- played -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Range:
    """A city with its organisation, on which years are played."""

    city: City
    scenarios: Mapping[str, Scenario]
    posture: Posture
    catalogue: Catalogue | None
    start: dt.datetime
    seed: int
    engine: Engine

    @cached_property
    def attacks(self) -> dict[str, Scenario]:
        """The scenarios in which something happens; calm is what every year has anyway."""
        return {name: scenario for name, scenario in self.scenarios.items() if scenario.steps}

    @cached_property
    def horizon(self) -> float:
        """A year and a run-off of the longest horizon, in which nothing new begins."""
        return YEAR_HOURS + max((scenario.horizon for scenario in self.attacks.values()), default=0.0)

    def plan(self, numbered: Numbered) -> Plan:
        """Compile a year with some incidents."""
        scenario = _composite(self.scenarios, numbered, self.start, self.horizon)
        return compile_plan(self.city, scenario, self.posture, self.catalogue)

    def year(self, per_year: Mapping[str, float], year: int) -> list[Incident]:
        """Draw the incidents of a year."""
        return incidents_of_year({name: per_year[name] for name in self.attacks if name in per_year}, self.seed, year)

    def play(self, numbered: Numbered, year: int) -> dict[str, Any]:
        """Return the measures of a year with some incidents, each a vector of one."""
        columns: dict[str, Any] = play(self.plan(numbered), self.seed, year, year + 1, self.engine)
        return columns


def _range(
    city: City, scenarios: Mapping[str, Scenario], per_year: Mapping[str, float], posture: Posture,
    catalogue: Catalogue | None, start: dt.datetime, years: int, seed: int, engine: Choice,
) -> _Range:  # fmt: skip
    """Check what is asked for, and choose the engine."""
    if years < 1:
        raise CyberrangeError(f"{years} years cannot be played; at least 1 is needed")
    for name in per_year:
        if name not in scenarios:
            raise CyberrangeError(f"there is no scenario {quoted(name)} for a rate.{did_you_mean(name, scenarios)}")
    played = {name: scenarios[name] for name in per_year}
    missing = [f"{quoted(name)}: {line}" for name, scenario in played.items() for line in lacking(city, scenario)]
    if missing:
        raise CannotPlayError(f"city {quoted(city.id)} cannot be attacked so:\n" + "\n".join(missing))
    if catalogue is None and posture.controls:
        catalogue = load_catalogue()  # here, and not anew for each year
    return _Range(city, played, posture, catalogue, start, seed, chosen_engine(engine, years))


def whole_years(
    city: City,
    scenarios: Mapping[str, Scenario],
    per_year: Mapping[str, float],
    posture: Posture,
    *,
    years: int,
    seed: int,
    engine: Choice = "auto",
    start: dt.datetime = YEAR_START,
    catalogue: Catalogue | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Play whole years, each with the incidents that `incidents_of_year` draws for it.

    Incidents begin in the first 8760 hours. The city is then watched for a run-off as long as the longest horizon of
    the scenarios, in which nothing new begins: everything lost in year and run-off is counted, so an incident is
    watched for at least as long as its own scenario would be, and an early one for longer. What every year costs
    without any incident (false alarms and what is done for them) is counted too: to compare with composed losses,
    subtract years without incidents (``per_year={}``), or look at a measure that is zero in them. Clocks such as
    `time_to_contain` treat the year as one incident.

    Each year is compiled anew, which takes longer than playing it; all is done in this process.

    Parameters
    ----------
    city, posture, catalogue
        As for `cyberrange.replicate`.
    scenarios
        By id; those without a rate are not played.
    per_year
        By scenario, the mean number of incidents a year. A scenario without steps has no incidents: calm is what
        every year has anyway.
    years
        Number of years; year y is replicate y of the seed.
    seed
        Names the luck: which incidents come, and all that happens in them. Other postures meet the same incidents.
    engine
        As for `cyberrange.replicate`.
    start
        Local time of hour 0.
    progress
        Called with (years done, years to do) after each.

    Returns
    -------
    pandas.DataFrame
        Index `year`; `incidents`, how many of them were `overlapping` (see the function), and the measures of
        `cyberrange.replicate`; provenance in `attrs`.

    Raises
    ------
    CyberrangeError
        For no years, a rate without a scenario, or a rate that is negative or not a number; and `CannotPlayError` when
        the city lacks what a scenario needs.

    Examples
    --------
    >>> import cyberrange as cr
    >>> lights = {"lights": cr.load_scenario("traffic_cctv")}
    >>> city, posture = cr.load_city("kasba"), cr.load_posture("hybrid")
    >>> whole_years(city, lights, {"lights": 0.0}, posture, years=1, seed=7, engine="live")["incidents"].tolist()
    [0]
    """
    on = _range(city, scenarios, per_year, posture, catalogue, start, years, seed, engine)
    rows = []
    for year in range(years):
        incidents = on.year(per_year, year)
        told = {"incidents": len(incidents), "overlapping": overlapping(scenarios, incidents)}
        rows.append(told | {name: value[0] for name, value in on.play(_numbered(incidents), year).items()})
        if progress is not None:
            progress(year + 1, years)
    frame = pd.DataFrame(rows, index=pd.RangeIndex(years, name="year"))
    played = "; ".join(f"{name} {digest(on.scenarios[name])} {rate:g} a year" for name, rate in per_year.items())
    frame.attrs.update(provenance(on.plan([]), seed) | {"scenario": played or "none"})
    return frame


# --- compared with a composed year --------------------------------------------------------------------


class OverlapCheck(NamedTuple):
    """What it changes that incidents meet."""

    measure: str
    years: int
    """Whole years played."""
    incidents: int
    """Incidents in all of them..."""
    overlapping: int
    """...of which so many overlapped with another one."""
    composed: Interval
    """Mean of a year composed as `cyberrange.study.risk.curve` does it: rate x mean, from incidents that each begin
    at their scenario's own start and are watched for its horizon."""
    alone: Interval
    """Mean of a year in which the incidents of the whole years are each played alone, at the same hours and with the
    same luck: composed as well, but at any hour of the week."""
    whole: Interval
    """Mean of a whole year."""
    difference: Interval
    """Mean of whole less alone, year by year: what overlap adds, or saves where it is negative."""
    sentence: str
    """The result in plain words."""


def overlap_check(
    city: City,
    scenarios: Mapping[str, Scenario],
    per_year: Mapping[str, float],
    posture: Posture,
    *,
    years: int,
    seed: int,
    measure: str = "unserved_citizen_hours",
    level: float = 0.95,
    engine: Choice = "auto",
    start: dt.datetime = YEAR_START,
    catalogue: Catalogue | None = None,
    progress: Progress | None = None,
) -> OverlapCheck:
    """Compare the mean of whole years with that of composed ones.

    What the same years cost without any incident is subtracted everywhere, so false alarms are counted nowhere. An
    incident played alone keeps its hour, its luck and the horizon of the year, so that whole years differ from it only
    by what other incidents do: crews that are busy, systems that are down or isolated already, footholds and spoilt
    backups that are left, a case that is open. The composed mean also differs by the hour of the week at which
    incidents begin and by losses after the scenario's own horizon.

    Parameters
    ----------
    city, scenarios, per_year, posture, seed, engine, start, catalogue, progress
        As for `whole_years`.
    years
        Whole years to play, and incidents of each scenario to compose from.
    measure
        Any that adds up over incidents: losses, costs, waits and work, also `unserved.<service>`.
    level
        Confidence of the intervals (t-intervals over years, and over replicates).

    Raises
    ------
    CyberrangeError
        As `whole_years`; and for a measure that does not add up, or a level outside 0 to 1.

    Examples
    --------
    >>> import cyberrange as cr
    >>> lights = {"lights": cr.load_scenario("traffic_cctv")}
    >>> city, posture = cr.load_city("kasba"), cr.load_posture("hybrid")
    >>> overlap_check(city, lights, {"lights": 0.0}, posture, years=2, seed=7, engine="live").whole.mean
    0.0
    """
    check_share("level", level)
    _check_measure(measure, city)
    on = _range(city, scenarios, per_year, posture, catalogue, start, years, seed, engine)
    calm = play(on.plan([]), seed, 0, years, on.engine)[measure]
    drawn = [on.year(per_year, year) for year in range(years)]
    pairs = []
    for year, incidents in enumerate(drawn):
        pairs.append(_excess(on, incidents, year, measure, calm[year]))
        if progress is not None:
            progress(year + 1, years)
    whole, alone = np.array(pairs).T
    check = OverlapCheck(
        measure=measure,
        years=years,
        incidents=sum(len(incidents) for incidents in drawn),
        overlapping=sum(overlapping(scenarios, incidents) for incidents in drawn),
        composed=mean_interval(_composed(on, per_year, years, measure), level),
        alone=mean_interval(alone, level),
        whole=mean_interval(whole, level),
        difference=mean_interval(whole - alone, level),
        sentence="",
    )
    return check._replace(sentence=_sentence(check))


def _excess(on: _Range, incidents: list[Incident], year: int, measure: str, calm: float) -> tuple[float, float]:
    """Return what a year's incidents add to a calm year: together, and the sum of each alone."""
    numbered = _numbered(incidents)
    if not numbered:
        return 0.0, 0.0
    whole = float(on.play(numbered, year)[measure][0]) - calm
    if len(numbered) == 1:
        return whole, whole
    return whole, sum(float(on.play([incident], year)[measure][0]) - calm for incident in numbered)


def _composed(on: _Range, per_year: Mapping[str, float], runs: int, measure: str) -> Floats:
    """Return by replicate the sum over scenarios of rate x what an incident at its own start adds to calm."""
    total = np.zeros(runs)
    for name, scenario in on.attacks.items():
        calm = scenario.model_copy(update={"targets": {}, "steps": {}})
        attacked, quiet = (
            play(compile_plan(on.city, played, on.posture, on.catalogue), on.seed, 0, runs, on.engine)[measure]
            for played in (scenario, calm)
        )
        total += per_year[name] * (attacked - quiet)
    return total


def _check_measure(measure: str, city: City) -> None:
    allowed = [m.name for m in MEASURES if m.unit in _ADD_UP] + [f"unserved.{service}" for service in city.services]
    if measure not in allowed:
        hint = did_you_mean(measure, allowed)
        raise CyberrangeError(f"{quoted(measure)} is no measure that adds up over incidents.{hint}")


def _sentence(check: OverlapCheck) -> str:
    """Say what a planner must know of the check."""
    unit = next((m.unit for m in MEASURES if m.name == check.measure), "citizen-hours")
    change = check.difference
    low, high = sorted((abs(change.low), abs(change.high)))
    if change.low <= 0.0 <= change.high:
        ends = f"{_figure(change.low)} and {_figure(change.high)}"
        verdict = f"what that changes cannot be told from chance: it lies between {ends}"
    else:
        word, why = ("adds", "leaves out") if change.mean > 0 else ("saves", "counts too often")
        verdict = (
            f"that {word} {_figure(abs(change.mean))} ({_figure(low)} to {_figure(high)}), which a composed year {why}"
        )
    return (
        f"In {check.years} whole years {check.overlapping} of {check.incidents} incidents overlapped with another, and "
        f"{verdict}. {check.measure.replace('_', ' ').capitalize()} ({unit} a year): {_told(check.whole)} in whole "
        f"years, {_told(check.alone)} from the same incidents one at a time, and {_told(check.composed)} composed from "
        "incidents at their scenarios' own starts, watched for their own horizons."
    )


def _told(interval: Interval) -> str:
    return f"{_figure(interval.mean)} ({_figure(interval.low)} to {_figure(interval.high)})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
