"""Compare postures on scenarios: the same luck for each, differences in pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cyberrange.errors import CyberrangeError, did_you_mean, quoted
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.model.build import Plan, compile_plan
from cyberrange.results.intervals import Floats
from cyberrange.results.paired import paired_differences
from cyberrange.results.provenance import provenance
from cyberrange.study.runner import Choice, chosen_engine, play, play_all
from cyberrange.study.stopping import Stopped, until_precise
from cyberrange.study.workers import Progress


@dataclass(frozen=True)
class Comparison:
    """Postures compared on one city.

    Attributes
    ----------
    city, scenarios, postures, catalogue
        What was compared; the first posture is the one that the others are compared with.
    runs
        One row per scenario, posture and replicate, with every measure.
    table
        One row per scenario, measure and posture; see `cyberrange.results.paired.paired_differences`.
    seed
        Names the luck.
    provenance
        What must be known to get the same result again, by scenario and posture.
    """

    city: City
    scenarios: tuple[Scenario, ...]
    postures: dict[str, Posture]
    catalogue: Catalogue | None
    runs: pd.DataFrame
    table: pd.DataFrame
    seed: int
    provenance: dict[tuple[str, str], dict[str, str]]

    def of(self, scenario: str, posture: str) -> pd.DataFrame:
        """Return the measures of one scenario under one posture, a row per replicate."""
        at = self.runs.index
        chosen = (at.get_level_values("scenario") == scenario) & (at.get_level_values("posture") == posture)
        rows = self.runs[chosen].droplevel(["scenario", "posture"])
        return rows.dropna(axis="columns", how="all")


def compare(
    city: City,
    scenarios: Sequence[Scenario],
    postures: Mapping[str, Posture],
    *,
    runs: int,
    seed: int,
    workers: int | None = None,
    engine: Choice = "auto",
    catalogue: Catalogue | None = None,
    decisions: Mapping[str, Decisions] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Play every scenario under every posture with common random numbers and compare in pairs.

    Parameters
    ----------
    city
        The city or region.
    scenarios
        The scenarios.
    postures
        Postures by the name under which they are shown; the others are compared with the first.
    decisions
        What people decide when, by the name of the posture: the same posture may stand under two names, once with
        other decisions.
    runs, seed, workers, engine, catalogue, progress
        As for `cyberrange.replicate`.

    Examples
    --------
    >>> import cyberrange as cr
    >>> two = {name: cr.load_posture(name) for name in ("vendor_reliant", "inhouse_ciso")}
    >>> result = cr.compare(cr.load_city("kasba"), [cr.load_scenario("calm_day")], two, runs=2, seed=7, workers=1)
    >>> len(result.runs)
    4
    """
    if runs < 1:
        raise ValueError("runs must be at least 1")
    if len({scenario.id for scenario in scenarios}) < len(scenarios):
        raise ValueError("two scenarios have the same id")
    for name in decisions or {}:
        if name not in postures:
            raise CyberrangeError(
                f"decisions are given for {quoted(name)}, which is no posture here.{did_you_mean(name, postures)}"
            )
    keys = [(scenario.id, name) for scenario in scenarios for name in postures]
    plans: list[Plan] = [
        compile_plan(city, scenario, posture, catalogue, (decisions or {}).get(name))
        for scenario in scenarios
        for name, posture in postures.items()
    ]
    frames = dict(zip(keys, play_all(plans, runs, seed, workers, progress, engine), strict=True))
    compared = [
        paired_differences({name: frames[scenario.id, name] for name in postures}).assign(scenario=scenario.id)
        for scenario in scenarios
    ]
    return Comparison(
        city=city,
        scenarios=tuple(scenarios),
        postures=dict(postures),
        catalogue=catalogue,
        runs=pd.concat(frames, names=["scenario", "posture"]),
        table=pd.concat(compared, ignore_index=True),
        seed=seed,
        provenance={key: provenance(plan, seed) for key, plan in zip(keys, plans, strict=True)},
    )


def compare_until(
    city: City,
    scenario: Scenario,
    base: Posture,
    other: Posture,
    *,
    indifference: float,
    seed: int,
    measure: str = "loss_rupees",
    relative: float = 0.05,
    level: float = 0.95,
    most: int = 10_000,
    engine: Choice = "auto",
    catalogue: Catalogue | None = None,
    progress: Progress | None = None,
) -> Stopped:
    """Compare two postures in pairs until their difference is known well enough, or known not to matter.

    Parameters
    ----------
    city, scenario, catalogue
        What is played.
    base, other
        The difference is `other` less `base`.
    indifference
        The largest difference that is not worth paying for, in the unit of the measure: rupees where none is named.
    seed
        Names the luck.
    measure
        A column of `cyberrange.replicate`.
    relative, level, most
        As for `cyberrange.study.stopping.until_precise`: the half-width asked for as a share of the difference, the
        confidence, the most replicates.
    engine, progress
        As for `cyberrange.replicate`.

    Raises
    ------
    CyberrangeError
        When there is no such measure, or a setting is out of its range.

    Examples
    --------
    >>> import cyberrange as cr
    >>> one = cr.load_posture("inhouse_ciso")
    >>> cr.compare_until(cr.load_city("kasba"), cr.load_scenario("calm_day"), one, one, indifference=1, seed=7).reason
    'indifferent'
    """
    plans = [compile_plan(city, scenario, posture, catalogue) for posture in (base, other)]
    how = chosen_engine(engine, most)

    def sample(first: int, last: int) -> Floats:
        tables = [play(plan, seed, first, last, how) for plan in plans]
        if measure not in tables[0]:
            raise CyberrangeError(f"there is no measure {quoted(measure)}.{did_you_mean(measure, tables[0])}")
        if progress is not None:
            progress(last, most)
        gaps: Floats = tables[1][measure] - tables[0][measure]
        return gaps

    return until_precise(sample, indifference=indifference, relative=relative, level=level, most=most)
