"""How many runs a difference needs: sample until it is known well enough, or known not to matter."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from cyberrange.errors import CyberrangeError
from cyberrange.results.intervals import Floats, Interval, check_share, mean_interval

Sampler = Callable[[int, int], Floats]
"""Called with (first, last), returns the paired differences of replicates first to last - 1, in order."""

Reason = Literal["precise", "indifferent", "most"]


class Stopped(NamedTuple):
    """What is known of a difference when sampling stops."""

    interval: Interval
    """Mean difference with its t-interval, in the unit of the differences."""
    runs: int
    """Replicates used: 0 to runs - 1."""
    reason: Reason
    """`precise`: as narrow as asked for; `indifferent`: no difference worth paying for; `most`: out of runs."""


def until_precise(
    sample: Sampler,
    *,
    indifference: float,
    relative: float = 0.05,
    level: float = 0.95,
    first: int = 100,
    batch: int = 100,
    most: int = 10_000,
) -> Stopped:
    """Sample paired differences in batches until their mean is known well enough.

    It stops once the half-width of the t-interval is at most max(relative x |mean|, indifference) (Chow and Robbins
    1965, "On the asymptotic theory of fixed-width sequential confidence intervals"). Without the second term a
    difference of 0 would never stop.

    Stopping when the interval happens to be narrow costs coverage where differences are skewed. Of nominal 95 %, at a
    half-width of 10 % of the mean, 95 % is left for normal and for gamma differences (skewness 2.8) and 92 % for
    lognormal ones with sigma 1.5 (skewness 33). Only a `first` near the number of runs that are needed anyway gives it
    back. It must also be large enough for what tells the postures apart to happen in it: a hundred differences that
    are all 0 have a half-width of 0.

    Parameters
    ----------
    sample
        Gives the paired differences of replicates; they are asked for once each, in order from 0, so the result
        depends on nothing but the sampler's own seed.
    indifference
        The largest difference that is not worth paying for, in the unit of the differences (rupees); at least 0.
    relative
        Half-width asked for as a share of the mean difference; at least 0.
    level
        Confidence of the interval. With m postures compared give `joint_level(level, m)`.
    first, batch, most
        Replicates before the first look, between looks, and at most.

    Returns
    -------
    Stopped
        `indifferent` where the whole interval lies within +-indifference. An interval that is narrow enough and yet
        reaches beyond the zone is `precise`, even if it holds 0.

    Raises
    ------
    CyberrangeError
        When a setting is out of its range.
    ValueError
        When the sampler returns another number of differences than asked for, or one that is not finite.

    Examples
    --------
    >>> gaps = np.random.default_rng(3).normal(-20.0, 5.0, 1000)
    >>> found = until_precise(lambda first, last: gaps[first:last], indifference=1.0)
    >>> found.runs, found.reason, found.interval.high < -18
    (200, 'precise', True)
    """
    _check(indifference, relative, level, first, batch, most)
    gaps = _drawn(sample, 0, first)
    while True:
        interval = mean_interval(gaps, level)
        if max(-interval.low, interval.high) <= indifference:
            return Stopped(interval, len(gaps), "indifferent")
        if interval.high - interval.mean <= max(relative * abs(interval.mean), indifference):
            return Stopped(interval, len(gaps), "precise")
        if len(gaps) == most:
            return Stopped(interval, most, "most")
        gaps = np.concatenate([gaps, _drawn(sample, len(gaps), min(len(gaps) + batch, most))])


def _drawn(sample: Sampler, first: int, last: int) -> Floats:
    """Differences of some replicates, if the sampler gave what it was asked for."""
    gaps = np.asarray(sample(first, last), dtype=np.float64)
    if gaps.shape != (last - first,):
        raise ValueError(f"the sampler returned shape {gaps.shape} for replicates {first} to {last - 1}")
    if not np.isfinite(gaps).all():
        raise ValueError(f"the sampler returned differences that are not finite in replicates {first} to {last - 1}")
    return gaps


def _check(indifference: float, relative: float, level: float, first: int, batch: int, most: int) -> None:
    """Refuse settings with which sampling makes no sense."""
    check_share("level", level)
    for name, amount in (("indifference", indifference), ("relative", relative)):
        if not amount >= 0:
            raise CyberrangeError(f"{name} is {amount:g}: it must be at least 0")
    for name, runs, fewest in (("first", first, 2), ("batch", batch, 1), ("most", most, first)):
        if runs < fewest:
            raise CyberrangeError(f"{name} is {runs}: it must be at least {fewest}")
