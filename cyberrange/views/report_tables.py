"""The tables and key figures of a report, as text that is ready to be laid out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from cyberrange.inputs.city import City
from cyberrange.inputs.scenario import Scenario
from cyberrange.model.build import people_served
from cyberrange.results.intervals import mean_interval
from cyberrange.results.run import Run
from cyberrange.study.compare import Comparison
from cyberrange.views import from_tables as tabled
from cyberrange.views.from_runs import label
from cyberrange.views.words import amount, duration, listed, percent, signed, span, value

WAITS = (("approval", "for consent"), ("staff", "for the city's own people"), ("vendor", "for vendors"),
         ("outside", "for outside help"))  # fmt: skip
NOT_TOLD = "n.d."
"""What a table says where the runs cannot tell a difference; the page explains it."""
GROUPS = {
    "Loss": """
        unserved_citizen_hours unserved_by_attack unserved_by_response response_share resilience_loss
        safety_minutes saidi saifi worst_level records_exposed
    """,
    "Money": """
        loss_rupees loss_city_rupees loss_citizens_rupees deferred_rupees deferred_recovered_rupees
        response_cost
    """,
    "Clocks": """
        time_to_alert time_to_notice time_to_declare time_to_decide notice_to_declare notice_to_decide
        notice_to_contain time_to_contain
        time_to_eradicate time_to_recover time_to_report reported_in_time time_to_notify restored_50
        restored_90 restored_100 restored_by_horizon
    """,
    "Waiting and work": """
        waited_for_approval waited_for_staff waited_for_vendor waited_for_outside worked approvals_asked
        false_alarms false_alarm_hours mistaken_alarms
    """,
    "Cascade": """
        assets_hit cascade_size cascade_depth amplification spread_hours cities_touched wards_touched
        black_starts operations_stopped hit_again
    """,
}
"""Measures by group."""


class Card(NamedTuple):
    """A key figure under each posture."""

    title: str
    values: tuple[tuple[str, str, float], ...]
    """Value, its interval, and its share of the largest for the bar."""


class Difference(NamedTuple):
    """A paired difference as text."""

    size: str
    interval: str
    told: bool
    """Whether the runs can tell it from none."""


class Line(NamedTuple):
    """A row of a table: its head, its cells, then differences from the base."""

    head: str
    note: str
    cells: tuple[str, ...]
    differences: tuple[Difference, ...] = ()


class Table(NamedTuple):
    """A table."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    caption: str = ""


CARDS = (
    ("unserved_citizen_hours", "Citizen-hours lost"),
    ("loss_rupees", "Rupees lost, city and citizens"),
    ("time_to_notice", "First foothold to noticing"),
    ("notice_to_decide", "Noticing to first go-ahead"),
    ("notice_to_contain", "Noticing to containment"),
    ("time_to_recover", "First foothold to all whole"),
)
CALM_CARDS = (
    ("false_alarms", "False alarms"),
    ("false_alarm_hours", "People-hours of work on them"),
    ("mistaken_alarms", "Taken for an attack"),
    ("response_cost", "Cost of the work"),
)


def cards(tables: Mapping[str, pd.DataFrame]) -> list[Card]:
    """Return the key figures, each with its mean and interval under each posture."""
    found = []
    for measure, title in CALM_CARDS if tabled.is_calm(dict(tables)) else CARDS:
        unit = tabled.UNITS[measure]
        means = [mean_interval(t[measure]) for t in tables.values()]
        top = max(m.mean for m in means) or 1.0
        several = len(next(iter(tables.values()))) > 1
        values = tuple(
            (
                value(m.mean, unit),
                f"{value(max(0.0, m.low), unit)} to {value(m.high, unit)}" if several else "",
                m.mean / top,
            )
            for m in means
        )
        found.append(Card(title, values))
    return found


def waits_table(tables: Mapping[str, pd.DataFrame], names: Sequence[str]) -> Table:
    """Return what the response waited for: mean task-hours, and the share of all waiting."""
    means = {
        n: [float(t[f"waited_for_{key}"].mean()) for key, _ in WAITS]
        for n, t in zip(names, tables.values(), strict=True)
    }
    lines = []
    for i, (_, says) in enumerate(WAITS):
        cells = [
            f"{amount(row[i])} ({percent(row[i] / sum(row)) if sum(row) else percent(0)})" for row in means.values()
        ]
        lines.append(Line(says, "", tuple(cells)))
    work = [amount(float(t["worked"].mean())) for t in tables.values()]
    lines.append(Line("people-hours of work", "for comparison", tuple(work)))
    caption = "Task-hours that the response waited, means over the runs, and the share of all its waiting."
    return Table("Waiting", ("Waiting", *names), tuple(lines), caption)


def difference_tables(tables: Mapping[str, pd.DataFrame], names: Sequence[str]) -> list[Table]:
    """Return every measure under each posture with its paired difference from the first, in groups."""
    frames = list(tables.values())
    base = frames[0]
    heads = ("Measure", *names, *(f"{name} against {names[0]}" for name in names[1:]))
    found = []
    for title, text in GROUPS.items():
        lines = []
        for measure in text.split():
            unit = tabled.UNITS[measure]
            means = tuple(value(float(t[measure].mean()), unit) for t in frames)
            gaps = [tabled.paired(t[measure], base[measure], len(frames) - 1) for t in frames[1:]]
            differences = tuple(difference(g, unit) for g in gaps)
            if any(t[measure].any() for t in frames):
                head = measure.replace("_", " ").capitalize()
                note = f"{tabled.MEANINGS[measure]}; {unit}"
                lines.append(Line(head, note, means, differences))
        if lines:
            found.append(Table(title, heads, tuple(lines)))
    return found


def difference(p: tabled.Paired, unit: str) -> Difference:
    """Write a difference with its interval, marked where the runs cannot tell it from none."""
    gap = p.difference
    if gap == (0.0, 0.0, 0.0):
        return Difference("the same", "in every run", False)
    mark = "" if p.told else f"; {NOT_TOLD}"
    return Difference(signed(gap.mean, unit), f"{span(gap, unit)}{mark}", p.told)


def service_table(city: City, tables: Mapping[str, pd.DataFrame], names: Sequence[str]) -> Table:
    """Return citizen-hours lost and time below half of each service, those that lost most first."""
    frames = list(tables.values())
    lost = {s: [float(t[f"unserved.{s}"].mean()) for t in frames] for s in city.services}
    lines = []
    for key in sorted(city.services, key=lambda s: -max(lost[s])):
        column = f"unserved.{key}"
        gaps = [tabled.paired(t[column], frames[0][column], len(frames) - 1) for t in frames[1:]]
        out = [duration(float(t[f"outage.{key}"].mean())) for t in frames]
        people = f"{amount(sum(people_served(city, city.services[key]).values()))} people in a mean hour"
        differences = tuple(difference(g, "citizen-hours") for g in gaps)
        lines.append(Line(label(city, key), people, (*map(amount, lost[key]), *out), differences))
    heads = (
        "Service",
        *(f"Lost, {n}" for n in names),
        *(f"Below half, {n}" for n in names),
        *(f"{n} against {names[0]}" for n in names[1:]),
    )
    caption = "Citizen-hours lost and time below half of normal service, means over the runs."
    return Table("Services", heads, tuple(lines), caption)


def ward_table(comparison: Comparison, scenario: Scenario, names: Sequence[str]) -> Table:
    """Return service-hours lost per head in each ward, those that lose most first."""
    city = comparison.city
    wards = list(tabled.ward_losses(comparison, scenario).values())
    order = sorted(city.wards, key=lambda w: -float(wards[0][w].mean()))
    lines = []
    for key in order:
        ward = city.wards[key]
        gaps = [tabled.paired(losses[key], wards[0][key], len(wards) - 1) for losses in wards[1:]]
        cells = tuple(amount(float(losses[key].mean())) for losses in wards)
        town = city.cities[city.city_of(ward)].name + ", " if city.cities else ""
        lines.append(
            Line(
                ward.name,
                f"{town}{amount(ward.population)} people",
                cells,
                tuple(difference(g, "hours per head") for g in gaps),
            )
        )
    heads = ("Ward", *names, *(f"{n} against {names[0]}" for n in names[1:]))
    return Table("Who bears it", heads, tuple(lines), _equity([losses for losses in wards], names))


def _equity(wards: Sequence[Mapping[str, pd.Series]], names: Sequence[str]) -> str:
    """Say how unequal the wards are under each posture."""
    parts, even = [], True
    for losses, name in zip(wards, names, strict=True):
        means = [float(x.mean()) for x in losses.values()]
        if means and min(means) > 0:
            parts.append(f"{max(means) / min(means):.1f} times as much under {name}")
            even = even and max(means) < 1.05 * min(means)
    ratio = f" The ward that loses most loses {listed(parts)} as the one that loses least." if parts else ""
    if parts and even:
        ratio = " Every ward loses about the same."
    return f"Hours of service lost per head, services added up, means over the runs.{ratio}"


class RunTables(NamedTuple):
    """The tables of one run."""

    measures: list[Table]
    services: Table
    wards: Table


def run_tables(run: Run) -> RunTables:
    """Return the tables of one run, which has nothing to compare with."""
    frame = tabled.with_clocks(run.measures.to_frame().T)
    city = run.plan.city
    measures = difference_tables({"run": frame}, ["This run"])
    by_loss = run.services.sort_values("unserved", ascending=False, kind="stable")
    services = tuple(
        Line(label(city, str(key)), "", (amount(row["unserved"]), duration(row["outage"]), percent(row["worst"])))
        for key, row in by_loss.iterrows()
    )
    wards = tuple(
        Line(city.wards[str(key)].name, f"{amount(row['population'])} people", (amount(row["per_head"]),))
        for key, row in run.wards.sort_values("per_head", ascending=False, kind="stable").iterrows()
    )
    return RunTables(
        measures,
        Table("Services", ("Service", "Citizen-hours lost", "Below half", "Lowest level"), services),
        Table(
            "Who bears it", ("Ward", "Hours lost per head"), wards, "Hours of service lost per head, services added up."
        ),
    )
