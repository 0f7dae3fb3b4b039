"""Rules of the response: what a step of the playbook does once its work is done, and outside help."""

from cyberrange.engine.case import discover, refresh, review_asset, review_found, set_condition, stamp_time
from cyberrange.engine.draws import P_FIND, uniform
from cyberrange.engine.effects import BITS, isolate, lift, mend
from cyberrange.engine.events import (
    E_AGAIN,
    E_HELP_LEAVES,
    L_HELP_CAME,
    L_HELP_LEFT,
    L_REPORTED,
    L_STARTED,
    L_TASK_DONE,
    L_TASK_FAILED,
    L_UNDO,
    log,
    schedule,
)
from cyberrange.engine.levels import mark
from cyberrange.engine.state import (
    ALONE,
    FINISHED,
    N_EFFECT,
    T_DECIDED,
    T_DECLARED,
    T_NOTIFIED,
    T_REPORTED,
    T_WARNED,
    TRIPPED,
    State,
)
from cyberrange.engine.tally import count_out, recount
from cyberrange.engine.work import ROUNDS, dispatch, drop, enqueue, overtaken, request
from cyberrange.model import codes
from cyberrange.model.plan import Arrays

CONTAINING = (codes.ISOLATE, codes.SHUT_DOWN, codes.FILTER, codes.CORRECT, codes.PROTECT, codes.SETTLE)
REPAIRED = (
    codes.DESTROYED | codes.IMPAIRED | codes.FORCED | codes.FALSIFIED | codes.SUSPECT | codes.SHUT | codes.WITHDRAWN
)
"""Conditions that restoring an asset ends."""


def hit_while_found(p: Arrays, s: State, node: int, e: int, now: float) -> None:
    """A known asset was hit again: the steps that deal with what was done to it are open once more."""
    if s.nodes[node].found == 0:
        return
    bits = BITS[s.effects[e].do]
    for step in range(2, len(p.responses)):
        bit = p.responses[step].bit
        if p.responses[step].scope == codes.ASSET and p.responses[step].hit & bits and s.nodes[node].done & bit:
            s.nodes[node].done &= ~bit
            s.nodes[node].begun &= ~bit
    review_asset(p, s, node, now, s.effects[e].event)
    refresh(p, s, p.nodes[node].unit, now, s.effects[e].event)


def finished(p: Arrays, s: State, i: int, now: float) -> None:
    """A response task's work is done: it has its effect, or must be done again."""
    tasks = s.tasks
    step = tasks[i].step
    node = tasks[i].node
    unit = tasks[i].unit
    which = tasks[i].which
    if overtaken(p, s, i):
        drop(s, i, tasks[i].event)
        return
    if tasks[i].luck >= p.responses[step].chance:
        tasks[i].event = log(s, L_TASK_FAILED, i, node, 0.0, tasks[i].event)
        tasks[i].which = which + ROUNDS
        tasks[i].asked = now
        tasks[i].approved = now
        enqueue(p, s, i, now)
        return
    tasks[i].state = FINISHED
    line = log(s, L_TASK_DONE, i, node, 0.0, tasks[i].event)
    tasks[i].event = line
    if p.responses[step].effect in CONTAINING:
        stamp_time(s, unit, T_DECIDED, tasks[i].approved)
    if p.responses[step].scope == codes.ASSET:
        _asset_effect(p, s, i, step, node, now, line)
    else:
        _case_effect(p, s, i, step, unit, now, line)


def _asset_effect(p: Arrays, s: State, i: int, step: int, node: int, now: float, cause: int) -> None:
    nodes = s.nodes
    effect = p.responses[step].effect
    if effect == codes.ISOLATE:
        isolate(p, s, node, cause, now)
    elif effect == codes.CLEAN:
        mend(p, s, node, codes.COMPROMISED, False, i, cause, now)
    elif effect == codes.FILTER:
        mend(p, s, node, codes.FLOODED, False, i, cause, now)
    elif effect == codes.CORRECT:
        mend(p, s, node, codes.FORCED | codes.FALSIFIED, False, i, cause, now)
        schedule(s, 0.0, E_AGAIN, node, cause)
    elif effect == codes.REOPEN:
        mend(p, s, node, codes.SHUT | codes.SUSPECT, True, i, cause, now)
    elif effect == codes.RESTORE:
        mend(p, s, node, REPAIRED, True, i, cause, now)
        schedule(s, 0.0, E_AGAIN, node, cause)
    elif effect in (codes.SHUT_DOWN, codes.PROTECT):
        _shut_down(p, s, i, step, s.tasks[i].unit, now, cause)
    nodes[node].done |= p.responses[step].bit
    unit = p.nodes[node].unit
    if nodes[node].condition == 0 and nodes[node].isolated_by < 0:
        _close_asset(p, s, node, now)
    else:
        review_asset(p, s, node, now, cause)
    refresh(p, s, unit, now, cause)


def _close_asset(p: Arrays, s: State, node: int, now: float) -> None:
    """An asset is whole again: it may be hit and found anew."""
    nodes = s.nodes
    count_out(p, s, node)
    nodes[node].found = 0
    nodes[node].done = 0
    nodes[node].begun = 0
    nodes[node].round += 1
    recount(p, s, node, now)


def _case_effect(p: Arrays, s: State, i: int, step: int, unit: int, now: float, cause: int) -> None:
    effect = p.responses[step].effect
    bit = p.responses[step].bit
    if effect == codes.INVESTIGATE:
        if _investigate(p, s, i, step, unit, now, cause):
            if s.cases[unit].withheld & bit:
                s.cases[unit].begun &= ~bit
                refresh(p, s, unit, now, cause)
                return
            request(p, s, step, -1, unit, s.cases[unit].rounds, now, cause)
            return
    elif effect == codes.DECLARE:
        stamp_time(s, unit, T_DECLARED, now)
        set_condition(p, s, unit, codes.DECLARED, now, cause)
    elif effect in (codes.SHUT_DOWN, codes.PROTECT):
        _shut_down(p, s, i, step, unit, now, cause)
    elif effect == codes.REPORT:
        log(s, L_REPORTED, unit, i, 0.0, cause)
        stamp_time(s, unit, T_REPORTED, now)
    elif effect == codes.NOTIFY:
        stamp_time(s, unit, T_NOTIFIED, now)
    elif effect == codes.WARN:
        _warn(p, s, unit, now, cause)
    elif effect == codes.SETTLE:
        _settle_dues(p, s, i, unit, now, cause)
    elif effect == codes.BLACK_START:
        _black_start(p, s, unit, cause)
    set_condition(p, s, unit, bit, now, cause)
    refresh(p, s, unit, now, cause)


def _investigate(p: Arrays, s: State, i: int, step: int, unit: int, now: float, cause: int) -> bool:
    """One round: each hit asset of the case that is not yet found is found with a chance; say whether any was."""
    cases = s.cases
    cases[unit].rounds += 1
    chance = p.responses[step].finds
    chance += (1.0 - chance) * cases[unit].knowledge
    any_new = False
    for e in range(s.count[N_EFFECT]):
        node = s.effects[e].node
        if p.nodes[node].unit == unit and s.nodes[node].condition != 0 and s.nodes[node].found == 0:
            u = uniform(s.seed_key, p.nodes[node].key_lo, p.nodes[node].key_hi, P_FIND, cases[unit].rounds)
            if u < chance:
                any_new = True
                discover(p, s, node, i, now, cause)
    return any_new


def _shut_down(p: Arrays, s: State, i: int, step: int, unit: int, now: float, cause: int) -> None:
    """Cut off everything that the step means, hit or not."""
    row = step * len(p.units) + unit
    for j in range(p.posts[row].where_start, p.posts[row].where_end):
        node = p.where[j]
        if s.nodes[node].isolated_by < 0:
            count_out(p, s, node)
            s.nodes[node].condition |= codes.SHUT
            recount(p, s, node, now)
            isolate(p, s, node, cause, now)
            discover(p, s, node, i, now, cause)


def _warn(p: Arrays, s: State, unit: int, now: float, cause: int) -> None:
    stamp_time(s, unit, T_WARNED, now)
    for other in range(len(p.units)):
        if other != unit:
            set_condition(p, s, other, codes.WARNED, now, cause)


def _settle_dues(p: Arrays, s: State, i: int, unit: int, now: float, cause: int) -> None:
    """The vendor comes back: its people, and the assets it had withdrawn."""
    for v in range(len(s.vendor_by)):
        s.vendor_by[v] = -1
    s.cases[unit].bits &= ~codes.VENDOR_OUT
    for e in range(s.count[N_EFFECT]):
        if s.effects[e].do == codes.WITHDRAW and s.effects[e].attack == 1 and s.effects[e].live == 1:
            log(s, L_UNDO, s.effects[e].node, i, float(codes.WITHDRAWN), cause)
            lift(p, s, e, now)
            _close_if_whole(p, s, s.effects[e].node, now)
    review_found(p, s, unit, now, cause)
    refresh(p, s, unit, now, cause)


def passed(p: Arrays, s: State, e: int, now: float, cause: int) -> None:
    """An effect has ended by itself: its asset may be whole, its vendor back, its case clean."""
    node = s.effects[e].node
    unit = p.nodes[node].unit
    vendor = p.nodes[node].vendor
    if s.effects[e].do == codes.WITHDRAW and vendor >= 0:
        s.vendor_by[vendor] = -1
        s.cases[unit].bits &= ~codes.VENDOR_OUT
        for other in range(s.count[N_EFFECT]):
            if s.effects[other].do == codes.WITHDRAW and s.effects[other].attack == 1 and s.effects[other].live == 1:
                if p.nodes[s.effects[other].node].vendor == vendor:
                    s.vendor_by[vendor] = other
                if p.nodes[s.effects[other].node].unit == unit:
                    s.cases[unit].bits |= codes.VENDOR_OUT
        for each in range(len(p.units)):
            review_found(p, s, each, now, cause)
    _close_if_whole(p, s, node, now)
    refresh(p, s, unit, now, cause)


def _close_if_whole(p: Arrays, s: State, node: int, now: float) -> None:
    if s.nodes[node].condition == 0 and s.nodes[node].isolated_by < 0 and s.nodes[node].found == 1:
        _close_asset(p, s, node, now)


def _black_start(p: Arrays, s: State, unit: int, cause: int) -> None:
    """Start the tripped members of every dead cycle of the case by hand."""
    s.cases[unit].bits &= ~codes.DEADLOCK
    for c in range(len(p.components)):
        if s.solver[c].dead == 1 and _unit_of_dead(p, s, c) == unit:
            for m in range(p.components[c].member_start, p.components[c].member_end):
                node = p.member[m]
                if s.nodes[node].mode == TRIPPED:
                    s.nodes[node].mode = ALONE
                    log(s, L_STARTED, node, -1, 0.0, cause)
                    mark(s, node)


def _unit_of_dead(p: Arrays, s: State, c: int) -> int:
    """City whose case a dead cycle belongs to: that of its last tripped member."""
    unit = -1
    for m in range(p.components[c].member_start, p.components[c].member_end):
        if s.nodes[p.member[m]].mode == TRIPPED:
            unit = p.nodes[p.member[m]].unit
    return unit


def help_comes(p: Arrays, s: State, h: int, line: int, now: float) -> None:
    """Outside help arrives: hands for a team, knowledge for the investigation."""
    unit = p.helps[h].unit
    log(s, L_HELP_CAME, h, unit, 0.0, line)
    s.cases[unit].knowledge += (1.0 - s.cases[unit].knowledge) * p.helps[h].knowledge
    if p.helps[h].team >= 0:
        s.crews[p.helps[h].team].extra += p.helps[h].people
        schedule(s, p.helps[h].stays, E_HELP_LEAVES, h, line)
        dispatch(p, s, p.helps[h].team, now)


def help_leaves(p: Arrays, s: State, h: int, line: int) -> None:
    """Outside help goes home."""
    s.crews[p.helps[h].team].extra -= p.helps[h].people
    log(s, L_HELP_LEFT, h, p.helps[h].unit, 0.0, line)
