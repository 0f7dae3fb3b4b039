"""Rules of plant: buffers run empty, set-points expire, protection trips and machines start again."""

from cyberrange.engine.events import L_HOLD_END, L_STARTED, L_STORE_EMPTY, log
from cyberrange.engine.levels import mark, trip
from cyberrange.engine.state import ALONE, RUNNING, SPENT, STARTING, UP


def cover_spent(p, s, group, stamp, is_store):
    """A buffer has run empty, or the last set-point no longer holds."""
    groups = s.groups
    if groups.stamp[group] != stamp or groups.cover[group] != RUNNING:
        return
    groups.cover[group] = SPENT
    groups.store[group] = 0.0
    kind = L_STORE_EMPTY if is_store else L_HOLD_END
    groups.event[group] = log(s, kind, group, -1, 0.0, groups.event[group])
    mark(s, p.graph.group_node[group])


def trips(p, s, node, stamp, now):
    """A node's supply has been too low for as long as its protection waits."""
    if s.nodes.trip_stamp[node] == stamp and s.nodes.mode[node] == UP and s.nodes.below[node] == 1:
        trip(p, s, node, now, -1)


def started(p, s, node, stamp):
    """A tripped node has started again."""
    nodes = s.nodes
    if nodes.trip_stamp[node] == stamp and nodes.mode[node] == STARTING:
        nodes.mode[node] = ALONE if p.graph.black_start[node] == 1 else UP
        nodes.trip_by[node] = -1
        log(s, L_STARTED, node, -1, 0.0, nodes.trip_event[node])
        mark(s, node)
