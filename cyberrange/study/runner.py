"""Many replicates of one plan, on any number of workers: the same table to the bit."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal

import joblib
import pandas as pd

from cyberrange.engine.live import World
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.model.build import Plan, compile_plan
from cyberrange.results.measures import measures
from cyberrange.results.provenance import provenance

Progress = Callable[[int, int], None]
"""Called with the number of replicates done and to do."""


def play(plan: Plan, seed: int, replicates: Sequence[int]) -> list[dict[str, float]]:
    """Play some replicates of a plan in this process and return their measures."""
    rows = []
    for replicate in replicates:
        world = World(plan, seed, replicate)
        world.finish()
        rows.append(measures(plan, world.state))
    return rows


def chunks_of(runs: int, workers: int) -> list[range]:
    """Cut replicates into chunks: enough to keep the workers busy to the end, and progress moving."""
    size = max(1, min(25, runs // (4 * workers)))
    return [range(first, min(first + size, runs)) for first in range(0, runs, size)]


def play_all(
    plans: Sequence[Plan], runs: int, seed: int, workers: int, progress: Progress | None = None
) -> list[list[dict[str, float]]]:
    """Play replicates 0 to runs - 1 of each plan; return their measures by plan, in order of replicate."""
    jobs = [(i, chunk) for i in range(len(plans)) for chunk in chunks_of(runs, workers)]
    results: dict[tuple[int, int], list[dict[str, float]]] = {}
    done = 0
    for i, chunk, rows in _results(plans, jobs, seed, workers):
        results[i, chunk.start] = rows
        done += len(chunk)
        if progress is not None:
            progress(done, runs * len(plans))
    return [[row for j, chunk in jobs if j == i for row in results[i, chunk.start]] for i in range(len(plans))]


def _results(plans: Sequence[Plan], jobs: list[tuple[int, range]], seed: int, workers: int) -> Any:
    """Yield (plan, chunk, rows) as they come."""
    if workers == 1:
        return ((i, chunk, play(plans[i], seed, chunk)) for i, chunk in jobs)
    parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
    return parallel(joblib.delayed(_job)(plans[i], i, chunk, seed) for i, chunk in jobs)


def _job(plan: Plan, i: int, chunk: range, seed: int) -> tuple[int, range, list[dict[str, float]]]:
    return i, chunk, play(plan, seed, chunk)


def default_workers() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def replicate(
    city: City,
    scenario: Scenario,
    posture: Posture,
    *,
    runs: int,
    seed: int,
    engine: Literal["live"] = "live",
    workers: int | None = None,
    catalogue: Catalogue | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Play replicates 0 to runs - 1 and return one row of measures for each.

    Parameters
    ----------
    city, scenario, posture, catalogue
        As for `cyberrange.simulate`.
    runs
        Number of replicates.
    seed
        Names the luck; replicate r of this seed is the same on any number of workers, and alone.
    engine
        `live`: SimPy is the clock.
    workers
        Processes; all processors when not given.
    progress
        Called with (done, to do) now and then.

    Returns
    -------
    pandas.DataFrame
        Index `replicate`, a column for each measure, and provenance in `attrs`.
    """
    if runs < 1:
        raise ValueError("runs must be at least 1")
    plan = compile_plan(city, scenario, posture, catalogue)
    rows = play_all([plan], runs, seed, workers or default_workers(), progress)[0]
    frame = pd.DataFrame(rows, index=pd.RangeIndex(runs, name="replicate"))
    frame.attrs.update({**provenance(plan, seed), "engine": engine})
    return frame
