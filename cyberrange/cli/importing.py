"""Commands that make a city from other people's data."""

from pathlib import Path
from typing import Annotated

import typer

from cyberrange.cli.output import can_write
from cyberrange.cli.progress import Meter

app = typer.Typer(help="Make a city from other people's data.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `epanet` a command of its own while it is the only one."""


@app.command()
def epanet(
    file: Annotated[str, typer.Argument(help="An EPANET .inp file, or a network that wntr ships, such as Net3.")],
    out: Annotated[Path, typer.Option(help="The city file to write.")],
    join: Annotated[str | None, typer.Option(help="A town without water, by file or name, to join it with.")] = None,
    zones: Annotated[int | None, typer.Option(min=1, help="How many zones; one around each tank by default.")] = None,
    litres: Annotated[float | None, typer.Option(min=1.0, help="Mean daily draw that stands for a citizen.")] = None,
) -> None:
    """Turn a water network into a city: wards, tanks, pumps, controllers and a control room."""
    from cyberrange.inputs.load import load_city, save
    from cyberrange.twin.epanet import import_epanet

    can_write(out, ".yaml", ".yml")
    town = load_city(join) if join else None
    options = {} if litres is None else {"litres_per_person": litres}
    with Meter("Reading the network"):
        city = import_epanet(file, town=town, zones=zones, **options)
        save(city, out)
    people = sum(ward.population for ward in city.wards.values())
    print(f"{out}: {len(city.assets)} assets, {len(city.services)} services, {people:,} people")
