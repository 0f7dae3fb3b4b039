"""Two random networks that keep each other alive (Buldyrev, Parshani, Paul, Stanley and Havlin, Nature 464, 2010).

The project's levels are not percolation: they do not ask for a giant component. So the test does that part itself: in
each network, what does not hang together with the largest component loses its health. That a node falls with its
partner in the other network is a need, `all_of` one supplier on a cycle of two, and the level solver carries it over.
The two take turns until nothing changes. What remains must be the mutual giant component P = p (1 - e^(-k P))^2, which
vanishes at once, not bit by bit, below p_c = 2.455407 / k.
"""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from cyberrange.engine.effects import strike
from cyberrange.engine.levels import settle
from cyberrange.engine.state import LOG_BASE, N_DIRTY, N_LOG, N_OUT, fresh_state
from cyberrange.model import codes
from tests.build import agrees, asset, city, need, plan

N = 100_000
K = 4.0


@pytest.fixture(scope="module")
def arrays():
    """Compile two networks of which each node needs its partner in the other."""
    like, of = asset(), need("partner")  # copied, for 200,000 of each have to be checked otherwise

    def needing(partner):
        return like.model_copy(update={"needs": (of.model_copy(update={"all_of": (partner,)}),)})

    power = {f"p{i}": needing(f"c{i}") for i in range(N)}
    control = {f"c{i}": needing(f"p{i}") for i in range(N)}
    return plan(city({**power, **control})).lists


def random_network(random):
    """Return the edges of a random graph of mean degree K."""
    count = int(N * K / 2)
    return random.integers(N, size=count), random.integers(N, size=count)


def outside_of_the_largest_component(edges, alive):
    a, b = edges
    keep = alive[a] & alive[b]
    graph = csr_array((np.ones(keep.sum(), dtype=np.int8), (a[keep], b[keep])), shape=(N, N))
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label[alive], minlength=label.max() + 1)
    return alive & (label != sizes.argmax())


def fail(p, s, nodes):
    """Take nodes out and let the solver carry it over to those that need them."""
    for node in nodes.tolist():
        strike(p, s, node, codes.IMPAIR, 0.0, 0, 0.0)
    settle(p, s, 0.0, 0)
    assert s.count[N_DIRTY] == 0
    s.count[N_OUT] = 0
    s.count[LOG_BASE] = s.count[N_LOG]


def what_remains(p, share, seed):
    random = np.random.default_rng(seed)
    networks = random_network(random), random_network(random)
    s = fresh_state(p, 1, 0)
    fail(p, s, np.flatnonzero(random.random(N) >= share))
    quiet = side = 0
    while quiet < 2:
        alive = np.fromiter((node.level > 0 for node in s.nodes[side * N : (side + 1) * N]), bool, N)
        fallen = outside_of_the_largest_component(networks[side], alive)
        quiet = 0 if fallen.any() else quiet + 1
        fail(p, s, np.flatnonzero(fallen) + side * N)
        side = 1 - side
    levels = np.fromiter((node.level for node in s.nodes), float, 2 * N)
    assert (levels[:N] == levels[N:]).all()
    return float(levels[:N].mean())


def mutual_component(share):
    """Largest solution of P = p (1 - e^(-K P))^2."""

    def excess(x):
        return share * (1 - math.exp(-K * x)) ** 2 - x

    peak = max(np.linspace(0.2, 1, 801), key=excess)
    return brentq(excess, peak, 1.0) if excess(peak) > 0 else 0.0


def test_the_equation_has_the_published_threshold():
    assert mutual_component(0.70) == pytest.approx(0.557616, abs=1e-6)
    assert mutual_component(2.455407 / K + 1e-6) * K == pytest.approx(1.256431, abs=0.01)
    assert mutual_component(2.455407 / K - 1e-4) == 0.0


@pytest.mark.slow
def test_two_networks_that_need_each_other_fall_apart_at_once_below_the_threshold(arrays):
    for share in (0.65, 0.70, 0.80):
        remains = [what_remains(arrays, share, seed) for seed in range(4)]
        agrees(f"mutual giant component at p = {share}", remains, mutual_component(share))
    assert what_remains(arrays, 0.60, 1) < 1e-3
