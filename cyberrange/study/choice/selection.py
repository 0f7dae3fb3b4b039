"""The cheapest of many designs: successive halving to a final, then a choice with a stated guarantee."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cyberrange.errors import CyberrangeError
from cyberrange.study.choice.halving import Halving, halve
from cyberrange.study.choice.kim_nelson import KimNelson, check_settings, kim_nelson
from cyberrange.study.choice.portfolios import spoken
from cyberrange.study.choice.sampler import Sampler


@dataclass(frozen=True)
class Selection:
    """The design selected, how, and how sure that is.

    Attributes
    ----------
    selected
        Number of the design.
    guarantee
        One sentence on what is promised, and of whom.
    guaranteed
        Whether something is promised.
    halving
        How the designs of the final were found.
    final
        How the final went; here are the ties and the cheapest of them.
    runs
        Replicates summed over designs and over both parts.
    """

    selected: int
    guarantee: str
    guaranteed: bool
    halving: Halving
    final: KimNelson
    runs: int


def select_best(
    sample: Sampler,
    k: int,
    delta: float,
    *,
    alpha: float = 0.05,
    seeded: int = 0,
    names: Sequence[str] | None = None,
    keep: int = 6,
    first: int | None = None,
    budget: int | None = None,
    batch: int = 20,
    first_batches: int = 10,
    most: int = 10_000,
    outlay: Mapping[int, float] | None = None,
) -> Selection:
    """Choose the design with the lowest mean cost among many.

    Successive halving (`cyberrange.study.choice.halving.halve`) picks the designs of a final, and Kim and Nelson's
    procedure (`cyberrange.study.choice.kim_nelson.kim_nelson`) chooses among these, on replicates that halving has not
    seen.

    The guarantee covers the final only: with probability at least 1 - alpha the selected design is within delta of the
    best *of the designs that reached the final*. That the best of all designs reached it is likely, more so with more
    replicates in the first round, but not promised. What the final's promise assumes is said in `kim_nelson`.

    Parameters
    ----------
    sample
        Costs in rupees a year; see `cyberrange.study.choice.sampler.Sampler`.
    k
        Number of designs; they are numbered 0 to k - 1.
    delta, alpha, batch, first_batches, outlay
        As for `kim_nelson`.
    seeded
        The first so many designs go straight to the final, whatever they cost: those that have to be compared there.
    names
        What the designs are called in the guarantee; their numbers when absent.
    keep, first, budget
        As for `halve`, of the designs that are not seeded; the budget is that of halving alone. At least two are kept.
    most
        Most replicates of a design in the final.

    Raises
    ------
    CyberrangeError
        As for `halve` and `kim_nelson`; and when fewer than two designs are to be kept.

    Examples
    --------
    >>> import numpy as np
    >>> luck = np.random.default_rng(1).lognormal(size=5000)
    >>> def sample(designs, first, last):
    ...     return np.outer([1e6 + 1e5 * design for design in designs], luck[first:last])
    >>> result = select_best(sample, 12, delta=1e5, keep=3)
    >>> result.selected, result.halving.survivors
    (0, (0, 1, 2))
    >>> print(result.guarantee)
    With probability at least 95 %, design 0 costs at most Rs 1 lakh a year more than the best of the 3 designs that
    reached the final.
    """
    if keep < 2:
        raise CyberrangeError(f"keep must be at least 2, not {keep}: a final needs somebody to compare")
    # A mistake in what only the final uses should not show after hours of halving.
    check_settings(range(k), delta, alpha, batch, first_batches, most, outlay)
    halving = _halved(sample, k, seeded, keep, first, budget)
    final = kim_nelson(
        sample,
        halving.survivors,
        delta=delta,
        alpha=alpha,
        batch=batch,
        first_batches=first_batches,
        most=most,
        start=halving.replicates,
        outlay=outlay,
    )
    return Selection(
        selected=final.selected,
        guarantee=_guarantee(final, len(halving.survivors), delta, alpha, names),
        guaranteed=final.guaranteed,
        halving=halving,
        final=final,
        runs=halving.runs + final.runs,
    )


def _halved(sample: Sampler, k: int, seeded: int, keep: int, first: int | None, budget: int | None) -> Halving:
    """Return who reaches the final of k designs: the seeded ones, and those that halving leaves of the rest."""
    if k == seeded:
        nobody = pd.DataFrame(columns=["round", "design", "replicates", "mean", "kept"])
        return Halving(tuple(range(k)), nobody, 0, 0)

    def rest(designs: Sequence[int], begin: int, end: int) -> NDArray[np.float64]:
        return sample([design + seeded for design in designs], begin, end)

    found = halve(rest, k - seeded, keep=keep, first=first, budget=budget)
    return replace(
        found,
        survivors=(*range(seeded), *(design + seeded for design in found.survivors)),
        history=found.history.assign(design=found.history["design"] + seeded),
    )


def _guarantee(final: KimNelson, finalists: int, delta: float, alpha: float, names: Sequence[str] | None) -> str:
    """Return what is promised, as a sentence."""
    name = f"design {final.selected}" if names is None else names[final.selected]
    if finalists == 1:
        return "There is only one design; nothing was compared."
    if not final.guaranteed:
        return (
            f"No guarantee: the final was stopped after {final.replicates} replicates per design "
            f"with {len(final.survivors)} designs left."
        )
    return (
        f"With probability at least {100 * (1 - alpha):.4g} %, {name} costs at most {spoken(delta)} a year more than "
        f"the best of the {finalists} designs that reached the final."
    )
