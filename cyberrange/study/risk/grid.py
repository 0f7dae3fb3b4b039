"""The grid on which a year's loss is composed: checked incidents, the choice of the grid, and the transforms.

A loss between two cells is shared between them so that the mean is kept (local moment matching; Klugman, Panjer and
Willmot, "Loss models", section on discretisation). The year is compound Poisson, found with one pair of Fourier
transforms (Embrechts and Frei 2009, "Panjer recursion versus FFT for compound distributions").
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import fft, sparse, special

from cyberrange.errors import CyberrangeError, did_you_mean, quoted

FloatArray = npt.NDArray[np.float64]

MOST_CELLS = 2**18
_CELLS_OF_A_LOSS = 64
"""Cells up to the typical loss; scenarios of very different sizes get a finer grid."""
_FEWEST_CELLS_OF_THE_LARGEST = 16
_BEYOND = 1e-12
"""Share of the mean that may lie beyond the grid and wrap around."""
_ROUNDING = 1e-9
"""Steps by which a threshold may miss a cell."""


class Incidents(NamedTuple):
    """Simulated incidents of all scenarios in one row.

    Attributes
    ----------
    loss
        What each costs.
    rate
        How often each comes in a year: the rate of its scenario over the runs of its scenario.
    sizes
        Runs of each scenario.
    """

    loss: FloatArray
    rate: FloatArray
    sizes: tuple[int, ...]


def pooled(losses: Mapping[str, npt.ArrayLike], per_year: Mapping[str, float]) -> Incidents:
    """Check losses and rates by scenario and put them in one row.

    Raises
    ------
    CyberrangeError
        For a loss or rate that is negative or not a number, and a scenario without losses or without rate.
    """
    for name in per_year:
        if name not in losses:
            hint = did_you_mean(name, losses)
            raise CyberrangeError(f"there is a rate for scenario {quoted(name)}, but there are no losses.{hint}")
    found = {name: _checked_losses(name, values) for name, values in losses.items()}
    rates = [np.full(len(loss), _checked_rate(name, per_year) / len(loss)) for name, loss in found.items()]
    sizes = tuple(len(loss) for loss in found.values())
    return Incidents(np.concatenate([np.empty(0), *found.values()]), np.concatenate([np.empty(0), *rates]), sizes)


def _checked_losses(name: str, values: npt.ArrayLike) -> FloatArray:
    loss = np.asarray(values, dtype=np.float64)
    if loss.ndim != 1 or not len(loss):
        raise CyberrangeError(f"scenario {quoted(name)}: needs a row of losses, one for each run, and at least one")
    wrong = np.flatnonzero(~(np.isfinite(loss) & (loss >= 0)))
    if len(wrong):
        told = f"the loss of run {wrong[0]} is {loss[wrong[0]]}"
        raise CyberrangeError(f"scenario {quoted(name)}: {told}, but must be a number of 0 or more")
    return loss


def _checked_rate(name: str, per_year: Mapping[str, float]) -> float:
    if name not in per_year:
        raise CyberrangeError(f"scenario {quoted(name)}: its rate, in incidents a year, is missing")
    rate = float(per_year[name])
    if not (math.isfinite(rate) and rate >= 0):
        raise CyberrangeError(f"scenario {quoted(name)}: {rate} incidents a year, but must be a number of 0 or more")
    return rate


class Grid(NamedTuple):
    """Multiples of a step; the largest loss is one of them, so that equal losses stay exact."""

    largest: float
    cells_of_largest: int
    cells: int

    @property
    def step(self) -> float:
        """Width of a cell."""
        return self.largest / self.cells_of_largest


def grid_of(incidents: Incidents, ale: float, fewest: int, most: int) -> Grid:
    """Choose a grid that holds every year that matters and, with at most `most` cells, resolves a typical loss.

    Parameters
    ----------
    incidents
        At least one costs something and comes.
    ale
        Mean loss a year to allow for, above 0.
    fewest, most
        Cells; more than `most` only if a year does not fit otherwise.

    Raises
    ------
    CyberrangeError
        When there are so many incidents a year that no grid holds them.
    """
    comes = incidents.rate * incidents.loss > 0
    loss, rate = incidents.loss[comes], incidents.rate[comes]
    largest = float(loss.max())
    span = _span(ale / largest)
    coarse = _FEWEST_CELLS_OF_THE_LARGEST * span
    if coarse > max(fewest, MOST_CELLS):
        raise CyberrangeError(
            f"{rate.sum():.4g} incidents a year are too many to compose: an average year costs {ale / largest:.4g} "
            f"times the largest loss, and about {MOST_CELLS // _FEWEST_CELLS_OF_THE_LARGEST} times is the most"
        )
    fine = min(_CELLS_OF_A_LOSS * span * largest / _typical(loss, rate), float(most))
    cells = max(fewest, 2 ** math.ceil(math.log2(max(coarse, fine))))
    return Grid(largest, int((cells - 1) / span), cells)


def _span(mean: float) -> float:
    """Return how many times the largest loss a year reaches; `mean` is the mean year in the same unit.

    For losses in [0, 1], E exp(u loss) <= 1 + E loss (e^u - 1): no year is worse, in this sense, than a Poisson
    number of largest losses with the same mean m. Chernoff's bound P(year >= x) <= exp(x - m - x ln(x / m)) for that
    Poisson number, set equal to what may lie beyond, is solved for x with Lambert's W.
    """
    mean = max(mean, 1e-100)
    needed = -math.log(_BEYOND * min(mean, 1.0))
    return mean * math.exp(1 + float(special.lambertw((needed / mean - 1) / math.e).real))


def _typical(loss: FloatArray, rate: FloatArray) -> float:
    """Return the median loss of the incidents of many years."""
    order = np.argsort(loss)
    reached = np.cumsum(rate[order])
    return float(loss[order][np.searchsorted(reached, reached[-1] / 2)])


def jumps_of(loss: FloatArray, rates: FloatArray, grid: Grid) -> FloatArray:
    """Return how often a year jumps by 0, 1, 2... steps: each loss is shared between its two neighbours.

    Parameters
    ----------
    loss
        Of each incident.
    rates
        Of each incident, in the last axis.
    grid
        Where to put them.
    """
    place = np.minimum(loss / grid.largest, 1.0) * grid.cells_of_largest
    below = np.floor(place).astype(np.intp)
    part = place - below
    columns = np.column_stack([below, below + 1]).ravel()
    shares = np.column_stack([1 - part, part]).ravel()
    shape = (len(loss), grid.cells)
    spread = sparse.csr_array((shares, columns, np.arange(0, 2 * len(loss) + 1, 2)), shape=shape)
    jumps: FloatArray = rates @ spread
    return jumps


def compound(jumps: FloatArray) -> FloatArray:
    """Return the chance that a year costs 0, 1, 2... steps, from how often it jumps by so many, along the last axis.

    Examples
    --------
    >>> compound(np.array([0.0, 2.0] + 62 * [0.0]))[:3].round(9).tolist()  # Poisson with mean 2
    [0.135335283, 0.270670566, 0.270670566]
    """
    # Jumps of no size are left out, and exp(x) - 1 is computed as such, so that rare incidents keep all their digits.
    sizes = jumps.copy()
    sizes[..., 0] = 0.0
    spectrum = fft.rfft(sizes)
    chance: FloatArray = fft.irfft(np.expm1(spectrum - spectrum[..., :1]), n=jumps.shape[-1])
    chance[..., 0] += 1.0
    return chance.clip(0.0)


def above_each(chance: FloatArray) -> FloatArray:
    """Return the chance of more than 0, 1, 2... steps, along the last axis.

    Examples
    --------
    >>> above_each(np.array([0.5, 0.25, 0.25]))
    array([0.5 , 0.25, 0.  ])
    """
    above = np.zeros_like(chance)
    above[..., :-1] = np.cumsum(chance[..., :0:-1], axis=-1)[..., ::-1]
    return above


def chances_above(
    above: FloatArray, none: npt.NDArray[np.float64] | float, step: float, thresholds: FloatArray
) -> FloatArray:
    """Return the chance of a year above each threshold, for one distribution or, in the first axis, several.

    Parameters
    ----------
    above
        As `above_each` returns it.
    none
        Chance of a year without loss; small losses share the first cell with it.
    step
        Width of a cell.
    thresholds
        In the unit of the step.
    """
    steps = thresholds / step
    cell = np.clip(np.floor(steps + _ROUNDING), 0, above.shape[-1] - 1).astype(np.intp)
    some = np.minimum(above[..., cell], 1 - none)
    return np.where(steps < -_ROUNDING, 1.0, np.where(steps <= _ROUNDING, 1 - none, some))
