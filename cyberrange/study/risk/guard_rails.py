"""Guard-rails: what a planner must know before believing a figure of annual risk."""

from typing import NamedTuple

from cyberrange.study.risk.annual import AnnualRisk

ENOUGH_RUNS = 30
"""Fewest simulated incidents on which a tail may rest."""


class Note(NamedTuple):
    """Something to tell beside a figure."""

    code: str
    """`few_runs`, `var_is_zero`, `stale` or `rosi_undefined`."""
    text: str
    """One plain sentence."""


def notes(
    risk: AnnualRisk,
    ledger: str = "total",
    *,
    level: float = 0.95,
    found: str | None = None,
    asked: str | None = None,
    cost: float | None = None,
) -> tuple[Note, ...]:
    """Return what must be told beside the figures of one ledger.

    Parameters
    ----------
    risk
        The annual risk whose figures are shown.
    ledger
        One of `cyberrange.study.risk.pricing.LEDGERS`.
    level
        Of the VaR and CVaR shown.
    found, asked
        Hash of the specification that the runs were made from, and of the one that is asked for now; not compared
        unless both are given.
    cost
        Rupees a year of the controls whose ROSI is shown; none where no ROSI is.

    Returns
    -------
    tuple of Note
        Empty when there is nothing to tell.

    Raises
    ------
    CyberrangeError
        For a ledger that does not exist, a level outside 0 to 1, and what `AnnualRisk` refuses.

    Examples
    --------
    >>> import pandas as pd
    >>> from cyberrange.study.risk.pricing import ServiceValue, Values
    >>> runs = {"flood": pd.DataFrame({"unserved.water": [10.0] * 50, "response_cost": [0.0] * 50})}
    >>> values = Values({"water": ServiceValue(city=2.0, citizens=3.0, deferred=0.0, recovered=1.0, safety=0.0)})
    >>> print(notes(AnnualRisk(runs, {"flood": 0.02}, values))[0].text)
    A loss comes about once in 51 years, so the loss exceeded once in 20 years is zero; look at the mean of the worst
    years (CVaR) as well.
    """
    possible = (
        _few_runs(risk.tail_runs(ledger, level), level),
        _var_is_zero(risk.annual[ledger].none, level),
        _stale(found, asked),
        _rosi_undefined(cost),
    )
    return tuple(note for note in possible if note is not None)


def _few_runs(runs: float, level: float) -> Note | None:
    # A count of equal parts comes out a rounding error below a whole number.
    if runs > ENOUGH_RUNS - 1e-6:
        return None
    return Note(
        "few_runs",
        f"The figures for the worst {100 * (1 - level):.3g} % of years rest on about {runs:.0f} simulated "
        f"{'incident' if round(runs) == 1 else 'incidents'}, fewer than {ENOUGH_RUNS}; "
        "more runs are needed before they can be relied on.",
    )


def _var_is_zero(none: float, level: float) -> Note | None:
    if none < level:
        return None
    often = f"A loss comes about once in {1 / (1 - none):,.0f} years" if none < 1 else "No year has a loss"
    return Note(
        "var_is_zero",
        f"{often}, so the loss exceeded once in {1 / (1 - level):,.3g} years is zero; "
        "look at the mean of the worst years (CVaR) as well.",
    )


def _stale(found: str | None, asked: str | None) -> Note | None:
    if found is None or asked is None or found == asked:
        return None
    return Note(
        "stale",
        "These results come from other inputs than those chosen now; run the study again to bring them up to date.",
    )


def _rosi_undefined(cost: float | None) -> Note | None:
    if cost is None or cost != 0:
        return None
    return Note(
        "rosi_undefined",
        "These controls cost nothing a year, so there is no return per rupee to tell; compare the net benefit instead.",
    )
