"""Commands about input files: `check` and `schema`."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cyberrange.cli.output import print_json

if TYPE_CHECKING:
    from cyberrange.errors import Problem


def check(
    files: Annotated[list[Path], typer.Argument(help="Cities, scenarios, postures and catalogues, in any mix.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> None:
    """Check input files and list every problem with its line.

    Exit code 2 when there is an error, 0 when there are only warnings or nothing.
    """
    from cyberrange.inputs.checks import check as find_problems

    problems = find_problems(files)
    severities: Counter[str] = Counter(problem.severity for problem in problems)
    if as_json:
        counts = {"files": len(files), "errors": severities["error"], "warnings": severities["warning"]}
        print_json({"problems": [asdict(problem) for problem in problems], **counts})
    else:
        _print_problems(problems, len(files), severities)
    if severities["error"]:
        raise typer.Exit(2)


def _print_problems(problems: "list[Problem]", files: int, severities: Counter[str]) -> None:
    for problem in problems:
        print(problem)
    counts = [_counted(severities[kind], kind) for kind in ("error", "warning") if severities[kind]]
    print(f"{_counted(files, 'file')}: {', '.join(counts) or 'all is well'}.")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def schema(
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("schemas"),
) -> None:
    """Write the JSON schemas of the input files, for editors."""
    from cyberrange.inputs.jsonschema import write_schemas

    for file in write_schemas(out):
        print(file)
