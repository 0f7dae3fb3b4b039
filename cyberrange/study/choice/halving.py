"""Successive halving: a few designs out of many, under common random numbers."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cyberrange.errors import CyberrangeError
from cyberrange.study.choice.sampler import Sampler, costs_of

FIRST = 20
"""Replicates of each design in the first round when neither they nor a budget are given."""


@dataclass(frozen=True)
class Halving:
    """Who survived successive halving, and how.

    Attributes
    ----------
    survivors
        Numbers of the designs that are left, in ascending order.
    history
        One row per round and design in it: `round` from 1, `design`, `replicates` of the design so far, their `mean`
        in rupees a year, and whether it was `kept`; the cheapest of each round first.
    replicates
        Replicates 0 to `replicates` - 1 were looked at; later ones are fresh.
    runs
        Replicates summed over designs.
    """

    survivors: tuple[int, ...]
    history: pd.DataFrame
    replicates: int
    runs: int


def halve(sample: Sampler, k: int, *, keep: int = 6, first: int | None = None, budget: int | None = None) -> Halving:
    """Drop the worse half of the designs again and again, with twice the replicates each time.

    Each round sees the survivors' mean cost over all replicates so far. The replicates of a survivor double from round
    to round, and every design in a round has seen the same replicates. Equal means: the lower number is kept.

    Sequential halving after Karnin, Koren and Somekh (2013, "Almost optimal exploration in multi-armed bandits"), with
    common random numbers and without throwing earlier rounds away. It states no probability: a good design can be
    dropped by bad luck, most easily in the first round.

    Parameters
    ----------
    sample
        Costs in rupees a year; see `cyberrange.study.choice.sampler.Sampler`.
    k
        Number of designs; they are numbered 0 to k - 1.
    keep
        How many survive. With no more designs than that, nothing is run.
    first
        Replicates of each design in the first round; if not given, as many as the budget allows, or 20 if there is
        no budget either.
    budget
        Most runs in all.

    Raises
    ------
    CyberrangeError
        When k, keep or first is below 1, or the budget does not pay for the first round and all that follow from it.

    Examples
    --------
    >>> def sample(designs, first, last):
    ...     return np.array([[10.0 * design + replicate % 2 for replicate in range(first, last)] for design in designs])
    >>> result = halve(sample, 8, keep=2, first=4)
    >>> result.survivors, result.replicates, result.runs
    ((0, 1), 8, 48)
    >>> result.history.groupby("round").size().tolist()
    [8, 4]
    """
    for name, number in (("k", k), ("keep", keep)):
        if number < 1:
            raise CyberrangeError(f"{name} must be at least 1, not {number}")
    sizes = round_sizes(k, keep)
    last = _first_round(sizes, first, budget)
    alive, seen, runs = np.arange(k), 0, 0
    totals = np.zeros(k)
    rounds: list[pd.DataFrame] = []
    for size, after in pairwise([*sizes, min(k, keep)]):
        totals[alive] += costs_of(sample, alive.tolist(), seen, last).sum(axis=1)
        runs += size * (last - seen)
        rows, kept = _one_round(alive, totals[alive] / last, after)
        rounds.append(rows.assign(round=len(rounds) + 1, replicates=last))
        alive, seen, last = kept, last, 2 * last
    columns = ["round", "design", "replicates", "mean", "kept"]
    history = pd.concat(rounds, ignore_index=True)[columns] if rounds else pd.DataFrame(columns=columns)
    return Halving(tuple(alive.tolist()), history, seen, runs)


def round_sizes(k: int, keep: int) -> list[int]:
    """Return how many designs each round looks at.

    Examples
    --------
    >>> round_sizes(256, 6), round_sizes(6, 6)
    ([256, 128, 64, 32, 16, 8], [])
    """
    sizes = []
    while k > keep:
        sizes.append(k)
        k = max(keep, (k + 1) // 2)
    return sizes


def _first_round(sizes: list[int], first: int | None, budget: int | None) -> int:
    """Return the replicates of each design in the first round, which fix those of all others."""
    # Totals are first, 2 first, 4 first...; so each round from the second adds half of its total.
    unit = sum(size * 2 ** max(0, i - 1) for i, size in enumerate(sizes))
    if first is None:
        first = FIRST if budget is None or not unit else budget // unit
        if first < 1:
            raise CyberrangeError(f"a budget of {budget} runs is too small: halving takes at least {unit} here")
    if first < 1:
        raise CyberrangeError(f"first must be at least 1 replicate, not {first}")
    if budget is not None and first * unit > budget:
        raise CyberrangeError(
            f"a budget of {budget} runs is too small: halving from {first} replicates takes {first * unit}"
        )
    return first


def _one_round(
    alive: NDArray[np.int64], means: NDArray[np.float64], after: int
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return the table of one round, cheapest first, and the designs that it keeps, in ascending order."""
    order = np.argsort(means, kind="stable")
    rows = pd.DataFrame({"design": alive[order], "mean": means[order], "kept": np.arange(len(alive)) < after})
    return rows, np.sort(alive[order[:after]])
