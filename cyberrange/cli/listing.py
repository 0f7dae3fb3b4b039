"""The command `list`: what ships, and what plays where."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cyberrange.cli.output import console, plain, print_json, spoken_rupees

if TYPE_CHECKING:
    from cyberrange.inputs.city import City
    from cyberrange.inputs.controls import Catalogue
    from cyberrange.inputs.scenario import Scenario

Groups = dict[str, dict[str, str]]


def list_(
    matrix: Annotated[bool, typer.Option("--matrix", help="Show which scenario plays on which city.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the cities, scenarios, postures, controls, studies and logs of decisions that ship."""
    from cyberrange.inputs.load import (
        load_catalogue,
        load_city,
        load_decisions,
        load_posture,
        load_scenario,
        load_study,
    )

    cities, scenarios = _loaded("topologies", load_city), _loaded("scenarios", load_scenario)
    if matrix:
        _show_matrix(cities, scenarios, as_json)
        return
    groups = {
        "cities": {name: _about_city(city) for name, city in cities.items()},
        "scenarios": {name: scenario.name for name, scenario in scenarios.items()},
        "postures": {name: posture.name for name, posture in _loaded("postures", load_posture).items()},
        "controls": _about_controls(load_catalogue()),
        "studies": {name: study.name for name, study in _loaded("studies", load_study).items()},
        "decisions": {name: log.name for name, log in _loaded("decisions", load_decisions).items()},
    }
    if as_json:
        print_json(groups)
    else:
        _show_groups(groups)


def _loaded(kind: Any, load: Callable[[str], Any]) -> dict[str, Any]:
    from cyberrange.inputs.shipped import shipped

    return {name: load(name) for name in shipped(kind)}


def _about_city(city: "City") -> str:
    people = sum(ward.population for ward in city.wards.values())
    cities = f"{len(city.cities)} cities, " if city.cities else ""
    return f"{city.name}: {cities}{people:,} people, {len(city.services)} services, {len(city.assets)} assets"


def _about_controls(catalogue: "Catalogue") -> dict[str, str]:
    return {
        name: f"{control.name} ({spoken_rupees(control.capex)} once, {spoken_rupees(control.opex)} a year)"
        for name, control in catalogue.controls.items()
    }


def _show_groups(groups: Groups) -> None:
    from rich.table import Table

    out = console()
    width = max(len(name) for things in groups.values() for name in things)
    for title, things in groups.items():
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        table.add_column(width=width, no_wrap=True, style="cyan")
        table.add_column(overflow="fold")
        for name, about in things.items():
            table.add_row(plain(name), plain(about))
        out.print(plain(title.capitalize(), "bold"), table)


def _show_matrix(cities: "dict[str, City]", scenarios: "dict[str, Scenario]", as_json: bool) -> None:
    from cyberrange.model.assault import lacking

    lacks = {s: {c: lacking(city, scenario) for c, city in cities.items()} for s, scenario in scenarios.items()}
    if as_json:
        print_json(lacks)
        return
    out = console()
    out.print(_matrix(lacks, list(cities)))
    for scenario, by_city in lacks.items():
        for city, lines in by_city.items():
            for line in lines:
                out.print(plain(f"{scenario} on {city}: {line}"))


def _matrix(lacks: dict[str, dict[str, list[str]]], cities: list[str]) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("scenario", style="cyan", no_wrap=True)
    for city in cities:
        table.add_column(plain(city), justify="center", no_wrap=True)
    for scenario, by_city in lacks.items():
        table.add_row(plain(scenario), *["plays" if not by_city[city] else "-" for city in cities])
    return table
