"""The command that measures how fast the engines are."""

import statistics
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cyberrange.cli.output import console, print_json
from cyberrange.cli.progress import Meter

if TYPE_CHECKING:
    from cyberrange.study.speed import Speed


def bench(
    repeats: Annotated[int, typer.Option(min=1, help="Measurements of each figure; the median counts.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.05, help="Least length of one measurement.")] = 1.0,
    largest: Annotated[int, typer.Option(min=100, help="Most assets of the synthetic city that grows.")] = 1_000_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure both engines on every scenario, on two workers and on growing cities; takes some ten minutes."""
    from cyberrange.study.speed import measure

    with Meter("Measuring", "") as meter:
        found = measure(repeats=repeats, seconds=seconds, largest=largest, tell=meter.say)
    if as_json:
        print_json({**found._asdict(), "cases": [c._asdict() for c in found.cases],
                    "sizes": [s._asdict() for s in found.sizes], "summary": summary(found)})  # fmt: skip
    else:
        _show(found)


def summary(found: "Speed") -> dict[str, float]:
    """Return the figures that a release is judged by."""
    ratios = [case.ratio for case in found.cases]
    by_size = {size.assets: size for size in found.sizes}
    largest = max(by_size)
    return {
        "compiled : live, median over scenarios": statistics.median(ratios),
        "compiled : live, least": min(ratios),
        "events of bare loop, median": statistics.median(case.of_bare for case in found.cases),
        "events of bare loop, least": min(case.of_bare for case in found.cases),
        "two workers : one": found.two_workers / found.one_worker,
        f"cost per asset, {largest:,} : {min(largest, 10_000):,}": by_size[largest].per_asset
        / by_size[min(largest, 10_000)].per_asset,
        "peak memory, GiB": by_size[largest].memory,
        "cold compile, s": found.cold,
        "cached start, s": found.cached,
    }


def _show(found: "Speed") -> None:
    from rich.table import Table

    def table(title: str, *columns: str) -> Any:
        made = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for column in columns:
            made.add_column(column, justify="left" if column in ("city", "scenario", "figure") else "right")
        return made

    cases = table("Replicates a second in one process", "city", "scenario", "live", "compiled", "ratio", "events/s",
                  "bare loop/s", "of bare")  # fmt: skip
    for c in found.cases:
        cases.add_row(c.city, c.scenario, f"{c.live:,.1f}", f"{c.compiled:,.0f}", f"{c.ratio:.0f}", f"{c.events:,.0f}",
                      f"{c.bare:,.0f}", f"{c.of_bare:.2f}")  # fmt: skip
    sizes = table("One attack on a synthetic city", "assets", "build s", "run s", "events", "us/asset", "peak GiB")
    for s in found.sizes:
        sizes.add_row(f"{s.assets:,}", f"{s.build:.1f}", f"{s.seconds:.3f}", f"{s.events:,}", f"{s.per_asset:.1f}",
                      f"{s.memory:.2f}")  # fmt: skip
    judged = table("In short", "figure", "value")
    for name, value in summary(found).items():
        judged.add_row(name, f"{value:,.2f}")
    out = console()
    for one in (cases, sizes, judged):
        out.print(one)
        out.print()
