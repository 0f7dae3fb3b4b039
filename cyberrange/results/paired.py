"""Paired comparison under common random numbers: mean differences with t-intervals."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats


class Interval(NamedTuple):
    """A mean with its confidence interval."""

    mean: float
    low: float
    high: float


def mean_interval(values: pd.Series, level: float = 0.95) -> Interval:
    """Return mean +- t(n - 1) s / sqrt(n).

    Examples
    --------
    >>> interval = mean_interval(pd.Series([1.0, 2.0, 3.0]))
    >>> round(interval.mean, 3), round(interval.low, 3), round(interval.high, 3)
    (2.0, -0.484, 4.484)
    """
    x = values.to_numpy(dtype=np.float64)
    mean = float(x.mean())
    if len(x) < 2 or float(x.std()) == 0.0:
        return Interval(mean, mean, mean) if len(x) > 1 else Interval(mean, -math.inf, math.inf)
    half = float(stats.t.ppf(0.5 + level / 2, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))
    return Interval(mean, mean - half, mean + half)


def paired_differences(frames: dict[str, pd.DataFrame], level: float = 0.95) -> pd.DataFrame:
    """Compare each posture with the first, replicate by replicate.

    Parameters
    ----------
    frames
        Tables of measures by posture, with the same replicates.
    level
        Confidence of each interval.

    Returns
    -------
    pandas.DataFrame
        One row per measure and posture: `mean` with `mean_low` and `mean_high`, and for each posture but the first the
        `difference` with `low` and `high`, and `share_better`, the share of replicates in which it is lower.
    """
    base_name, base = next(iter(frames.items()))
    rows = []
    for measure in base.columns:
        for name, frame in frames.items():
            own = mean_interval(frame[measure], level)
            row: dict[str, object] = {"measure": measure, "posture": name, "mean": own.mean, "mean_low": own.low,
                                      "mean_high": own.high}  # fmt: skip
            if name != base_name:
                gap = frame[measure] - base[measure]
                interval = mean_interval(gap, level)
                row |= {"difference": interval.mean, "low": interval.low, "high": interval.high,
                        "share_better": float((gap < 0).mean())}  # fmt: skip
            rows.append(row)
    return pd.DataFrame(rows)


def relative_difference(base: pd.Series, other: pd.Series, level: float = 0.95) -> Interval:
    """Return mean(other) / mean(base) - 1 with its interval, for paired replicates.

    The interval is that of the ratio estimator (delta method; Cochran 1977, "Sampling techniques", section 6.4): the
    standard error of the mean residual other - ratio x base, divided by mean(base).

    Raises
    ------
    ValueError
        When the mean of the base is 0.

    Examples
    --------
    >>> halved = relative_difference(pd.Series([2.0, 4.0, 6.0]), pd.Series([1.0, 2.0, 3.0]))
    >>> halved.mean, halved.low, halved.high
    (-0.5, -0.5, -0.5)
    """
    mean = float(base.mean())
    if mean == 0:
        raise ValueError("a difference relative to a mean of 0 says nothing")
    ratio = float(other.mean()) / mean
    residual = mean_interval(other - ratio * base, level)
    half = (residual.high - residual.mean) / abs(mean)
    return Interval(ratio - 1, ratio - 1 - half, ratio - 1 + half)
