"""Rules of plant: buffers run empty, set-points expire, protection trips and machines start again."""

from cyberrange.engine.events import L_HOLD_END, L_STARTED, L_STORE_EMPTY, L_TRIP, log
from cyberrange.engine.levels import mark
from cyberrange.engine.state import ALONE, RUNNING, SPENT, STARTING, TRIPPED, UP, State
from cyberrange.engine.supply import effective
from cyberrange.model.plan import Arrays


def cover_spent(p: Arrays, s: State, need: int, stamp: int, is_store: bool) -> None:
    """A buffer has run empty, or the last set-point no longer holds."""
    needs = s.needs
    if needs[need].stamp != stamp or needs[need].cover != RUNNING:
        return
    needs[need].cover = SPENT
    needs[need].store = 0.0
    kind = L_STORE_EMPTY if is_store else L_HOLD_END
    needs[need].event = log(s, kind, need, -1, 0.0, needs[need].event)
    mark(s, p.needs[need].node)


def trips(p: Arrays, s: State, node: int, stamp: int, now: float) -> None:
    """A node's supply has been too low for as long as its protection waits."""
    if s.nodes[node].trip_stamp == stamp and s.nodes[node].mode == UP and s.nodes[node].below == 1:
        trip(p, s, node, now)


def started(p: Arrays, s: State, node: int, stamp: int) -> None:
    """A tripped node has started again."""
    nodes = s.nodes
    if nodes[node].trip_stamp == stamp and nodes[node].mode == STARTING:
        nodes[node].mode = ALONE if p.nodes[node].black_start == 1 else UP
        nodes[node].trip_by = -1
        log(s, L_STARTED, node, -1, 0.0, nodes[node].trip_event)
        mark(s, node)


def trip(p: Arrays, s: State, node: int, now: float) -> None:
    """Take a node out because its supply stayed too low; the trip inherits the blame of what starved it."""
    state = s.nodes[node]
    state.mode = TRIPPED
    state.below = 0
    worst = 2.0
    cause = state.event
    for need in range(p.nodes[node].need_start, p.nodes[node].need_end):
        supply, binder = effective(p, s, need, now)
        if binder >= 0 and supply < worst:
            worst = supply
            state.trip_by = s.nodes[binder].blame
            cause = s.nodes[binder].event
    state.trip_event = log(s, L_TRIP, node, -1, worst, cause)
    mark(s, node)
