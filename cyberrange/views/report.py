"""Reports: one page of HTML that needs nothing else, the same bytes for the same results."""

import os
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.shipped import shipped
from cyberrange.results.run import Run
from cyberrange.study.compare import Comparison
from cyberrange.views.inputs_told import annual_cost, controls_told, postures_told, source
from cyberrange.views.report_data import run_section, section, short_names
from cyberrange.views.theme import css
from cyberrange.views.words import amount, rupees

Progress = Callable[[int, int], None]
"""Called with the pieces done and to do."""


def write_report(comparison: Comparison, path: str | os.PathLike[str], *, progress: Progress | None = None) -> Path:
    """Write the report of a comparison as one HTML file.

    Parameters
    ----------
    comparison
        What `cyberrange.compare` returned.
    path
        The file to write.
    progress
        Called with (done, to do) as the pieces are ready.

    Returns
    -------
    Path
        The file written.
    """
    todo = len(comparison.scenarios) * (len(comparison.postures) + 2) + 1
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, todo)

    names = short_names(comparison.postures)
    sections = [section(comparison, scenario, tick) for scenario in comparison.scenarios]
    runs = len(comparison.runs.index.unique("replicate"))
    page = _page(
        comparison.city,
        comparison.postures,
        comparison.catalogue,
        names,
        sections=sections,
        runs=amount(runs),
        several=len(sections) > 1,
        matrix=[(s.told.title, s.told.name, s.losses, s.answer[0]) for s in sections],
        provenance=_provenance(comparison.provenance),
        replay=_replay(comparison, runs),
        title=sections[0].question if len(sections) == 1 else f"{len(sections)} attacks on {comparison.city.name}",
    )
    written = write(path, page)
    tick()
    return written


def write_run_report(run: Run, path: str | os.PathLike[str]) -> Path:
    """Write the report of one run as one HTML file.

    Parameters
    ----------
    run
        What `cyberrange.simulate` returned.
    path
        The file to write.

    Returns
    -------
    Path
        The file written.
    """
    plan = run.plan
    postures = {plan.posture.id: plan.posture}
    names = short_names(postures)
    one = run_section(run, names[0])
    page = _page(
        plan.city,
        postures,
        plan.catalogue,
        names,
        sections=[one],
        runs="1",
        several=False,
        matrix=[],
        provenance=_provenance({(plan.scenario.id, plan.posture.id): run.provenance}),
        replay=_replay_one(run),
        title=one.question,
    )
    return write(path, page)


def write(path: str | os.PathLike[str], text: str) -> Path:
    """Write a file whole or not at all."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def _page(
    city: City, postures: Mapping[str, Posture], catalogue: Catalogue | None, names: list[str], **more: Any
) -> str:
    """Lay out a page."""
    everyone = list(postures.values())
    return environment().get_template("report.html.j2").render(
        city=city,
        fictional=city.id in shipped("topologies"),
        names=names,
        full_names=[p.name for p in everyone],
        groups=postures_told(everyone),
        costs=[rupees(annual_cost(p, catalogue)) for p in everyone],
        controls=controls_told(dict(zip(names, everyone, strict=True)), catalogue),
        posture_sources=[(p.name, [source(s) for s in p.sources]) for p in everyone if p.sources],
        city_sources=[source(s) for s in city.sources],
        theme=Markup(css()),
        version=version("cyberrange"),
        **more,
    )  # fmt: skip


@cache
def environment() -> jinja2.Environment:
    """Return the templates' environment: everything is escaped unless it is Markup, and every name must exist."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _provenance(by: Mapping[tuple[str, str], Mapping[str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what all results share, then what differs by scenario and posture."""
    tables = list(by.values())
    shared = [(key, x) for key, x in tables[0].items() if all(t.get(key) == x for t in tables)]
    own = [(" · ".join(key), [(k, x) for k, x in table.items() if (k, x) not in shared]) for key, table in by.items()]
    return [("Everywhere", shared), *((title, rows) for title, rows in own if rows)]


def _replay(comparison: Comparison, runs: int) -> str:
    scenarios = ", ".join(f'cr.load_scenario("{s.id}")' for s in comparison.scenarios)
    postures = ", ".join(f'"{key}": cr.load_posture("{p.id}")' for key, p in comparison.postures.items())
    return (
        "import cyberrange as cr\n"
        f'city = cr.load_city("{comparison.city.id}")\n'
        f"scenarios = [{scenarios}]\n"
        f"postures = {{{postures}}}\n"
        f"comparison = cr.compare(city, scenarios, postures, runs={runs}, seed={comparison.seed})"
    )


def _replay_one(run: Run) -> str:
    plan = run.plan
    return (
        "import cyberrange as cr\n"
        f'city, scenario = cr.load_city("{plan.city.id}"), cr.load_scenario("{plan.scenario.id}")\n'
        f'posture = cr.load_posture("{plan.posture.id}")\n'
        f"run = cr.simulate(city, scenario, posture, seed={run.world.seed}, replicate={run.world.replicate})"
    )
