"""Everything that a report says, as plain records: sentences, cards, tables, figures. The template only lays it out."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.results.run import Run, simulate
from cyberrange.study.compare import Comparison
from cyberrange.views import from_tables as tabled
from cyberrange.views.answer import (
    calm_sentences,
    clock_sentence,
    loss_sentence,
    money_sentence,
    other_sentence,
    price_sentence,
    report_sentence,
    wait_sentence,
    whole_sentence,
    wound_sentence,
)
from cyberrange.views.inputs_told import StepTold, annual_cost, source, steps_told
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


class Section(NamedTuple):
    """One scenario of a report."""

    name: str
    title: str
    story: str
    when: str
    aim: str
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
    steps: list[StepTold]
    attack_version: str
    outages: list[tuple[str, str, str]]
    sources: list[str]
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
        **_told(scenario),
        question=question(names, list(comparison.postures.values()), comparison.city.name),
        answer=_answer(comparison, scenario, tables, names),
        cards=cards(tables, names),
        why=[] if calm else _why(tables, names, scenario, next(iter(comparison.postures.values()))),
        waits=None if calm else waits_table(tables, names),
        one_run=_one_run(replicate, comparison.seed, len(base), names[0]),
        figures=figures,
        many=many,
        tables=difference_tables(tables, names),
        services=service_table(comparison, scenario, tables, names),
        wards=ward_table(comparison, scenario, names),
        lost=any(bool(t["unserved_citizen_hours"].any()) for t in tables.values()),
        losses=tuple(amount(float(t["unserved_citizen_hours"].mean())) for t in tables.values()),
    )


def run_section(run: Run, name: str) -> Section:
    """Gather what a report says of one run."""
    lost = float(run.measures["unserved_citizen_hours"])
    one = run_tables(run)
    return Section(
        **_told(run.plan.scenario),
        question=question([name], [run.plan.posture], run.plan.city.name),
        answer=_run_answer(run, name),
        cards=cards({name: tabled.with_clocks(run.measures.to_frame().T)}, [name]),
        why=[],
        waits=None,
        one_run=f"One run: replicate {run.world.replicate} of seed {run.world.seed}. Another draw of luck would differ.",
        figures=run_figures([run], [name], run.plan.scenario.id),
        many=[],
        tables=one.measures,
        services=one.services,
        wards=one.wards,
        lost=lost > 0,
        losses=(amount(lost),),
    )


def _told(scenario: Scenario) -> dict[str, object]:
    """What the scenario says of itself."""
    aim = f"{scenario.adversary.name}. {scenario.adversary.aim}" if scenario.adversary else "Nobody attacks."
    outages = [(o.what, f"{o.days:g} d", source(o.source)) for o in scenario.outages]
    return {
        "name": scenario.id,
        "title": scenario.name,
        "story": scenario.story,
        "when": f"{_day(scenario.start)}, watched for {duration(scenario.horizon)}",
        "aim": aim,
        "steps": steps_told(scenario),
        "attack_version": scenario.attack_version,
        "outages": outages,
        "sources": [source(s) for s in scenario.sources],
    }


def _day(start: dt.datetime) -> str:
    return f"{start:%A} {start.day} {start:%B %Y}, {start:%H:%M}"


def _one_run(replicate: int, seed: int, runs: int, base: str) -> str:
    if runs == 1:
        return f"The figures below show the only run, replicate {replicate} of seed {seed}, with the same luck for each posture."
    return (
        f"The figures below show one run with the same luck for each posture: replicate {replicate} of seed {seed}, whose "
        f"total loss under {base} is nearest the median of {amount(runs)} runs. Other runs differ; further down all count."
    )


def _answer(
    comparison: Comparison, scenario: Scenario, tables: dict[str, pd.DataFrame], names: Sequence[str]
) -> list[str]:
    """Return the answer: the first posture after the base in full, the others in a line each."""
    frames = list(tables.values())
    if len(frames) == 1:
        return _alone(frames[0], names[0])
    base, other, runs = frames[0], frames[1], len(frames[0])

    def pair(measure: str, frame: pd.DataFrame = other) -> tabled.Paired:
        return tabled.paired(frame[measure], base[measure])

    price = _price(comparison, names)
    if tabled.is_calm(tables):
        alarms = float(base["false_alarms"].mean())
        work, mistakes = pair("false_alarm_hours"), pair("mistaken_alarms")
        loss = loss_sentence(pair("unserved_citizen_hours"), names[1], names[0], runs)
        return [*calm_sentences(alarms, work, mistakes, names[1], names[0], runs), loss, price]
    whole = float(other["restored_by_horizon"].mean()), float(base["restored_by_horizon"].mean())
    return [
        loss_sentence(pair("unserved_citizen_hours"), names[1], names[0], runs),
        money_sentence(pair("loss_rupees"), names[1], names[0], runs),
        clock_sentence("The first go-ahead to cut something off comes, after noticing, in", pair("notice_to_decide"), names[1],
                       names[0], runs),
        whole_sentence(*whole, names[1], names[0], scenario.horizon),
        price,
        *(
            other_sentence(pair("unserved_citizen_hours", frame), name, names[0], runs)
            for frame, name in zip(frames[2:], names[2:], strict=True)
        ),
    ]  # fmt: skip


def _price(comparison: Comparison, names: Sequence[str]) -> str:
    costs = [annual_cost(p, comparison.catalogue) for p in comparison.postures.values()]
    return price_sentence(costs[1] - costs[0], names[1], names[0])


def _alone(frame: pd.DataFrame, name: str) -> list[str]:
    """The answer where there is nothing to compare with."""
    lost = tabled.mean_interval(frame["unserved_citizen_hours"])
    return [
        f"Under {name}, citizens lose {amount(lost.mean)} citizen-hours of service on average over {amount(len(frame))} runs.",
        "One posture alone says nothing of what another would change: compare two.",
    ]


def _why(tables: dict[str, pd.DataFrame], names: Sequence[str], scenario: Scenario, base_posture: Posture) -> list[str]:
    """Return the mechanisms behind the answer."""
    frames = list(tables.values())
    base = frames[0]
    shares = [(n, float(t["unserved_by_response"].sum() / max(1e-12, t["unserved_citizen_hours"].sum()))) for n, t in zip(names, frames, strict=True)]  # fmt: skip
    in_time = [(n, float(t["reported_in_time"].mean())) for n, t in zip(names, frames, strict=True)]
    sentences = [wound_sentence(shares), report_sentence(in_time, base_posture.rules.report_within)]
    if len(frames) == 1:
        return sentences
    other, runs = frames[1], len(base)
    notice = tabled.paired(other["time_to_notice"], base["time_to_notice"])
    contain = tabled.paired(other["notice_to_contain"], base["notice_to_contain"])
    waits = (("consent", "approval"), ("the city's own people", "staff"), ("vendors", "vendor"), ("outside help", "outside"))
    return [
        clock_sentence("The attack is noticed, after its first foothold, in", notice, names[1], names[0], runs),
        clock_sentence("It is contained, after noticing, in", contain, names[1], names[0], runs),
        *(
            wait_sentence(
                what, tabled.paired(other[f"waited_for_{key}"], base[f"waited_for_{key}"]), names[1], names[0], runs
            )
            for what, key in waits
        ),
        *sentences,
    ]


def _run_answer(run: Run, name: str) -> list[str]:
    m = run.measures
    hurt = run.services.query("unserved > 0").sort_values("unserved", ascending=False, kind="stable")
    most = f"Most was lost in {hurt['name'].iat[0]}." if len(hurt) else "No service fell."
    whole = "Every service was whole at the end." if m["restored_by_horizon"] else "Not every service was whole at the end."
    noticed = run.times["noticed"].notna().any()
    clock = f"It was noticed {duration(float(m['time_to_notice']))} after the first foothold." if noticed else "Nothing was noticed."
    return [
        f"Under {name}, citizens lost {amount(float(m['unserved_citizen_hours']))} citizen-hours of service in this run, "
        f"{amount(float(m['unserved_by_response']))} of them by the response's own cuts.",
        most,
        clock,
        whole,
        "One run shows how it can go, not how it goes on average: for that, compare postures over many runs.",
    ]
