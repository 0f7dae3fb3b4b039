"""How far a long piece of work is, and how long it will still take."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cyberrange.cli.output import console, spoken_hours

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SECONDS_BETWEEN_LINES = 10.0


class Meter:
    """Shows progress on the error stream: a bar on a terminal, else a line now and then.

    Parameters
    ----------
    what : str
        What is being done, such as "Playing".
    unit : str
        What is counted, such as "runs".
    """

    def __init__(self, what: str, unit: str = "") -> None:
        self._what = what
        self._unit = unit
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _bar(self._unit)
            self._task = self._bar.add_task(self._what, total=None)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, what: str) -> None:
        """Begin another part, whose work is counted anew."""
        self._what = what
        self._began = self._said = time.monotonic()
        if self._bar is not None and self._task is not None:
            self._bar.reset(self._task, description=what, total=None)
        else:
            print(f"{what} ...", file=sys.stderr)

    def say(self, what: str) -> None:
        """Show what is being done, where it cannot be counted."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=f"{self._what}: {what}")
        else:
            print(f"{self._what}: {what}", file=sys.stderr)

    def __call__(self, done: int, total: int) -> None:
        """Show that so much is done of so much."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
        elif time.monotonic() - self._said > _SECONDS_BETWEEN_LINES and 0 < done < total:
            self._said = time.monotonic()
            left = (self._said - self._began) / done * (total - done)
            print(f"{self._what}: {done:,} of {total:,} {self._unit}, {_spoken_seconds(left)} left", file=sys.stderr)


def _bar(unit: str) -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn()]
    counted = [MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn(elapsed_when_finished=True)] if unit else []
    return Progress(*columns, *counted, console=console(error=True), transient=True)


def _spoken_seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else spoken_hours(seconds / 3600)
