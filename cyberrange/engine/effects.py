"""Rules of what happens to a node: effects of the attack and of the response, and their end."""

from cyberrange.engine.events import (
    E_OPERATION,
    E_REVIEW,
    L_ATTACK_EFFECT,
    L_ATTACK_EFFECT_END,
    L_ATTACK_STOPPED,
    L_RESPONSE_EFFECT,
    L_UNDO,
    log,
    schedule,
)
from cyberrange.engine.levels import mark
from cyberrange.engine.state import AT_WORK, N_EFFECT, N_REHIT, N_STOPPED, WAITING
from cyberrange.engine.tally import count_out, recount
from cyberrange.model import codes

HEALTH = (codes.IMPAIR, codes.ENCRYPT, codes.FORCE, codes.WITHDRAW, codes.WORM)
BITS = (
    codes.COMPROMISED, codes.IMPAIRED, codes.DESTROYED, codes.FORCED, codes.FALSIFIED, 0, codes.FLOODED,
    codes.IMPAIRED | codes.WITHDRAWN, codes.COMPROMISED, 0,
)  # fmt: skip
"""Condition that each attack effect leaves on its node."""


def new_effect(s, node, attack, do, level, event):
    """Record an effect on a node; losses are charged to its number."""
    e = s.count[N_EFFECT]
    s.effects.node[e] = node
    s.effects.attack[e] = attack
    s.effects.do[e] = do
    s.effects.level[e] = level
    s.effects.event[e] = event
    s.effects.lost[e] = 0.0
    s.effects.live[e] = 1
    s.count[N_EFFECT] = e + 1
    return e


def has_foothold(p, s, op, node):
    """Whether the attacker can work on this target now."""
    nodes = s.nodes
    if nodes.isolated_by[node] >= 0:
        return False
    kind = p.attack.foothold[p.attack.op_step[op]]
    if kind == codes.OUTSIDE or nodes.held[node] == 1:
        return True
    return kind == codes.REACH and nodes.reached[node] > 0


def any_foothold(p, s, op):
    """Whether the attacker can work on one target of an operation at least."""
    for j in range(p.attack.target_start[op], p.attack.target_start[op + 1]):
        if has_foothold(p, s, op, p.attack.target[j]):
            return True
    return False


def _reach(p, s, node, change, cause):
    """Open or close the access edges out of a node, then wake or stop the operations that hang on them."""
    for j in range(p.graph.reach_start[node], p.graph.reach_start[node + 1]):
        s.nodes.reached[p.graph.reach[j]] += change
    _review_operations(p, s, node, cause)
    for j in range(p.graph.reach_start[node], p.graph.reach_start[node + 1]):
        _review_operations(p, s, p.graph.reach[j], cause)


def _review_operations(p, s, node, cause):
    operations = s.operations
    for j in range(p.attack.ops_on_start[node], p.attack.ops_on_start[node + 1]):
        op = p.attack.ops_on[j]
        if operations.state[op] == WAITING:
            schedule(s, 0.0, E_OPERATION, op, operations.stamp[op])
        elif operations.state[op] == AT_WORK and not any_foothold(p, s, op):
            operations.state[op] = WAITING
            operations.stamp[op] += 1
            s.count[N_STOPPED] += 1
            log(s, L_ATTACK_STOPPED, op, -1, 0.0, cause)


def strike(p, s, node, do, level, cause, now):
    """Apply one effect of the attack to a node and return its number."""
    nodes = s.nodes
    line = log(s, L_ATTACK_EFFECT, node, s.count[N_EFFECT], level, cause)
    e = new_effect(s, node, 1, do, level, line)
    count_out(p, s, node)
    nodes.condition[node] |= BITS[do]
    if do == codes.WORM and level < 1.0:
        nodes.condition[node] |= codes.IMPAIRED
    if do in HEALTH and level < nodes.health[node]:
        nodes.health[node] = level
        nodes.health_by[node] = e
        mark(s, node)
    elif do == codes.FLOOD and level > nodes.load[node]:
        nodes.load[node] = level
        nodes.load_by[node] = e
        mark(s, node)
    elif do == codes.FALSIFY:
        nodes.lies[node] = 1
    if nodes.found[node] == 1:
        schedule(s, 0.0, E_REVIEW, node, BITS[do])
    if nodes.round[node] > 0:
        s.count[N_REHIT] += 1
    recount(p, s, node, now, line)
    if (do == codes.COMPROMISE or do == codes.WORM) and nodes.held[node] == 0:
        hold(p, s, node, line)
    return e


def hold(p, s, node, cause):
    """Give the attacker a foothold on a node."""
    s.nodes.held[node] = 1
    s.nodes.held_event[node] = cause
    if s.nodes.isolated_by[node] < 0:
        _reach(p, s, node, 1, cause)


def release(p, s, node, cause):
    """Take the attacker's foothold on a node away."""
    if s.nodes.held[node] == 1:
        s.nodes.held[node] = 0
        if s.nodes.isolated_by[node] < 0:
            _reach(p, s, node, -1, cause)


def isolate(p, s, node, cause, now):
    """Cut a node off from the network, as an act of the response."""
    if s.nodes.isolated_by[node] >= 0:
        return
    line = log(s, L_RESPONSE_EFFECT, node, s.count[N_EFFECT], 0.0, cause)
    count_out(p, s, node)
    s.nodes.isolated_by[node] = new_effect(s, node, 0, codes.ISOLATE, 0.0, line)
    recount(p, s, node, now, line)
    if s.nodes.held[node] == 1:
        _reach(p, s, node, -1, line)
    else:
        _review_operations(p, s, node, line)
    mark(s, node)


def reconnect(p, s, node, cause):
    """Connect an isolated node again."""
    e = s.nodes.isolated_by[node]
    if e < 0:
        return
    s.effects.live[e] = 0
    s.nodes.isolated_by[node] = -1
    if s.nodes.held[node] == 1:
        _reach(p, s, node, 1, cause)
    else:
        _review_operations(p, s, node, cause)
    mark(s, node)


def mend(p, s, node, bits, connect, task, cause, now):
    """End some conditions of a node, and with them the effects behind them."""
    nodes = s.nodes
    line = log(s, L_UNDO, node, task, float(bits), cause)
    count_out(p, s, node)
    nodes.condition[node] &= ~bits
    if bits & codes.COMPROMISED:
        release(p, s, node, line)
    if bits & codes.FALSIFIED:
        nodes.lies[node] = 0
    for e in range(s.count[N_EFFECT]):
        if s.effects.node[e] == node and s.effects.attack[e] == 1 and BITS[s.effects.do[e]] & bits:
            s.effects.live[e] = 0
    _from_live_effects(s, node)
    if connect:
        reconnect(p, s, node, line)
    recount(p, s, node, now, line)


def end_effect(p, s, e, now):
    """End an effect that lasts only so long."""
    if s.effects.live[e] == 0:
        return
    node = s.effects.node[e]
    line = log(s, L_ATTACK_EFFECT_END, node, e, 0.0, s.effects.event[e])
    count_out(p, s, node)
    s.effects.live[e] = 0
    s.nodes.condition[node] &= ~BITS[s.effects.do[e]]
    _from_live_effects(s, node)
    recount(p, s, node, now, line)


def _from_live_effects(s, node):
    """Set health, load and truthfulness of a node to what its live effects leave."""
    nodes = s.nodes
    nodes.health[node] = 1.0
    nodes.health_by[node] = -1
    nodes.load[node] = 0.0
    nodes.load_by[node] = -1
    nodes.lies[node] = 0
    for e in range(s.count[N_EFFECT]):
        if s.effects.node[e] == node and s.effects.attack[e] == 1 and s.effects.live[e] == 1:
            do = s.effects.do[e]
            nodes.condition[node] |= BITS[do]
            if do in HEALTH and s.effects.level[e] < nodes.health[node]:
                nodes.health[node] = s.effects.level[e]
                nodes.health_by[node] = e
            elif do == codes.FLOOD and s.effects.level[e] > nodes.load[node]:
                nodes.load[node] = s.effects.level[e]
                nodes.load_by[node] = e
            elif do == codes.FALSIFY:
                nodes.lies[node] = 1
    mark(s, node)
