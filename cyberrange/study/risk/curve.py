"""The distribution of a year's loss, composed from simulated incidents.

Incidents of scenario k come as a Poisson process with a rate a year, independent of each other, and each costs an
independent draw from the simulated losses of k: a year's loss is compound Poisson, and no year is ever simulated.

What this leaves out: incidents that overlap or make each other likelier, and losses larger than any simulated.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from cyberrange.errors import CyberrangeError
from cyberrange.study.risk.grid import (
    MOST_CELLS,
    FloatArray,
    above_each,
    chances_above,
    compound,
    grid_of,
    jumps_of,
    pooled,
)

CELLS = 2**15
"""Cells of the grid, at least."""
_RARE = 1e-4
"""A curve without points of its own ends at the loss that a year exceeds with this chance."""
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Annual:
    """The distribution of a year's loss.

    Attributes
    ----------
    ale
        Mean loss a year (annual loss expectancy): the exact sum of rate x mean loss.
    none
        Chance of a year without loss, exact.
    step
        Width of a cell, in the unit of the losses.
    chance
        Chance that the year's loss is 0, 1, 2... steps.

    Examples
    --------
    >>> year = compose({"flood": [100.0], "insider": [0.0, 40.0]}, {"flood": 0.02, "insider": 0.5})
    >>> year.curve([0.0, 50.0]).round(3)
       loss  chance  return_period
    0   0.0   0.237          4.226
    1  50.0   0.046         21.846
    """

    ale: float
    none: float
    step: float
    chance: FloatArray

    def var(self, level: float) -> float:
        """Return the loss that a year stays within with chance `level` (value at risk), to within a few steps.

        Parameters
        ----------
        level
            Between 0 and 1; 0.95 asks for the loss exceeded once in 20 years.
        """
        check_level(level)
        return self.step * int(np.searchsorted(-self._above, -(1 - level) * (1 + _ROUNDING)))

    def cvar(self, level: float) -> float:
        """Return the mean loss of the worst share (1 - `level`) of years (conditional value at risk).

        VaR + E[(loss - VaR)+] / (1 - level), which also holds where VaR has a chance of its own (Rockafellar and
        Uryasev 2002, "Conditional value-at-risk for general loss distributions").

        Parameters
        ----------
        level
            Between 0 and 1.
        """
        var = self.var(level)
        beyond = self._above[round(var / self.step) :]
        return var + self.step * float(beyond.sum()) / (1 - level)

    def chance_above(self, threshold: float) -> float:
        """Return the chance that a year loses more than `threshold`."""
        return float(self.chances_above(np.array([threshold]))[0])

    def chances_above(self, thresholds: npt.ArrayLike) -> FloatArray:
        """Return the chance of losing more than each of several thresholds."""
        return chances_above(self._above, self.none, self.step, np.asarray(thresholds, dtype=np.float64))

    def losses(self, points: int | npt.ArrayLike = 101) -> FloatArray:
        """Return the losses at which to draw the curve.

        Parameters
        ----------
        points
            A number of losses, evenly spaced from 0 to the loss exceeded once in 10 000 years; or the losses.
        """
        if isinstance(points, int):
            return np.unique(np.linspace(0.0, self.var(1 - _RARE), points))
        return np.asarray(points, dtype=np.float64)

    def curve(self, points: int | npt.ArrayLike = 101) -> pd.DataFrame:
        """Return the loss exceedance curve.

        Parameters
        ----------
        points
            As for `losses`.

        Returns
        -------
        pandas.DataFrame
            `loss`, `chance` of a year that loses more, and `return_period`, 1 / chance in years.
        """
        loss = self.losses(points)
        chance = self.chances_above(loss)
        period = np.divide(1.0, chance, out=np.full_like(chance, math.inf), where=chance > 0)
        return pd.DataFrame({"loss": loss, "chance": chance, "return_period": period})

    @cached_property
    def _above(self) -> FloatArray:
        return above_each(self.chance)


def compose(losses: Mapping[str, npt.ArrayLike], per_year: Mapping[str, float], *, cells: int = CELLS) -> Annual:
    """Compose the distribution of a year's loss from the losses of simulated incidents.

    Parameters
    ----------
    losses
        By scenario, the loss of each simulated incident; one unit for all.
    per_year
        By scenario, the mean number of incidents a year.
    cells
        Cells of the grid, at least; doubled until the grid holds every year that matters and, up to 2^18, resolves a
        typical loss.

    Raises
    ------
    CyberrangeError
        For a loss or rate that is negative or not a number, a scenario without losses or without rate, or so many
        incidents that no grid holds a year.

    Examples
    --------
    >>> year = compose({"flood": [100.0], "insider": [0.0, 40.0]}, {"flood": 0.02, "insider": 0.5})
    >>> round(year.ale, 9), round(year.var(0.95), 1), round(year.none, 3)
    (12.0, 40.0, 0.763)
    """
    incidents = pooled(losses, per_year)
    ale = float(incidents.rate @ incidents.loss)
    if ale == 0:
        return Annual(0.0, 1.0, 1.0, np.array([1.0]))
    grid = grid_of(incidents, ale, cells, MOST_CELLS)
    none = math.exp(-float(incidents.rate[incidents.loss > 0].sum()))
    return Annual(ale, none, grid.step, compound(jumps_of(incidents.loss, incidents.rate, grid)))


def check_level(level: float) -> None:
    """Refuse a level outside 0 to 1."""
    if not 0 < level < 1:
        raise CyberrangeError(f"the level is {level}, but must lie between 0 and 1, such as 0.95")
