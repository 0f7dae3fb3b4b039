"""Speed of the live engine, as ratios measured in one process.

Run `python benchmarks/live.py` (or `make bench`). Each figure is the median of several repeats:

- activities (attack operations and response tasks ended) per second on suryanagar against bare SimPy timeouts per
  second: wanted at least 1/20;
- cost per event at four times the horizon against the plain horizon: wanted about 1;
- cost per event on a synthetic city of 100,000 assets against 1,000: wanted at most 3.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

import simpy

import cyberrange as cr
from cyberrange.engine.live import World
from cyberrange.engine.state import N_TASK, NEVER
from cyberrange.model.build import Plan

REPEATS = 3


def seconds(action: Callable[[], object]) -> float:
    """Return the wall-clock seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def bare_timeouts_per_second(count: int = 200_000) -> float:
    """Timeouts per second of SimPy with nothing to do: a thousand processes that sleep."""
    env = simpy.Environment()

    def sleeper() -> object:
        for _ in range(count // 1000):
            yield env.timeout(1.0)

    for _ in range(1000):
        env.process(sleeper())
    return count / seconds(env.run)


def play(plan: Plan, replicate: int) -> World:
    """Play one replicate to its end."""
    world = World(plan, seed=7, replicate=replicate)
    world.finish()
    return world


def activities(world: World) -> int:
    """Attack operations and response tasks that ended."""
    tasks = sum(world.state.tasks[i].ended != NEVER for i in range(world.state.count[N_TASK]))
    return tasks + sum(op.attempt for op in world.state.operations)


def activities_per_second(plan: Plan, replicates: int = 5) -> float:
    """Activities per second over some replicates."""
    start = time.perf_counter()
    ended = sum(activities(play(plan, r)) for r in range(replicates))
    return ended / (time.perf_counter() - start)


def cost_per_event(plan: Plan) -> float:
    """Seconds per event of one run, setting up the state not counted."""
    world = World(plan, seed=7)
    return seconds(world.finish) / max(1, world.heard)


def longer(scenario: cr.Scenario, times: float) -> cr.Scenario:
    """Return a scenario that is watched for longer."""
    return scenario.model_copy(update={"horizon": scenario.horizon * times})


def measure() -> dict[str, float]:
    """Return every figure by name."""
    posture, scenario = cr.load_posture("inhouse_ciso"), cr.load_scenario("ransomware_property")
    city = cr.load_city("suryanagar")
    plan = cr.compile_plan(city, scenario, posture)
    long_plan = cr.compile_plan(city, longer(scenario, 4.0), posture)
    small, large = (cr.compile_plan(cr.synthetic_city(n, seed=1), scenario, posture) for n in (1_000, 100_000))
    for p in (plan, long_plan, small, large):
        play(p, 0)
    rows = [
        {
            "bare timeouts/s": bare_timeouts_per_second(),
            "activities/s": activities_per_second(plan),
            "us/event": 1e6 * cost_per_event(plan),
            "us/event at 4 x horizon": 1e6 * cost_per_event(long_plan),
            "us/event, 1,000 assets": 1e6 * cost_per_event(small),
            "us/event, 100,000 assets": 1e6 * cost_per_event(large),
        }
        for _ in range(REPEATS)
    ]
    result = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    result["activities : bare timeouts"] = result["activities/s"] / result["bare timeouts/s"]
    result["4 x horizon : horizon"] = result["us/event at 4 x horizon"] / result["us/event"]
    result["100,000 : 1,000 assets"] = result["us/event, 100,000 assets"] / result["us/event, 1,000 assets"]
    return result


if __name__ == "__main__":
    figures = measure()
    if "--json" in sys.argv[1:]:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value:12,.3f}")
