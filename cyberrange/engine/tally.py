"""Rules of the case's counts: how many assets are open, hit and hurt, in truth and as far as found."""

from cyberrange.engine.state import (
    CASE_TIMES,
    NEVER,
    T_CLEAN,
    T_COMPROMISED,
    T_CONTAINED,
    T_RESTORED,
)
from cyberrange.model import codes

HIT = codes.COMPROMISED | codes.FORCED | codes.FALSIFIED | codes.FLOODED
OPEN = codes.COMPROMISED | codes.FORCED | codes.FLOODED


def _count(p, s, node, sign):
    nodes = s.nodes
    unit = p.assets.unit[node]
    condition = nodes.condition[node]
    cases = s.cases
    isolated = nodes.isolated_by[node] >= 0
    if condition & OPEN and not isolated:
        cases.open[unit] += sign
        if nodes.found[node] == 1:
            cases.open_found[unit] += sign
    if condition & HIT:
        cases.hit[unit] += sign
        if nodes.found[node] == 1:
            cases.hit_found[unit] += sign
    if condition != 0 or isolated:
        cases.hurt[unit] += sign


def count_out(p, s, node):
    """Take a node out of its case's counts before it changes."""
    _count(p, s, node, -1)


def recount(p, s, node, now, cause):
    """Count a node again after it changed, and stop or restart the case's clocks of truth."""
    _count(p, s, node, 1)
    unit = p.assets.unit[node]
    cases = s.cases
    times = cases.time
    base = unit * CASE_TIMES
    if cases.hit[unit] > 0 and times[base + T_COMPROMISED] == NEVER:
        times[base + T_COMPROMISED] = now
    _stop(times, base + T_CONTAINED, cases.open[unit], now)
    _stop(times, base + T_CLEAN, cases.hit[unit], now)
    _stop(times, base + T_RESTORED, cases.hurt[unit], now)


def _stop(times, at, count, now):
    """Run a clock while the count is above 0 and stop it at the moment it falls to 0."""
    if count > 0:
        times[at] = NEVER
    elif times[at] == NEVER:
        times[at] = now
