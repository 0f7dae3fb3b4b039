"""Many replicates of one plan, by either engine, on any number of workers: the same table to the bit."""

import math
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from cyberrange.engine.books import Books, books_of
from cyberrange.engine.live import Extension, World
from cyberrange.errors import CyberrangeError, quoted
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.model.build import Plan, compile_plan
from cyberrange.results.measures import measures
from cyberrange.results.provenance import provenance
from cyberrange.results.store import Cell, Chunk, Failure
from cyberrange.study.workers import Progress, default_workers, run_chunks

Engine = Literal["live", "compiled"]
Choice = Literal["auto", "live", "compiled"]

WORTH_COMPILING = 2000
"""Runs from which on compiling the rules for a minute is sooner done than playing them live."""


_PILOT = {"live": 1, "compiled": 32}
_CHUNK = 1.0
_WORTH_WORKERS = 2.0
"""Seconds of a chunk, and of work that is worth starting processes for."""


class CannotCompileNotice(UserWarning):
    """The compiled engine cannot play something, and the live engine plays it instead."""


def play(plan: Plan, seed: int, first: int, last: int, engine: Engine, extensions: Iterable[Extension] = ()) -> Any:
    """Play replicates first to last - 1 of a plan in this process and return their measures, a vector each."""
    return measures(plan, _books(plan, seed, first, last, engine, extensions))


def _books(
    plan: Plan, seed: int, first: int, last: int, engine: Engine, extensions: Iterable[Extension]
) -> Books:  # fmt: skip
    if engine == "compiled":
        from cyberrange.engine.batch import Player

        return Player(plan).play(seed, first, last)
    one_by_one = []
    for replicate in range(first, last):
        world = World(plan, seed, replicate, extensions)
        world.finish()
        one_by_one.append(books_of(world.state))
    return Books(*(np.concatenate(parts) for parts in zip(*one_by_one, strict=True)))


def chosen_engine(engine: Choice, runs: int, extensions: Iterable[Extension] = ()) -> Engine:
    """Return the engine that plays so many runs; what the compiled one cannot play falls back to live, with a notice.

    `auto` is the compiled engine if it is compiled already or the runs are worth it; both give the same table.
    """
    names = [quoted(getattr(extension, "__qualname__", repr(extension))) for extension in extensions]
    if names and engine == "compiled":
        what = f"{', '.join(names)} cannot be compiled: the live engine plays instead, with the same rules"
        warnings.warn(what, CannotCompileNotice, stacklevel=3)
    if names or engine == "live":
        return "live"
    if engine == "compiled":
        return "compiled"
    from cyberrange.engine.compiled import is_compiled

    return "compiled" if runs >= WORTH_COMPILING or is_compiled() else "live"


def play_all(
    plans: Sequence[Plan],
    runs: int,
    seed: int,
    workers: int | None = None,
    progress: Progress | None = None,
    engine: Choice = "auto",
    extensions: Sequence[Extension] = (),
) -> list[pd.DataFrame]:
    """Play replicates 0 to runs - 1 of each plan; return their measures by plan, a row per replicate."""
    how = chosen_engine(engine, runs * len(plans), extensions)
    if how == "compiled":
        from cyberrange.engine.compiled import kernel

        kernel()  # once, here: workers find it on disk
    tables = []
    for before, plan in enumerate(plans):

        def tell(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before * runs + done, len(plans) * runs)

        tables.append(_play_plan(_Play(plan, seed, how, tuple(extensions)), runs, workers or default_workers(), tell))
        tell(runs, runs)
    return tables


@dataclass(frozen=True)
class _Play:
    """Plays chunks of one plan; travels to the workers."""

    plan: Plan
    seed: int
    engine: Engine
    extensions: tuple[Extension, ...]

    def __call__(self, chunk: Chunk) -> dict[str, Any]:
        """Return the measures of a chunk's replicates, a vector each."""
        columns: dict[str, Any] = play(self.plan, self.seed, chunk.first, chunk.last + 1, self.engine, self.extensions)
        return columns


def _play_plan(task: _Play, runs: int, workers: int, tell: Progress | None) -> pd.DataFrame:
    """Play one plan: a few replicates here, to see how long they take, and the rest in chunks of about a second."""
    pilot = Chunk(Cell(task.plan.posture.id, task.plan.scenario.id), 0, min(runs, _PILOT[task.engine]) - 1)
    start = time.perf_counter()
    parts = {0: task(pilot)}
    seconds = (time.perf_counter() - start) / len(pilot)
    left = Chunk(pilot.cell, len(pilot), runs - 1)
    if left.last >= left.first:
        few = seconds * len(left) < _WORTH_WORKERS
        size = max(1, min(round(_CHUNK / seconds), math.ceil(len(left) / (4 * workers))))
        for chunk, result in run_chunks(task, left.cut(size), workers=1 if few else workers, progress=tell):
            if isinstance(result, Failure):
                raise CyberrangeError(f"replicate {chunk.first} cannot be played: {result.message}")
            parts[chunk.first] = result
    names = list(parts[0])
    columns = {name: np.concatenate([parts[first][name] for first in sorted(parts)]) for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(runs, name="replicate"))


def replicate(
    city: City,
    scenario: Scenario,
    posture: Posture,
    *,
    runs: int,
    seed: int,
    engine: Choice = "auto",
    workers: int | None = None,
    catalogue: Catalogue | None = None,
    decisions: Decisions | None = None,
    extensions: Sequence[Extension] = (),
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Play replicates 0 to runs - 1 and return one row of measures for each.

    Parameters
    ----------
    city, scenario, posture, catalogue, decisions
        As for `cyberrange.simulate`.
    runs
        Number of replicates.
    seed
        Names the luck; replicate r of this seed is the same on any number of workers, and alone.
    engine
        `live`: SimPy is the clock; `compiled`: the same rules compiled, some 80 times as fast, but compiling them for
        the first time takes a minute; `auto`: whichever is done sooner. All give the same table.
    workers
        Processes; all processors when not given.
    extensions
        Processes of your own, which only the live engine can play: asked for `compiled`, it plays live and says so.
    progress
        Called with (done, to do) now and then.

    Returns
    -------
    pandas.DataFrame
        Index `replicate`, a column for each measure, and provenance in `attrs`.

    Examples
    --------
    >>> import cyberrange as cr
    >>> what = (cr.load_city("kasba"), cr.load_scenario("calm_day"), cr.load_posture("hybrid"))
    >>> cr.replicate(*what, runs=3, seed=7, engine="live")["records_exposed"].tolist()
    [0.0, 0.0, 0.0]
    """
    if runs < 1:
        raise ValueError("runs must be at least 1")
    plan = compile_plan(city, scenario, posture, catalogue, decisions)
    frame = play_all([plan], runs, seed, workers, progress, engine, extensions)[0]
    frame.attrs.update(provenance(plan, seed))
    return frame
