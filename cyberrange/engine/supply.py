"""Rules of supply: what a need gets from its suppliers, and what covers it when they fail."""

from cyberrange.engine.calendar import used_between
from cyberrange.engine.state import ON as BY_HAND
from cyberrange.engine.state import RUNNING, SPENT, State
from cyberrange.model import codes
from cyberrange.model.plan import Arrays


def supply_of(p: Arrays, s: State, need: int) -> tuple[float, int]:
    """Supply of a need from its suppliers' levels, before any cover: (supply, binding supplier)."""
    row = p.needs[need]
    form = row.form
    binder = -1
    blame = -1
    if form == codes.ALL_OF:
        lowest = 1.0
        for j in range(row.supplier_start, row.supplier_end):
            u = p.suppliers[j].node
            node = s.nodes[u]
            if node.level < lowest or (node.level == lowest and lowest < 1.0 and node.blame < blame):
                lowest = node.level
                blame = node.blame
                binder = u
        return lowest, binder
    total = 0.0
    weights = 0.0
    worst = 0.0
    for j in range(row.supplier_start, row.supplier_end):
        supplier = p.suppliers[j]
        node = s.nodes[supplier.node]
        short = supplier.weight * (1.0 - node.level)
        total += node.level if form == codes.K_OF_N else short
        weights += supplier.weight
        if short > worst or (short == worst and short > 0.0 and node.blame < blame):
            worst = short
            blame = node.blame
            binder = supplier.node
    if form == codes.K_OF_N:
        return min(1.0, total / row.k), binder
    if form == codes.WEIGHTED:  # what is missing, not what is there: rounding of the weights must not look like a loss
        total /= weights
    return max(0.0, 1.0 - total), binder


def stored(p: Arrays, s: State, need: int, now: float) -> float:
    """Hours of mean need left in a buffer."""
    row = p.needs[need]
    state = s.needs[need]
    if state.supply >= 1.0:
        return min(row.cover_hours, state.store + row.cover_refill * (now - state.since))
    used = used_between(p.uses, row.cover_use, state.since, now)
    return max(0.0, state.store - (1.0 - state.supply) * used)


def covered(p: Arrays, s: State, need: int, now: float) -> bool:
    """Whether a buffer or a hold stands in for the missing supply at this instant."""
    cover = p.needs[need].cover
    state = s.needs[need].cover
    if cover == codes.NO_COVER or state == SPENT:
        return False
    return cover == codes.HOLD or state == RUNNING or stored(p, s, need, now) > 0.0


def effective(p: Arrays, s: State, need: int, now: float) -> tuple[float, int]:
    """Supply of a need after cover and manual take-over: (supply, binding supplier)."""
    supply, binder = supply_of(p, s, need)
    if supply < 1.0 and (p.needs[need].cover != codes.NO_COVER or p.needs[need].manual_team >= 0):
        if covered(p, s, need, now):
            return 1.0, -1
        if s.needs[need].manual == BY_HAND and p.needs[need].manual_level > supply:
            return p.needs[need].manual_level, binder
    return supply, binder
