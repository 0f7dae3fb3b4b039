"""What not knowing costs: the chance of being best, regret, and the value of measuring an input first.

Everything here starts from two tables with one row per draw of the uncertain inputs (frequencies, effects, rupee
values): `costs`, what each design (column) costs in rupees a year if the draw is true, and `inputs`, the draw itself.
Row i of both belongs to draw i. Costs should be means over so many replicates that their noise is small against the
differences between designs: noise looks like something worth knowing and swells regret and EVPI, and EVPPI much less.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.stats import qmc

from cyberrange.errors import CyberrangeError, did_you_mean, quoted

BINS = 10
"""Groups of draws with a similar value of an input; the first and the last hold its lowest and highest tenth."""

FEWEST_DRAWS = 10 * BINS
"""With fewer than ten draws in a bin, its mean says little."""

_INPUT_STREAM = 2201

Matrix = NDArray[np.float64]


class Worth(NamedTuple):
    """What a piece of knowledge is worth, rupees a year, with its standard error over draws."""

    value: float
    standard_error: float


def regret(costs: pd.DataFrame | Matrix) -> pd.DataFrame:
    """Return what each design costs more than the best one of each draw.

    Parameters
    ----------
    costs
        Rupees a year, draws x designs.

    Returns
    -------
    pandas.DataFrame
        Rupees a year, of the same shape; each row holds a 0.

    Raises
    ------
    CyberrangeError
        When there are fewer than two draws, no designs, or costs that are not finite numbers.

    Examples
    --------
    >>> regret(np.array([[5.0, 7.0], [6.0, 2.0]])).to_numpy()
    array([[0., 2.],
           [4., 0.]])
    """
    table = _checked(costs, "costs")
    return table.sub(table.min(axis=1), axis=0)


def rank_designs(costs: pd.DataFrame | Matrix) -> pd.DataFrame:
    """Rank designs by mean cost, with how often each is the best and what choosing it may forgo.

    Parameters
    ----------
    costs
        Rupees a year, draws x designs.

    Returns
    -------
    pandas.DataFrame
        One row per design, the lowest mean first: `mean`; `p_best`, the share of draws in which the design is the
        cheapest (shared evenly among equals); `expected_regret` and `p95_regret`, see `regret`. Rupees a year.

    Raises
    ------
    CyberrangeError
        As for `regret`.

    Examples
    --------
    >>> rank_designs(pd.DataFrame({"cheap": [1.0, 5.0, 1.0, 1.0], "steady": [3.0, 3.0, 3.0, 3.0]}))
            mean  p_best  expected_regret  p95_regret
    design
    cheap    2.0    0.75              0.5         1.7
    steady   3.0    0.25              1.5         2.0
    """
    table = _checked(costs, "costs")
    lost = regret(table)
    is_best = lost == 0
    rows = pd.DataFrame(
        {
            "mean": table.mean(),
            "p_best": is_best.div(is_best.sum(axis=1), axis=0).mean(),
            "expected_regret": lost.mean(),
            "p95_regret": lost.quantile(0.95),
        }
    )
    return rows.rename_axis("design").sort_values("mean", kind="stable")


def evpi(costs: pd.DataFrame | Matrix) -> Worth:
    """Return the expected value of perfect information: min_x E[J(x)] - E[min_x J(x)].

    It is the expected regret of the design with the lowest mean, so it is never negative: the most that any study of
    the inputs can be worth. With few draws it comes out a little too low, because the lowest mean flatters its design.

    Parameters
    ----------
    costs
        J: rupees a year, draws x designs.

    Raises
    ------
    CyberrangeError
        As for `regret`.

    Examples
    --------
    >>> evpi(np.array([[1.0, 3.0], [5.0, 3.0], [1.0, 3.0], [1.0, 3.0]]))
    Worth(value=0.5, standard_error=0.5)
    """
    values = _checked(costs, "costs").to_numpy()
    return _mean(values[:, _today(values)] - values.min(axis=1))


def evppi(costs: pd.DataFrame | Matrix, inputs: pd.DataFrame, column: str) -> Worth:
    """Return the expected value of knowing one input: min_x E[J(x)] - E[min_x E[J(x) | input]].

    The conditional means are those of ten bins of draws with similar values of the input, all drawn towards the overall
    mean by one factor (the regression approach of Strong, Oakley and Brennan 2014, "Estimating multiparameter partial
    expected value of perfect information", with bins for the smooth curve). The factor is the root of
    1 - (mean square within bins) / (mean square between bins) of the differences between designs, so that the spread of
    the fitted means is that of the true ones without their noise (constrained empirical Bayes, Louis 1984); without it
    an input that does not matter would seem worth measuring.

    Each fitted mean is an average of draws with the same weights for every design. By Jensen's inequality 0 <= EVPPI <=
    EVPI therefore holds without clipping; what is clipped at 0 is the factor, when bins differ less than by chance. The
    standard error is that of the unshrunk estimate, so it is on the wide side for inputs that hardly matter; it leaves
    out the bias of the bins, a few hundredths of the EVPI at 400 draws. A link that shows only in the spread of costs,
    or within a tenth of the draws, is missed.

    Parameters
    ----------
    costs
        J: rupees a year, draws x designs.
    inputs
        Draws x inputs.
    column
        The input.

    Raises
    ------
    CyberrangeError
        As for `regret`; for fewer than 100 draws, an unknown input, or tables of different length.

    Examples
    --------
    >>> inputs = pd.DataFrame({"rate": np.tile([1.0, 2.0], 100), "colour": np.repeat([1.0, 2.0], 100)})
    >>> costs = np.column_stack([10 * inputs["rate"], np.full(200, 15.0)])
    >>> evppi(costs, inputs, "rate").value, evpi(costs).value, evppi(costs, inputs, "colour").value
    (2.5, 2.5, 0.0)
    """
    values, draws = _matched(costs, inputs)
    if column not in draws.columns:
        raise CyberrangeError(f"unknown input {quoted(column)}.{did_you_mean(column, map(str, draws.columns))}")
    return _evppi(values, _bins(values, draws[column].to_numpy()))


def what_to_measure(costs: pd.DataFrame | Matrix, inputs: pd.DataFrame) -> pd.DataFrame:
    """Rank inputs by what knowing each alone is worth, before the choice of a design.

    Parameters
    ----------
    costs
        J: rupees a year, draws x designs.
    inputs
        Draws x inputs.

    Returns
    -------
    pandas.DataFrame
        One row per input, the most valuable first: `evppi` with its `standard_error`, rupees a year, and
        `share_of_evpi`, from 0 to 1 (0 when nothing is worth knowing). Shares need not add up to 1. See `evppi`.

    Raises
    ------
    CyberrangeError
        As for `evppi`.

    Examples
    --------
    >>> inputs = pd.DataFrame({"colour": np.repeat([1.0, 2.0], 100), "rate": np.tile([1.0, 2.0], 100)})
    >>> what_to_measure(np.column_stack([10 * inputs["rate"], np.full(200, 15.0)]), inputs).round(3)
            evppi  standard_error  share_of_evpi
    input
    rate      2.5           0.177            1.0
    colour    0.0           0.000            0.0
    """
    values, draws = _matched(costs, inputs)
    most = evpi(values).value
    found = [_evppi(values, _bins(values, draws[column].to_numpy())) for column in draws.columns]
    rows = pd.DataFrame(found, index=draws.columns.rename("input"), columns=["evppi", "standard_error"])
    rows["share_of_evpi"] = rows["evppi"] / most if most > 0 else 0.0
    return rows.sort_values("evppi", ascending=False, kind="stable")


def decision_tornado(costs: pd.DataFrame | Matrix, inputs: pd.DataFrame) -> pd.DataFrame:
    """Return what today's choice would forgo if an input turned out low or high.

    Today's choice is the design with the lowest mean over all draws. An input that moves every design's cost alike does
    not change the decision, and has no regret however much it moves the loss.

    Parameters
    ----------
    costs
        J: rupees a year, draws x designs.
    inputs
        Draws x inputs.

    Returns
    -------
    pandas.DataFrame
        One row per input, the largest regret first: `low` and `high`, the input's mean in its lowest and highest tenth
        of draws (its lowest and highest value, if it takes ten or fewer); `regret_low` and `regret_high`, the mean
        regret of today's choice there, rupees a year, from the conditional means of `evppi`; `best_low` and
        `best_high`, the design that is best there.

    Raises
    ------
    CyberrangeError
        As for `evppi`.

    Examples
    --------
    >>> inputs = pd.DataFrame({"rate": np.repeat([1.0, 2.0, 3.0], 50)})
    >>> costs = pd.DataFrame({"do nothing": 10 * inputs["rate"], "protect": np.full(150, 22.0)})
    >>> decision_tornado(costs, inputs).loc["rate"].to_dict()
    {'low': 1.0, 'high': 3.0, 'regret_low': 0.0, 'regret_high': 8.0, 'best_low': 'do nothing', 'best_high': 'protect'}
    """
    values, draws = _matched(costs, inputs)
    designs = _checked(costs, "costs").columns
    today = _today(values)
    rows = []
    for column in draws.columns:
        x = draws[column].to_numpy()
        bins = _bins(values, x)
        lost = bins.means[:, today] - bins.means.min(axis=1)
        best = bins.means.argmin(axis=1).tolist()
        rows.append((x[bins.labels == 0].mean(), x[bins.labels == len(best) - 1].mean(), lost[0], lost[-1],
                     designs[best[0]], designs[best[-1]]))  # fmt: skip
    names = ["low", "high", "regret_low", "regret_high", "best_low", "best_high"]
    table = pd.DataFrame(rows, index=draws.columns.rename("input"), columns=names)
    largest = table[["regret_low", "regret_high"]].max(axis=1)
    return table.loc[largest.sort_values(ascending=False, kind="stable").index]


def sample_inputs(table: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Draw uncertain inputs from their PERT distributions, evenly spread over all of them together.

    PERT is the beta distribution on [low, high] with exponents 1 + 4 (mode - low) / (high - low) and
    1 + 4 (high - mode) / (high - low), and mean (low + 4 mode + high) / 6 (Malcolm and others 1959; Vose 2008). The
    points are a scrambled Sobol sequence, the most even for a power of two draws.

    Parameters
    ----------
    table
        One row per input, with the columns `low`, `mode` and `high`. An input with three equal values is constant.
    draws
        Number of draws.
    seed
        Names the draws. An input keeps its draws when the ranges of others change, but not when inputs are added.

    Returns
    -------
    pandas.DataFrame
        Index `draw`, a column for each input.

    Raises
    ------
    CyberrangeError
        Unless low <= mode <= high for each input, naming the first that is wrong; or if there are no inputs or draws.

    Examples
    --------
    >>> table = pd.DataFrame({"low": [0.0, 3.0], "mode": [1.0, 3.0], "high": [8.0, 3.0]}, index=["attacks", "fixed"])
    >>> drawn = sample_inputs(table, 256, seed=7)
    >>> drawn.shape, drawn["fixed"].unique().tolist(), round(float(drawn["attacks"].mean()), 1)
    ((256, 2), [3.0], 2.0)
    """
    low, mode, high = _ranges(table)
    if draws < 1:
        raise CyberrangeError(f"draws must be at least 1, not {draws}")
    generator = np.random.default_rng([seed, _INPUT_STREAM])
    # random_base2 keeps the sequence whole; a constant uses up its dimension so that others keep theirs.
    points = qmc.Sobol(len(table), rng=generator).random_base2((draws - 1).bit_length())[:draws]
    span = high - low
    wide = span > 0
    values = np.tile(low, (draws, 1))
    below, above = (mode - low)[wide] / span[wide], (high - mode)[wide] / span[wide]
    values[:, wide] += span[wide] * stats.beta.ppf(points[:, wide], 1 + 4 * below, 1 + 4 * above)
    return pd.DataFrame(values, index=pd.RangeIndex(draws, name="draw"), columns=table.index)


class _Bins(NamedTuple):
    """Draws grouped by an input: the bin of each draw, and the conditional mean costs (bins x designs)."""

    labels: NDArray[np.intp]
    means: Matrix


def _bins(values: Matrix, x: Matrix) -> _Bins:
    """Group draws by similar values of an input, and estimate the mean costs of each group; see `evppi`."""
    labels = _labels(x)
    counts = np.bincount(labels)
    members = (np.arange(len(counts))[:, None] == labels).astype(np.float64)
    overall, within_bins = values.mean(axis=0), members @ values / counts[:, None]
    factor = _factor(values - values.mean(axis=1, keepdims=True), members, counts)
    return _Bins(labels, overall + factor * (within_bins - overall))


def _labels(x: Matrix) -> NDArray[np.intp]:
    """Return the bin of each value, from 0: one for each tenth, or for each value if there are ten or fewer."""
    distinct, labels = np.unique(x, return_inverse=True)
    if len(distinct) <= BINS:
        return labels
    inner = np.quantile(x, np.arange(1, BINS) / BINS)
    return np.unique(np.searchsorted(inner, x, side="right"), return_inverse=True)[1]


def _factor(contrasts: Matrix, members: Matrix, counts: NDArray[np.intp]) -> float:
    """Return by what the means of bins are drawn towards the overall mean: 0 all the way, 1 not at all."""
    draws, bins = len(contrasts), len(counts)
    if bins == 1:
        return 0.0
    means = members @ contrasts / counts[:, None]
    between = float(np.sum(counts[:, None] * (means - contrasts.mean(axis=0)) ** 2)) / (bins - 1)
    within = float(np.sum((contrasts - members.T @ means) ** 2)) / (draws - bins)
    return max(0.0, 1 - within / between) ** 0.5 if between > 0 else 0.0


def _evppi(values: Matrix, bins: _Bins) -> Worth:
    """Return the mean regret of today's choice over bins, as `evppi` says."""
    today = _today(values)
    lost = bins.means[:, today] - bins.means.min(axis=1)
    chosen = bins.means.argmin(axis=1)[bins.labels]
    gains = values[:, today] - values[np.arange(len(values)), chosen]
    return Worth(float(lost[bins.labels].mean()), _mean(gains).standard_error)


def _today(values: Matrix) -> int:
    """Return the column with the lowest mean, the first among equals."""
    return int(values.mean(axis=0).argmin())


def _mean(values: Matrix) -> Worth:
    return Worth(float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5))


def _matched(costs: pd.DataFrame | Matrix, inputs: pd.DataFrame) -> tuple[Matrix, pd.DataFrame]:
    """Return costs and inputs, checked to belong together."""
    values, draws = _checked(costs, "costs").to_numpy(), _checked(inputs, "inputs")
    if len(values) != len(draws):
        raise CyberrangeError(f"costs have {len(values)} draws and inputs {len(draws)}; row i of both must be draw i")
    if len(values) < FEWEST_DRAWS:
        raise CyberrangeError(f"{len(values)} draws are too few to value an input; {FEWEST_DRAWS} are needed")
    return values, draws


def _checked(table: pd.DataFrame | Matrix, name: str) -> pd.DataFrame:
    """Return a table of finite numbers with at least two rows and a column."""
    frame = pd.DataFrame(table).astype(np.float64)
    if len(frame) < 2 or not len(frame.columns):
        raise CyberrangeError(f"{name} must have two or more draws (rows) and a column, not {frame.shape}")
    wrong = np.argwhere(~np.isfinite(frame.to_numpy()))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise CyberrangeError(f"{name}: {quoted(list(frame.columns)[column])} is not a finite number in draw {row}")
    return frame


def _ranges(table: pd.DataFrame) -> tuple[Matrix, Matrix, Matrix]:
    """Return low, mode and high of each input, checked."""
    missing = [name for name in ("low", "mode", "high") if name not in table.columns]
    if missing or not len(table):
        raise CyberrangeError(
            f"the table of inputs has no column {quoted(missing[0])}" if missing else "the table of inputs is empty"
        )
    low, mode, high = (table[name].to_numpy(dtype=np.float64) for name in ("low", "mode", "high"))
    finite = np.isfinite(low) & np.isfinite(mode) & np.isfinite(high)
    for i in np.flatnonzero(~(finite & (low <= mode) & (mode <= high))).tolist():
        raise CyberrangeError(
            f"input {quoted(table.index[i])}: low {low[i]:g}, mode {mode[i]:g}, high {high[i]:g} are not in order; "
            "low <= mode <= high is needed"
        )
    return low, mode, high
