"""The command line: `cyberrange check`, `run`, `compare` and the rest.

Nothing heavy is imported before a command needs it, so that `--help` comes at once.
"""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from cyberrange.cli import benching, checking, importing, listing, playing, studying
from cyberrange.errors import CyberrangeError

STOPPED = 130
"""Exit code after Ctrl-C, as shells know it."""
BAD_INPUT = 2


class _Group(TyperGroup):
    """Commands that tell a user's mistake in plain words, and stop without a trace when told to."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CyberrangeError as error:
            print(error, file=sys.stderr)
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            raise typer.Exit(STOPPED) from None


app = typer.Typer(
    name="cyberrange",
    cls=_Group,
    help="A digital twin of a city under cyber attack: attack and response race over one dependency graph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("check")(checking.check)
app.command("list")(listing.list_)
app.command("run")(playing.run)
app.command("compare")(playing.compare)
app.command("study")(studying.study)
app.command("bench")(benching.bench)
app.command("schema")(checking.schema)
app.add_typer(importing.app, name="import")


def main() -> None:
    """Run the command line."""
    app(prog_name="cyberrange")
