"""A bare loop to measure the compiled engine against: the same event heap and named draws, and nothing else."""

import math
from typing import Any

from cyberrange.engine.draws import P_WORK, uniform
from cyberrange.engine.kernel import CLOCK_COUNTERS, clock_of, drop_first, push
from cyberrange.model.plan import Ints


def bare_loop(clock_slots: Any, seed_key: Ints, size: int, events: int) -> float:
    """Keep `size` events on the heap: take the first, put another on it after an exponential time; return the hour.

    Parameters
    ----------
    clock_slots
        Lead to a clock with room for `size` events.
    seed_key
        Key of the draws.
    size
        Events on the heap.
    events
        Events to play.
    """
    clock = clock_of(clock_slots)
    for i in range(CLOCK_COUNTERS):
        clock.count[i] = 0
    for i in range(size):
        push(clock, -math.log(1.0 - uniform(seed_key, i, 0, P_WORK, 0)), i, i, 0)
    hour = 0.0
    for i in range(events):
        first = clock.heap[0]
        hour = first.hour
        thing = first.a
        use = first.b + 1
        drop_first(clock)
        push(clock, hour - math.log(1.0 - uniform(seed_key, thing, 0, P_WORK, use)), size + i, thing, use)
    return hour
