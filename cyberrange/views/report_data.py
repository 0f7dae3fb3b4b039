"""Everything that a report says, as plain records: sentences, cards, tables, figures. The template only lays it out."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.results.run import Run, simulate
from cyberrange.study.compare import Comparison
from cyberrange.views import from_tables as tabled
from cyberrange.views.inputs_told import StepTold, source, steps_told
from cyberrange.views.report_answer import answer, run_answer, why
from cyberrange.views.report_figures import Drawing, comparison_figures, run_figures
from cyberrange.views.report_tables import (
    Card,
    Table,
    cards,
    difference_tables,
    run_tables,
    service_table,
    waits_table,
    ward_table,
)
from cyberrange.views.words import amount, duration

Tick = Callable[[], None]
"""Called when a piece of the report is ready."""


class Told(NamedTuple):
    """What a scenario says of itself."""

    name: str
    title: str
    story: str
    when: str
    aim: str
    steps: list[StepTold]
    attack_version: str
    outages: list[tuple[str, str, str]]
    sources: list[str]


class Section(NamedTuple):
    """One scenario of a report."""

    told: Told
    question: str
    answer: list[str]
    cards: list[Card]
    why: list[str]
    waits: Table | None
    one_run: str
    """Which run the figures of one run show."""
    figures: list[Drawing]
    many: list[Drawing]
    tables: list[Table]
    services: Table
    wards: Table
    lost: bool
    """Whether any service lost anything in any run."""
    losses: tuple[str, ...]
    """The loss under each posture, for the summary."""


def short_names(postures: Mapping[str, Posture]) -> list[str]:
    """Return how postures are called on the page: shortly where that tells them apart.

    A key that is not the posture's own id was chosen by the user and stands.
    """
    full = [p.name if key == p.id else key for key, p in postures.items()]
    short = [name.split(",")[0].split(" with ")[0] for name in full]
    return short if len(set(short)) == len(short) else full


def question(names: Sequence[str], postures: Sequence[Posture], city: str) -> str:
    """Return the question that a comparison answers."""
    if len(names) == 1:
        return f"What the attack does to {city} under {names[0]}"
    if "ciso" in postures[1].id and "ciso" not in postures[0].id:
        return f"What a CISO of its own changes for {city}"
    return f"What changes for {city} from {names[0]} to {names[1]}"


def section(comparison: Comparison, scenario: Scenario, tick: Tick) -> Section:
    """Gather what a report says of one scenario."""
    names = short_names(comparison.postures)
    tables = tabled.frames(comparison, scenario)
    base = next(iter(tables.values()))
    replicate = tabled.representative(base)
    runs = []
    for posture in comparison.postures.values():
        runs.append(
            simulate(
                comparison.city, scenario, posture, seed=comparison.seed, replicate=replicate,
                catalogue=comparison.catalogue,
            )
        )  # fmt: skip
        tick()
    figures = run_figures(runs, names, scenario.id)
    tick()
    many = comparison_figures(comparison, scenario, tables, names, scenario.id)
    tick()
    calm = tabled.is_calm(tables)
    return Section(
        told=told(scenario),
        question=question(names, list(comparison.postures.values()), comparison.city.name),
        answer=answer(comparison, scenario, tables, names),
        cards=cards(tables),
        why=[] if calm else why(tables, names, next(iter(comparison.postures.values()))),
        waits=None if calm else waits_table(tables, names),
        one_run=_one_run(replicate, comparison.seed, len(base), names[0]),
        figures=figures,
        many=many,
        tables=difference_tables(tables, names),
        services=service_table(comparison.city, tables, names),
        wards=ward_table(comparison, scenario, names),
        lost=any(bool(t["unserved_citizen_hours"].any()) for t in tables.values()),
        losses=tuple(amount(float(t["unserved_citizen_hours"].mean())) for t in tables.values()),
    )


def run_section(run: Run, name: str) -> Section:
    """Gather what a report says of one run."""
    lost = float(run.measures["unserved_citizen_hours"])
    one = run_tables(run)
    return Section(
        told=told(run.plan.scenario),
        question=question([name], [run.plan.posture], run.plan.city.name),
        answer=run_answer(run, name),
        cards=cards({name: tabled.with_clocks(run.measures.to_frame().T)}),
        why=[],
        waits=None,
        one_run=f"Replicate {run.world.replicate} of seed {run.world.seed}. With other luck it would differ.",
        figures=run_figures([run], [name], run.plan.scenario.id),
        many=[],
        tables=one.measures,
        services=one.services,
        wards=one.wards,
        lost=lost > 0,
        losses=(amount(lost),),
    )


def told(scenario: Scenario) -> Told:
    """Return what a scenario says of itself."""
    adversary = scenario.adversary
    return Told(
        scenario.id,
        scenario.name,
        scenario.story,
        f"{_day(scenario.start)}, watched for {duration(scenario.horizon)}",
        f"{adversary.name}. {adversary.aim}" if adversary else "Nobody attacks.",
        steps_told(scenario),
        scenario.attack_version,
        [(o.what, f"{o.days:g} d", source(o.source)) for o in scenario.outages],
        [source(s) for s in scenario.sources],
    )


def _day(start: dt.datetime) -> str:
    return f"{start:%A} {start.day} {start:%B %Y}, {start:%H:%M}"


def _one_run(replicate: int, seed: int, runs: int, base: str) -> str:
    which = f"replicate {replicate} of seed {seed}"
    if runs == 1:
        return f"The figures below show the only run, {which}, with the same luck for each posture."
    return (
        f"The figures below show one run with the same luck for each posture: {which}, whose total loss under {base} "
        f"is nearest the median of {amount(runs)} runs. Other runs differ; further down all count."
    )
