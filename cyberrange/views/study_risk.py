"""The annual risk of today's design and of the recommended one: curves, ledgers, scenarios, clocks of the response."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cyberrange.results.intervals import Interval, mean_interval
from cyberrange.study.answer import TAIL, Answer
from cyberrange.study.risk.annual import AnnualRisk
from cyberrange.study.risk.pricing import LEDGER_MEASURES
from cyberrange.views.report_tables import NOT_TOLD, Difference, Line, Table
from cyberrange.views.study_names import Names, scenario_names
from cyberrange.views.study_subjects import ClockRow, Exceedance, Quartiles, RiskCurve, ScenarioLoss
from cyberrange.views.subjects import Numbers
from cyberrange.views.words import SPACE, clear, duration, percent, rupees, signed, span, value

BAND = 0.90
"""Of the bands of the curves."""
RAREST = 1e-3
"""Least chance of a year that is drawn."""
POINTS = 161
LEDGER_NAMES = {
    "city": "The city's budget",
    "citizens": "Citizens",
    "total": "City and citizens",
    "deferred": "Revenue that comes late",
    "recovered": "of it, collected later",
    "citizen_hours": "Citizen-hours without a service",
    "safety_minutes": "Minutes weighted by safety",
}
CLOCKS = (
    ("time_to_notice", "First foothold to noticing"),
    ("time_to_contain", "First foothold to containment"),
    ("time_to_recover", "First foothold to all whole"),
)
IN_TIME = "reported_in_time"


def compared(answer: Answer) -> list[str]:
    """Return the keys of the designs that are set side by side: today's, and the recommended one if it is another."""
    return list(dict.fromkeys((answer.today, answer.recommended)))


def compared_names(answer: Answer, names: Names) -> list[str]:
    """Return how the designs that are set side by side are called in figures and tables."""
    return [f"Today ({names[answer.today].letter})", f"Recommended ({names[answer.recommended].letter})"][
        : len(compared(answer))
    ]


# --- the year ---------------------------------------------------------------------------------------------------------


def exceedance(answer: Answer, names: Names) -> Exceedance | None:
    """Return the curves of total loss, or nothing where no year has a loss."""
    risks = [answer.risks[key] for key in compared(answer)]
    if all(risk.annual["total"].ale == 0 for risk in risks):
        return None
    at = _losses_drawn(risks, answer.study.spec.threshold)
    curves = []
    for risk, name in zip(risks, compared_names(answer, names), strict=True):
        found = risk.band("total", seed=answer.study.spec.seed, level=BAND, points=at)
        columns = [found[name].to_numpy(dtype=np.float64) for name in ("loss", "chance", "low", "high")]
        curves.append(RiskCurve(name, *columns))
    return Exceedance(tuple(curves), answer.study.spec.threshold)


def _losses_drawn(risks: Sequence[AnnualRisk], threshold: float) -> Numbers:
    """Return losses evenly spaced on a log scale: from where the curves begin to fall to where years get too rare."""
    years = [risk.annual["total"] for risk in risks if risk.annual["total"].ale > 0]
    top = max([threshold, *(max(year.var(1 - RAREST), year.ale) for year in years)]) * 1.2
    grid = np.geomspace(top * 1e-6, top, 400)
    flat = np.all([year.chances_above(grid) >= 0.985 * (1 - year.none) for year in years], axis=0)
    start = grid[np.flatnonzero(flat)[-1]] if flat.any() else grid[0]
    lowest = min(float(start), threshold / 3) if threshold > 0 else float(start)
    losses: Numbers = np.geomspace(lowest, top, POINTS)
    return losses


def year_sentences(answer: Answer) -> list[str]:
    """Say how likely a year is that costs more than the threshold, and what the worst years cost."""
    at = answer.study.spec.threshold
    chances = [answer.risks[key].annual["total"].chance_above(at) for key in compared(answer)]
    tails = [answer.risks[key].annual["total"].cvar(TAIL) for key in compared(answer)]
    then = "the recommended design"
    chance = f"A year that costs city and citizens more than {rupees(at)} has a chance of {percent(chances[0])} today"
    tail = f"The worst 5{SPACE}% of years cost {rupees(tails[0])} on average today"
    if len(chances) == 1:
        return [f"{chance}. {tail}."]
    return [f"{chance} and of {percent(chances[1])} under {then}. {tail} and {rupees(tails[1])} under {then}."]


def ledger_table(answer: Answer, names: Names) -> Table:
    """Return the figures of every ledger for the designs compared."""
    keys = compared(answer)
    letters = [names[key].letter for key in keys]
    tables = [answer.risks[key].table(answer.study.spec.threshold) for key in keys]
    columns = {
        "ale": "Mean a year",
        "var95": "Exceeded once in 20 years",
        "cvar95": f"Mean of the worst 5{SPACE}% of years",
        "chance_above": f"Chance of more than {rupees(answer.study.spec.threshold)}",
    }
    heads = ("Ledger", *(f"{says}, {letter}" for says in columns.values() for letter in letters))
    lines = [_ledger_line(answer, tables, ledger.name, list(columns)) for ledger in LEDGER_MEASURES]
    caption = (
        f"{_legend(answer, names)} Means add up, the other columns do not. Revenue that is never collected stands in "
        "the city's budget. What is collected later counts nothing there, so see how much is taken as collected later."
    )
    return Table("What a year costs, ledger by ledger", heads, tuple(lines), caption)


def _legend(answer: Answer, names: Names) -> str:
    """Say which letters the designs compared have."""
    today = f"{names[answer.today].letter}: today."
    return f"{today} {names[answer.recommended].letter}: recommended." if answer.worth_it else today


def _ledger_line(answer: Answer, tables: Sequence[pd.DataFrame], ledger: str, columns: Sequence[str]) -> Line:
    unit = str(tables[0].loc[ledger, "unit"])
    cells = tuple(
        _ledger_cell(float(table.loc[ledger, column]), "share" if column == "chance_above" else unit)  # type: ignore[arg-type]
        for column in columns
        for table in tables
    )
    note = "" if unit == "Rs" else unit
    if ledger == "deferred":
        shares = [
            float(risk["recovered"].ale / risk["deferred"].ale)
            for risk in (answer.risks[key].annual for key in compared(answer))
            if risk["deferred"].ale
        ]
        note = f"{' and '.join(dict.fromkeys(percent(x) for x in shares))} of it collected later" if shares else "none"
    return Line(LEDGER_NAMES[ledger], note, cells)


def _ledger_cell(x: float, unit: str) -> str:
    return "–" if np.isnan(x) else value(x, unit)


# --- scenarios --------------------------------------------------------------------------------------------------------


def scenario_losses(answer: Answer) -> list[ScenarioLoss]:
    """Return what each scenario costs a year under the designs compared, the largest today first."""
    level = answer.study.spec.confidence
    rows = [
        ScenarioLoss(name, tuple(mean_interval(x, level) for x in _yearly(answer, key)))
        for key, name in scenario_names(answer).items()
    ]
    return sorted(rows, key=lambda row: -row.losses[0].mean)


def _yearly(answer: Answer, scenario: str) -> list[Numbers]:
    """Rupees a year of one scenario, replicate by replicate: its frequency times the loss of an incident."""
    risks = [answer.risks[key] for key in compared(answer)]
    return [risk.per_year[scenario] * risk.priced[scenario]["total"].to_numpy(dtype=np.float64) for risk in risks]


def scenario_sentence(answer: Answer) -> str:
    """Say where the loss comes from, and where the recommended design lowers it most."""
    rows = scenario_losses(answer)
    total = sum(row.losses[0].mean for row in rows)
    if total <= 0:
        return "No scenario costs anything today."
    first = f"{percent(rows[0].losses[0].mean / total)} of today's expected loss comes from “{rows[0].name}”"
    if len(rows[0].losses) == 1:
        return f"{first}."
    most = max(rows, key=lambda row: row.losses[0].mean - row.losses[1].mean)
    fall = most.losses[0].mean - most.losses[1].mean
    if fall <= 0:
        return f"{first}. The recommended design lowers the loss of no scenario."
    where = "it" if most is rows[0] else f"“{most.name}”"
    return f"{first}. The recommended design saves most in {where}: {rupees(fall)} a year."


def scenario_table(answer: Answer, names: Names) -> Table:
    """Return frequency, mean loss of an incident and loss a year of each scenario."""
    letters = [names[key].letter for key in compared(answer)]
    titles = scenario_names(answer)
    order = sorted(titles, key=lambda key: -float(_yearly(answer, key)[0].mean()))
    heads = (
        "Scenario",
        "Times a year",
        *(f"Loss of an incident, {letter}" for letter in letters),
        *(f"Loss a year, {letter}" for letter in letters),
        *(["Difference a year"] if len(letters) > 1 else []),
    )
    return Table(
        "Scenario by scenario",
        heads,
        tuple(_scenario_line(answer, key, titles[key]) for key in order),
        _legend(answer, names),
    )


def _scenario_line(answer: Answer, scenario: str, title: str) -> Line:
    rate, yearly = answer.study.per_year[scenario], _yearly(answer, scenario)
    each = [answer.risks[key].priced[scenario]["total"].mean() for key in compared(answer)]
    cells = (f"{rate:g}", *(rupees(float(x)) for x in each), *(rupees(float(x.mean())) for x in yearly))
    gaps = [gap_told(mean_interval(x - yearly[0], answer.study.spec.confidence)) for x in yearly[1:]]
    return Line(title, "", cells, tuple(gaps))


def gap_told(gap: Interval) -> Difference:
    """Write a difference in rupees with its interval, marked where the runs cannot tell it from none."""
    if gap == (0.0, 0.0, 0.0):
        return Difference("the same", "", False)
    told = clear(gap)
    return Difference(signed(gap.mean, "Rs"), f"{span(gap, 'Rs')}{'' if told else f'; {NOT_TOLD}'}", told)


# --- clocks -----------------------------------------------------------------------------------------------------------


def clock_frames(answer: Answer) -> list[pd.DataFrame]:
    """Return the clocks of the runs of each design compared, from the store; nothing where it lacks them."""
    study, keys = answer.study, compared(answer)
    rows = study.store.read(study.cells([study.design(key) for key in keys]), [*(m for m, _ in CLOCKS), IN_TIME])
    rows = rows[rows["replicate"] < study.spec.runs.final]
    frames = [rows[rows["design"] == key] for key in keys]
    complete = all(set(frame["scenario"].unique()) == set(study.scenarios) for frame in frames)
    return frames if complete and not rows.isna().any(axis=None) else []


def clock_rows(answer: Answer, frames: Sequence[pd.DataFrame]) -> list[ClockRow]:
    """Return the quartiles of each clock over the incidents as they come in a year."""
    rates = answer.study.per_year
    return [ClockRow(name, tuple(quartiles(f, measure, rates) for f in frames)) for measure, name in CLOCKS]


def quartiles(frame: pd.DataFrame, measure: str, per_year: dict[str, float]) -> Quartiles:
    """Return the quartiles of a measure over incidents, each scenario weighted by how often it comes.

    Parameters
    ----------
    frame
        A row per run, with its `scenario`.
    measure
        A column; what lies before the first foothold counts as at once.
    per_year
        Incidents a year by scenario; equal weights where all are 0.
    """
    x = frame[measure].clip(lower=0.0).to_numpy(dtype=np.float64)
    weight = (frame["scenario"].map(per_year) / frame.groupby("scenario")[measure].transform("size")).to_numpy()
    weight = weight if weight.any() else np.ones(len(x))
    order = np.argsort(x, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    low, median, high = (float(x[order][np.searchsorted(share, q * (1 - 1e-12))]) for q in (0.25, 0.5, 0.75))
    return Quartiles(low, median, high)


def in_time(frame: pd.DataFrame, per_year: dict[str, float]) -> float:
    """Return the share of incidents, as they come in a year, whose report was in time."""
    means = frame.groupby("scenario")[IN_TIME].mean()
    weights = np.array([per_year[str(name)] for name in means.index])
    return float(np.average(means, weights=weights if weights.any() else None))


def clock_sentence(answer: Answer, frames: Sequence[pd.DataFrame]) -> str:
    """Say how soon half of the incidents are contained, and how often the report is in time."""
    contained = clock_rows(answer, frames)[1].spreads
    shares = [in_time(frame, answer.study.per_year) for frame in frames]
    first = f"Half of all incidents are contained within {duration(contained[0].median)} today"
    second = f"the report that the law asks for is in time in {percent(shares[0])}"
    if len(frames) == 1:
        return f"{first}; {second}."
    return (
        f"{first} and within {duration(contained[1].median)} under the recommended design; {second} today and in "
        f"{percent(shares[1])} then."
    )


def clock_table(answer: Answer, names: Names, frames: Sequence[pd.DataFrame]) -> Table:
    """Return the clocks over all incidents, then scenario by scenario."""
    letters = [names[key].letter for key in compared(answer)]
    heads = (
        "Scenario",
        *(f"{says}, {letter}" for _, says in CLOCKS for letter in letters),
        *(f"Reported in time, {letter}" for letter in letters),
    )
    lines = [_clock_line("All incidents", answer, frames)]
    for key, name in scenario_names(answer).items():
        lines.append(_clock_line(name, answer, [frame[frame["scenario"] == key] for frame in frames]))
    caption = (
        f"{_legend(answer, names)} Medians, and in brackets the quartiles; over all incidents each scenario counts as "
        "often as it comes. A clock that has not stopped when the scenario ends counts as stopped there; where the "
        "attack gets nowhere it is 0."
    )
    return Table("Clock by clock, scenario by scenario", heads, tuple(lines), caption)


def _clock_line(name: str, answer: Answer, frames: Sequence[pd.DataFrame]) -> Line:
    rates = answer.study.per_year
    spreads = [quartiles(frame, measure, rates) for measure, _ in CLOCKS for frame in frames]
    shares = [percent(in_time(frame, rates)) for frame in frames]
    return Line(name, "", (*(_quartiles_told(x) for x in spreads), *shares))


def _quartiles_told(x: Quartiles) -> str:
    return f"{duration(x.median)} ({duration(x.low)} to {duration(x.high)})"
