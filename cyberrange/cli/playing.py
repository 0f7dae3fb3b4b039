"""Commands that play: `run` and `compare`."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cyberrange.cli.output import can_write, print_json, write
from cyberrange.cli.progress import Meter
from cyberrange.errors import CyberrangeError, InputError, quoted

if TYPE_CHECKING:
    from cyberrange.inputs.city import City
    from cyberrange.inputs.controls import Catalogue
    from cyberrange.inputs.posture import Posture
    from cyberrange.inputs.scenario import Scenario
    from cyberrange.results.run import Run
    from cyberrange.study.compare import Comparison

CityName = Annotated[str, typer.Option("--city", help="A city, by file or by the name under which it ships.")]
ControlsName = Annotated[str, typer.Option("--controls", help="The catalogue in which the postures' controls stand.")]
Seed = Annotated[int, typer.Option("--seed", help="Names the luck: the same seed gives the same result.")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="Write a report to read in a browser (.html).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
HTML = (".html", ".htm")


def run(
    city: CityName,
    scenario: Annotated[str, typer.Option(help="A scenario, by file or by name.")],
    posture: Annotated[str, typer.Option(help="A posture, by file or by name.")],
    seed: Seed = 7,
    replicate: Annotated[int, typer.Option(min=0, help="Which replicate of the seed.")] = 0,
    controls: ControlsName = "controls",
    decisions: Annotated[str | None, typer.Option(help="A log of decisions, by file or by name.")] = None,
    report: ReportFile = None,
    events: Annotated[Path | None, typer.Option(help="Write the log of events (.csv or .parquet).")] = None,
    as_json: AsJson = False,
) -> None:
    """Play one attack through one city under one posture, and tell what happened."""
    import cyberrange as cr

    can_write(report, *HTML)
    can_write(events, ".csv", ".parquet")
    catalogue = cr.load_catalogue(controls)
    what, who = _load(city, [scenario], [posture], catalogue)
    (attack,), (answer,) = what[1], who.values()
    decided = cr.load_decisions(decisions) if decisions else None
    with Meter("Playing"):
        played = cr.simulate(
            what[0], attack, answer, seed=seed, replicate=replicate, catalogue=catalogue, decisions=decided
        )
        write(events, lambda draft: _write_table(played.events, draft))
    if report:
        _write_run_report(played, report)
    if as_json:
        print_json(_run_as_json(played, report, events))
    else:
        from cyberrange.cli.summary import show_run

        show_run(played, seed, replicate, [file for file in (report, events) if file])


def _run_as_json(played: "Run", *files: Path | None) -> dict[str, Any]:
    return {
        "city": played.plan.city.id,
        "scenario": played.plan.scenario.id,
        "posture": played.plan.posture.id,
        "measures": played.measures.to_dict(),
        "times": played.times.to_dict(orient="index"),
        "provenance": played.provenance,
        "files": [str(file) for file in files if file],
    }


def compare(
    city: CityName,
    scenario: Annotated[list[str], typer.Option(help="A scenario, by file or by name; may be given several times.")],
    postures: Annotated[str, typer.Option(help="Postures, by file or by name, with commas; the first is the base.")],
    runs: Annotated[int, typer.Option(min=1, help="Replicates of each scenario under each posture.")] = 100,
    seed: Seed = 7,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all processors by default.")] = None,
    controls: ControlsName = "controls",
    report: ReportFile = None,
    csv: Annotated[Path | None, typer.Option(help="Write every run, a row each (.csv or .parquet).")] = None,
    as_json: AsJson = False,
) -> None:
    """Play scenarios under several postures with the same luck, and compare what was lost."""
    import cyberrange as cr

    can_write(report, *HTML)
    can_write(csv, ".csv", ".parquet")
    catalogue = cr.load_catalogue(controls)
    what, who = _load(city, scenario, [name for name in postures.split(",") if name.strip()], catalogue)
    with Meter("Playing", "runs") as meter:
        found = cr.compare(
            what[0], what[1], who, runs=runs, seed=seed, workers=workers, catalogue=catalogue, progress=meter
        )
        write(csv, lambda draft: _write_table(found.runs.reset_index(), draft))
    if report:
        _write_report(found, report)
    if as_json:
        print_json(_comparison_as_json(found, report, csv))
    else:
        from cyberrange.cli.summary import show_comparison

        show_comparison(found, runs, seed, [file for file in (report, csv) if file])


def _comparison_as_json(found: "Comparison", *files: Path | None) -> dict[str, Any]:
    provenance = [
        {"scenario": scenario, "posture": posture, **known} for (scenario, posture), known in found.provenance.items()
    ]
    return {
        "city": found.city.id,
        "table": found.table.to_dict(orient="records"),
        "provenance": provenance,
        "files": [str(file) for file in files if file],
    }


def _load(
    city: str, scenarios: Iterable[str], postures: Iterable[str], catalogue: "Catalogue"
) -> "tuple[tuple[City, list[Scenario]], dict[str, Posture]]":
    """Load what is to be played, refuse what does not fit together, and tell what looks odd."""
    from cyberrange.inputs.load import load_city, load_posture, load_scenario

    where = load_city(city)
    attacks = _named((s, load_scenario(s)) for s in scenarios)
    answers = _named((p.strip(), load_posture(p.strip(), catalogue=catalogue)) for p in postures)
    if not answers:
        raise CyberrangeError("no posture is named: give at least one, such as --postures vendor_reliant,inhouse_ciso")
    _refuse_misfits(where, attacks.values(), answers.values())
    return (where, list(attacks.values())), answers


def _named(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return records by their ids, which must differ to tell the results apart."""
    named: dict[str, Any] = {}
    for name, record in pairs:
        if record.id in named:
            raise CyberrangeError(f"{quoted(name)} has the id {quoted(record.id)}, which another one here has as well")
        named[record.id] = record
    return named


def _refuse_misfits(city: "City", scenarios: "Iterable[Scenario]", postures: "Iterable[Posture]") -> None:
    from cyberrange.model.compatible import check_pair

    answers = list(postures)
    problems = dict.fromkeys(p for s in scenarios for answer in answers for p in check_pair(city, s, answer))
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InputError(errors)
    for problem in problems:
        print(problem, file=sys.stderr)


def _write_table(table: Any, draft: Path) -> None:
    if draft.suffix.lower() == ".parquet":
        table.to_parquet(draft, index=False)
    else:
        table.to_csv(draft, index=False)


def _write_run_report(played: "Run", file: Path) -> None:
    from cyberrange.views.report import write_run_report

    with Meter("Writing the report"):
        write(file, lambda draft: write_run_report(played, draft))


def _write_report(found: "Comparison", file: Path) -> None:
    from cyberrange.views.report import write_report

    with Meter("Writing the report", "parts") as meter:
        write(file, lambda draft: write_report(found, draft, progress=meter))
