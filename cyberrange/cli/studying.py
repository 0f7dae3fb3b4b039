"""The command that plays a study and tells what to buy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cyberrange.cli.output import can_write, console, plain, print_json, spoken_rupees, write
from cyberrange.cli.progress import Meter
from cyberrange.errors import CyberrangeError

if TYPE_CHECKING:
    from cyberrange.study.answer import Answer

HTML = (".html", ".htm")


def study(
    file: Annotated[str, typer.Argument(help="A study, by file or by the name under which it ships.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the results; out/studies/<id> by default.")] = None,
    report: Annotated[Path | None, typer.Option(help="The report to write (.html); in the folder by default.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all processors by default.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Scheduler of a dask cluster, such as tcp://host:8786.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find what to buy under a budget: a frontier, a recommendation, its risk, and what to measure next.

    Stopped at any moment, it goes on from there when called again with the same study and folder.
    """
    from cyberrange.engine.compiled import is_compiled, kernel
    from cyberrange.inputs.load import load_study

    spec = load_study(file)
    folder = out or Path("out") / "studies" / spec.id
    page = report or folder / "report.html"
    if report:
        can_write(report, *HTML)
    if not is_compiled():
        with Meter("Compiling the engine, once for this machine; about a minute"):
            kernel()
    from cyberrange.study.answer import answer
    from cyberrange.study.study import Study

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CyberrangeError(f"{folder} cannot be made: {error.strerror}") from None
    with Meter("Playing", "runs") as meter:
        asked = Study(spec, folder, workers=workers, progress=meter, address=cluster,
                      backend="dask" if cluster else "loky")  # fmt: skip
        found = answer(asked, meter.begin)
        meter.begin("Writing the report")
        from cyberrange.views.study_report import write_study_report

        write(page, lambda draft: write_study_report(found, draft))
    if as_json:
        print_json(as_data(found, page))
    else:
        _show(found, page)


def as_data(found: "Answer", page: Path) -> dict[str, Any]:
    """Return an answer for machines."""
    return {
        "study": found.study.spec.id,
        "spec": found.study.store.spec_hash,
        "today": found.today,
        "recommended": found.recommended,
        "chosen": found.chosen,
        "tied": list(found.tied),
        "guarantee": found.contest.guarantee,
        "benefit": found.benefit._asdict(),
        "played": found.played.to_dict(orient="records"),
        "marginal": found.marginal.to_dict(orient="records"),
        "evpi": found.doubts.worth._asdict(),
        "measure": found.doubts.measure.reset_index().to_dict(orient="records"),
        "p_best": found.doubts.ranking.reset_index().to_dict(orient="records"),
        "notes": [note.text for note in found.notes()],
        "files": [str(page), str(found.study.store.folder)],
    }


def _show(found: "Answer", page: Path) -> None:
    from rich.table import Table

    out = console()
    row, base = found.row(found.recommended), found.row(found.today)
    if not found.worth_it:
        out.print(
            "No difference worth paying for: nothing on offer is worth its money under this budget.", style="bold"
        )
    else:
        out.print(plain(f"Buy: {row['name']}", "bold"))
        low, high = spoken_rupees(-row["difference_high"]), spoken_rupees(-row["difference_low"])
        out.print(
            f"It costs {spoken_rupees(row['cost'])} a year and lowers the expected loss from "
            f"{spoken_rupees(base['loss'])} to {spoken_rupees(row['loss'])} a year: "
            f"{spoken_rupees(-row['difference'])} better in all ({low} to {high})."
        )
        city, citizens = found.avoided("city"), found.avoided("citizens")
        pays = "" if city >= row["cost"] else "; from the city's own budget alone it does not pay for itself"
        out.print(
            f"Of this the city's own budget saves {spoken_rupees(city)}, citizens {spoken_rupees(citizens)}{pays}."
        )
    for key in found.tied:
        if key != found.recommended:
            out.print(plain(f"No difference worth paying for: {found.row(key)['name']}"))
    table = Table(box=None, pad_edge=False)
    for name in ("design", "in budget", "cost a year", "expected loss", "worst 5 % of years", "both"):
        table.add_column(name, justify="left" if name == "design" else "right")
    for _, one in found.played.iterrows():
        style = "bold" if one["design"] == found.recommended else ""
        table.add_row(plain(one["name"], style), "yes" if one["affordable"] else "no", spoken_rupees(one["cost"]),
                      spoken_rupees(one["loss"]), spoken_rupees(one["cvar"]), spoken_rupees(one["total"]))  # fmt: skip
    out.print(table)
    worth = found.doubts.worth.value
    first = found.doubts.measure.iloc[0]
    out.print(f"Knowing every input would be worth {spoken_rupees(worth)} a year"
              + (f"; most of it is the {found.doubts.measure.index[0]}." if first["evppi"] > 0 else "."))  # fmt: skip
    for note in found.notes():
        out.print(plain(note.text))
    out.print(plain(f"Report: {page}"))
