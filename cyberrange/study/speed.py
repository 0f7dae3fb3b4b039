"""How fast the engines are, as ratios measured in one process in turn."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from cyberrange.engine.batch import Player
from cyberrange.engine.compiled import compile_rules, kernel
from cyberrange.engine.layout import memory_of_clock
from cyberrange.inputs.load import load_city, load_posture, load_scenario
from cyberrange.inputs.shipped import shipped
from cyberrange.inputs.synthetic import synthetic_city
from cyberrange.model.build import CannotPlayError, Plan, compile_plan
from cyberrange.study.runner import play, play_all

CITIES = ("suryanagar", "sangam_district")
POSTURE = "inhouse_ciso"
GROWTH_SCENARIO = "ransomware_property"
SEED = 7
_BARE_EVENTS = 2_000_000


class Case(NamedTuple):
    """Speed on one city and scenario: medians of repeats."""

    city: str
    scenario: str
    live: float
    """Replicates a second of the live engine, in one process."""
    compiled: float
    """Replicates a second of the compiled engine, in one process."""
    ratio: float
    events: float
    """Events a second of the compiled engine..."""
    bare: float
    """...and of the bare loop with a heap of the same mean size."""
    of_bare: float


class Size(NamedTuple):
    """One attack on a synthetic city of so many assets."""

    assets: int
    build: float
    """Seconds to generate the city and compile the plan."""
    seconds: float
    """Seconds of the run, with a fresh state."""
    events: int
    per_asset: float
    """Microseconds of the run per asset."""
    memory: float
    """GiB, the most that the process ever held."""


class Speed(NamedTuple):
    """All figures."""

    cases: list[Case]
    one_worker: float
    """Replicates a second on suryanagar, ransomware."""
    two_workers: float
    sizes: list[Size]
    cold: float
    """Seconds from a bare interpreter to a compiled engine, nothing kept on disk..."""
    cached: float
    """...and with what was kept."""


Tell = Callable[[str], None]


def measure(
    *, repeats: int = 3, seconds: float = 1.0, largest: int = 1_000_000, cities: Sequence[str] = CITIES,
    tell: Tell = lambda _: None,
) -> Speed:  # fmt: skip
    """Measure everything.

    Parameters
    ----------
    repeats
        Each figure of a case is the median of so many measurements, live, compiled and bare in turn.
    seconds
        Least length of one measurement.
    largest
        Most assets of the growing synthetic city, from 100 on by tens.
    cities
        Shipped cities on which every scenario is played.
    tell
        Told what is being measured.
    """
    tell("compiling the engine from nothing, and starting it again")
    cold, cached = _start_times()
    kernel()
    cases = []
    for city, scenario, plan in _plans(cities):
        tell(f"{city}, {scenario}")
        cases.append(_case(city, scenario, plan, repeats, seconds))
    tell("two workers")
    one, two = _workers(repeats, seconds)
    sizes = []
    for power in range(2, len(str(largest))):
        tell(f"{10**power:,} assets")
        sizes.append(_grown(10**power, repeats if power > 5 else 3 * repeats))
    return Speed(cases, one, two, sizes, cold, cached)


def _plans(cities: Iterable[str]) -> Iterable[tuple[str, str, Plan]]:
    posture = load_posture(POSTURE)
    for city in cities:
        record = load_city(city)
        for scenario in shipped("scenarios"):
            try:
                yield city, scenario, compile_plan(record, load_scenario(scenario), posture)
            except CannotPlayError:
                continue


def _case(city: str, scenario: str, plan: Plan, repeats: int, seconds: float) -> Case:
    """Measure live, compiled and bare in turn, so that a machine that slows down slows all three."""
    player = Player(plan)
    player.play(SEED, 0, 4)
    live, compiled, events, bare = [], [], [], []
    for _ in range(repeats):
        live.append(_rate(lambda first, runs: play(plan, SEED, first, first + runs, "live"), seconds, 1))
        before = player.events
        start = time.perf_counter()
        compiled.append(_rate(lambda first, runs: player.play(SEED, first, first + runs), seconds, 16))
        events.append((player.events - before) / (time.perf_counter() - start))
        bare.append(_bare_rate(max(1, round(player.heap))))
    ratio = statistics.median(c / x for c, x in zip(compiled, live, strict=True))
    of_bare = statistics.median(e / b for e, b in zip(events, bare, strict=True))
    median = statistics.median
    return Case(city, scenario, median(live), median(compiled), ratio, median(events), median(bare), of_bare)


def _rate(run: Callable[[int, int], object], seconds: float, batch: int) -> float:
    """Return replicates a second, over at least so many seconds; batches double while they are short."""
    start = time.perf_counter()
    done = 0
    while True:
        begun = time.perf_counter()
        run(done, batch)
        done += batch
        now = time.perf_counter()
        if now - start >= seconds:
            return done / (now - start)
        if now - begun < seconds / 8:
            batch *= 2


def _bare_rate(size: int) -> float:
    """Return events a second of the bare loop with so many events on the heap."""
    slots, _ = memory_of_clock(size + 1, 1)
    key = np.array([1, 2], dtype=np.int64)
    loop: Any = compile_rules()["yardstick.bare_loop"]
    loop(slots, key, size, 10)
    start = time.perf_counter()
    loop(slots, key, size, _BARE_EVENTS)
    return _BARE_EVENTS / (time.perf_counter() - start)


def _workers(repeats: int, seconds: float) -> tuple[float, float]:
    """Return replicates a second on one and on two workers, measured in turn after the workers have started."""
    plan = compile_plan(load_city(CITIES[0]), load_scenario(GROWTH_SCENARIO), load_posture(POSTURE))
    runs = max(
        200, round(8 * seconds * _rate(lambda first, n: play(plan, SEED, first, first + n, "compiled"), 1.0, 16))
    )

    def rate(workers: int) -> float:
        start = time.perf_counter()
        play_all([plan], runs, SEED, workers, engine="compiled")
        return runs / (time.perf_counter() - start)

    rate(2)
    pairs = [(rate(1), rate(2)) for _ in range(repeats)]
    return statistics.median(one for one, _ in pairs), statistics.median(two for _, two in pairs)


def _grown(assets: int, repeats: int) -> Size:
    start = time.perf_counter()
    plan = compile_plan(synthetic_city(assets, seed=1), load_scenario(GROWTH_SCENARIO), load_posture(POSTURE))
    build = time.perf_counter() - start
    found = []
    for _ in range(repeats):
        player = Player(plan)
        start = time.perf_counter()
        player.play(SEED, 0, 1)
        found.append(time.perf_counter() - start)
        events = player.events
    seconds = statistics.median(found)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Size(assets, build, seconds, events, 1e6 * seconds / assets, memory)


def _start_times() -> tuple[float, float]:
    """Return the seconds in which a new interpreter has the engine ready, without and with what was compiled before."""
    program = "from cyberrange.engine.compiled import kernel; kernel()"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}

        def once() -> float:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], env=environment, check=True)
            return time.perf_counter() - start

        cold = once()
        return cold, statistics.median(once() for _ in range(3))
