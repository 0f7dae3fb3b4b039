"""Tables of replicates as differences, spreads, outages, and the replicate that stands for the others."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from cyberrange.inputs.scenario import Outage, Scenario
from cyberrange.model.build import people_served
from cyberrange.results.intervals import Interval, joint_level, mean_interval
from cyberrange.results.measures import MEASURES
from cyberrange.results.paired import relative_difference
from cyberrange.study.compare import Comparison
from cyberrange.views.subjects import Gap, OutageRow, Spread
from cyberrange.views.words import clear

UNITS = {m.name: m.unit for m in MEASURES} | {
    "notice_to_declare": "hours",
    "notice_to_decide": "hours",
    "notice_to_contain": "hours",
    "notice_to_recover": "hours",
}
MEANINGS = {m.name: m.meaning for m in MEASURES} | {
    "notice_to_declare": "from noticing to the declaration",
    "notice_to_decide": "from noticing to the first consent to a containing step",
    "notice_to_contain": "from noticing until nothing hit was left connected, for good; 0 when it was already so",
    "notice_to_recover": "from noticing until no asset was hurt or isolated, for good",
}
KEY = (
    ("What citizens lose", "unserved_citizen_hours", "Service lost"),
    ("What citizens lose", "loss_rupees", "Money lost, city and citizens"),
    ("What citizens lose", "safety_minutes", "Safety-weighted time lost"),
    ("What citizens lose", "unserved_by_response", "Lost by the response's own cuts"),
    ("What citizens lose", "records_exposed", "Personal records exposed"),
    ("How long it takes", "time_to_notice", "First foothold to noticing"),
    ("How long it takes", "notice_to_declare", "Noticing to declaration"),
    ("How long it takes", "notice_to_decide", "Noticing to first go-ahead"),
    ("How long it takes", "notice_to_contain", "Noticing to containment"),
    ("How long it takes", "time_to_recover", "First foothold to all whole"),
    ("How long it takes", "time_to_report", "Noticing to the report"),
    ("What the response waits for", "waited_for_approval", "Waiting for consent"),
    ("What the response waits for", "waited_for_staff", "Waiting for own people"),
    ("What the response waits for", "waited_for_vendor", "Waiting for vendors"),
    ("What the response waits for", "waited_for_outside", "Waiting for outside help"),
    ("How far it spreads", "assets_hit", "Systems hit"),
    ("How far it spreads", "cascade_size", "Systems and services that fell"),
)
"""Group, measure and short name of what is shown first."""

CALM = (
    ("False alarms", "false_alarms", "False alarms"),
    ("False alarms", "false_alarm_hours", "Work on false alarms"),
    ("False alarms", "mistaken_alarms", "Taken for an attack"),
    ("What it costs", "response_cost", "Cost of the work"),
    ("What it costs", "loss_rupees", "Money lost, city and citizens"),
    ("What it costs", "unserved_citizen_hours", "Service lost"),
)
"""What is shown of days without an attack."""

SPREAD_OF = (
    ("unserved_citizen_hours", "Citizen-hours lost"),
    ("loss_rupees", "Rupees lost"),
    ("time_to_notice", "First foothold to noticing"),
    ("notice_to_decide", "Noticing to first go-ahead"),
    ("notice_to_contain", "Noticing to containment"),
    ("time_to_recover", "First foothold to all whole"),
)
CALM_SPREAD = (
    ("false_alarms", "False alarms"),
    ("false_alarm_hours", "People-hours of work on them"),
    ("response_cost", "Rupees for it"),
)


class Paired(NamedTuple):
    """A measure under one posture, and its paired difference from the base."""

    mean: Interval
    difference: Interval
    base: float
    """The base's mean."""
    ratio: Interval | None = None
    """The difference relative to the base's mean; none where that is 0."""

    @property
    def told(self) -> bool:
        """Whether the runs can tell a difference: its interval leaves zero out."""
        return clear(self.difference)


def frames(comparison: Comparison, scenario: Scenario) -> dict[str, pd.DataFrame]:
    """Return the measures by posture, with the clocks from the notice added."""
    return {name: with_clocks(comparison.of(scenario.id, name)) for name in comparison.postures}


def with_clocks(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the times from noticing, which leave out the luck of noticing."""
    noticed = frame["time_to_notice"]
    spans = {
        f"notice_to_{what}": (frame[f"time_to_{what}"] - noticed).clip(lower=0.0)
        for what in ("declare", "decide", "contain", "recover")
    }
    return frame.assign(**spans)


def paired(values: pd.Series, base: pd.Series, compared: int) -> Paired:
    """Return mean and paired difference of one column; the intervals of all postures compared hold jointly."""
    level = joint_level(0.95, compared)
    mean = float(base.mean())
    ratio = None
    if mean > 0:
        whole = relative_difference(base, values, level)
        ratio = whole._replace(low=max(whole.low, -1.0))  # no measure of ours falls below 0
    return Paired(mean_interval(values), mean_interval(values - base, level), mean, ratio)


def representative(frame: pd.DataFrame) -> int:
    """Return the replicate whose total loss is nearest the median; of equals the one with the median effort."""
    loss = (frame["unserved_citizen_hours"] - frame["unserved_citizen_hours"].median()).abs()
    effort = (frame["time_to_recover"] - frame["time_to_recover"].median()).abs()
    nearest = loss[loss == loss.min()].index
    return int(effort.loc[nearest].idxmin())


def shown(tables: dict[str, pd.DataFrame]) -> tuple[tuple[str, str, str], ...]:
    """Return the key measures; those of calm days where no run saw an attack."""
    return CALM if is_calm(tables) else KEY


def is_calm(tables: dict[str, pd.DataFrame]) -> bool:
    """Whether no run saw an attack."""
    return all(not t["assets_hit"].any() for t in tables.values())


def gaps(tables: dict[str, pd.DataFrame]) -> list[Gap]:
    """Return the key measures' differences from the base relative to its mean; none where every run is the same."""
    names = list(tables)
    base = tables[names[0]]
    found = []
    for group, measure, says in shown(tables):
        pairs = [paired(tables[name][measure], base[measure], len(names) - 1) for name in names[1:]]
        if all(p.difference == (0.0, 0.0, 0.0) for p in pairs):
            continue
        for i, p in enumerate(pairs, start=1):
            if p.ratio is not None and math.isfinite(p.ratio.high):
                found.append(Gap(group, says, i, *p.ratio, told=p.told))
    return found


def spreads(tables: dict[str, pd.DataFrame], horizon: float) -> list[Spread]:
    """Return the spread of loss and clocks, without measures that are 0 everywhere."""
    found = []
    for measure, says in CALM_SPREAD if is_calm(tables) else SPREAD_OF:
        columns = tuple(t[measure].to_numpy(dtype=np.float64) for t in tables.values())
        if any(c.any() for c in columns):
            found.append(Spread(says, UNITS[measure], columns, horizon))
    return found


def outage_rows(comparison: Comparison, scenario: Scenario, postures: Sequence[str]) -> list[OutageRow]:
    """Return the published outages with those simulated for the worst service of the same sector in each replicate."""
    rows = []
    for outage in scenario.outages:
        services = [key for key, s in comparison.city.services.items() if s.sector == outage.service]
        if services:
            rows.append(_outage_row(comparison, scenario, outage, services, postures))
    return rows


def _outage_row(
    comparison: Comparison, scenario: Scenario, outage: Outage, services: list[str], postures: Sequence[str]
) -> OutageRow:
    columns = [f"outage.{key}" for key in services]
    days = tuple(
        comparison.of(scenario.id, name)[columns].max(axis=1).to_numpy(dtype=np.float64) / 24 for name in postures
    )
    names = list(dict.fromkeys(comparison.city.services[key].name for key in services))
    says = names[0] if len(names) == 1 else f"the worst of {len(services)} services of sector {outage.service}"
    return OutageRow(outage.what, outage.days, f"simulated: {says}", days)


def ward_losses(comparison: Comparison, scenario: Scenario) -> dict[str, dict[str, pd.Series]]:
    """Return citizen-hours lost per head by posture and ward, replicate by replicate."""
    city = comparison.city
    shares: dict[str, dict[str, float]] = {}
    for key, service in city.services.items():
        served = people_served(city, service)
        total = sum(served.values()) or 1.0
        shares[key] = {ward: people / total for ward, people in served.items()}
    result = {}
    for name in comparison.postures:
        table = comparison.of(scenario.id, name)
        result[name] = {
            ward: sum((table[f"unserved.{k}"] * share[ward] for k, share in shares.items() if ward in share),
                      start=pd.Series(0.0, index=table.index)) / max(1, record.population)
            for ward, record in city.wards.items()
        }  # fmt: skip
    return result
