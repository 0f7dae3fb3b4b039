"""Rules of the response: what is found and known, which steps of the playbook follow, and what they do when done."""

from cyberrange.engine.draws import P_CHANCE, P_FIND, P_HELP, draw, uniform
from cyberrange.engine.effects import isolate, mend
from cyberrange.engine.events import (
    E_AGAIN,
    E_HELP_COMES,
    E_HELP_LEAVES,
    L_CONDITION,
    L_FOUND,
    L_HELP_ASKED,
    L_HELP_CAME,
    L_HELP_LEFT,
    L_NOTICED,
    L_REPORTED,
    L_STARTED,
    L_TASK_DONE,
    L_TASK_FAILED,
    log,
    schedule,
)
from cyberrange.engine.levels import mark
from cyberrange.engine.state import (
    ALONE,
    CASE_TIMES,
    FINISHED,
    N_EFFECT,
    NEVER,
    T_BREACH,
    T_DECIDED,
    T_DECLARED,
    T_NOTICED,
    T_NOTIFIED,
    T_REPORTED,
    T_WARNED,
    TRIPPED,
)
from cyberrange.engine.tally import count_out, recount
from cyberrange.engine.work import dispatch, enqueue, request
from cyberrange.model import codes

CONTAINING = (codes.ISOLATE, codes.SHUT_DOWN, codes.FILTER, codes.CORRECT, codes.PROTECT)
REPAIRED = (
    codes.DESTROYED | codes.IMPAIRED | codes.FORCED | codes.FALSIFIED | codes.SUSPECT | codes.SHUT | codes.WITHDRAWN
)
"""Conditions that restoring an asset ends."""


def _stamp_time(s, unit, clock, now):
    at = unit * CASE_TIMES + clock
    if s.cases.time[at] == NEVER:
        s.cases.time[at] = now


def notice(p, s, unit, task, now, cause):
    """The city knows that something is wrong: its case opens and its legal clock starts."""
    if s.cases.bits[unit] & codes.NOTICED == 0:
        _stamp_time(s, unit, T_NOTICED, now)
        line = log(s, L_NOTICED, unit, task, 0.0, cause)
        set_condition(p, s, unit, codes.NOTICED, now, line)


def set_condition(p, s, unit, bit, now, cause):
    """Set a condition of a case and request what follows from it."""
    if s.cases.bits[unit] & bit:
        return
    s.cases.bits[unit] |= bit
    line = log(s, L_CONDITION, unit, bit, 1.0, cause)
    review_case(p, s, unit, now, line)


def discover(p, s, node, task, now, cause):
    """An asset is known to be hit."""
    unit = p.assets.unit[node]
    nodes = s.nodes
    cases = s.cases
    if nodes.found[node] == 0 and nodes.condition[node] != 0:
        count_out(p, s, node)
        nodes.found[node] = 1
        nodes.done[node] = codes.FOUND
        nodes.begun[node] = 0
        if nodes.found_next[node] == -1:
            nodes.found_next[node] = cases.found_first[unit] if cases.found_first[unit] >= 0 else -2
            cases.found_first[unit] = node
        line = log(s, L_FOUND, node, task, float(nodes.condition[node]), cause)
        recount(p, s, node, now, line)
        notice(p, s, unit, task, now, line)
        _look_further(p, s, unit, now, line)
        if nodes.leaked[node] > 0:
            _stamp_time(s, unit, T_BREACH, now)
            set_condition(p, s, unit, codes.BREACH, now, line)
        review_asset(p, s, node, now, line)
        refresh(p, s, unit, now, line)


def _look_further(p, s, unit, now, cause):
    """Something new was found after the investigation had ended: it begins again."""
    book = p.playbook
    for step in range(2, len(book.bit)):
        bit = book.bit[step]
        if book.effect[step] == codes.INVESTIGATE and s.cases.bits[unit] & bit:
            s.cases.bits[unit] &= ~bit
            s.cases.begun[unit] &= ~bit
            _review_case_step(p, s, step, unit, now, cause)


def refresh(p, s, unit, now, cause):
    """Set or clear a case's conditions `contained` and `clean` by its counts."""
    cases = s.cases
    if cases.bits[unit] & codes.NOTICED == 0:
        return
    if cases.open_found[unit] > 0:
        cases.bits[unit] &= ~codes.CONTAINED
    else:
        set_condition(p, s, unit, codes.CONTAINED, now, cause)
    if cases.hit_found[unit] > 0:
        cases.bits[unit] &= ~codes.ALL_CLEAN
    else:
        set_condition(p, s, unit, codes.ALL_CLEAN, now, cause)


def review_case(p, s, unit, now, cause):
    """Request every case step, every help and every asset step whose conditions now hold."""
    for step in range(2, len(p.playbook.bit)):
        _review_case_step(p, s, step, unit, now, cause)
    for h in range(len(p.helps.unit)):
        need = p.helps.need[h]
        if p.helps.unit[h] == unit and s.helped[h] == 0 and s.cases.bits[unit] & need == need:
            s.helped[h] = 1
            line = log(s, L_HELP_ASKED, h, unit, 0.0, cause)
            wait = draw(p.durations, p.helps.dur[h], s.seed_key, p.helps.key_lo[h], p.helps.key_hi[h], P_HELP, unit)
            schedule(s, wait, E_HELP_COMES, h, line)
    _review_found(p, s, unit, now, cause)


def _review_found(p, s, unit, now, cause):
    """Review the found assets of a case, and forget those that are whole again."""
    nodes = s.nodes
    before = -1
    node = s.cases.found_first[unit]
    while node >= 0:
        after = nodes.found_next[node]
        if nodes.found[node] == 1:
            review_asset(p, s, node, now, cause)
            before = node
        else:
            nodes.found_next[node] = -1
            if before < 0:
                s.cases.found_first[unit] = after
            else:
                nodes.found_next[before] = after
        node = after


def _review_case_step(p, s, step, unit, now, cause):
    book = p.playbook
    if book.scope[step] != codes.CASE or s.cases.begun[unit] & book.bit[step]:
        return
    need = book.need_case[step]
    if s.cases.bits[unit] & need == need:
        s.cases.begun[unit] |= book.bit[step]
        which = s.cases.rounds[unit] if book.effect[step] == codes.INVESTIGATE else 0
        request(p, s, step, -1, unit, which, now, cause)


def review_asset(p, s, node, now, cause):
    """Request every asset step whose conditions hold for this asset; skip those that do not concern it."""
    book = p.playbook
    nodes = s.nodes
    unit = p.assets.unit[node]
    bits = s.cases.bits[unit]
    again = True
    while again:
        again = False
        for step in range(2, len(book.bit)):
            if book.scope[step] != codes.ASSET or nodes.begun[node] & book.bit[step]:
                continue
            if bits & book.need_case[step] != book.need_case[step]:
                continue
            if nodes.done[node] & book.need_asset[step] != book.need_asset[step]:
                continue
            if book.hit[step] != 0 and nodes.condition[node] & book.hit[step] == 0:
                nodes.begun[node] |= book.bit[step]
                nodes.done[node] |= book.bit[step]
                again = True
            elif not _stranded(p, s, node):
                nodes.begun[node] |= book.bit[step]
                request(p, s, step, node, unit, nodes.round[node], now, cause)


def hit_while_found(p, s, node, bits, now):
    """A known asset was hit again: the steps that deal with what was done to it are open once more."""
    if s.nodes.found[node] == 0:
        return
    for step in range(2, len(p.playbook.bit)):
        bit = p.playbook.bit[step]
        if p.playbook.scope[step] == codes.ASSET and p.playbook.hit[step] & bits and s.nodes.done[node] & bit:
            s.nodes.done[node] &= ~bit
            s.nodes.begun[node] &= ~bit
    review_asset(p, s, node, now, s.nodes.held_event[node])


def _stranded(p, s, node):
    """Whether the vendor that maintains an asset has withdrawn and nobody stands in."""
    vendor = p.assets.vendor[node]
    return vendor >= 0 and s.vendor_by[vendor] >= 0 and p.teams.stand_in[p.assets.team[node]] < 0


def finished(p, s, i, now):
    """A response task's work is done: it has its effect, or must be done again."""
    tasks = s.tasks
    book = p.playbook
    step = tasks.step[i]
    node = tasks.node[i]
    unit = tasks.unit[i]
    which = tasks.which[i]
    if uniform(s.seed_key, tasks.key_lo[i], tasks.key_hi[i], P_CHANCE, which) >= book.chance[step]:
        tasks.event[i] = log(s, L_TASK_FAILED, i, node, 0.0, tasks.event[i])
        tasks.which[i] = which + 4096
        tasks.asked[i] = now
        tasks.approved[i] = now
        enqueue(p, s, i, now)
        return
    tasks.state[i] = FINISHED
    line = log(s, L_TASK_DONE, i, node, 0.0, tasks.event[i])
    tasks.event[i] = line
    if book.effect[step] in CONTAINING:
        _stamp_time(s, unit, T_DECIDED, tasks.approved[i])
    if book.scope[step] == codes.ASSET:
        _asset_effect(p, s, i, step, node, now, line)
    else:
        _case_effect(p, s, i, step, unit, now, line)


def _asset_effect(p, s, i, step, node, now, cause):
    nodes = s.nodes
    effect = p.playbook.effect[step]
    if effect == codes.ISOLATE:
        isolate(p, s, node, cause, now)
    elif effect == codes.CLEAN:
        mend(p, s, node, codes.COMPROMISED, False, i, cause, now)
    elif effect == codes.FILTER:
        mend(p, s, node, codes.FLOODED, False, i, cause, now)
    elif effect == codes.CORRECT:
        mend(p, s, node, codes.FORCED | codes.FALSIFIED, False, i, cause, now)
    elif effect == codes.REOPEN:
        mend(p, s, node, codes.SHUT | codes.SUSPECT, True, i, cause, now)
    elif effect == codes.RESTORE:
        mend(p, s, node, REPAIRED, True, i, cause, now)
        schedule(s, 0.0, E_AGAIN, node, cause)
    nodes.done[node] |= p.playbook.bit[step]
    unit = p.assets.unit[node]
    if nodes.condition[node] == 0 and nodes.isolated_by[node] < 0:
        _close_asset(p, s, node, now, cause)
    else:
        review_asset(p, s, node, now, cause)
    refresh(p, s, unit, now, cause)


def _close_asset(p, s, node, now, cause):
    """An asset is whole again: it may be hit and found anew."""
    nodes = s.nodes
    count_out(p, s, node)
    nodes.found[node] = 0
    nodes.done[node] = 0
    nodes.begun[node] = 0
    nodes.round[node] += 1
    recount(p, s, node, now, cause)


def _case_effect(p, s, i, step, unit, now, cause):
    effect = p.playbook.effect[step]
    bit = p.playbook.bit[step]
    if effect == codes.INVESTIGATE:
        if _investigate(p, s, i, step, unit, now, cause):
            request(p, s, step, -1, unit, s.cases.rounds[unit], now, cause)
            return
    elif effect == codes.DECLARE:
        _stamp_time(s, unit, T_DECLARED, now)
        set_condition(p, s, unit, codes.DECLARED, now, cause)
    elif effect == codes.SHUT_DOWN or effect == codes.PROTECT:
        _shut_down(p, s, i, step, unit, now, cause)
    elif effect == codes.REPORT:
        log(s, L_REPORTED, unit, i, 0.0, cause)
        _stamp_time(s, unit, T_REPORTED, now)
    elif effect == codes.NOTIFY:
        _stamp_time(s, unit, T_NOTIFIED, now)
    elif effect == codes.WARN:
        _warn(p, s, unit, now, cause)
    elif effect == codes.SETTLE:
        _settle_dues(p, s, i, unit, now, cause)
    elif effect == codes.BLACK_START:
        _black_start(p, s, unit, cause)
    set_condition(p, s, unit, bit, now, cause)


def _investigate(p, s, i, step, unit, now, cause):
    """One round: each hit asset of the case that is not yet found is found with a chance; say whether any was."""
    cases = s.cases
    cases.rounds[unit] += 1
    chance = p.playbook.finds[step]
    chance += (1.0 - chance) * cases.knowledge[unit]
    any_new = False
    for e in range(s.count[N_EFFECT]):
        node = s.effects.node[e]
        if p.assets.unit[node] == unit and s.nodes.condition[node] != 0 and s.nodes.found[node] == 0:
            u = uniform(s.seed_key, p.graph.key_lo[node], p.graph.key_hi[node], P_FIND, cases.rounds[unit])
            if u < chance:
                any_new = True
                discover(p, s, node, i, now, cause)
    return any_new


def _shut_down(p, s, i, step, unit, now, cause):
    """Cut off everything that the step means, hit or not."""
    book = p.playbook
    row = step * p.settings.units + unit
    for j in range(book.where_start[row], book.where_start[row + 1]):
        node = book.where[j]
        if s.nodes.isolated_by[node] < 0:
            count_out(p, s, node)
            s.nodes.condition[node] |= codes.SHUT
            recount(p, s, node, now, cause)
            isolate(p, s, node, cause, now)
            discover(p, s, node, i, now, cause)


def _warn(p, s, unit, now, cause):
    _stamp_time(s, unit, T_WARNED, now)
    for other in range(p.settings.units):
        if other != unit:
            set_condition(p, s, other, codes.WARNED, now, cause)


def _settle_dues(p, s, i, unit, now, cause):
    """The vendor comes back: its people, and the assets it had withdrawn."""
    for v in range(len(s.vendor_by)):
        s.vendor_by[v] = -1
    s.cases.bits[unit] &= ~codes.VENDOR_OUT
    for e in range(s.count[N_EFFECT]):
        node = s.effects.node[e]
        if s.effects.do[e] == codes.WITHDRAW and s.effects.attack[e] == 1 and s.effects.live[e] == 1:
            mend(p, s, node, codes.WITHDRAWN | codes.IMPAIRED, False, i, cause, now)
            if s.nodes.condition[node] == 0 and s.nodes.isolated_by[node] < 0 and s.nodes.found[node] == 1:
                _close_asset(p, s, node, now, cause)
    _review_found(p, s, unit, now, cause)
    refresh(p, s, unit, now, cause)


def _black_start(p, s, unit, cause):
    """Start the tripped members of a dead cycle by hand."""
    c = s.cases.dead_component[unit]
    s.cases.bits[unit] &= ~codes.DEADLOCK
    if c < 0:
        return
    for m in range(p.graph.member_start[c], p.graph.member_start[c + 1]):
        node = p.graph.member[m]
        if s.nodes.mode[node] == TRIPPED:
            s.nodes.mode[node] = ALONE
            log(s, L_STARTED, node, -1, 0.0, cause)
            mark(s, node)


def help_comes(p, s, h, line, now):
    """Outside help arrives: hands for a team, knowledge for the investigation."""
    helps = p.helps
    unit = helps.unit[h]
    log(s, L_HELP_CAME, h, unit, 0.0, line)
    s.cases.knowledge[unit] += (1.0 - s.cases.knowledge[unit]) * helps.knowledge[h]
    if helps.team[h] >= 0:
        s.crews.extra[helps.team[h]] += helps.people[h]
        schedule(s, helps.stays[h], E_HELP_LEAVES, h, line)
        dispatch(p, s, helps.team[h], now)


def help_leaves(p, s, h, line):
    """Outside help goes home."""
    s.crews.extra[p.helps.team[h]] -= p.helps.people[h]
    log(s, L_HELP_LEFT, h, p.helps.unit[h], 0.0, line)
