"""What a run or a comparison comes to, on one screen."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyberrange.cli.output import (
    console,
    plain,
    spoken_hours,
    spoken_level,
    spoken_moment,
    spoken_number,
    spoken_rupees,
    spoken_share,
)

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.table import Table

    from cyberrange.results.run import Run
    from cyberrange.study.compare import Comparison

Spoken = Callable[..., str]
"""Writes an amount, in the unit that also fits a second amount if it is given one."""

SHOWN_CLOCKS = {
    "compromised": "first foothold or harm",
    "noticed": "noticed",
    "declared": "incident declared",
    "decided": "first containment allowed",
    "contained": "contained",
    "eradicated": "attacker removed",
    "recovered": "all systems back",
    "reported": "reported to CERT-In",
}
_WAITS = {"staff": "their own people", "approval": "approval", "vendor": "the vendor", "outside": "outside help"}
MOST_SERVICES = 15
COMPARED: dict[str, tuple[str, Spoken]] = {
    "unserved_citizen_hours": ("citizen-hours lost", spoken_number),
    "response_share": ("... of which by the response", spoken_share),
    "loss_rupees": ("cost", spoken_rupees),
    "safety_minutes": ("safety-weighted minutes", spoken_number),
    "records_exposed": ("records exposed", spoken_number),
    "time_to_notice": ("time to notice", spoken_hours),
    "time_to_decide": ("time to decide", spoken_hours),
    "time_to_contain": ("time to contain", spoken_hours),
    "time_to_recover": ("time to recover", spoken_hours),
    "reported_in_time": ("reported in time", spoken_share),
    "waited_for_approval": ("waited for approval", spoken_hours),
    "waited_for_vendor": ("waited for the vendor", spoken_hours),
}
"""Measures that tell postures apart, in the order in which they are shown."""


def show_run(run: "Run", seed: int, replicate: int, files: Sequence[Path]) -> None:
    """Print the story, the clocks, the losses and where the files are."""
    plan = run.plan
    out = console()
    out.print(plain(plan.scenario.name, "bold"))
    out.print(plain(f"{plan.city.name} - {plan.posture.name} - seed {seed}, replicate {replicate}", "dim"))
    out.print()
    out.print(plain(plan.scenario.story))
    out.print()
    out.print(plain(f"How long it took, from {plan.scenario.start:%A %d %B %Y, %H:%M}", "bold"), _clocks(run))
    out.print()
    out.print(plain("What citizens lost", "bold"), _losses(run))
    out.print()
    for line in _closing_lines(run):
        out.print(plain(line))
    _show_files(files)


def _clocks(run: "Run") -> "Table":
    times = run.times[run.times.notna().any(axis=1)]
    cities = list(times.index) or [run.plan.units[0]]
    table = _table("", *(_name_of(run, city) for city in cities))
    for clock, words in SHOWN_CLOCKS.items():
        table.add_row(words, *(spoken_moment(float(run.times.loc[city, clock])) for city in cities))
    return table


def _name_of(run: "Run", unit: str) -> str:
    cities = run.plan.city.cities
    return cities[unit].name if unit in cities else "shared" if cities else run.plan.city.name


def _losses(run: "Run") -> "Table":
    table = _table("service", "citizen-hours", "below half for", "worst level", "cost to city", "cost to citizens")
    region = bool(run.plan.city.cities)
    services = run.services
    hurt = services[services["unserved"] > 0].sort_values("unserved", ascending=False)
    for row in hurt.head(MOST_SERVICES).to_dict(orient="records"):
        table.add_row(
            plain(f"{_name_of(run, row['city'])}: {row['name']}" if region else row["name"]),
            spoken_number(row["unserved"]), spoken_hours(row["outage"]), spoken_level(row["worst"]),
            spoken_rupees(row["city_rupees"]), spoken_rupees(row["citizens_rupees"]),
        )  # fmt: skip
    if hurt.empty:
        table.add_row("nothing")
    if (rest := hurt.iloc[MOST_SERVICES:]).size:
        table.add_row(f"{len(rest)} more", spoken_number(rest["unserved"].sum()))
    return table


def _closing_lines(run: "Run") -> list[str]:
    m = run.measures
    waits = ", ".join(f"{spoken_hours(m[f'waited_for_{key}'])} for {who}" for key, who in _WAITS.items())
    lines = [
        f"In all {spoken_number(m['unserved_citizen_hours'])} citizen-hours, of which the response itself caused "
        f"{m['response_share']:.0%}; cost {spoken_rupees(m['loss_rupees'])}, incident work included.",
        f"Tasks waited {waits}.",
        f"False alarms: {m['false_alarms']:,.0f}, with {m['false_alarm_hours']:,.0f} hours of work.",
    ]
    if m["records_exposed"]:
        lines.append(f"Personal records that left: {m['records_exposed']:,.0f}.")
    return lines


def show_comparison(found: "Comparison", runs: int, seed: int, files: Sequence[Path]) -> None:
    """Print, for each scenario, what the postures lost and how sure the difference is."""
    out = console()
    out.print(plain(f"{found.city.name}: {runs} runs of each, seed {seed}", "bold"))
    for scenario in found.scenarios:
        out.print()
        out.print(plain(scenario.name, "bold"), _contrast(found, found.table[found.table["scenario"] == scenario.id]))
    if len(found.postures) > 1:
        out.print()
        jointly = "" if len(found.postures) == 2 else "; they hold jointly for all postures"
        told = f"In brackets: 95 % interval of the paired difference to the first posture{jointly}."
        out.print(plain(told, "dim"))
    _show_files(files)


def _contrast(found: "Comparison", rows: "DataFrame") -> "Table":
    names = list(found.postures)
    table = _table("", *names)
    cells: Any = rows.set_index(["measure", "posture"])
    for measure, (words, spoken) in COMPARED.items():
        mean = [spoken(cells.loc[(measure, name), "mean"]) for name in names]
        gaps = [_gap(cells.loc[(measure, name)], spoken) for name in names[1:]]
        table.add_row(words, mean[0], *(f"{m}  {gap}" for m, gap in zip(mean[1:], gaps, strict=True)))
    return table


def _gap(cell: Any, spoken: Spoken) -> str:
    """Say how a posture differs from the first, if it does."""
    low, high = float(cell["low"]), float(cell["high"])
    if low <= 0 <= high:
        return "(the same)" if low == high else "(no clear difference)"
    sign = "-" if low < 0 else "+"
    return f"({sign}{spoken(abs(low), abs(high))} to {sign}{spoken(abs(high), abs(low))})"


def _table(*columns: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", show_edge=False)
    for i, column in enumerate(columns):
        table.add_column(plain(column), justify="right" if i else "left")
    return table


def _show_files(files: Sequence[Path]) -> None:
    for file in files:
        print(f"Written: {file}")
