"""Rules of upkeep: after levels changed, buffers, holds, manual take-overs and protection follow their supply."""

from cyberrange.engine.calendar import time_to_use
from cyberrange.engine.events import (
    E_HOLD_END,
    E_MANUAL_CALL,
    E_STARTED,
    E_STORE_EMPTY,
    E_TRIP,
    L_MANUAL_OFF,
    L_STARTING,
    log,
    schedule,
)
from cyberrange.engine.state import ALONE, CALLED, FRESH, IDLE, RUNNING, SPENT, STARTING, TRIPPED, UP, State
from cyberrange.engine.state import ON as BY_HAND
from cyberrange.engine.supply import stored, supply_of
from cyberrange.model import codes
from cyberrange.model.plan import Arrays


def attend(p: Arrays, s: State, node: int, now: float, cause: int) -> None:
    """Keep a node's buffers, holds, manual take-overs and trip in step with its supply."""
    for need in range(p.nodes[node].need_start, p.nodes[node].need_end):
        if p.needs[need].cover != codes.NO_COVER or p.needs[need].manual_team >= 0:
            supply, binder = supply_of(p, s, need)
            if supply != s.needs[need].supply:
                line = s.nodes[binder].event if binder >= 0 else cause
                _follow_cover(p, s, need, supply, now, line)
                _follow_manual(p, s, need, supply, line)
    if p.nodes[node].trip_below > 0.0:
        _follow_trip(p, s, node, cause)


def _follow_cover(p: Arrays, s: State, need: int, supply: float, now: float, cause: int) -> None:
    row = p.needs[need]
    state = s.needs[need]
    state.store = stored(p, s, need, now)
    state.since = now
    state.supply = supply
    if supply >= 1.0:
        state.stamp += 1
        state.cover = FRESH
        state.event = -1
    elif row.cover == codes.BUFFER and state.cover != SPENT:
        state.stamp += 1
        state.event = cause
        if state.cover == FRESH and state.store <= 0.0:
            state.cover = SPENT
        else:  # a store that runs out at this very instant still has its event, which settles the level
            state.cover = RUNNING
            wait = time_to_use(p.uses, row.cover_use, now, state.store / (1.0 - supply))
            schedule(s, wait, E_STORE_EMPTY, need, state.stamp)
    elif row.cover == codes.HOLD and state.cover == FRESH:
        state.stamp += 1
        state.cover = RUNNING
        state.event = cause
        schedule(s, row.cover_hours, E_HOLD_END, need, state.stamp)


def _follow_manual(p: Arrays, s: State, need: int, supply: float, cause: int) -> None:
    state = s.needs[need]
    if p.needs[need].manual_team < 0:
        return
    if supply < p.needs[need].manual_level and state.manual == IDLE:
        state.manual = CALLED
        schedule(s, 0.0, E_MANUAL_CALL, need, cause)
    elif supply >= 1.0 and state.manual != IDLE:
        if state.manual == BY_HAND:
            log(s, L_MANUAL_OFF, need, state.task, 0.0, cause)
        state.manual = IDLE
        state.manual_stamp += 1
        schedule(s, 0.0, E_MANUAL_CALL, need, -1)


def _follow_trip(p: Arrays, s: State, node: int, cause: int) -> None:
    row = p.nodes[node]
    state = s.nodes[node]
    if state.mode == UP:
        low = state.supply < row.trip_below
        if low and state.below == 0:
            state.below = 1
            state.trip_stamp += 1
            schedule(s, row.trip_after, E_TRIP, node, state.trip_stamp)
        elif not low and state.below == 1:
            state.below = 0
            state.trip_stamp += 1
    elif state.mode == ALONE and state.supply >= row.restart_at:
        state.mode = UP
    elif state.mode == TRIPPED and _may_restart(p, s, node):
        start(p, s, node, cause)
    elif state.mode == STARTING and not _may_restart(p, s, node):
        state.mode = TRIPPED
        state.trip_stamp += 1


def _may_restart(p: Arrays, s: State, node: int) -> bool:
    """Whether every supply (for a black-start node: every one from outside its cycle) is back."""
    row = p.nodes[node]
    if row.black_start == 0:
        return s.nodes[node].supply >= row.restart_at
    for need in range(row.need_start, row.need_end):
        if p.needs[need].inside == 0 and supply_of(p, s, need)[0] < row.restart_at:
            return False
    return True


def start(p: Arrays, s: State, node: int, cause: int) -> None:
    """Begin to restart a tripped node."""
    state = s.nodes[node]
    state.mode = STARTING
    state.trip_stamp += 1
    log(s, L_STARTING, node, -1, p.nodes[node].start_time, cause)
    schedule(s, p.nodes[node].start_time, E_STARTED, node, state.trip_stamp)
