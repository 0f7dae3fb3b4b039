"""Paired comparison under common random numbers: mean differences with t-intervals and tests that hold jointly."""

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from cyberrange.errors import CyberrangeError, quoted
from cyberrange.results.intervals import Floats, Interval, check_share, joint_level, mean_interval

Correction = Literal["bonferroni", "none"]
"""Whether the intervals of several comparisons hold jointly, or each for itself."""


def paired_differences(
    frames: dict[str, pd.DataFrame], level: float = 0.95, correction: Correction = "bonferroni"
) -> pd.DataFrame:
    """Compare each posture with the first, replicate by replicate.

    Parameters
    ----------
    frames
        Tables of measures by posture, with the same replicates.
    level
        Confidence of the intervals.
    correction
        `bonferroni`: with m postures besides the first, each interval of a difference has confidence
        1 - (1 - level) / m, so that for each measure all m hold together with `level`. `none`: each holds with
        `level` by itself. With two postures both are the same. Neither corrects over measures or scenarios.

    Returns
    -------
    pandas.DataFrame
        One row per measure and posture, each value in the measure's unit: `mean` with `mean_low` and `mean_high` (each
        by itself at `level`), and for each posture but the first the `difference` with `low` and `high`,
        `share_better`, the share of replicates in which it is lower, `p` of the paired t-test, and `p_holm`, which is
        `p` adjusted for the m comparisons of the measure (see `holm`). Holm's test is a little sharper than
        Bonferroni's intervals: `p_holm` can be below 1 - level where the interval still holds 0.

    Raises
    ------
    CyberrangeError
        When the level does not lie between 0 and 1, or the correction is none of these.

    Examples
    --------
    >>> now = pd.DataFrame({"hours": [5.0, 7.0, 9.0, 6.0]})
    >>> soc = pd.DataFrame({"hours": [4.0, 5.0, 6.0, 5.0]})
    >>> table = paired_differences({"now": now, "soc": soc})
    >>> table.loc[1, ["difference", "low", "high", "p"]].astype(float).round(3).tolist()
    [-1.75, -3.273, -0.227, 0.035]
    """
    check_share("level", level)
    if correction not in get_args(Correction):
        raise CyberrangeError(f"unknown correction {quoted(correction)}. Allowed: {', '.join(get_args(Correction))}.")
    base_name, *others = frames
    base = frames[base_name]
    jointly = joint_level(level, len(others)) if correction == "bonferroni" else level
    rows: list[dict[str, object]] = []
    for measure in base.columns:
        gaps = {name: frames[name][measure] - base[measure] for name in others}
        p = [p_value(gap) for gap in gaps.values()]
        rows.append(_own(measure, base_name, base, level))
        for (name, gap), raw, adjusted in zip(gaps.items(), p, holm(p), strict=True):
            compared = {**_gap(gap, jointly), "p": raw, "p_holm": float(adjusted)}
            rows.append(_own(measure, name, frames[name], level) | compared)
    return pd.DataFrame(rows)


def p_value(gaps: pd.Series) -> float:
    """Return the two-sided p of the paired t-test that the mean difference is 0; not a number from one run.

    Examples
    --------
    >>> round(p_value(pd.Series([1.0, 2.0, 3.0])), 3)
    0.074
    """
    x = gaps.to_numpy(dtype=np.float64)
    if len(x) < 2:
        return math.nan
    mean, error = float(x.mean()), float(x.std(ddof=1)) / math.sqrt(len(x))
    if error == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return float(2 * stats.t.sf(abs(mean) / error, len(x) - 1))


def holm(p: Sequence[float] | Floats) -> Floats:
    """Return p-values adjusted so that the chance of any false finding among them is at most the level.

    Holm's step-down: the i-th smallest of m is multiplied by m - i + 1 and kept at least as large as the one before
    (Holm 1979, "A simple sequentially rejective multiple test procedure"). It needs no independence.

    Examples
    --------
    >>> holm([0.04, 0.01, 0.5]).tolist()
    [0.08, 0.03, 0.5]
    """
    raw = np.asarray(p, dtype=np.float64)
    order = np.argsort(raw)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)), 1.0)
    return adjusted


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


def _own(measure: str, name: str, frame: pd.DataFrame, level: float) -> dict[str, object]:
    """The mean of a measure under one posture."""
    own = mean_interval(frame[measure], level)
    return {"measure": measure, "posture": name, "mean": own.mean, "mean_low": own.low, "mean_high": own.high}


def _gap(gap: pd.Series, level: float) -> dict[str, object]:
    """The difference of a posture from the first."""
    found = mean_interval(gap, level)
    better = float((gap < 0).mean())
    return {"difference": found.mean, "low": found.low, "high": found.high, "share_better": better}
