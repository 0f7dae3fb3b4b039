"""Rules of the attack: operations start when their steps and footholds allow, and end in success or failure."""

import math

from cyberrange.engine.case import ask_anew, know_breach, set_condition
from cyberrange.engine.detect import raise_signs
from cyberrange.engine.draws import (
    P_LASTS,
    P_RETRY,
    P_SHARE,
    P_SPREAD,
    P_WORK,
    draw,
    quantile,
    two_uniforms,
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
from cyberrange.engine.state import (
    AT_WORK,
    DONE,
    FAILED,
    N_RECORDS,
    PAUSED,
    WAITING,
    State,
)
from cyberrange.model import codes
from cyberrange.model.plan import Arrays


def _allowed(p: Arrays, s: State, step: int) -> bool:
    """Whether the steps that come before this one have succeeded."""
    for j in range(p.steps[step].all_start, p.steps[step].all_end):
        if s.step_wins[p.all_step[j]] == 0:
            return False
    first = p.steps[step].any_start
    last = p.steps[step].any_end
    for j in range(first, last):
        if s.step_wins[p.any_step[j]] > 0:
            return True
    return first == last


def enter(p: Arrays, s: State, op: int, cause: int) -> None:
    """Hour 0: consider an operation, or let it pause until the hour at which its step begins."""
    hour = p.steps[p.operations[op].step].begins
    if hour == 0.0:
        consider(p, s, op, cause)
        return
    s.operations[op].state = PAUSED
    s.operations[op].event = cause
    schedule(s, hour, E_OPERATION, op, s.operations[op].stamp)


def consider(p: Arrays, s: State, op: int, cause: int) -> None:
    """Start an operation if it waits and everything it needs is there."""
    operations = s.operations
    if operations[op].state != WAITING or not _allowed(p, s, p.operations[op].step) or not any_foothold(p, s, op):
        return
    step = p.operations[op].step
    operations[op].state = AT_WORK
    operations[op].stamp += 1
    operations[op].attempt += 1
    operations[op].event = log(s, L_ATTACK_START, op, -1, 0.0, cause)
    row = p.operations[op]
    u, operations[op].luck = two_uniforms(s.seed_key, row.key_lo, row.key_hi, P_WORK, operations[op].attempt)
    hours = row.scale * quantile(p, p.steps[step].dur, u)
    raise_signs(p, s, op, codes.AT_START, operations[op].event)
    schedule(s, hours, E_OPERATION_END, op, operations[op].stamp)


def finish(p: Arrays, s: State, op: int, stamp: int, now: float) -> None:
    """An operation's time is up: it succeeds with its chance, or fails and may be tried again."""
    operations = s.operations
    if operations[op].stamp != stamp or operations[op].state != AT_WORK:
        return
    step = p.operations[op].step
    lo = p.operations[op].key_lo
    hi = p.operations[op].key_hi
    attempt = operations[op].attempt
    if operations[op].luck < p.operations[op].chance:
        line = log(s, L_ATTACK_SUCCESS, op, -1, 0.0, operations[op].event)
        operations[op].state = DONE
        operations[op].event = line
        s.step_wins[step] += 1
        raise_signs(p, s, op, codes.AT_SUCCESS, line)
        for k in range(p.steps[step].effect_start, p.steps[step].effect_end):
            _apply(p, s, op, k, now, line)
        if s.step_wins[step] == 1:
            # Steps that come after wait for a first success; later ones open no way that was shut.
            for j in range(p.steps[step].follower_start, p.steps[step].follower_end):
                consider(p, s, p.follower[j], line)
        return
    line = log(s, L_ATTACK_FAILURE, op, -1, 0.0, operations[op].event)
    operations[op].event = line
    operations[op].failures += 1
    raise_signs(p, s, op, codes.AT_FAILURE, line)
    if operations[op].failures > p.steps[step].retries:
        operations[op].state = FAILED
        return
    operations[op].state = PAUSED
    wait = draw(p, p.steps[step].retry_dur, s.seed_key, lo, hi, P_RETRY, attempt)
    schedule(s, wait, E_OPERATION, op, operations[op].stamp)


def resume(p: Arrays, s: State, op: int, stamp: int) -> None:
    """Consider an operation again after a pause or a new foothold."""
    if s.operations[op].stamp == stamp:
        if s.operations[op].state == PAUSED:
            s.operations[op].state = WAITING
        consider(p, s, op, s.operations[op].event)


def again(p: Arrays, s: State, node: int, cause: int) -> None:
    """Let finished operations come back to a node that the city has restored."""
    operations = s.operations
    for j in range(p.nodes[node].ops_on_start, p.nodes[node].ops_on_end):
        op = p.ops_on[j]
        if operations[op].state == DONE and operations[op].again < p.steps[p.operations[op].step].again:
            operations[op].again += 1
            operations[op].state = WAITING
            operations[op].stamp += 1
            consider(p, s, op, cause)


def _apply(p: Arrays, s: State, op: int, k: int, now: float, cause: int) -> None:
    """Apply effect k of a successful operation to the targets that it means and can reach."""
    own = p.effects[k].has_on == 0
    start = p.operations[op].target_start if own else p.effects[k].on_start
    end = p.operations[op].target_end if own else p.effects[k].on_end
    for j in range(start, end):
        node = p.target[j] if own else p.on[j]
        if s.nodes[node].isolated_by >= 0 or (own and not has_foothold(p, s, op, node)):
            continue
        if p.effects[k].do == codes.EXFILTRATE:
            _exfiltrate(p, s, op, k, node, now, cause)
        elif (
            uniform(
                s.seed_key,
                p.operations[op].key_lo ^ p.nodes[node].key_lo,
                p.operations[op].key_hi ^ p.nodes[node].key_hi,
                P_SHARE,
                k,
            )
            < p.effects[k].share
        ):
            _apply_to(p, s, op, k, node, now, cause)


def _apply_to(p: Arrays, s: State, op: int, k: int, node: int, now: float, cause: int) -> None:
    do = p.effects[k].do
    if do == codes.SPOIL_BACKUPS:
        s.cases[p.nodes[node].unit].backups_spoilt = 1
        return
    if (do in (codes.COMPROMISE, codes.WORM)) and s.nodes[node].held == 1:
        return
    if do == codes.WORM:
        _infest(p, s, node, k, cause, now)
        return
    e = strike(p, s, node, do, p.effects[k].load if do == codes.FLOOD else p.effects[k].level, cause, now)
    if do == codes.WITHDRAW and p.nodes[node].vendor >= 0:
        s.vendor_by[p.nodes[node].vendor] = e
        ask_anew(p, s, p.nodes[node].unit, codes.SETTLE)
        set_condition(p, s, p.nodes[node].unit, codes.VENDOR_OUT, now, s.effects[e].event)
    if p.effects[k].lasts >= 0:
        hours = draw(
            p, p.effects[k].lasts, s.seed_key, p.operations[op].key_lo ^ p.nodes[node].key_lo,
            p.operations[op].key_hi ^ p.nodes[node].key_hi, P_LASTS, s.operations[op].attempt,
        )  # fmt: skip
        schedule(s, hours, E_EFFECT_END, e, 0)


def _exfiltrate(p: Arrays, s: State, op: int, k: int, node: int, now: float, cause: int) -> None:
    leaked = int(p.nodes[node].records * p.effects[k].share)
    if leaked > s.nodes[node].leaked:
        s.count[N_RECORDS] += leaked - s.nodes[node].leaked
        s.nodes[node].leaked = leaked
        line = log(s, L_RECORDS, node, op, float(leaked), cause)
        if s.nodes[node].found == 1:
            know_breach(p, s, p.nodes[node].unit, now, line)


def _infest(p: Arrays, s: State, node: int, k: int, cause: int, now: float) -> None:
    """A worm takes a node, lowers its health (an effect of its own, for it ends apart) and crawls on from there."""
    e = strike(p, s, node, codes.WORM, 1.0, cause, now)
    if p.effects[k].level < 1.0:
        strike(p, s, node, codes.IMPAIR, p.effects[k].level, s.effects[e].event, now)
    for j in range(p.nodes[node].reach_start, p.nodes[node].reach_end):
        if p.effects[k].kinds == 0 or p.effects[k].kinds >> p.nodes[p.reach[j]].kind & 1:
            _plan_spread(p, s, node, j, k)


def _plan_spread(p: Arrays, s: State, node: int, j: int, k: int) -> None:
    which = s.spread_tries[j]
    s.spread_tries[j] = which + 1
    u = uniform(
        s.seed_key, p.nodes[node].key_lo ^ p.nodes[p.reach[j]].key_hi,
        p.nodes[node].key_hi ^ p.nodes[p.reach[j]].key_lo, P_SPREAD, which,
    )  # fmt: skip
    schedule(s, -math.log(1.0 - u) / p.effects[k].rate, E_SPREAD, j, which * len(p.effects) + k)


def spread(p: Arrays, s: State, j: int, attempt: int, now: float) -> None:
    """A worm's attempt along access edge j: it succeeds if the way is open, and is repeated while it is not."""
    k = attempt % len(p.effects)
    if attempt // len(p.effects) != s.spread_tries[j] - 1:  # of an earlier stay of the worm on this asset
        return
    source = p.reach_from[j]
    node = p.reach[j]
    nodes = s.nodes
    if nodes[source].held == 0 or nodes[node].held == 1:
        return
    if nodes[source].isolated_by >= 0 or nodes[node].isolated_by >= 0:
        _plan_spread(p, s, source, j, k)
        return
    line = log(s, L_SPREAD, node, source, 0.0, nodes[source].held_event)
    _infest(p, s, node, k, line, now)
