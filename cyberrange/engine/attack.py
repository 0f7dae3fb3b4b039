"""Rules of the attack: operations start when their steps and footholds allow, and end in success or failure."""

import math

from cyberrange.engine.detect import raise_signs
from cyberrange.engine.draws import (
    P_CHANCE,
    P_DURATION,
    P_LASTS,
    P_RETRY,
    P_SHARE,
    P_SPREAD,
    draw,
    uniform,
)
from cyberrange.engine.effects import any_foothold, has_foothold, strike
from cyberrange.engine.events import (
    E_EFFECT_END,
    E_OPERATION,
    E_OPERATION_END,
    E_SPREAD,
    L_ATTACK_FAILURE,
    L_ATTACK_START,
    L_ATTACK_SUCCESS,
    L_RECORDS,
    L_SPREAD,
    log,
    schedule,
)
from cyberrange.engine.response import set_condition
from cyberrange.engine.state import AT_WORK, CASE_TIMES, DONE, FAILED, NEVER, PAUSED, T_BREACH, WAITING
from cyberrange.model import codes


def _allowed(p, s, step):
    """Whether the steps that come before this one have succeeded."""
    attack = p.attack
    for j in range(attack.all_start[step], attack.all_start[step + 1]):
        if s.step_wins[attack.all_step[j]] == 0:
            return False
    first = attack.any_start[step]
    last = attack.any_start[step + 1]
    for j in range(first, last):
        if s.step_wins[attack.any_step[j]] > 0:
            return True
    return first == last


def consider(p, s, op, cause):
    """Start an operation if it waits and everything it needs is there."""
    operations = s.operations
    state = operations.state[op]
    if (state != WAITING and state != PAUSED) or not _allowed(p, s, p.attack.op_step[op]):
        return
    if not any_foothold(p, s, op):
        operations.state[op] = WAITING
        return
    step = p.attack.op_step[op]
    operations.state[op] = AT_WORK
    operations.stamp[op] += 1
    operations.attempt[op] += 1
    operations.event[op] = log(s, L_ATTACK_START, op, -1, 0.0, cause)
    hours = p.attack.op_scale[op] * draw(
        p.durations, p.attack.dur[step], s.seed_key, p.attack.op_key_lo[op], p.attack.op_key_hi[op], P_DURATION,
        operations.attempt[op],
    )  # fmt: skip
    raise_signs(p, s, op, codes.AT_START, operations.event[op])
    schedule(s, hours, E_OPERATION_END, op, operations.stamp[op])


def finish(p, s, op, stamp, now):
    """An operation's time is up: it succeeds with its chance, or fails and may be tried again."""
    operations = s.operations
    if operations.stamp[op] != stamp or operations.state[op] != AT_WORK:
        return
    attack = p.attack
    step = attack.op_step[op]
    lo = attack.op_key_lo[op]
    hi = attack.op_key_hi[op]
    attempt = operations.attempt[op]
    if uniform(s.seed_key, lo, hi, P_CHANCE, attempt) < attack.op_chance[op]:
        line = log(s, L_ATTACK_SUCCESS, op, -1, 0.0, operations.event[op])
        operations.state[op] = DONE
        operations.event[op] = line
        s.step_wins[step] += 1
        raise_signs(p, s, op, codes.AT_SUCCESS, line)
        for k in range(attack.effect_start[step], attack.effect_start[step + 1]):
            _apply(p, s, op, k, now, line)
        for j in range(attack.follower_start[step], attack.follower_start[step + 1]):
            consider(p, s, attack.follower[j], line)
        return
    line = log(s, L_ATTACK_FAILURE, op, -1, 0.0, operations.event[op])
    operations.event[op] = line
    operations.failures[op] += 1
    raise_signs(p, s, op, codes.AT_FAILURE, line)
    if operations.failures[op] > attack.retries[step]:
        operations.state[op] = FAILED
        return
    operations.state[op] = PAUSED
    wait = draw(p.durations, attack.retry_dur[step], s.seed_key, lo, hi, P_RETRY, attempt)
    schedule(s, wait, E_OPERATION, op, operations.stamp[op])


def resume(p, s, op, stamp):
    """Consider an operation again after a pause or a new foothold."""
    if s.operations.stamp[op] == stamp:
        consider(p, s, op, s.operations.event[op])


def again(p, s, node, cause):
    """Let finished operations come back to a node that the city has restored."""
    operations = s.operations
    for j in range(p.attack.ops_on_start[node], p.attack.ops_on_start[node + 1]):
        op = p.attack.ops_on[j]
        if operations.state[op] == DONE and operations.again[op] < p.attack.again[p.attack.op_step[op]]:
            operations.again[op] += 1
            operations.state[op] = WAITING
            operations.stamp[op] += 1
            consider(p, s, op, cause)


def _apply(p, s, op, k, now, cause):
    """Apply effect k of a successful operation to the targets that it means and can reach."""
    attack = p.attack
    own = attack.has_on[k] == 0
    start = attack.target_start[op] if own else attack.on_start[k]
    end = attack.target_start[op + 1] if own else attack.on_start[k + 1]
    for j in range(start, end):
        node = attack.target[j] if own else attack.on[j]
        if s.nodes.isolated_by[node] >= 0 or (own and not has_foothold(p, s, op, node)):
            continue
        if attack.do[k] == codes.EXFILTRATE:
            _exfiltrate(p, s, op, k, node, now, cause)
        elif uniform(
            s.seed_key, attack.op_key_lo[op] ^ p.graph.key_lo[node], attack.op_key_hi[op] ^ p.graph.key_hi[node], P_SHARE, k
        ) < attack.share[k]:
            _apply_to(p, s, op, k, node, now, cause)


def _apply_to(p, s, op, k, node, now, cause):
    attack = p.attack
    do = attack.do[k]
    if do == codes.SPOIL_BACKUPS:
        s.cases.backups_spoilt[p.assets.unit[node]] = 1
        return
    if (do == codes.COMPROMISE or do == codes.WORM) and s.nodes.held[node] == 1:
        return
    e = strike(p, s, node, do, attack.load[k] if do == codes.FLOOD else attack.level[k], cause, now)
    if do == codes.WITHDRAW and p.assets.vendor[node] >= 0:
        s.vendor_by[p.assets.vendor[node]] = e
        set_condition(p, s, p.assets.unit[node], codes.VENDOR_OUT, now, s.effects.event[e])
    if attack.lasts[k] >= 0:
        hours = draw(
            p.durations, attack.lasts[k], s.seed_key, attack.op_key_lo[op] ^ p.graph.key_lo[node],
            attack.op_key_hi[op] ^ p.graph.key_hi[node], P_LASTS, s.operations.attempt[op],
        )  # fmt: skip
        schedule(s, hours, E_EFFECT_END, e, 0)
    if do == codes.WORM:
        _crawl(p, s, node, k)


def _exfiltrate(p, s, op, k, node, now, cause):
    leaked = int(p.assets.records[node] * p.attack.share[k])
    if leaked > s.nodes.leaked[node]:
        s.records[0] += leaked - s.nodes.leaked[node]
        s.nodes.leaked[node] = leaked
        line = log(s, L_RECORDS, node, op, float(leaked), cause)
        unit = p.assets.unit[node]
        if s.cases.time[unit * CASE_TIMES + T_BREACH] == NEVER and s.nodes.found[node] == 1:
            set_condition(p, s, unit, codes.BREACH, now, line)


def _crawl(p, s, node, k):
    """Plan a worm's next attempt along each access edge out of a node."""
    for j in range(p.graph.reach_start[node], p.graph.reach_start[node + 1]):
        if p.attack.kinds[k] == 0 or p.attack.kinds[k] >> p.assets.kind[p.graph.reach[j]] & 1:
            _plan_spread(p, s, node, j, k)


def _plan_spread(p, s, node, j, k):
    which = s.spread_tries[j]
    s.spread_tries[j] = which + 1
    u = uniform(
        s.seed_key, p.graph.key_lo[node] ^ p.graph.key_hi[p.graph.reach[j]],
        p.graph.key_hi[node] ^ p.graph.key_lo[p.graph.reach[j]], P_SPREAD, which,
    )  # fmt: skip
    schedule(s, -math.log(1.0 - u) / p.attack.rate[k], E_SPREAD, j, k)


def spread(p, s, j, k, now):
    """A worm's attempt along access edge j: it succeeds if the way is open, and is repeated while it is not."""
    source = p.graph.reach_from[j]
    node = p.graph.reach[j]
    nodes = s.nodes
    if nodes.held[source] == 0 or nodes.held[node] == 1:
        return
    if nodes.isolated_by[source] >= 0 or nodes.isolated_by[node] >= 0:
        _plan_spread(p, s, source, j, k)
        return
    line = log(s, L_SPREAD, node, source, 0.0, nodes.held_event[source])
    strike(p, s, node, codes.WORM, p.attack.level[k], line, now)
    _crawl(p, s, node, k)
