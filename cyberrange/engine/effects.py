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
from cyberrange.engine.state import (
    AT_WORK,
    CASE_TIMES,
    FIRST_EFFECT,
    FULL,
    N_EFFECT,
    N_HIT,
    N_REHIT,
    N_STOPPED,
    NEVER,
    T_COMPROMISED,
    WAITING,
    State,
)
from cyberrange.engine.tally import count_out, recount
from cyberrange.model import codes
from cyberrange.model.plan import Arrays

HEALTH = (codes.IMPAIR, codes.ENCRYPT, codes.FORCE, codes.WITHDRAW)
BITS = (
    codes.COMPROMISED, codes.IMPAIRED, codes.DESTROYED, codes.FORCED, codes.FALSIFIED, 0, codes.FLOODED,
    codes.IMPAIRED | codes.WITHDRAWN, codes.COMPROMISED, 0,
)  # fmt: skip
"""Condition that each attack effect leaves on its node."""


def new_effect(s: State, node: int, attack: int, do: int, level: float, event: int) -> int:
    """Record an effect on a node; losses are charged to its number."""
    e = s.count[N_EFFECT]
    before = -1
    if e < len(s.effects) - 1:
        s.count[N_EFFECT] = e + 1
        before = s.nodes[node].last_effect
        s.nodes[node].last_effect = e
    else:  # the last row takes what finds no room; the run is played again with more
        s.count[FULL] = 1
    effect = s.effects[e]
    effect.node = node
    effect.attack = attack
    effect.do = do
    effect.level = level
    effect.event = event
    effect.lost = 0.0
    effect.live = 1
    effect.before = before
    return e


def has_foothold(p: Arrays, s: State, op: int, node: int) -> bool:
    """Whether the attacker can work on this target now."""
    nodes = s.nodes
    if nodes[node].isolated_by >= 0:
        return False
    kind = p.steps[p.operations[op].step].foothold
    if kind == codes.OUTSIDE or nodes[node].held == 1:
        return True
    return kind == codes.REACH and nodes[node].reached > 0


def any_foothold(p: Arrays, s: State, op: int) -> bool:
    """Whether the attacker can work on one target of an operation at least."""
    for j in range(p.operations[op].target_start, p.operations[op].target_end):
        if has_foothold(p, s, op, p.target[j]):
            return True
    return False


def _reach(p: Arrays, s: State, node: int, change: int, cause: int) -> None:
    """Open or close the access edges out of a node, then wake or stop the operations that hang on them."""
    for j in range(p.nodes[node].reach_start, p.nodes[node].reach_end):
        s.nodes[p.reach[j]].reached += change
    _review_operations(p, s, node, cause)
    for j in range(p.nodes[node].reach_start, p.nodes[node].reach_end):
        _review_operations(p, s, p.reach[j], cause)


def _review_operations(p: Arrays, s: State, node: int, cause: int) -> None:
    operations = s.operations
    for j in range(p.nodes[node].ops_on_start, p.nodes[node].ops_on_end):
        op = p.ops_on[j]
        if operations[op].state == WAITING:
            operations[op].event = cause
            schedule(s, 0.0, E_OPERATION, op, operations[op].stamp)
        elif operations[op].state == AT_WORK and not any_foothold(p, s, op):
            operations[op].state = WAITING
            operations[op].stamp += 1
            s.count[N_STOPPED] += 1
            operations[op].event = log(s, L_ATTACK_STOPPED, op, -1, 0.0, cause)


def strike(p: Arrays, s: State, node: int, do: int, level: float, cause: int, now: float) -> int:
    """Apply one effect of the attack to a node and return its number."""
    nodes = s.nodes
    if s.instant[FIRST_EFFECT] == NEVER:
        s.instant[FIRST_EFFECT] = now
    started = p.nodes[node].unit * CASE_TIMES + T_COMPROMISED
    if s.case_time[started] == NEVER:
        s.case_time[started] = now
    line = log(s, L_ATTACK_EFFECT, node, s.count[N_EFFECT], level, cause)
    e = new_effect(s, node, 1, do, level, line)
    if nodes[node].struck == 0:
        nodes[node].struck = 1
        s.count[N_HIT] += 1
    count_out(p, s, node)
    nodes[node].condition |= BITS[do]
    if do in HEALTH and level < nodes[node].health:
        nodes[node].health = level
        nodes[node].health_by = e
        mark(s, node)
    elif do == codes.FLOOD and level > nodes[node].load:
        nodes[node].load = level
        nodes[node].load_by = e
        mark(s, node)
    elif do == codes.FALSIFY:
        nodes[node].lies = 1
    if nodes[node].found == 1:
        schedule(s, 0.0, E_REVIEW, node, e)
    if nodes[node].round > 0:
        s.count[N_REHIT] += 1
    recount(p, s, node, now)
    if (do in (codes.COMPROMISE, codes.WORM)) and nodes[node].held == 0:
        hold(p, s, node, line)
    return e


def mark_suspect(p: Arrays, s: State, node: int, now: float) -> None:
    """Note that people believe an asset to be hit."""
    count_out(p, s, node)
    s.nodes[node].condition |= codes.SUSPECT
    recount(p, s, node, now)


def hold(p: Arrays, s: State, node: int, cause: int) -> None:
    """Give the attacker a foothold on a node."""
    s.nodes[node].held = 1
    s.nodes[node].held_event = cause
    if s.nodes[node].isolated_by < 0:
        _reach(p, s, node, 1, cause)


def release(p: Arrays, s: State, node: int, cause: int) -> None:
    """Take the attacker's foothold on a node away."""
    if s.nodes[node].held == 1:
        s.nodes[node].held = 0
        if s.nodes[node].isolated_by < 0:
            _reach(p, s, node, -1, cause)


def isolate(p: Arrays, s: State, node: int, cause: int, now: float) -> None:
    """Cut a node off from the network, as an act of the response."""
    if s.nodes[node].isolated_by >= 0:
        return
    line = log(s, L_RESPONSE_EFFECT, node, s.count[N_EFFECT], 0.0, cause)
    count_out(p, s, node)
    s.nodes[node].isolated_by = new_effect(s, node, 0, codes.ISOLATE, 0.0, line)
    recount(p, s, node, now)
    if s.nodes[node].held == 1:
        _reach(p, s, node, -1, line)
    else:
        _review_operations(p, s, node, line)
    mark(s, node)


def reconnect(p: Arrays, s: State, node: int, cause: int) -> None:
    """Connect an isolated node again."""
    e = s.nodes[node].isolated_by
    if e < 0:
        return
    s.effects[e].live = 0
    s.nodes[node].isolated_by = -1
    if s.nodes[node].held == 1:
        _reach(p, s, node, 1, cause)
    else:
        _review_operations(p, s, node, cause)
    mark(s, node)


def mend(p: Arrays, s: State, node: int, bits: int, connect: bool, task: int, cause: int, now: float) -> None:
    """End some conditions of a node, and with them the effects behind them."""
    nodes = s.nodes
    line = log(s, L_UNDO, node, task, float(bits), cause)
    count_out(p, s, node)
    nodes[node].condition &= ~bits
    if bits & codes.COMPROMISED:
        release(p, s, node, line)
    if bits & codes.FALSIFIED:
        nodes[node].lies = 0
    e = nodes[node].last_effect
    while e >= 0:
        if s.effects[e].attack == 1 and BITS[s.effects[e].do] & bits:
            s.effects[e].live = 0
        e = s.effects[e].before
    _from_live_effects(s, node)
    if connect:
        reconnect(p, s, node, line)
    recount(p, s, node, now)


def end_effect(p: Arrays, s: State, e: int, now: float) -> int:
    """End an effect that lasts only so long; return the line of the log, -1 if it has ended before."""
    if s.effects[e].live == 0:
        return -1
    line = log(s, L_ATTACK_EFFECT_END, s.effects[e].node, e, 0.0, s.effects[e].event)
    lift(p, s, e, now)
    return line


def lift(p: Arrays, s: State, e: int, now: float) -> None:
    """End one effect, and of its node's conditions those that no other effect upholds."""
    node = s.effects[e].node
    count_out(p, s, node)
    s.effects[e].live = 0
    s.nodes[node].condition &= ~BITS[s.effects[e].do]
    _from_live_effects(s, node)
    recount(p, s, node, now)


def _from_live_effects(s: State, node: int) -> None:
    """Set health, load and truthfulness of a node to what its live effects leave."""
    nodes = s.nodes
    nodes[node].health = 1.0
    nodes[node].health_by = -1
    nodes[node].load = 0.0
    nodes[node].load_by = -1
    nodes[node].lies = 0
    e = nodes[node].last_effect
    while e >= 0:
        effect = s.effects[e]
        if effect.attack == 1 and effect.live == 1:
            nodes[node].condition |= BITS[effect.do]
            # From the latest to the earliest: of two alike, the earlier is to blame.
            if effect.do in HEALTH and effect.level <= nodes[node].health and effect.level < 1.0:
                nodes[node].health = effect.level
                nodes[node].health_by = e
            elif effect.do == codes.FLOOD and effect.level >= nodes[node].load:
                nodes[node].load = effect.level
                nodes[node].load_by = e
            elif effect.do == codes.FALSIFY:
                nodes[node].lies = 1
        e = effect.before
    mark(s, node)
