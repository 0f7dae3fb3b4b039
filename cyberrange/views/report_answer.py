"""The answer of a report and the mechanisms behind it: which sentences are said of which results."""

from collections.abc import Sequence

import pandas as pd

from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.results.run import Run
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
    runs_told,
    wait_sentence,
    whole_sentence,
    wound_sentence,
)
from cyberrange.views.inputs_told import annual_cost
from cyberrange.views.words import amount, duration

WAITS = (
    ("consent", "waited_for_approval"),
    ("the city's own people", "waited_for_staff"),
    ("vendors", "waited_for_vendor"),
    ("outside help", "waited_for_outside"),
)
GO_AHEAD = "The first go-ahead to cut something off comes, after noticing, in"


def answer(
    comparison: Comparison, scenario: Scenario, tables: dict[str, pd.DataFrame], names: Sequence[str]
) -> list[str]:
    """Return the answer: the first posture after the base in full, the others in a line each."""
    frames = list(tables.values())
    if len(frames) == 1:
        return _alone(frames[0], names[0])
    base, other, runs = frames[0], frames[1], len(frames[0])

    def pair(measure: str, frame: pd.DataFrame = other) -> tabled.Paired:
        return tabled.paired(frame[measure], base[measure], len(frames) - 1)

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
        clock_sentence(GO_AHEAD, pair("notice_to_decide"), names[1], names[0], runs),
        whole_sentence(*whole, names[1], names[0], scenario.horizon),
        price,
        *(
            other_sentence(pair("unserved_citizen_hours", frame), name, names[0], runs)
            for frame, name in zip(frames[2:], names[2:], strict=True)
        ),
    ]


def _price(comparison: Comparison, names: Sequence[str]) -> str:
    costs = [annual_cost(p, comparison.catalogue) for p in comparison.postures.values()]
    return price_sentence(costs[1] - costs[0], names[1], names[0])


def _alone(frame: pd.DataFrame, name: str) -> list[str]:
    """The answer where there is nothing to compare with."""
    lost = amount(float(frame["unserved_citizen_hours"].mean()))
    return [
        f"Under {name}, citizens lose {lost} citizen-hours of service on average over {runs_told(len(frame))}.",
        "One posture alone says nothing of what another would change: compare two.",
    ]


def why(tables: dict[str, pd.DataFrame], names: Sequence[str], posture: Posture) -> list[str]:
    """Return the mechanisms behind the answer."""
    frames = list(tables.values())
    own = wound_sentence([(n, _share_by_response(t)) for n, t in zip(names, frames, strict=True)])
    in_time = [(n, float(t["reported_in_time"].mean())) for n, t in zip(names, frames, strict=True)]
    law = report_sentence(in_time, posture.rules.report_within)
    return [*(_clocks_and_waits(frames, names) if len(frames) > 1 else []), own, law]


def _share_by_response(table: pd.DataFrame) -> float:
    lost = float(table["unserved_citizen_hours"].sum())
    return float(table["unserved_by_response"].sum()) / lost if lost else 0.0


def _clocks_and_waits(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> list[str]:
    """Say how soon the first posture after the base notices and contains, and what it waits for."""
    runs = len(frames[0])

    def pair(measure: str) -> tabled.Paired:
        return tabled.paired(frames[1][measure], frames[0][measure], len(frames) - 1)

    two = names[1], names[0]
    return [
        clock_sentence("The attack is noticed, after its first foothold, in", pair("time_to_notice"), *two, runs),
        clock_sentence("It is contained, after noticing, in", pair("notice_to_contain"), *two, runs),
        *(wait_sentence(what, pair(measure), *two, runs) for what, measure in WAITS),
    ]


def run_answer(run: Run, name: str) -> list[str]:
    """The answer of one run."""
    m = run.measures
    hurt = run.services.query("unserved > 0").sort_values("unserved", ascending=False, kind="stable")
    noticed = bool(run.times["noticed"].notna().any())
    notice = f"It was noticed {duration(float(m['time_to_notice']))} after the first foothold."
    lost, own = (amount(float(m[key])) for key in ("unserved_citizen_hours", "unserved_by_response"))
    whole = "Every service was whole" if m["restored_by_horizon"] else "Not every service was whole"
    return [
        f"Under {name}, citizens lost {lost} citizen-hours of service in this run.",
        f"The response's own cuts account for {own} of them.",
        f"Most was lost in {hurt['name'].iat[0]}." if len(hurt) else "No service fell.",
        notice if noticed else "Nothing was noticed.",
        f"{whole} at the end.",
        "One run shows how it can go, not how it goes on average: for that, compare postures over many runs.",
    ]
