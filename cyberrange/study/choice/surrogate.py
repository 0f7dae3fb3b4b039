"""A model of expected loss that is quick enough for every portfolio: main effects and pairs on the log of the loss.

Controls act in sequence (keep out, notice, contain, restore), so their effects multiply rather than add: on the log
they add, and what is left is mostly between pairs. The model only proposes; what it proposes has to be simulated.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cyberrange.errors import CyberrangeError
from cyberrange.study.choice.portfolios import Design, DesignTable, Floats, Offer, required_by

FLOOR_SHARE = 1e-3
"""Where losses of a scenario come closer to 0 than this share of the largest, that share is added before the log."""
_STRENGTHS = (1e-10, *np.logspace(-3, 3, 13))
"""Strengths of the ridge that compete, relative to how much the pairs vary."""
_BLOCK = 2**16
"""Rows predicted at a time, to keep memory low."""
_ROUNDING = 1e-9


def features(table: DesignTable) -> Floats:
    """Return shape (n, organisations - 1 + controls) of 0 and 1: organisations but today's, then controls."""
    organisations = len(table.offer.organisations)
    chosen = table.organisation[:, None] == np.arange(1, organisations)
    return np.hstack([chosen, table.levels()]).astype(np.float64)


def pairs_of(offer: Offer) -> NDArray[np.intp]:
    """Return shape (pairs, 2): the features of each pair; two organisations are never there together."""
    organisations = len(offer.organisations) - 1
    first, second = np.triu_indices(organisations + len(offer.controls), k=1)
    return np.column_stack([first, second])[second >= organisations]


def term_names(offer: Offer) -> list[str]:
    """Return the names of all terms: the intercept, main effects, pairs.

    Examples
    --------
    >>> import cyberrange as cr
    >>> controls = {"mfa": cr.load_catalogue().controls["mfa"]}
    >>> term_names(Offer({"today": 0.0, "ciso": 1e7}, controls))
    ['1', 'ciso', 'mfa', 'ciso x mfa']
    """
    singles = [*list(offer.organisations)[1:], *offer.controls]
    return ["1", *singles, *(f"{singles[i]} x {singles[j]}" for i, j in pairs_of(offer))]


def model_matrix(table: DesignTable) -> Floats:
    """Return shape (n, terms): the columns of `term_names`."""
    single = features(table)
    pairs = pairs_of(table.offer)
    return np.hstack([np.ones((len(table), 1)), single, single[:, pairs[:, 0]] * single[:, pairs[:, 1]]])


class Accuracy(NamedTuple):
    """Relative error of the predicted loss of a design that was left out of the fit, as shares."""

    median: float
    p95: float


@dataclass(frozen=True)
class Surrogate:
    """Pair models of the log of expected loss, one for each scenario; made by `fit`.

    Attributes
    ----------
    table, losses, weights
        What it was fitted to: rupees for each design (row) and scenario (column), and how much each counts.
    coefficients
        Shape (scenarios, terms), in the order of `term_names`.
    floors
        Shape (scenarios,): rupees added to a loss before its log is taken, and taken off the prediction.
    strengths
        Shape (scenarios,): the strength of the ridge that was chosen.
    left_out
        Shape (n, scenarios): predicted log loss of each design, had it been left out, less its own; not a number
        where the main effects rest on that design alone.
    """

    table: DesignTable
    losses: pd.DataFrame
    weights: pd.DataFrame
    coefficients: Floats
    floors: Floats
    strengths: Floats
    left_out: Floats

    @property
    def offer(self) -> Offer:
        """What the designs were chosen from."""
        return self.table.offer

    @property
    def scenarios(self) -> list[str]:
        """The scenarios by id."""
        return [str(name) for name in self.losses.columns]

    def log_losses(self, table: DesignTable) -> Floats:
        """Return shape (n, scenarios): the predicted logs of the losses with their floors."""
        count = len(self.offer.organisations) - 1 + len(self.offer.controls)
        both = np.zeros((len(self.scenarios), count, count))
        first, second = pairs_of(self.offer).T
        both[:, first, second] = self.coefficients[:, 1 + count :]
        found = np.empty((len(table), len(self.scenarios)))
        for start in range(0, len(table), _BLOCK):
            rows = slice(start, start + _BLOCK)
            single = features(DesignTable(table.offer, table.organisation[rows], table.bits[rows]))
            found[rows] = self.coefficients[:, 0] + single @ self.coefficients[:, 1 : 1 + count].T
            for i, square in enumerate(both):
                found[rows, i] += ((single @ square) * single).sum(axis=1)
        return found

    def predict(self, table: DesignTable) -> pd.DataFrame:
        """Return the expected loss of an incident in rupees, never below 0: designs as rows, scenarios as columns."""
        return pd.DataFrame(self._losses(table), columns=self.scenarios)

    def annual_loss(self, table: DesignTable, frequencies: Mapping[str, float]) -> Floats:
        """Return the expected loss in rupees a year of each design: the sum of frequency x loss of an incident.

        Parameters
        ----------
        table
            The designs.
        frequencies
            Incidents a year of each scenario.

        Raises
        ------
        CyberrangeError
            When a frequency is missing, unknown or negative.
        """
        total: Floats = self._losses(table) @ rates_of(self.scenarios, frequencies)
        return total

    def _losses(self, table: DesignTable) -> Floats:
        losses: Floats = np.maximum(np.exp(self.log_losses(table)) - self.floors, 0.0)
        return losses

    def of_total(self, frequencies: Mapping[str, float]) -> "Surrogate":
        """Return one pair model of the log of the total annual loss, fitted to the same designs.

        A sum of exponentials is not linear in the choices, but this one log is: it is what a mixed-integer program can
        minimise. Each design counts by the mean of its weights.
        """
        total = self.losses.to_numpy(dtype=np.float64) @ rates_of(self.scenarios, frequencies)
        weights = self.weights.mean(axis="columns").to_frame("total")
        return fit(self.table, pd.DataFrame({"total": total}, index=self.losses.index), weights)

    def accuracy(self) -> dict[str, Accuracy]:
        """Return the leave-one-out error of each scenario; not a number when no design can be spared.

        The error is relative to the simulated loss with its floor: |exp(left_out) - 1|.
        """
        return {name: _accuracy(self.left_out[:, i]) for i, name in enumerate(self.scenarios)}


def rates_of(scenarios: list[str], frequencies: Mapping[str, float]) -> Floats:
    """Return the incidents a year in the order of the scenarios."""
    missing = [name for name in scenarios if name not in frequencies]
    unknown = [name for name in frequencies if name not in scenarios]
    if missing or unknown:
        wrong = f"missing: {', '.join(missing)}" if missing else f"unknown: {', '.join(unknown)}"
        raise CyberrangeError(f"each scenario needs its incidents a year; {wrong}. Scenarios: {', '.join(scenarios)}")
    bad = [name for name in scenarios if not 0 <= frequencies[name] < math.inf]
    if bad:
        raise CyberrangeError(f"incidents a year are at least 0; found {frequencies[bad[0]]:g} for '{bad[0]}'")
    return np.array([frequencies[name] for name in scenarios], dtype=np.float64)


def fit(
    table: DesignTable, losses: pd.DataFrame, weights: pd.DataFrame | None = None, floor: float | None = None
) -> Surrogate:
    """Fit the pair model to the simulated expected losses of some designs.

    For each scenario, log(loss + floor) = intercept + organisation + controls + pairs of controls + pairs of
    organisation and control, by weighted least squares. The pairs carry a ridge, whose strength is the one with the
    least mean square leave-one-out error (exact, from the hat matrix: residual / (1 - leverage); Allen 1974); intercept
    and main effects are not shrunk. On toy cities of 8 controls, of which 64 of 256 designs were simulated, this ridge
    was a little better than plain least squares everywhere, better than backward elimination by AICc where most pairs
    matter, and a little worse where few do; it needs no refit for the leave-one-out error, and that error rests on the
    choice of a single number instead of a search over terms. What no design shows gets the least-norm value.

    Parameters
    ----------
    table
        The designs that were simulated, such as `screening.screen` proposes.
    losses
        Expected loss of an incident in rupees: a row for each design in the order of the table, a column for each
        scenario.
    weights
        How much each loss counts, in the same shape: 1 / (relative standard error)^2 if known; alike when absent.
    floor
        Rupees to add before the log is taken. When absent: 0 for a scenario whose least loss is at least a thousandth
        of its largest, a thousandth of the largest else, and Rs 1 where nothing is ever lost.

    Raises
    ------
    ValueError
        When the shapes do not fit, a loss is negative or no number, or a weight is not above 0.

    Examples
    --------
    >>> import cyberrange as cr
    >>> from cyberrange.study.choice.portfolios import allowed
    >>> shipped = cr.load_catalogue().controls
    >>> controls = {key: shipped[key] for key in ("mfa", "edr", "patching")}
    >>> designs = allowed(Offer({"today": 0.0}, controls))
    >>> losses = pd.DataFrame({"theft": 8e6 * 0.5 ** designs.levels().sum(axis=1)})
    >>> model = fit(designs, losses)
    >>> model.predict(designs)["theft"].round().tolist()[:4]
    [8000000.0, 4000000.0, 4000000.0, 2000000.0]
    """
    values, counts = _checked(table, losses, weights)
    floors = np.array([_floor(column) if floor is None else floor for column in values.T])
    with np.errstate(divide="ignore"):
        logs = np.log(values + floors)
    if not np.isfinite(logs).all():
        raise ValueError("a loss of 0 has no log; leave the floor to be chosen, or give one above 0")
    matrix = model_matrix(table)
    mains = features(table).shape[1] + 1
    splits = {column.tobytes(): _split(matrix, mains, column) for column in np.unique(counts.T, axis=0)}
    fits = [_fit_one(splits[w.tobytes()], y) for y, w in zip(logs.T, counts.T, strict=True)]
    return Surrogate(
        table=table,
        losses=losses,
        weights=pd.DataFrame(counts, columns=losses.columns),
        coefficients=np.array([f.coefficients for f in fits]),
        floors=floors,
        strengths=np.array([f.strength for f in fits]),
        left_out=np.column_stack([f.left_out for f in fits]),
    )


@dataclass(frozen=True)
class Interactions:
    """What single reductions of the annual loss would have claimed, beside what the whole design reaches.

    Attributes
    ----------
    today
        Expected loss in rupees a year as things are.
    single
        Rupees a year by which each choice lowers it alone; a control that requires others, beyond these.
    claimed
        Their sum.
    joint
        Rupees a year by which the design lowers it.
    """

    today: float
    single: dict[str, float]
    claimed: float
    joint: float

    @property
    def overstatement(self) -> float:
        """How many times the claim is as large as the joint reduction; infinite when there is none."""
        return self.claimed / self.joint if self.joint else math.inf


def interactions(surrogate: Surrogate, design: Design, frequencies: Mapping[str, float]) -> Interactions:
    """Set the sum of single reductions beside the joint reduction of a design.

    Parameters
    ----------
    surrogate
        Predicts the losses.
    design
        What is bought together.
    frequencies
        Incidents a year of each scenario.

    Examples
    --------
    >>> import cyberrange as cr
    >>> from cyberrange.study.choice.portfolios import allowed
    >>> shipped = cr.load_catalogue().controls
    >>> designs = allowed(Offer({"today": 0.0}, {key: shipped[key] for key in ("mfa", "edr", "patching")}))
    >>> model = fit(designs, pd.DataFrame({"theft": 8e6 * 0.5 ** designs.levels().sum(axis=1)}))
    >>> found = interactions(model, Design("today", ("mfa", "edr", "patching")), {"theft": 1.0})
    >>> round(found.claimed), round(found.joint)  # each alone halves the loss, all three leave an eighth
    (12000000, 7000000)
    """
    offer = surrogate.offer
    today = offer.today
    pairs = (
        {design.organisation: (today, Design(design.organisation))} if design.organisation != today.organisation else {}
    )
    for key in design.controls:
        first = [other for other in required_by(offer.controls, key) if other in offer.controls]
        before = Design(today.organisation, tuple(first))
        pairs[key] = (before, Design(today.organisation, (*first, key)))
    rows = [today, design, *(one for pair in pairs.values() for one in pair)]
    losses = surrogate.annual_loss(offer.table(rows), frequencies)
    single = dict(zip(pairs, (float(gap) for gap in losses[2::2] - losses[3::2]), strict=True))
    return Interactions(float(losses[0]), single, sum(single.values()), float(losses[0] - losses[1]))


class _Split(NamedTuple):
    """The weighted columns, taken apart once for all scenarios with the same weights."""

    root: Floats
    """Square roots of the weights, whose mean is 1."""
    mains: Floats
    pairs: Floats
    basis: Floats
    """Orthonormal columns that span the main effects."""
    left: Floats
    size: Floats
    right: Floats
    """Singular value decomposition of what the main effects leave of the pairs."""


class _Fit(NamedTuple):
    """One scenario's model."""

    coefficients: Floats
    strength: float
    left_out: Floats


def _split(matrix: Floats, mains: int, weights: Floats) -> _Split:
    """Take apart the columns, of which the first so many are the intercept and the main effects."""
    root = np.sqrt(weights / weights.mean())
    weighted = matrix * root[:, None]
    basis = _svd(weighted[:, :mains])[0]
    pairs = weighted[:, mains:]
    return _Split(root, weighted[:, :mains], pairs, basis, *_svd(pairs - basis @ (basis.T @ pairs)))


def _fit_one(split: _Split, logs: Floats) -> _Fit:
    """Fit one scenario: the pairs with a ridge, beside main effects without one."""
    y = logs * split.root
    gap = y - split.basis @ (split.basis.T @ y)
    along = split.left.T @ gap
    leverage = (split.basis**2).sum(axis=1)
    square = split.size**2
    tries = []
    for strength in _STRENGTHS:
        share = square / (square + strength * square.mean()) if len(square) else square
        error = split.left @ (share * along) - gap
        spare = 1 - leverage - (split.left**2) @ share
        # A row that a main effect rests on alone cannot be left out; rounding must not look like a spare part of it.
        left_out = np.where(leverage < 1 - _ROUNDING, error / np.maximum(spare, _ROUNDING**2), np.nan)
        known = left_out[np.isfinite(left_out)]
        tries.append((float(np.mean(known**2)) if len(known) else 0.0, strength, share, left_out))
    _, strength, share, left_out = min(tries, key=lambda found: found[0])
    of_pairs = split.right.T @ (share / split.size * along)
    of_mains = np.linalg.lstsq(split.mains, y - split.pairs @ of_pairs, rcond=None)[0]
    return _Fit(np.concatenate([of_mains, of_pairs]), float(strength), left_out / split.root)


def _svd(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the singular value decomposition without what is only rounding."""
    if not matrix.size:
        return np.zeros((len(matrix), 0)), np.zeros(0), np.zeros((0, matrix.shape[1]))
    left, size, right = np.linalg.svd(matrix, full_matrices=False)
    keep = size > _ROUNDING * math.sqrt(len(matrix))
    return left[:, keep], size[keep], right[keep]


def _checked(table: DesignTable, losses: pd.DataFrame, weights: pd.DataFrame | None) -> tuple[Floats, Floats]:
    """Return losses and weights as matrices."""
    values = losses.to_numpy(dtype=np.float64)
    if len(values) != len(table) or not values.size:
        raise ValueError(f"{len(table)} designs need as many rows of losses and a scenario, found {values.shape}")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError("losses are numbers of at least 0")
    if weights is None:
        return values, np.ones_like(values)
    counts = weights.to_numpy(dtype=np.float64)
    if counts.shape != values.shape or not (np.isfinite(counts).all() and (counts > 0).all()):
        raise ValueError(f"weights are numbers above 0 in the shape of the losses, {values.shape}")
    return values, counts


def _floor(losses: Floats) -> float:
    """Return what is added to the losses of a scenario before the log."""
    largest = float(losses.max())
    if largest == 0:
        return 1.0
    return 0.0 if losses.min() >= FLOOR_SHARE * largest else FLOOR_SHARE * largest


def _accuracy(left_out: Floats) -> Accuracy:
    known = np.abs(np.expm1(left_out[np.isfinite(left_out)]))
    if not len(known):
        return Accuracy(math.nan, math.nan)
    return Accuracy(float(np.median(known)), float(np.quantile(known, 0.95)))
