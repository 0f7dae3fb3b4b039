"""Offers of controls and organisations to choose from, made up for tests."""

import numpy as np
from hypothesis import strategies as st

from cyberrange.errors import CyberrangeError
from cyberrange.inputs.controls import Control, Mechanism
from cyberrange.inputs.records import Source
from cyberrange.study.choice.portfolios import Floats, Offer

SOURCE = Source(text="made up", year=2026, confidence="assumption")
MECHANISM = Mechanism(change="attack_chance", times=0.5, source=SOURCE)
YEAR = 8766.0


def control(
    capex: float = 1e6,
    opex: float = 1e5,
    years: float = 5.0,
    shared: float = 0.0,
    requires: tuple[str, ...] = (),
    excludes: tuple[str, ...] = (),
) -> Control:
    return Control(
        name="a control", capex=capex, opex=opex, life=years * YEAR, shared=shared, requires=requires,
        excludes=excludes, mechanisms=(MECHANISM,), sources=(SOURCE,),
    )  # fmt: skip


def plain(controls: int, organisations: int = 1, seed: int = 1) -> Offer:
    """Controls c0, c1... of different prices without bonds, and organisations o0, o1..., each Rs 1 crore dearer."""
    chance = np.random.default_rng([seed, 11])
    return Offer(
        {f"o{i}": 1e7 * i for i in range(organisations)},
        {f"c{j}": control(*(chance.integers(5, 100, 2) * 1e5).tolist()) for j in range(controls)},
    )


def bonded(controls: int, organisations: int = 1, seed: int = 1) -> Offer:
    """The same with a chain c2 -> c1 -> c0, with c5 -> c4, and with c3 against c6 and c7 against c0."""
    offer = plain(controls, organisations, seed)
    bonds = {
        "c1": {"requires": ("c0",)}, "c2": {"requires": ("c1",)}, "c5": {"requires": ("c4",)},
        "c3": {"excludes": ("c6",)}, "c7": {"excludes": ("c0",)},
    }  # fmt: skip
    changed = {key: c.model_copy(update=bonds.get(key, {})) for key, c in offer.controls.items()}
    return Offer(offer.organisations, changed)


@st.composite
def offers(draw: st.DrawFn, most_controls: int = 7, most_organisations: int = 3) -> Offer:
    """Offers with any bonds under which each control can be bought."""
    count = draw(st.integers(0, most_controls))
    keys = [f"c{j}" for j in range(count)]
    controls: dict[str, Control] = {}
    for j, key in enumerate(draw(st.permutations(keys))):
        others = sorted(controls)
        requires = draw(st.lists(st.sampled_from(others), max_size=2, unique=True)) if others else []
        excludes = draw(st.lists(st.sampled_from(others), max_size=2, unique=True)) if others else []
        price = draw(st.integers(1, 50)) * 1e5
        dear = control(price, price / (j + 1), draw(st.integers(1, 10)), draw(st.sampled_from([0.0, 0.3, 1.0])))
        for bonds in ({"requires": tuple(requires), "excludes": tuple(excludes)}, {"requires": tuple(requires)}):
            try:
                Offer({"today": 0.0}, {**controls, key: dear.model_copy(update=bonds)})
            except CyberrangeError:
                continue
            controls[key] = dear.model_copy(update=bonds)
            break
        else:
            controls[key] = dear
    costs = draw(st.lists(st.integers(0, 200), min_size=1, max_size=most_organisations))
    return Offer({f"o{i}": cost * 1e5 for i, cost in enumerate(costs)}, controls, draw(st.integers(1, 6)))


def multiplicative(matrix: Floats, mains: int, seed: int, spread: float = 0.1) -> Floats:
    """Losses whose log is a sum of main effects that lower it and of pairs, for the columns of the pair model."""
    chance = np.random.default_rng([seed, 12])
    effects = np.concatenate(
        [[16.0], -chance.gamma(2.0, 0.15, mains), chance.normal(0, spread, matrix.shape[1] - 1 - mains)]
    )
    losses: Floats = np.exp(matrix @ effects)
    return losses
