"""What a procedure that chooses among designs asks of a simulator: costs, in pairs."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cyberrange.errors import CyberrangeError

Sampler = Callable[[Sequence[int], int, int], NDArray[np.float64]]
"""Called with (designs, first, last): the cost of each design (row) in replicates first to last - 1 (columns).

Costs are annualised, in rupees a year. The columns are pairs: replicate r meets every design with the same luck (common
random numbers), and asking again for a design and a replicate gives the same number.
"""


def costs_of(sample: Sampler, designs: Sequence[int], first: int, last: int) -> NDArray[np.float64]:
    """Return the costs of some designs in replicates first to last - 1.

    Parameters
    ----------
    sample
        See `Sampler`.
    designs
        Numbers of the designs.
    first, last
        Replicates, from 0; the last is not included.

    Returns
    -------
    numpy.ndarray
        Rupees a year, of shape (designs, last - first).

    Raises
    ------
    ValueError
        When the sampler returns another shape.
    CyberrangeError
        When a cost is not a finite number.

    Examples
    --------
    >>> costs_of(lambda designs, first, last: np.ones((len(designs), last - first)), [4, 7], 10, 13)
    array([[1., 1., 1.],
           [1., 1., 1.]])
    """
    costs = np.asarray(sample(designs, first, last), dtype=np.float64)
    expected = (len(designs), last - first)
    if costs.shape != expected:
        raise ValueError(f"the sampler returned costs of shape {costs.shape}, not {expected}")
    wrong = np.argwhere(~np.isfinite(costs))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise CyberrangeError(
            f"the cost of design {designs[row]} in replicate {first + column} is {costs[row, column]}, "
            "not a finite number; designs can only be ranked by costs that every replicate has"
        )
    return costs
