"""How sure a composed year is: the band of its curve, and the number of runs behind its tail."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from cyberrange.errors import CyberrangeError
from cyberrange.study.risk.curve import CELLS, Annual, check_level, compose
from cyberrange.study.risk.grid import (
    FloatArray,
    Incidents,
    above_each,
    chances_above,
    compound,
    grid_of,
    jumps_of,
    pooled,
)

_MOST_CELLS_OF_A_RESAMPLE = 2**16
_CELLS_OF_A_CVAR = 2**13
_BATCH = 25
"""Resamples composed at a time: some 100 MB."""
_STREAM = 7001
"""Names the random numbers of the bootstrap."""


def band(
    losses: Mapping[str, npt.ArrayLike],
    per_year: Mapping[str, float],
    *,
    seed: int,
    resamples: int = 200,
    level: float = 0.90,
    points: int | npt.ArrayLike = 101,
) -> pd.DataFrame:
    """Return the loss exceedance curve with the uncertainty that the number of runs leaves (percentile bootstrap).

    The same replicates are drawn for all scenarios and, with the same seed, for all ledgers and postures that have as
    many. Rates are taken as known, and nothing is learnt about losses beyond the largest simulated.

    Parameters
    ----------
    losses, per_year
        As for `compose`.
    seed
        Names the luck of the bootstrap.
    resamples
        How often the replicates are drawn anew.
    level
        Share of resamples within the band, at each loss.
    points
        As for `Annual.losses`.

    Returns
    -------
    pandas.DataFrame
        `loss`, `chance` of a year that loses more, and `low` and `high` of its band.

    Raises
    ------
    CyberrangeError
        As `compose`; and for a level outside 0 to 1, or no resamples.

    Examples
    --------
    >>> banded = band({"flood": [10.0, 20.0, 30.0, 40.0]}, {"flood": 0.1}, seed=7, points=[0.0, 25.0])
    >>> banded[["loss", "chance"]].round(3)
       loss  chance
    0   0.0   0.095
    1  25.0   0.050
    """
    check_level(level)
    if resamples < 1:
        raise CyberrangeError(f"{resamples} resamples make no band; at least 1 is needed")
    incidents = pooled(losses, per_year)
    centre = compose(losses, per_year)
    at = centre.losses(points)
    rates = _resampled(incidents, resamples, np.random.default_rng([seed, _STREAM]))
    chances = _chances_of_resamples(incidents, rates, at)
    low, high = np.quantile(chances, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return pd.DataFrame({"loss": at, "chance": centre.chances_above(at), "low": low, "high": high})


def cvar_band(
    losses: Mapping[str, npt.ArrayLike],
    per_year: Mapping[str, float],
    tail: float,
    *,
    seed: int,
    resamples: int = 100,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the ends of the interval of a year's CVaR that the number of runs leaves (percentile bootstrap).

    Parameters
    ----------
    losses, per_year, seed, resamples
        As for `band`: the same replicates are drawn.
    tail
        The CVaR is the mean of the worst 1 - `tail` of years.
    level
        Share of resamples within the interval.

    Examples
    --------
    >>> low, high = cvar_band({"flood": [10.0, 20.0, 30.0, 40.0]}, {"flood": 0.1}, 0.95, seed=7)
    >>> low < high
    True
    """
    check_level(level)
    incidents = pooled(losses, per_year)
    rates = _resampled(incidents, resamples, np.random.default_rng([seed, _STREAM]))
    ales = rates @ incidents.loss
    if not ales.any():
        return 0.0, 0.0
    grid = grid_of(incidents, float(ales.max()), _CELLS_OF_A_CVAR, _CELLS_OF_A_CVAR)
    found = [
        Annual(float(ale), 0.0, grid.step, chance).cvar(tail)
        for first in range(0, resamples, _BATCH)
        for ale, chance in zip(
            ales[first : first + _BATCH],
            compound(jumps_of(incidents.loss, rates[first : first + _BATCH], grid)),
            strict=True,
        )
    ]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def tail_runs(
    annual: Annual, losses: Mapping[str, npt.ArrayLike], per_year: Mapping[str, float], level: float
) -> float:
    """Return on how many simulated incidents the worst share (1 - `level`) of years rests.

    Incident i adds rate_i x loss_i x P(year + loss_i > VaR) to the mean loss of those years (Mecke's formula for
    Poisson processes). So many equal parts c are as uneven as these: (sum c)^2 / sum c^2 (Kish 1965, "Survey
    sampling"). Where nothing is lost, it is the number of runs.

    Parameters
    ----------
    annual
        What `compose` made of the losses and rates.
    losses, per_year
        As for `compose`.
    level
        Between 0 and 1.

    Examples
    --------
    >>> losses, rate = {"flood": [1.0] * 90 + [50.0] * 10}, {"flood": 0.1}
    >>> round(tail_runs(compose(losses, rate), losses, rate, 0.99))
    10
    """
    incidents = pooled(losses, per_year)
    part = incidents.rate * incidents.loss * annual.chances_above(annual.var(level) - incidents.loss)
    if not part.any():
        return float((incidents.rate > 0).sum())
    part /= part.max()
    return float(part.sum() ** 2 / (part**2).sum())


def _resampled(incidents: Incidents, resamples: int, generator: np.random.Generator) -> FloatArray:
    """Return the rate of every incident in each resample: resamples x incidents."""
    luck = generator.random((resamples, max(incidents.sizes, default=0)))
    counts = {size: _counts(luck[:, :size]) for size in set(incidents.sizes)}
    return np.hstack([np.empty((resamples, 0)), *(counts[size] for size in incidents.sizes)]) * incidents.rate


def _counts(luck: FloatArray) -> npt.NDArray[np.intp]:
    """Return how often each replicate is drawn in each resample."""
    rows, size = luck.shape
    drawn = (luck * size).astype(np.intp) + size * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)


def _chances_of_resamples(incidents: Incidents, rates: FloatArray, at: FloatArray) -> FloatArray:
    """Return the chance of exceeding each loss in each resample: resamples x losses."""
    ale = float((rates @ incidents.loss).max())
    if ale == 0:
        return np.tile(np.where(at < 0, 1.0, 0.0), (len(rates), 1))
    grid = grid_of(incidents, ale, CELLS, _MOST_CELLS_OF_A_RESAMPLE)
    none = np.exp(-rates[:, incidents.loss > 0].sum(axis=1, keepdims=True))
    found = []
    for first in range(0, len(rates), _BATCH):
        rows = slice(first, first + _BATCH)
        above = above_each(compound(jumps_of(incidents.loss, rates[rows], grid)))
        found.append(chances_above(above, none[rows], grid.step, at))
    return np.concatenate(found)
