"""Which designs to simulate: a fraction from which every main effect and every pair can be told apart.

Two-level columns are parities: in run r, the column of a vector v is the parity of the bits that r and v share. Two
effects can be told apart when their vectors differ, and the vector of a pair is the exclusive or of its two. A design
of resolution V is therefore a set of vectors whose members and pairs are all different (Box and Hunter 1961; here the
vectors are found in rising order, as in Sanchez and Sanchez 2005).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cyberrange.study.choice.portfolios import Bits, DesignTable, Floats, Offer, allowed, can_list, conflicts
from cyberrange.study.choice.surrogate import model_matrix, term_names

SPARE = 1.25
"""Designs for each coefficient of the pair model, so that leaving one out says something about the error."""
_POOL = 4096
"""Allowed designs among which those that are added are looked for."""
_STREAM = 71
_DEPENDENT = 1e-9
_RIDGE = 1e-6
"""Keeps the information invertible while terms are missing; their leverage is then about a million."""


@dataclass(frozen=True)
class Screen:
    """Designs to simulate.

    Attributes
    ----------
    designs
        The designs; the first is what there is today.
    complete
        Whether these are all the allowed designs.
    forbidden
        Designs of the fraction that were dropped, because they cannot be bought.
    added
        Designs that were added in their stead.
    estimable
        Coefficients of the pair model that the designs determine.
    not_estimable
        The terms of the pair model that no allowed design could determine, and why.
    """

    designs: DesignTable
    complete: bool
    forbidden: int
    added: int
    estimable: int
    not_estimable: dict[str, str]


def screen(offer: Offer) -> Screen:
    """Choose few designs from which main effects and pairs of organisation and controls can be estimated.

    The organisation shares the runs with the controls: q bits of a run, with all their parities, stand for up to 2^q
    organisations; where there are fewer, the first ones stand twice (method of replacement, Addelman 1962). To cross
    every organisation with a fraction would take a multiple: 3 organisations and 12 controls need 256 designs here, and
    768 crossed. The fraction is the smallest that has a quarter more runs than the model has coefficients. With one
    organisation, 8 controls take 64 designs, 12 take 256, 20 take 512.

    Designs that prerequisites or exclusions forbid are dropped rather than repaired, because repaired ones fall on each
    other. Then allowed designs are added, each the one about which the model knows least (the largest leverage, which
    raises the determinant of the information most; Wynn 1970), until what can be estimated is estimated. Where no more
    designs are allowed than the fraction has runs, all are taken. The same offer always gives the same designs.

    Examples
    --------
    >>> import cyberrange as cr
    >>> controls = cr.load_catalogue().controls
    >>> eight = {key: controls[key] for key in list(controls)[6:14]}
    >>> found = screen(Offer({"vendor_reliant": 105e5}, eight))
    >>> len(found.designs), found.forbidden, found.estimable
    (64, 0, 37)
    """
    pool = _pool(offer)
    terms = independent_columns(model_matrix(pool))
    aim = math.ceil(SPARE * int(terms.sum()))
    shared = (len(offer.organisations) - 1).bit_length()
    vectors, bits = fraction(len(offer.controls), shared, aim)
    lost = _not_estimable(pool, terms)
    if can_list(offer, 2**bits):
        return Screen(allowed(offer), True, 0, 0, int(terms.sum()), lost)
    runs = _runs(offer, vectors, shared, bits)
    bad = conflicts(offer, runs.bits)
    kept = runs.at(~bad)
    added = _additions(kept, pool, terms, aim)
    designs = _joined(kept, added)
    rank = int(independent_columns(model_matrix(designs)).sum())
    return Screen(designs, False, int(bad.sum()), len(added), rank, lost)


def fraction(controls: int, shared: int = 0, runs: int = 1) -> tuple[list[int], int]:
    """Return a vector for the column of each control, and p for a fraction of 2^p runs.

    Parameters
    ----------
    controls
        Number of columns.
    shared
        Number q of the lowest bits that stand for the organisation. Its own effects are all vectors of these bits, and
        each of them with each control is a pair.
    runs
        The least number of runs, unless a full factorial has fewer.

    Examples
    --------
    >>> fraction(8)
    ([1, 2, 4, 8, 15, 16, 32, 51], 6)
    """
    own = 2**shared
    vectors: list[int] = []
    taken = set(range(own))
    candidate = own
    while len(vectors) < controls:
        new = [candidate ^ bits for bits in range(own)] + [candidate ^ other for other in vectors]
        if len(taken.union(new)) == len(taken) + len(new):
            vectors.append(candidate)
            taken.update(new)
        candidate += 1
    used = max([own - 1, *vectors]).bit_length()
    bits = max(used, math.ceil(math.log2(runs)))
    if bits >= shared + controls:
        return [own << j for j in range(controls)], shared + controls
    # A bit that no vector used would only repeat runs; given to one vector, it keeps apart what was apart.
    for bit in range(used, bits):
        vectors[used - bit - 1] |= 1 << bit
    return vectors, bits


def independent_columns(matrix: Floats) -> NDArray[np.bool_]:
    """Return which columns do not follow from those before them, by Cholesky steps on the matrix of products.

    Examples
    --------
    >>> independent_columns(np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 2.0], [1.0, 1.0, 2.0]])).tolist()
    [True, True, False]
    """
    products = matrix.T @ matrix
    size = products.diagonal().copy()
    found = np.zeros(len(size), dtype=np.bool_)
    for j in range(len(size)):
        found[j] = products[j, j] > _DEPENDENT * max(size[j], 1.0)
        if found[j]:
            row = products[j, j:].copy()
            products[j:, j:] -= np.outer(row, row / row[0])
    return found


def _runs(offer: Offer, vectors: list[int], shared: int, bits: int) -> DesignTable:
    """Return the runs of a fraction as designs, each once."""
    run = np.arange(2**bits, dtype=np.int64)
    organisation = (run & (2**shared - 1)) % len(offer.organisations)
    columns = np.zeros_like(run)
    for j, vector in enumerate(vectors):
        columns |= (np.bitwise_count(run & vector).astype(np.int64) & 1) << j
    return _once(DesignTable(offer, organisation.astype(np.intp), columns))


def _pool(offer: Offer) -> DesignTable:
    """Return all allowed designs, or of many, the smallest that hold each pair and a sample of the rest."""
    if can_list(offer, _POOL):
        return allowed(offer)
    organisations = len(offer.organisations)
    chance = np.random.default_rng([0, _STREAM])
    bits = _repaired(offer, chance.integers(0, 2 ** len(offer.controls), _POOL))
    sample = DesignTable(offer, chance.integers(0, organisations, _POOL).astype(np.intp), bits)
    small = _smallest(offer)
    everywhere = np.repeat(np.arange(organisations, dtype=np.intp), len(small))
    return _once(_joined(DesignTable(offer, everywhere, np.tile(small, organisations)), sample))


def _smallest(offer: Offer) -> Bits:
    """Return no control, each control and each pair, with what they require, where allowed."""
    reach = np.zeros(len(offer.controls), dtype=np.int64)
    for j in offer.order:
        required = reach[(offer.needs[j] >> np.arange(len(reach)) & 1).astype(np.bool_)]
        reach[j] = np.bitwise_or.reduce(required) | (1 << j)
    first, second = np.triu_indices(len(reach))
    bits = np.concatenate([[0], reach[first] | reach[second]])
    kept: Bits = bits[~conflicts(offer, bits)]
    return kept


def _repaired(offer: Offer, bits: Bits) -> Bits:
    """Return sets of controls without those that lack a prerequisite or clash with one before them."""
    kept = np.zeros_like(bits)
    for j in offer.order:
        ready = ((kept & offer.needs[j]) == offer.needs[j]) & ((kept & offer.clashes[j]) == 0)
        kept |= np.where(ready, bits & (1 << j), 0)
    return kept


def _additions(kept: DesignTable, pool: DesignTable, terms: NDArray[np.bool_], aim: int) -> DesignTable:
    """Return designs of the pool that make the terms estimable, and the designs as many as aimed at."""
    start, rest = model_matrix(kept)[:, terms], model_matrix(pool)[:, terms]
    inverse = np.linalg.inv(start.T @ start + _RIDGE * np.eye(start.shape[1]))
    leverage = ((rest @ inverse) * rest).sum(axis=1)
    leverage[np.isin(_keys(pool), _keys(kept))] = -np.inf
    chosen: list[int] = []
    while len(kept) + len(chosen) < aim or not independent_columns(np.vstack([start, rest[chosen]])).all():
        # Of designs that are equal but for rounding, the first: the same on every machine.
        best = int(np.argmax(leverage >= leverage.max() * (1 - _DEPENDENT)))
        ahead = inverse @ rest[best]
        gain = 1 + float(rest[best] @ ahead)
        inverse -= np.outer(ahead, ahead / gain)
        leverage -= (rest @ ahead) ** 2 / gain
        leverage[best] = -np.inf
        chosen.append(best)
    return pool.at(np.array(chosen, dtype=np.intp))


def _not_estimable(pool: DesignTable, terms: NDArray[np.bool_]) -> dict[str, str]:
    """Return the terms that follow from earlier ones in all designs, and why."""
    matrix = model_matrix(pool)
    names = term_names(pool.offer)
    reasons = {}
    for j in np.flatnonzero(~terms):
        same = [i for i in range(j) if np.array_equal(matrix[:, i], matrix[:, j])]
        never = "never together in a design that can be bought"
        reasons[names[j]] = f"the same as {names[same[0]]}" if same and matrix[:, j].any() else never
    return reasons


def _keys(table: DesignTable) -> Bits:
    """Return a number for each design that no other design has."""
    return table.bits * len(table.offer.organisations) + table.organisation


def _once(table: DesignTable) -> DesignTable:
    """Return each design once, in order of first appearance."""
    _, first = np.unique(_keys(table), return_index=True)
    return table.at(np.sort(first))


def _joined(one: DesignTable, other: DesignTable) -> DesignTable:
    return DesignTable(
        one.offer, np.concatenate([one.organisation, other.organisation]), np.concatenate([one.bits, other.bits])
    )
