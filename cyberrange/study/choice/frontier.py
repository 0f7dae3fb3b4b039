"""What to buy: the efficient frontier of cost against expected loss, the best design in a budget, the next lakh.

Where few designs are allowed, each is priced. Where they are many, a mixed-integer program proposes some: it minimises
the predicted log of the total loss, which is linear in the choices and their pairs, under one limit of cost after the
other (epsilon-constraint method). Either way a surrogate only proposes: what is to be bought has to be simulated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, sparse

from cyberrange.errors import CyberrangeError
from cyberrange.study.choice.portfolios import (
    Budget,
    Design,
    DesignTable,
    Floats,
    Offer,
    allowed,
    can_list,
    check_budget,
    covered,
)
from cyberrange.study.choice.surrogate import Surrogate, pairs_of

MOST_PRICED = 2**18
"""Up to so many allowed designs, each is priced."""
LAKH = 1e5
_NEGLIGIBLE = 1e-9
"""A pair that changes the log of the loss by less is left out of the program."""
_TIE = 1e-9
"""Log of loss that a lakh a year weighs, to choose the cheaper of designs that lose alike."""
_SCALE = 1e4
"""Of the objective: the solver stops at an absolute gap of 1e-6, which has to be less than a tie."""


@dataclass(frozen=True)
class Priced:
    """Designs with what they cost and what is still lost.

    Attributes
    ----------
    table
        The designs.
    cost
        Shape (n,): rupees a year over today's; below 0 when a design saves.
    loss
        Shape (n,): expected loss in rupees a year.
    """

    table: DesignTable
    cost: Floats
    loss: Floats

    @property
    def total(self) -> Floats:
        """Shape (n,): the objective J, cost plus expected loss in rupees a year."""
        whole: Floats = self.cost + self.loss
        return whole

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Priced":
        """Return some designs, by number or by a mask."""
        return Priced(self.table.at(rows), self.cost[rows], self.loss[rows])

    def frame(self) -> pd.DataFrame:
        """Return a row for each design: its `design` id, `name`, `organisation`, `controls` and rupees a year."""
        designs = list(self.table)
        return pd.DataFrame(
            {
                "design": [d.id for d in designs],
                "name": [d.name for d in designs],
                "organisation": [d.organisation for d in designs],
                "controls": [d.controls for d in designs],
                "cost": self.cost,
                "loss": self.loss,
                "total": self.total,
            }
        )


def priced(table: DesignTable, surrogate: Surrogate, frequencies: Mapping[str, float], rate: float) -> Priced:
    """Price designs: J(x) = annual cost(x) + sum over scenarios of incidents a year x expected loss(x).

    Parameters
    ----------
    table
        The designs.
    surrogate
        Predicts the expected loss of an incident.
    frequencies
        Incidents a year of each scenario.
    rate
        Interest a year as a share, at which capex is spread over lives.
    """
    return Priced(table, table.annual_cost(rate), surrogate.annual_loss(table, frequencies))


def candidates(
    surrogate: Surrogate,
    frequencies: Mapping[str, float],
    rate: float,
    budgets: Iterable[Budget] = (),
    points: int = 40,
    most: int = MOST_PRICED,
) -> Priced:
    """Return every allowed design with its price or, of more than `most`, those that a mixed-integer program proposes.

    Parameters
    ----------
    surrogate, frequencies, rate
        As for `priced`; the designs are those of the surrogate's own offer.
    budgets
        Budgets to propose designs for, beside those without one; they do not matter where every design is priced.
    points
        Limits of annual cost for which a design is proposed, evenly spaced.
    most
        The most designs to price one by one.
    """
    offer = surrogate.offer
    if can_list(offer, most):
        return priced(allowed(offer), surrogate, frequencies, rate)
    total = surrogate.of_total(frequencies)
    found = dict.fromkeys([offer.today])
    for budget in (None, *budgets):
        dearest = least_loss(total, rate, budget=budget)
        cost = offer.annual_cost(dearest, rate)
        limits = np.linspace(float(offer.extra.min()), cost, points)[:-1]
        found |= dict.fromkeys([dearest, *(least_loss(total, rate, limit, budget) for limit in limits)])
    return priced(offer.table(found), surrogate, frequencies, rate)


def efficient(cost: Floats, loss: Floats) -> NDArray[np.intp]:
    """Return the designs that no other beats, by rising cost: none costs and loses no more, and one of them less.

    Of designs with the same cost and loss, the first stands for all.

    Examples
    --------
    >>> efficient(np.array([3.0, 1.0, 2.0, 1.0]), np.array([1.0, 5.0, 6.0, 5.0])).tolist()
    [1, 0]
    """
    order = np.lexsort((loss, cost))
    before = np.concatenate([[np.inf], np.minimum.accumulate(loss[order])[:-1]])
    found: NDArray[np.intp] = order[loss[order] < before]
    return found


def frontier(designs: Priced) -> Priced:
    """Return the efficient designs, by rising cost and falling loss."""
    return designs.at(efficient(designs.cost, designs.loss))


class Choice(NamedTuple):
    """One design with its rupees a year: cost over today's, expected loss, and their sum."""

    design: Design
    cost: float
    loss: float
    total: float


def best(designs: Priced, budget: Budget | None = None) -> Choice:
    """Return the design with the least cost plus expected loss, within a budget where there is one.

    Raises
    ------
    CyberrangeError
        When none of the designs is affordable.

    Examples
    --------
    >>> import cyberrange as cr
    >>> controls = cr.load_catalogue().controls
    >>> designs = allowed(Offer({"today": 0.0}, {"mfa": controls["mfa"]}))  # Rs 30 lakh, and as much a year
    >>> two = Priced(designs, designs.annual_cost(0.07), np.array([6e7, 1e7]))
    >>> best(two).design.name, best(two, Budget(own=1.7e7, years=5)).design.name
    ('today + mfa', 'today alone')
    """
    rows = np.arange(len(designs.table))
    if budget is not None:
        rows = rows[designs.table.affordable(budget)]
    if not len(rows):
        raise CyberrangeError(f"none of the {len(designs.table)} designs fits the budget")
    row = int(rows[np.argmin(designs.total[rows])])
    return Choice(
        designs.table.design(row), float(designs.cost[row]), float(designs.loss[row]), float(designs.total[row])
    )


def next_lakh(designs: Priced, budget: Budget, amounts: Sequence[float]) -> pd.DataFrame:
    """Return what the best design is for each amount of the city's own money, and what a lakh more would gain.

    Parameters
    ----------
    designs
        The designs to choose from.
    budget
        Years and grant; its own amount is replaced by each of `amounts`.
    amounts
        Rupees over all the years.

    Returns
    -------
    pandas.DataFrame
        By rising `own` amount, the best `design` id and its `name`, `cost`, `loss` and `total` in rupees a year, and
        `gain`: the fall of `total`, in rupees a year, for each further lakh up to the next amount (the shadow price of
        the budget); not a number in the last row.
    """
    own = np.unique(np.asarray(amounts, dtype=np.float64))
    rows = [best(designs, replace(budget, own=float(amount))) for amount in own]
    total = np.array([row.total for row in rows])
    return pd.DataFrame(
        {
            "own": own,
            "design": [row.design.id for row in rows],
            "name": [row.design.name for row in rows],
            "cost": [row.cost for row in rows],
            "loss": [row.loss for row in rows],
            "total": total,
            "gain": np.append((total[:-1] - total[1:]) / np.diff(own) * LAKH, np.nan),
        }
    )


def least_loss(total: Surrogate, rate: float = 0.0, limit: float | None = None, budget: Budget | None = None) -> Design:
    """Return the allowed design with the least predicted loss under limits of cost, by a mixed-integer program.

    The program minimises the log of the loss, linear in the choices z and in the product y of each pair: y <= z1 and
    y <= z2 where the pair lowers the loss, y >= z1 + z2 - 1 where it raises it (Glover and Woolsey 1974). It has one
    organisation, prerequisites and exclusions; a grant pays up to its amount of what it covers. Limits hold, and the
    loss is least, to the tolerance of the solver, about a millionth; of designs that lose alike, it takes the cheaper.

    Parameters
    ----------
    total
        A surrogate of one scenario, such as `Surrogate.of_total`.
    rate
        Interest a year as a share, for the annual cost.
    limit
        The most rupees a year over today's; none when absent.
    budget
        The budget that has to pay the design; none when absent.

    Raises
    ------
    CyberrangeError
        When no design keeps the limits.
    """
    if len(total.scenarios) != 1:
        raise ValueError(f"one total loss can be minimised, found {len(total.scenarios)} scenarios")
    offer = total.offer
    program = _program(offer, total.coefficients[0], offer.rates(rate), limit, budget)
    solved = optimize.milp(
        program.objective * _SCALE,
        integrality=program.integer,
        bounds=optimize.Bounds(0, 1),
        constraints=_constraint(program),
        options={"mip_rel_gap": 0.0},
    )
    if solved.x is None:
        raise CyberrangeError(f"no design keeps the limits of cost: {solved.message}")
    chosen = [
        name for name, value in zip((*offer.organisations, *offer.controls), solved.x, strict=False) if value > 0.5
    ]
    return Design(chosen[0], tuple(chosen[1:]))


class _Row(NamedTuple):
    """One constraint: low <= sum of values x variables <= high."""

    values: dict[int, float]
    low: float
    high: float


class _Program(NamedTuple):
    """Variables: the organisations, the controls, the products of pairs."""

    objective: Floats
    integer: NDArray[np.int64]
    rows: list[_Row]


def _program(offer: Offer, coefficients: Floats, rates: Floats, limit: float | None, budget: Budget | None) -> _Program:
    """Write down the program; the variable of feature f is f + 1, because today's organisation has no feature."""
    organisations, singles = len(offer.organisations), len(offer.organisations) + len(offer.controls)
    of_pairs = coefficients[singles:]
    real = np.abs(of_pairs) > _NEGLIGIBLE
    pairs, of_pairs = pairs_of(offer)[real] + 1, of_pairs[real]
    count = singles + len(pairs)
    yearly = np.concatenate([offer.extra, rates]) / LAKH
    objective = np.zeros(count)
    objective[1:singles] = coefficients[1:singles]
    objective[:singles] += _TIE * yearly
    objective[singles:] = of_pairs
    integer = np.zeros(count, dtype=np.int64)
    integer[:singles] = 1
    rows = [_Row(dict.fromkeys(range(organisations), 1.0), 1.0, 1.0), *_bonds(offer)]
    for y, (pair, effect) in enumerate(zip(pairs.tolist(), of_pairs, strict=True), singles):
        rows += _product(y, pair, lowers=bool(effect < 0))
    if limit is not None:
        rows.append(_Row(dict(enumerate(yearly)), -np.inf, limit / LAKH))
    if budget is not None:
        rows += _within(offer, budget)
    return _Program(objective, integer, rows)


def _bonds(offer: Offer) -> list[_Row]:
    """Prerequisites and exclusions."""
    first = len(offer.organisations)
    rows = []
    for j, (needs, clashes) in enumerate(zip(offer.needs.tolist(), offer.clashes.tolist(), strict=True)):
        for i in range(len(offer.controls)):
            if needs >> i & 1:
                rows.append(_Row({first + j: 1.0, first + i: -1.0}, -np.inf, 0.0))
            if clashes >> i & 1 and i > j:
                rows.append(_Row({first + j: 1.0, first + i: 1.0}, -np.inf, 1.0))
    return rows


def _product(y: int, pair: list[int], *, lowers: bool) -> list[_Row]:
    """What keeps y at the product of two choices, from the side to which the objective pulls it."""
    if lowers:
        return [_Row({y: 1.0, choice: -1.0}, -np.inf, 0.0) for choice in pair]
    return [_Row({y: -1.0, pair[0]: 1.0, pair[1]: 1.0}, -np.inf, 1.0)]


def _within(offer: Offer, budget: Budget) -> list[_Row]:
    """The city pays alone what the grant does not cover, and with the grant it pays all: both have to suffice."""
    check_budget(offer, budget)
    organisations = budget.years * offer.extra / LAKH
    prices = (offer.capex + budget.years * offer.opex) / LAKH
    alone = np.where(covered(offer, budget), 0.0, prices)
    office = np.minimum(organisations, 0.0) if budget.pays_organisation else organisations
    return [
        _Row(dict(enumerate(np.concatenate([office, alone]))), -np.inf, budget.own / LAKH),
        _Row(dict(enumerate(np.concatenate([organisations, prices]))), -np.inf, (budget.own + budget.grant) / LAKH),
    ]


def _constraint(program: _Program) -> optimize.LinearConstraint:
    """Return all rows as one sparse constraint."""
    row = [i for i, found in enumerate(program.rows) for _ in found.values]
    column = [variable for found in program.rows for variable in found.values]
    value = [factor for found in program.rows for factor in found.values.values()]
    matrix = sparse.csr_array((value, (row, column)), shape=(len(program.rows), len(program.objective)))
    return optimize.LinearConstraint(matrix, [found.low for found in program.rows], [r.high for r in program.rows])
