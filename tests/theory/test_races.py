"""Races: an attack in stages against its discovery, and a worm against nobody."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from cyberrange.engine.live import World
from tests.build import SEEN, agrees, asset, city, happenings, hours, plan, posture, respond, scenario, step


def stages(count, mean):
    names = [f"stage{i}" for i in range(count)]
    before = ["enter", *names]
    return {
        "enter": step("server", {"do": "compromise"}, signs=SEEN),
        **{
            name: step("server", foothold="held", duration={"exponential": {"mean": mean}}, after_all=[first])
            for first, name in pairwise(before)
        },
    }


def test_five_stages_win_against_detection_as_often_as_the_product_says():
    """Five exponential stages of 4 h against an exponential detection of 10 h that isolates: (5/7)^5."""
    eye = {"eye": {"name": "", "sees": 1, "delay": {"exponential": {"mean": 10}}}}
    made = plan(
        city({"server": asset()}),
        scenario(2000, **stages(5, 4)),
        posture({"cut": respond("found", effect="isolate")}, sensors=eye),
    )
    won, first = [], []
    for replicate in range(6000):
        world = World(made, 7, replicate)
        world.finish()
        ended = hours(world, "attack.success", "stage4")
        (cut,) = hours(world, "response.effect")
        assert not ended or ended[0] <= cut
        assert len(hours(world, "attack.stopped")) == (not ended)
        won.append(float(bool(ended)))
        first.append(cut)
    agrees("attack wins", won, (0.25 / 0.35) ** 5)
    assert pytest.approx(0.185934, abs=1e-6) == (0.25 / 0.35) ** 5
    agrees("detection", first, 10.0)


def worm(nodes, b):
    """A worm on a complete graph: each edge is tried at a rate of b / nodes."""
    names = [f"n{i:03}" for i in range(nodes)]
    of = city({n: asset() for n in names}, access=[{"from": names, "to": names}])
    start = step("patient", {"do": "worm", "level": 1.0, "rate": b / nodes})
    return plan(of, scenario(200, targets={"patient": {"asset": [names[0]]}}, start=start))


def infections(made, replicate, count):
    """Hours from the first infection to the second, third... up to a count."""
    world = World(made, 7, replicate)
    while len(reached := hours(world, "attack.effect")) < count:
        world.advance(world.env.now + 1.0)
    return reached[:count]


def test_a_worm_takes_all_of_a_complete_graph_in_the_time_of_the_birth_process():
    """From k infected of N the next falls at rate b k (N - k) / N: E[T] = 2 H_(N-1) / b, each step exponential."""
    n, b = 40, 1.0
    made = worm(n, b)
    rates = [b * k * (n - k) / n for k in range(1, n)]
    harmonic = math.fsum(1 / k for k in range(1, n))
    assert math.fsum(1 / r for r in rates) == pytest.approx(2 * harmonic / b)
    totals, scaled = [], []
    for replicate in range(60):
        reached = infections(made, replicate, n)
        totals.append(reached[-1])
        scaled += [(u - t) * rate for (t, u), rate in zip(pairwise(reached), rates, strict=True)]
    agrees("time to all", totals, 2 * harmonic / b)
    assert stats.kstest(np.array(scaled), "expon").pvalue > 1e-4
    agrees("steps in units of their mean", scaled, 1.0)


def test_half_of_a_large_graph_falls_in_the_time_of_the_logistic_curve_with_chance():
    """N = 200, b = 1.8/h: the sum of 1/rate up to half; the deterministic logistic says ln(N - 1) / b."""
    n, b = 200, 1.8
    made = worm(n, b)
    expected = math.fsum(n / (b * k * (n - k)) for k in range(1, n // 2))
    assert expected == pytest.approx(math.log(n - 1) / b, rel=0.12)
    agrees("time to half", [infections(made, r, n // 2)[-1] for r in range(20)], expected)


def test_detection_at_a_fixed_time_splits_the_stages_exactly():
    """Stages of 4 h, an alert after 10 h: two are done, the third is stopped, and nothing follows."""
    fixed = {name: {**one, "duration": 4} if name != "enter" else one for name, one in stages(5, 4).items()}
    eye = {"eye": {"name": "", "sees": 1, "delay": 10}}
    world = World(
        plan(
            city({"server": asset()}),
            scenario(100, **fixed),
            posture({"cut": respond("found", effect="isolate")}, sensors=eye),
        ),
        1,
    )
    world.finish()
    assert hours(world, "attack.success") == [0.0, 4.0, 8.0]
    (stopped,) = happenings(world, "attack.stopped")
    assert (stopped.hour, stopped.subject) == (10.0, "stage2")
