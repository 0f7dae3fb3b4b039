"""Rules of the case's counts: how many assets are open, hit and hurt, in truth and as far as found."""

from cyberrange.engine.state import (
    CASE_TIMES,
    NEVER,
    T_CLEAN,
    T_COMPROMISED,
    T_CONTAINED,
    T_RESTORED,
    State,
)
from cyberrange.model import codes
from cyberrange.model.plan import Arrays

HIT = codes.COMPROMISED | codes.FORCED | codes.FALSIFIED | codes.FLOODED
OPEN = codes.COMPROMISED | codes.FORCED | codes.FLOODED


def _count(p: Arrays, s: State, node: int, sign: int) -> None:
    nodes = s.nodes
    unit = p.nodes[node].unit
    condition = nodes[node].condition
    cases = s.cases
    isolated = nodes[node].isolated_by >= 0
    if condition & OPEN and not isolated:
        cases[unit].open += sign
        if nodes[node].found == 1:
            cases[unit].open_found += sign
    if condition & HIT:
        cases[unit].hit += sign
        if nodes[node].found == 1:
            cases[unit].hit_found += sign
    if condition & ~codes.SUSPECT or (isolated and condition & codes.SUSPECT == 0):
        cases[unit].hurt += sign
    if nodes[node].found == 1:
        cases[unit].found += sign


def count_out(p: Arrays, s: State, node: int) -> None:
    """Take a node out of its case's counts before it changes."""
    _count(p, s, node, -1)


def recount(p: Arrays, s: State, node: int, now: float) -> None:
    """Count a node again after it changed, and stop or restart the case's clocks of truth."""
    _count(p, s, node, 1)
    unit = p.nodes[node].unit
    cases = s.cases
    times = s.case_time
    base = unit * CASE_TIMES
    if times[base + T_COMPROMISED] == NEVER:
        return
    _stop(times, base + T_CONTAINED, cases[unit].open, now)
    _stop(times, base + T_CLEAN, cases[unit].hit, now)
    _stop(times, base + T_RESTORED, cases[unit].hurt, now)


def _stop(times: list[float], at: int, count: int, now: float) -> None:
    """Run a clock while the count is above 0 and stop it at the moment it falls to 0."""
    if count > 0:
        times[at] = NEVER
    elif times[at] == NEVER:
        times[at] = now
