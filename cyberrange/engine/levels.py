"""Rules of the dependency graph: the level of every node, solved only where a change can reach.

The level is the greatest fixed point of x = min(own cap, every need's supply). Components of the graph are settled in
topological order; inside a cyclic component the equations are iterated downward from their upper bound (after a rise)
or from where they stand (after a fall), which is monotone and so ends at the greatest fixed point.

Each level below 1 carries a blame: the effect (of an attack or of the response) that binds it. Where several bind
alike, the earliest effect is blamed. Loss is charged to the blame.
"""

from cyberrange.engine.accounts import book
from cyberrange.engine.events import E_WATCH, L_DEADLOCK, L_LEVEL, log, schedule
from cyberrange.engine.state import (
    ALONE,
    DEEPEST,
    FIRST_FELL,
    LAST_FALL,
    LAST_FELL,
    LOGGING,
    N_ATTENDED,
    N_CYCLES,
    N_DEADLOCK,
    N_DIRTY,
    N_FELL,
    N_WAITING,
    STARTING,
    STUCK,
    TRIPPED,
    State,
)
from cyberrange.engine.supply import effective
from cyberrange.engine.upkeep import attend
from cyberrange.model.plan import Arrays

TOLERANCE = 1e-13
PATIENCE = 4000
"""Evaluations per member of a cycle after which it counts as not converging."""


def mark(s: State, node: int) -> None:
    """Note that a node's own inputs changed, so that its level is settled next."""
    if s.nodes[node].dirty == 0:
        s.nodes[node].dirty = 1
        s.touched[s.count[N_DIRTY]] = node
        s.count[N_DIRTY] += 1


def _own_cap(p: Arrays, s: State, node: int) -> tuple[float, int]:
    """Cap on a node's level by its own state: (level, blame)."""
    state = s.nodes[node]
    level = state.health
    blame = state.health_by if level < 1.0 else -1
    if state.load > 1.0 and 1.0 / state.load < level:
        level = 1.0 / state.load
        blame = state.load_by
    if state.isolated_by >= 0:
        local = p.nodes[node].local_level
        if local < level or (local == level and level < 1.0 and state.isolated_by < blame):
            level = local
            blame = state.isolated_by
    if (state.mode in (TRIPPED, STARTING)) and (level > 0.0 or state.trip_by < blame):
        level = 0.0
        blame = state.trip_by
    return level, blame


def evaluate(p: Arrays, s: State, node: int, now: float) -> tuple[float, float, int, int]:
    """Level of a node from its own state and its needs: (level, least supply, blame, depth)."""
    level, blame = _own_cap(p, s, node)
    depth = 0
    least = 1.0
    alone = s.nodes[node].mode == ALONE
    for need in range(p.nodes[node].need_start, p.nodes[node].need_end):
        supply, binder = effective(p, s, need, now)
        least = min(least, supply)
        if alone and p.needs[need].inside == 1:
            continue
        if supply < level or (supply == level and level < 1.0 and binder >= 0 and s.nodes[binder].blame < blame):
            level = supply
            blame = s.nodes[binder].blame
            depth = s.nodes[binder].depth + 1
    return level, least, blame, depth


def _commit(p: Arrays, s: State, node: int, old_level: float, old_blame: int, now: float, cause: int) -> None:
    """Tell the world of a node's new level: its service's account, the log, the alarm that watches it."""
    state = s.nodes[node]
    level = state.level
    book(p, s, node, old_level, old_blame, now)
    if level < old_level and state.dropped == 0:
        state.dropped = 1
        s.count[N_FELL] += 1
        s.instant[LAST_FALL] = now
    if level < 1.0 and state.depth > s.count[DEEPEST]:
        s.count[DEEPEST] = state.depth
    why = cause
    if s.count[LOGGING] == 1 and level < 1.0 and level <= old_level:
        why = _reason(p, s, node, now, cause)
    state.event = log(s, L_LEVEL, node, state.blame, level, why)
    if level < 0.5 <= old_level and p.nodes[node].watch >= 0:
        schedule(s, 0.0, E_WATCH, node, state.event)


def _reason(p: Arrays, s: State, node: int, now: float, cause: int) -> int:
    """Line of the log that a drop follows from.

    An effect on the node, its trip, its supplier's drop, or (cause) the end of what stood in for the supplier.
    """
    state = s.nodes[node]
    if state.depth == 0:
        if state.mode in (TRIPPED, STARTING):
            return state.trip_event
        return s.effects[state.blame].event if state.blame >= 0 else cause
    for need in range(p.nodes[node].need_start, p.nodes[node].need_end):
        supply, binder = effective(p, s, need, now)
        if binder < 0 or supply > state.level + TOLERANCE:
            continue
        if s.nodes[binder].event >= cause:
            return s.nodes[binder].event
        for j in range(p.needs[need].supplier_start, p.needs[need].supplier_end):
            supplier = s.nodes[p.suppliers[j].node]
            if supplier.level < 1.0 and supplier.event >= cause:
                return supplier.event
    return cause


def settle(p: Arrays, s: State, now: float, cause: int) -> None:
    """Bring every level that the marked nodes can reach to its new value."""
    count = s.count
    if count[N_DIRTY] == 0:
        return
    count[N_WAITING] = 0
    count[N_ATTENDED] = 0
    count[N_CYCLES] = 0
    for i in range(count[N_DIRTY]):
        c = p.nodes[s.touched[i]].component
        s.solver[c].rose = 1
        _enqueue(s, c)
    count[N_DIRTY] = 0
    while count[N_WAITING] > 0:
        c = _pop(s)
        s.solver[c].queued = 0
        if p.components[c].cyclic == 1:
            _settle_cycle(p, s, c, now, cause)
            s.cycles[count[N_CYCLES]] = c
            count[N_CYCLES] += 1
        else:
            _settle_node(p, s, p.member[p.components[c].member_start], now, cause)
            s.solver[c].rose = 0
    for i in range(count[N_ATTENDED]):
        attend(p, s, s.attended[i], now, cause)
    for i in range(count[N_CYCLES]):
        _look_for_deadlock(p, s, s.cycles[i], now, cause)


def _settle_node(p: Arrays, s: State, node: int, now: float, cause: int) -> None:
    state = s.nodes[node]
    state.dirty = 0
    old_level = state.level
    old_blame = state.blame
    level, supply, blame, depth = evaluate(p, s, node, now)
    state.level = level
    state.supply = supply
    state.blame = blame
    state.depth = depth
    _note_attended(p, s, node)
    if level != old_level or blame != old_blame:
        _commit(p, s, node, old_level, old_blame, now, cause)
        _pass_on(p, s, node, 1 if level >= old_level else 0)


def _note_attended(p: Arrays, s: State, node: int) -> None:
    """Note that a settled node has covers, a take-over or a trip to look after."""
    if p.nodes[node].attended == 1:
        s.attended[s.count[N_ATTENDED]] = node
        s.count[N_ATTENDED] += 1


def _enqueue(s: State, c: int) -> None:
    """Put a component on the heap of those to settle, once."""
    if s.solver[c].queued == 1:
        return
    s.solver[c].queued = 1
    heap = s.waiting
    at = s.count[N_WAITING]
    s.count[N_WAITING] = at + 1
    while at > 0 and heap[(at - 1) // 2] > c:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = c


def _pop(s: State) -> int:
    """Take the first component in topological order off the heap."""
    heap = s.waiting
    least = heap[0]
    size = s.count[N_WAITING] - 1
    s.count[N_WAITING] = size
    item = heap[size]
    at = 0
    child = 1
    while child < size:
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= item:
            break
        heap[at] = heap[child]
        at = child
        child = 2 * at + 1
    heap[at] = item
    return least


def _pass_on(p: Arrays, s: State, node: int, rose: int) -> None:
    """Queue the components of a node's dependents; `rose` says that a cycle among them must start from the top."""
    own = p.nodes[node].component
    for j in range(p.nodes[node].dependent_start, p.nodes[node].dependent_end):
        d = p.dependent[j]
        c = p.nodes[d].component
        if c != own:
            if rose == 1:
                s.solver[c].rose = 1
            s.nodes[d].dirty = 1
            _enqueue(s, c)


def _settle_cycle(p: Arrays, s: State, c: int, now: float, cause: int) -> None:
    """Settle a cyclic component at its greatest fixed point."""
    row = p.components[c]
    pending = 0
    for m in range(row.member_start, row.member_end):
        state = s.nodes[p.member[m]]
        state.old_level = state.level
        state.old_blame = state.blame
        if s.solver[c].rose == 1:
            state.level = 1.0
            state.blame = -1
            state.depth = 0
        if s.solver[c].rose == 1 or state.dirty == 1:
            s.pending[pending] = p.member[m]
            pending += 1
            state.pending = 1
        state.dirty = 0
    s.solver[c].rose = 0
    _descend(p, s, c, pending, now)
    # Cause before consequence: first those that did not fall, then the others by their last fall.
    for m in range(row.member_end - 1, row.member_start - 1, -1):
        if s.nodes[p.member[m]].fell == 0:
            _tell_of_member(p, s, p.member[m], now, cause)
    node = s.count[FIRST_FELL]
    while node >= 0:
        after = s.nodes[node].fell_next
        s.nodes[node].fell = 0
        _tell_of_member(p, s, node, now, cause)
        node = after


def _tell_of_member(p: Arrays, s: State, node: int, now: float, cause: int) -> None:
    """Commit what settling its cycle made of a node."""
    state = s.nodes[node]
    _note_attended(p, s, node)
    if state.level != state.old_level or state.blame != state.old_blame:
        _commit(p, s, node, state.old_level, state.old_blame, now, cause)
        _pass_on(p, s, node, 1 if state.level >= state.old_level else 0)


def _descend(p: Arrays, s: State, c: int, pending: int, now: float) -> None:
    """Iterate a component downward until nothing changes, from those pending; keep who fell in order of last fall."""
    members = p.components[c].member_end - p.components[c].member_start
    patience = PATIENCE * members
    s.count[FIRST_FELL] = -1
    s.count[LAST_FELL] = -1
    first = 0
    while pending > 0:
        node = s.pending[first]
        first = first + 1 if first + 1 < members else 0
        pending -= 1
        patience -= 1
        state = s.nodes[node]
        state.pending = 0
        if patience < 0:
            s.count[STUCK] = c + 1
            return
        level, supply, blame, depth = evaluate(p, s, node, now)
        state.supply = supply
        if level < state.level - TOLERANCE or (level < 1.0 and state.blame == -1):
            state.level = min(level, state.level)
            state.blame = blame
            state.depth = depth
            _note_fall(s, node)
            for j in range(p.nodes[node].dependent_start, p.nodes[node].dependent_end):
                d = p.dependent[j]
                if p.nodes[d].component == c and s.nodes[d].pending == 0:
                    s.nodes[d].pending = 1
                    place = first + pending
                    s.pending[place if place < members else place - members] = d
                    pending += 1


def _note_fall(s: State, node: int) -> None:
    """Move a node to the end of the chain of those that fell."""
    nodes = s.nodes
    if nodes[node].fell == 1:
        before = nodes[node].fell_before
        after = nodes[node].fell_next
        if after < 0:
            return
        nodes[after].fell_before = before
        if before < 0:
            s.count[FIRST_FELL] = after
        else:
            nodes[before].fell_next = after
    last = s.count[LAST_FELL]
    if last < 0:
        s.count[FIRST_FELL] = node
    else:
        nodes[last].fell_next = node
    nodes[node].fell = 1
    nodes[node].fell_before = last
    nodes[node].fell_next = -1
    s.count[LAST_FELL] = node


def _look_for_deadlock(p: Arrays, s: State, c: int, now: float, cause: int) -> None:
    """Report a cycle in which a tripped member waits for other members, though nothing in it is damaged."""
    row = p.components[c]
    tripped = -1
    for m in range(row.member_start, row.member_end):
        node = p.member[m]
        state = s.nodes[node]
        if state.health < 1.0 or state.load > 1.0 or state.isolated_by >= 0 or state.mode == STARTING:
            return
        if state.mode == TRIPPED:
            if p.nodes[node].black_start == 1:
                return
            tripped = node
    if tripped < 0:
        s.solver[c].dead = 0
    elif s.solver[c].dead == 0 and not _starved_from_outside(p, s, c, now):
        s.solver[c].dead = 1
        s.count[N_DEADLOCK] += 1
        line = log(s, L_DEADLOCK, tripped, c, 0.0, cause)
        schedule(s, 0.0, E_WATCH, tripped, -2 - line)


def _starved_from_outside(p: Arrays, s: State, c: int, now: float) -> bool:
    """Whether a member of a cycle lacks a supplier that does not stand on the cycle."""
    for m in range(p.components[c].member_start, p.components[c].member_end):
        node = p.member[m]
        for need in range(p.nodes[node].need_start, p.nodes[node].need_end):
            supply, binder = effective(p, s, need, now)
            if binder >= 0 and supply < 1.0 and p.nodes[binder].component != c:
                return True
    return False
