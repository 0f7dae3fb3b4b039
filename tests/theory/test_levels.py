"""Levels: linear inoperability, k of n, and the greatest fixed point of the equations in docs/model.md."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyberrange.engine.live import NotConvergingError, World
from cyberrange.engine.state import N_EFFECT
from cyberrange.inputs.city import Need
from tests.build import (
    Hand,
    agrees,
    asset,
    city,
    exponential,
    failing,
    happenings,
    level,
    levels,
    lost,
    need,
    node,
    path,
    plan,
    scenario,
    service,
)
from tests.engine.strategies import cities

EXACT = 1e-9


def world_of(assets, services=None):
    return World(plan(city(assets, services)), seed=1)


# --- the greatest fixed point, worked out without the engine --------------------------------------


def supply(need: Need, x: dict[str, float]) -> float:
    if need.all_of:
        return min(x[u] for u in need.all_of)
    if need.k_of_n:
        return min(1.0, sum(x[u] for u in need.k_of_n.of) / need.k_of_n.k)
    if need.weighted:
        return sum(w * x[u] for u, w in need.weighted.items())
    return max(0.0, 1.0 - sum(loss * (1.0 - x[u]) for u, loss in need.soft.items()))


def greatest_fixed_point(of, cap: dict[str, float]) -> dict[str, float]:
    """Start every level at its cap and apply the equations to all nodes at once until nothing moves."""
    things = {**of.assets, **of.services}
    x = {name: cap.get(name, 1.0) for name in things}
    for _ in range(20_000):
        new = {n: min([cap.get(n, 1.0), *(supply(need, x) for need in t.needs)]) for n, t in things.items()}
        if all(abs(new[n] - x[n]) < 1e-15 for n in x):
            return new
        x = new
    raise AssertionError("the brute-force iteration does not end")


acts = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.sampled_from(["impair", "flood", "mend", "mend", "isolate", "reconnect"]),
        st.sampled_from([0.0, 0.25, 0.5, 0.9]),
    ),
    min_size=1,
    max_size=14,
)


class Caps:
    """What each node could do by itself, kept beside the engine."""

    def __init__(self, of):
        self.of, self.health, self.load, self.cut = of, {}, {}, set()

    def act(self, name, what, amount):
        if what == "impair":
            self.health[name] = min(self.health.get(name, 1.0), amount)
        elif what == "flood":
            self.load[name] = max(self.load.get(name, 0.0), 1 + amount)
        elif what == "mend":
            self.health.pop(name, None)
            self.load.pop(name, None)
        elif what == "isolate":
            self.cut.add(name)
        else:
            self.cut.discard(name)

    def __getitem__(self, name):
        local = self.of.assets[name].local_level if name in self.cut else 1.0
        return min(self.health.get(name, 1.0), 1 / max(1.0, self.load.get(name, 1.0)), local)


def act(hand, name, what, amount):
    if what == "impair":
        hand.impair(name, amount)
    elif what == "flood":
        hand.flood(name, 1 + amount)
    else:
        getattr(hand, what)(name)


@settings(max_examples=250, deadline=None)
@given(cities(covers=False), acts)
def test_after_any_changes_the_levels_are_the_greatest_fixed_point(of, changes):
    """Settling only what a change can reach gives what solving all equations afresh gives."""
    world, caps = World(plan(of), seed=1), Caps(of)
    hand, names = Hand(world), list(of.assets)
    for place, what, amount in changes:
        name = names[place % len(names)]
        act(hand, name, what, amount)
        caps.act(name, what, amount)
        expected = greatest_fixed_point(of, {n: caps[n] for n in names})
        assert levels(world) == pytest.approx(expected, abs=EXACT)


def ancestors(of, name):
    found, stack = {name}, [name]
    while stack:
        for one in of.assets[stack.pop()].needs:
            for u in one.suppliers:
                if u not in found:
                    found.add(u)
                    stack.append(u)
    return found


@settings(max_examples=150, deadline=None)
@given(cities(covers=False), acts)
def test_what_is_blamed_for_a_low_level_is_a_live_effect_on_the_node_or_on_something_it_needs(of, changes):
    world = World(plan(of), seed=1)
    hand, names = Hand(world), list(of.assets)
    for place, what, amount in changes:
        act(hand, names[place % len(names)], what, amount)
        for name in names:
            blame = node(world, name).blame
            assert (blame < 0) == (level(world, name) >= 1.0)
            if blame >= 0:
                assert blame < world.state.count[N_EFFECT]
                effect = world.state.effects[blame]
                assert effect.live == 1
                assert names[effect.node] in ancestors(of, name)


# --- oracles --------------------------------------------------------------------------------------


def test_two_sectors_that_lean_on_each_other_lose_what_the_input_output_model_says():
    """q = (I - A)^-1 c with A = [[0, .8], [.2, 0]], c = (0, .6): q = (4/7, 5/7) (Haimes and Jiang 2001)."""
    world = world_of(
        {
            "one": asset(need(soft={"two": 0.8})),
            "two": asset(need(soft={"one": 0.2, "shock": 0.6})),
            "shock": asset(),
        }
    )
    Hand(world).impair("shock")
    assert 1 - level(world, "one") == pytest.approx(4 / 7, abs=EXACT)
    assert 1 - level(world, "two") == pytest.approx(5 / 7, abs=EXACT)


def test_shocks_add_up_along_a_chain():
    world = world_of(
        {
            "a": asset(need(soft={"shock_a": 0.1})),
            "b": asset(need(soft={"a": 1.0, "shock_b": 0.2})),
            "c": asset(need(soft={"b": 1.0, "shock_c": 0.3})),
            "shock_a": asset(),
            "shock_b": asset(),
            "shock_c": asset(),
        }
    )
    for shock in ("shock_a", "shock_b", "shock_c"):
        Hand(world).impair(shock)
    assert [1 - level(world, n) for n in "abc"] == pytest.approx([0.1, 0.3, 0.6], abs=EXACT)


def test_mutual_needs_without_stores_come_back_when_the_damage_is_mended():
    """The fresh greatest fixed point is 1 again; an iteration from where things stand would stay at 0."""
    world = world_of({"power": asset(need("telecom")), "telecom": asset(need("power"))})
    hand = Hand(world)
    hand.impair("power")
    assert levels(world) == {"power": 0.0, "telecom": 0.0}
    hand.mend("power")
    assert levels(world) == {"power": 1.0, "telecom": 1.0}


def test_a_cycle_that_does_not_settle_is_named():
    """Each round of the loop takes another ten-thousandth away: the fixed point is 0, and far."""
    world = world_of(
        {
            "hen": asset(need(soft={"egg": 1.0, "shock": 1e-4})),
            "egg": asset(need("hen")),
            "shock": asset(),
            "bystander": asset(),
        }
    )
    with pytest.raises(NotConvergingError, match="hen") as caught:
        Hand(world).impair("shock")
    assert "egg" in str(caught.value)
    assert "bystander" not in str(caught.value)


def test_weights_that_add_up_to_one_give_a_whole_supply_to_the_last_bit():
    """Ten tenths make 0.9999999999999999 in floating point; that is not a loss, nor does it move a cycle."""
    tenths = {f"s{i}": 0.1 for i in range(10)}
    world = world_of(
        {
            **{name: asset() for name in tenths},
            "sum": asset(need(weighted=tenths), need("back")),
            "back": asset(need("sum")),
        },
        {"use": service(need(weighted=tenths, buffer={"lasts": 5}))},
    )
    hand = Hand(world)
    hand.impair("s3", 0.5)
    assert level(world, "back") == pytest.approx(0.95, abs=EXACT)
    hand.mend("s3")
    assert set(levels(world).values()) == {1.0}
    for name in tenths:
        hand.impair(name)
    assert level(world, "sum") == 0.0


# --- k of n of components that fail and are mended ------------------------------------------------


def binomial(n, k, a):
    return sum(math.comb(n, i) * a**i * (1 - a) ** (n - i) for i in range(k, n + 1))


@pytest.mark.parametrize(("k", "n", "a"), [(2, 3, 0.9), (1, 2, 0.9), (2, 4, 0.8)])
def test_k_of_n_is_available_as_the_binomial_says(k, n, a):
    """Sum of C(n, i) a^i (1-a)^(n-i) for i >= k; below k it serves i/k. One observation per world."""
    names = [f"unit{i}" for i in range(n)]
    town = city({name: asset() for name in names}, {"use": service(need(k_of_n={"k": k, "of": names}))})
    made = plan(town, scenario(horizon=1200.0))
    whole, served = [], []
    for replicate in range(40):
        up = [exponential(10 * a, f"up {replicate} {name}") for name in names]
        down = [exponential(10 * (1 - a), f"down {replicate} {name}") for name in names]
        world = World(made, 1, replicate, [failing(*one) for one in zip(names, up, down, strict=True)])
        world.advance(200.0)
        before = lost(world, "use")
        world.finish()
        steps = [*path(world, "use"), (1200.0, 0.0)]
        span = [(max(t, 200.0), max(u, 200.0), x) for (t, x), (u, _) in pairwise(steps)]
        whole.append(sum(u - t for t, u, x in span if x >= 1.0) / 1000)
        served.append(sum((u - t) * x for t, u, x in span) / 1000)
        booked_late = next((1 - x) * (200.0 - t) for (t, x), (u, _) in pairwise(steps) if t < 200.0 <= u)
        assert (lost(world, "use") - before - booked_late) / 1000 == pytest.approx(1 - served[-1], abs=EXACT)
    agrees(f"{k} of {n} whole", whole, binomial(n, k, a))
    expected = binomial(n, k, a) + sum(math.comb(n, i) * a**i * (1 - a) ** (n - i) * i / k for i in range(k))
    agrees(f"{k} of {n} served", served, expected)


def test_a_settled_city_stays_silent():
    """What does not change a level writes no line about levels."""
    world = world_of({"a": asset(), "b": asset(need("a"))})
    hand = Hand(world)
    hand.impair("a", 0.5)
    before = len(happenings(world, "level"))
    hand.impair("a", 0.7)
    hand.impair("b", 0.6)
    assert len(happenings(world, "level")) == before
