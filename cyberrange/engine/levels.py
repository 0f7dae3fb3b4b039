"""Rules of the dependency graph: the level of every node, solved only where a change can reach.

The level is the greatest fixed point of x = min(own cap, every need's supply). Components of the graph are settled in
topological order; inside a cyclic component the equations are iterated downward from their upper bound (after a rise) or
from where they stand (after a fall), which is monotone and so ends at the greatest fixed point.

Each level below 1 carries a blame: the effect (of an attack or of the response) that binds it. Where several bind
alike, the earliest effect is blamed. Loss is charged to the blame.
"""

from cyberrange.engine.accounts import book
from cyberrange.engine.calendar import time_to_use, used_between
from cyberrange.engine.events import (
    E_HOLD_END,
    E_MANUAL_CALL,
    E_STARTED,
    E_STORE_EMPTY,
    E_TRIP,
    E_WATCH,
    L_DEADLOCK,
    L_LEVEL,
    L_MANUAL_OFF,
    L_STARTING,
    L_TRIP,
    log,
    schedule,
)
from cyberrange.engine.state import (
    ALONE,
    CALLED,
    FRESH,
    IDLE,
    N_DEADLOCK,
    N_DIRTY,
    RUNNING,
    SPENT,
    STARTING,
    STUCK,
    TRIPPED,
    UP,
)
from cyberrange.engine.state import ON as BY_HAND
from cyberrange.model import codes

TOLERANCE = 1e-13
PATIENCE = 4000
"""Evaluations per member of a cycle after which it counts as not converging."""


def mark(s, node):
    """Note that a node's own inputs changed, so that its level is settled next."""
    if s.nodes.dirty[node] == 0:
        s.nodes.dirty[node] = 1
        s.touched[s.count[N_DIRTY]] = node
        s.count[N_DIRTY] += 1


def supply_of(p, s, group):
    """Supply of a need from its suppliers' levels, before any cover: (supply, binding supplier)."""
    graph = p.graph
    level = s.nodes.level
    blame = s.nodes.blame
    form = graph.group_form[group]
    first = graph.supplier_start[group]
    last = graph.supplier_start[group + 1]
    binder = -1
    if form == codes.ALL_OF:
        lowest = 1.0
        for j in range(first, last):
            u = graph.supplier[j]
            x = level[u]
            if x < lowest or (x == lowest and x < 1.0 and blame[u] < blame[binder]):
                lowest = x
                binder = u
        return lowest, binder
    total = 0.0
    worst = 0.0
    for j in range(first, last):
        u = graph.supplier[j]
        x = level[u]
        w = graph.weight[j]
        total += w * (1.0 - x) if form == codes.SOFT else w * x
        short = w * (1.0 - x)
        if short > worst or (short == worst and short > 0.0 and blame[u] < blame[binder]):
            worst = short
            binder = u
    if form == codes.SOFT:
        return max(0.0, 1.0 - total), binder
    if form == codes.K_OF_N:
        total /= graph.group_k[group]
    return min(1.0, total), binder


def stored(p, s, group, now):
    """Hours of mean need left in a buffer."""
    graph = p.graph
    supply = s.groups.supply[group]
    since = s.groups.since[group]
    left = s.groups.store[group]
    if supply >= 1.0:
        return min(graph.cover_hours[group], left + graph.cover_refill[group] * (now - since))
    used = used_between(p.uses, graph.cover_use[group], since, now)
    return max(0.0, left - (1.0 - supply) * used)


def covered(p, s, group, now):
    """Whether a buffer or a hold stands in for the missing supply at this instant."""
    cover = p.graph.cover[group]
    if cover == codes.NO_COVER or s.groups.cover[group] == SPENT:
        return False
    if cover == codes.HOLD or s.groups.cover[group] == RUNNING:
        return True
    return stored(p, s, group, now) > 0.0


def effective(p, s, group, now):
    """Supply of a need after cover and manual take-over: (supply, binding supplier)."""
    supply, binder = supply_of(p, s, group)
    if supply < 1.0 and p.graph.attended[p.graph.group_node[group]] == 1:
        if covered(p, s, group, now):
            return 1.0, -1
        if s.groups.manual[group] == BY_HAND and p.graph.manual_level[group] > supply:
            return p.graph.manual_level[group], binder
    return supply, binder


def evaluate(p, s, node, now):
    """Level of a node from its own state and its needs: (level, supply, blame, depth)."""
    nodes = s.nodes
    level = nodes.health[node]
    blame = nodes.health_by[node] if level < 1.0 else -1
    depth = 0
    load = nodes.load[node]
    if load > 1.0 and 1.0 / load < level:
        level = 1.0 / load
        blame = nodes.load_by[node]
    if nodes.isolated_by[node] >= 0:
        local = p.graph.local_level[node]
        if local < level or (local == level and level < 1.0 and nodes.isolated_by[node] < blame):
            level = local
            blame = nodes.isolated_by[node]
    mode = nodes.mode[node]
    if (mode == TRIPPED or mode == STARTING) and (level > 0.0 or nodes.trip_by[node] < blame):
        level = 0.0
        blame = nodes.trip_by[node]
    least = 1.0
    for group in range(p.graph.group_start[node], p.graph.group_start[node + 1]):
        supply, binder = effective(p, s, group, now)
        if supply < least:
            least = supply
        if mode == ALONE and p.graph.inside[group] == 1:
            continue
        if supply < level or (supply == level and level < 1.0 and binder >= 0 and nodes.blame[binder] < blame):
            level = supply
            blame = nodes.blame[binder]
            depth = nodes.depth[binder] + 1
    return level, least, blame, depth


def _commit(p, s, node, old_level, old_blame, now, cause):
    """Tell the world of a node's new level: the log, the service's account, the alarm that watches it."""
    nodes = s.nodes
    level = nodes.level[node]
    book(p, s, node, old_level, old_blame, now)
    why = cause
    if level < old_level:
        nodes.dropped[node] = 1
    if level < 1.0 and level <= old_level:
        why = _reason(p, s, node, now, cause)
    nodes.event[node] = log(s, L_LEVEL, node, nodes.blame[node], level, why)
    if level < 0.5 <= old_level and p.graph.watch[node] >= 0:
        schedule(s, 0.0, E_WATCH, node, nodes.event[node])


def _reason(p, s, node, now, cause):
    """Line of the log that a drop follows from: the effect on the node itself, its trip, or its supplier's drop."""
    nodes = s.nodes
    blame = nodes.blame[node]
    if nodes.depth[node] == 0:
        if nodes.mode[node] == TRIPPED or nodes.mode[node] == STARTING:
            return nodes.trip_event[node]
        return s.effects.event[blame] if blame >= 0 else cause
    level = nodes.level[node]
    for group in range(p.graph.group_start[node], p.graph.group_start[node + 1]):
        supply, binder = effective(p, s, group, now)
        if binder >= 0 and supply <= level + TOLERANCE and nodes.blame[binder] == blame:
            if s.groups.cover[group] == SPENT and s.groups.event[group] >= 0:
                return s.groups.event[group]
            return nodes.event[binder]
    return cause


def _attend(p, s, node, now, cause):
    """Keep a node's buffers, holds, manual take-overs and trip in step with its supply."""
    for group in range(p.graph.group_start[node], p.graph.group_start[node + 1]):
        if p.graph.cover[group] != codes.NO_COVER or p.graph.manual_team[group] >= 0:
            supply, binder = supply_of(p, s, group)
            if supply != s.groups.supply[group]:
                line = s.nodes.event[binder] if binder >= 0 else cause
                _attend_cover(p, s, group, supply, now, line)
                _attend_manual(p, s, group, supply, line)
    if p.graph.trip_below[node] > 0.0:
        _attend_trip(p, s, node, cause)


def _attend_cover(p, s, group, supply, now, cause):
    groups = s.groups
    left = stored(p, s, group, now)
    groups.store[group] = left
    groups.since[group] = now
    groups.supply[group] = supply
    cover = p.graph.cover[group]
    if supply >= 1.0:
        groups.stamp[group] += 1
        groups.cover[group] = FRESH
        groups.event[group] = -1
    elif cover == codes.BUFFER and groups.cover[group] != SPENT:
        groups.stamp[group] += 1
        groups.cover[group] = RUNNING if left > 0.0 else SPENT
        groups.event[group] = cause
        if left > 0.0:
            wait = time_to_use(p.uses, p.graph.cover_use[group], now, left / (1.0 - supply))
            schedule(s, wait, E_STORE_EMPTY, group, groups.stamp[group])
    elif cover == codes.HOLD and groups.cover[group] == FRESH:
        groups.stamp[group] += 1
        groups.cover[group] = RUNNING
        groups.event[group] = cause
        schedule(s, p.graph.cover_hours[group], E_HOLD_END, group, groups.stamp[group])


def _attend_manual(p, s, group, supply, cause):
    groups = s.groups
    if p.graph.manual_team[group] < 0:
        return
    if supply < p.graph.manual_level[group] and groups.manual[group] == IDLE:
        groups.manual[group] = CALLED
        schedule(s, 0.0, E_MANUAL_CALL, group, cause)
    elif supply >= 1.0 and groups.manual[group] != IDLE:
        if groups.manual[group] == BY_HAND:
            log(s, L_MANUAL_OFF, group, groups.task[group], 0.0, cause)
        groups.manual[group] = IDLE
        groups.manual_stamp[group] += 1
        schedule(s, 0.0, E_MANUAL_CALL, group, -1)


def _attend_trip(p, s, node, cause):
    nodes = s.nodes
    supply = nodes.supply[node]
    if nodes.mode[node] == UP:
        low = supply < p.graph.trip_below[node]
        if low and nodes.below[node] == 0:
            nodes.below[node] = 1
            nodes.trip_stamp[node] += 1
            schedule(s, p.graph.trip_after[node], E_TRIP, node, nodes.trip_stamp[node])
        elif not low and nodes.below[node] == 1:
            nodes.below[node] = 0
            nodes.trip_stamp[node] += 1
    elif nodes.mode[node] == ALONE and supply >= p.graph.restart_at[node]:
        nodes.mode[node] = UP
    elif nodes.mode[node] == TRIPPED and _may_restart(p, s, node, supply):
        start(p, s, node, cause)
    elif nodes.mode[node] == STARTING and not _may_restart(p, s, node, supply):
        nodes.mode[node] = TRIPPED
        nodes.trip_stamp[node] += 1


def _may_restart(p, s, node, supply):
    """Whether every supply (for a black-start node: every one from outside its cycle) is back."""
    if p.graph.black_start[node] == 0:
        return supply >= p.graph.restart_at[node]
    for group in range(p.graph.group_start[node], p.graph.group_start[node + 1]):
        if p.graph.inside[group] == 0 and supply_of(p, s, group)[0] < p.graph.restart_at[node]:
            return False
    return True


def start(p, s, node, cause):
    """Begin to restart a tripped node."""
    nodes = s.nodes
    nodes.mode[node] = STARTING
    nodes.trip_stamp[node] += 1
    log(s, L_STARTING, node, -1, p.graph.start_time[node], cause)
    schedule(s, p.graph.start_time[node], E_STARTED, node, nodes.trip_stamp[node])


def trip(p, s, node, now, cause):
    """Take a node out because its supply stayed too low; the trip inherits the blame of what starved it."""
    nodes = s.nodes
    nodes.mode[node] = TRIPPED
    nodes.below[node] = 0
    worst = 2.0
    for group in range(p.graph.group_start[node], p.graph.group_start[node + 1]):
        supply, binder = effective(p, s, group, now)
        if binder >= 0 and supply < worst:
            worst = supply
            nodes.trip_by[node] = nodes.blame[binder]
            cause = nodes.event[binder]
    nodes.trip_event[node] = log(s, L_TRIP, node, -1, worst, cause)
    mark(s, node)


def settle(p, s, now, cause):
    """Bring every level that the marked nodes can reach to its new value."""
    if s.count[N_DIRTY] == 0:
        return
    graph = p.graph
    nodes = s.nodes
    work = s.components
    heap = [0]
    heap.pop()
    attended = [0]
    attended.pop()
    for i in range(s.count[N_DIRTY]):
        node = s.touched[i]
        work.rose[graph.component[node]] = 1
        _enqueue(work, heap, graph.component[node])
    s.count[N_DIRTY] = 0
    while len(heap) > 0:
        c = _pop(heap)
        work.queued[c] = 0
        if graph.cyclic[c] == 1:
            _settle_cycle(p, s, c, now, cause, heap, attended)
        else:
            node = graph.member[graph.member_start[c]]
            nodes.dirty[node] = 0
            work.rose[c] = 0
            old_level = nodes.level[node]
            old_blame = nodes.blame[node]
            level, supply, blame, depth = evaluate(p, s, node, now)
            nodes.level[node] = level
            nodes.supply[node] = supply
            nodes.blame[node] = blame
            nodes.depth[node] = depth
            if graph.attended[node] == 1:
                attended.append(node)
            if level != old_level or blame != old_blame:
                _commit(p, s, node, old_level, old_blame, now, cause)
                _pass_on(p, s, node, 1 if level >= old_level else 0, heap)
    for node in attended:
        _attend(p, s, node, now, cause)


def _enqueue(work, heap, c):
    if work.queued[c] == 0:
        work.queued[c] = 1
        _push(heap, c)


def _push(heap, item):
    heap.append(item)
    at = len(heap) - 1
    while at > 0 and heap[(at - 1) // 2] > item:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = item


def _pop(heap):
    least = heap[0]
    item = heap.pop()
    size = len(heap)
    if size > 0:
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


def _pass_on(p, s, node, rose, heap):
    """Queue the components of a node's dependents; `rose` says that a cycle among them must start from the top."""
    graph = p.graph
    own = graph.component[node]
    for j in range(graph.dependent_start[node], graph.dependent_start[node + 1]):
        d = graph.dependent[j]
        c = graph.component[d]
        if c != own:
            if rose == 1:
                s.components.rose[c] = 1
            s.nodes.dirty[d] = 1
            _enqueue(s.components, heap, c)


def _settle_cycle(p, s, c, now, cause, heap, attended):
    """Settle a cyclic component at its greatest fixed point, and report a black-start deadlock if it is one."""
    graph = p.graph
    nodes = s.nodes
    work = s.components
    first = graph.member_start[c]
    last = graph.member_start[c + 1]
    queue = [0]
    queue.pop()
    for m in range(first, last):
        node = graph.member[m]
        work.old_level[node] = nodes.level[node]
        work.old_blame[node] = nodes.blame[node]
        if work.rose[c] == 1:
            nodes.level[node] = 1.0
            nodes.blame[node] = -1
            nodes.depth[node] = 0
        if work.rose[c] == 1 or nodes.dirty[node] == 1:
            queue.append(node)
            work.pending[node] = 1
        nodes.dirty[node] = 0
    work.rose[c] = 0
    _descend(p, s, c, queue, now)
    for m in range(first, last):
        node = graph.member[m]
        old_level = work.old_level[node]
        if graph.attended[node] == 1:
            attended.append(node)
        if nodes.level[node] != old_level or nodes.blame[node] != work.old_blame[node]:
            _commit(p, s, node, old_level, work.old_blame[node], now, cause)
            _pass_on(p, s, node, 1 if nodes.level[node] >= old_level else 0, heap)
    _look_for_deadlock(p, s, c, now, cause)


def _descend(p, s, c, queue, now):
    """Iterate a component downward until nothing changes."""
    graph = p.graph
    nodes = s.nodes
    work = s.components
    patience = PATIENCE * (graph.member_start[c + 1] - graph.member_start[c])
    at = 0
    while at < len(queue):
        node = queue[at]
        at += 1
        if at > patience:
            s.count[STUCK] = c + 1
            return
        work.pending[node] = 0
        level, supply, blame, depth = evaluate(p, s, node, now)
        nodes.supply[node] = supply
        if level < nodes.level[node] - TOLERANCE or (level < 1.0 and nodes.blame[node] == -1):
            nodes.level[node] = min(level, nodes.level[node])
            nodes.blame[node] = blame
            nodes.depth[node] = depth
            for j in range(graph.dependent_start[node], graph.dependent_start[node + 1]):
                d = graph.dependent[j]
                if graph.component[d] == c and work.pending[d] == 0:
                    work.pending[d] = 1
                    queue.append(d)


def _look_for_deadlock(p, s, c, now, cause):
    """Report a cycle in which a tripped member waits for other members, though nothing in it is damaged."""
    graph = p.graph
    nodes = s.nodes
    tripped = -1
    for m in range(graph.member_start[c], graph.member_start[c + 1]):
        node = graph.member[m]
        if nodes.health[node] < 1.0 or nodes.isolated_by[node] >= 0 or nodes.mode[node] == STARTING:
            return
        if nodes.mode[node] == TRIPPED:
            if graph.black_start[node] == 1:
                return
            if tripped < 0:
                tripped = node
    if tripped < 0:
        s.components.dead[c] = 0
        return
    if s.components.dead[c] == 1:
        return
    for m in range(graph.member_start[c], graph.member_start[c + 1]):
        node = graph.member[m]
        for group in range(graph.group_start[node], graph.group_start[node + 1]):
            supply, binder = effective(p, s, group, now)
            if binder >= 0 and supply < 1.0 and graph.component[binder] != c:
                return
    if nodes.supply[tripped] < graph.restart_at[tripped]:
        s.components.dead[c] = 1
        s.count[N_DEADLOCK] += 1
        line = log(s, L_DEADLOCK, tripped, c, 0.0, cause)
        schedule(s, 0.0, E_WATCH, tripped, -2 - line)
