"""Rules of the response: what is found and known, which steps of the playbook follow, and what they do when done."""

from cyberrange.engine.draws import P_FIND, P_HELP, draw, uniform
from cyberrange.engine.effects import isolate, mend
from cyberrange.engine.events import (
    E_AGAIN,
    E_HELP_COMES,
    E_HELP_LEAVES,
    L_CLOSED,
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
    T_ALERTED,
    T_BREACH,
    T_DECIDED,
    T_DECLARED,
    T_NOTICED,
    T_NOTIFIED,
    T_REPORTED,
    T_WARNED,
    TRIPPED,
    State,
)
from cyberrange.engine.tally import count_out, recount
from cyberrange.engine.work import dispatch, enqueue, request
from cyberrange.model import codes
from cyberrange.model.plan import Arrays

CONTAINING = (codes.ISOLATE, codes.SHUT_DOWN, codes.FILTER, codes.CORRECT, codes.PROTECT, codes.SETTLE)
REPAIRED = (
    codes.DESTROYED | codes.IMPAIRED | codes.FORCED | codes.FALSIFIED | codes.SUSPECT | codes.SHUT | codes.WITHDRAWN
)
"""Conditions that restoring an asset ends."""
SELF_MADE = codes.SUSPECT | codes.SHUT
"""Conditions that the response itself gives an asset."""
LASTING = codes.VENDOR_OUT | codes.DEADLOCK
"""Conditions of a case that outlive its closing."""


def _stamp_time(s: State, unit: int, clock: int, now: float) -> None:
    """Stop a clock of a case, once, if the case is real."""
    at = unit * CASE_TIMES + clock
    if s.case_time[at] == NEVER and s.cases[unit].real == 1:
        s.case_time[at] = now


def notice(p: Arrays, s: State, unit: int, task: int, truth: int, now: float, cause: int) -> None:
    """The city believes that something is wrong: its case opens; if it is right, its legal clock starts."""
    if truth == 1 and s.cases[unit].real == 0:
        _make_real(p, s, unit, now)
    if s.cases[unit].bits & codes.NOTICED == 0:
        line = log(s, L_NOTICED, unit, task, 0.0, cause)
        set_condition(p, s, unit, codes.NOTICED, now, line)


def _make_real(p: Arrays, s: State, unit: int, now: float) -> None:
    """Start the clocks of a case; what was already done for a mere suspicion counts from now."""
    case = s.cases[unit]
    case.real = 1
    _stamp_time(s, unit, T_ALERTED, now)
    _stamp_time(s, unit, T_NOTICED, now)
    if case.bits & codes.DECLARED:
        _stamp_time(s, unit, T_DECLARED, now)
    for step in range(2, len(p.responses)):
        if case.bits & p.responses[step].bit and p.responses[step].effect == codes.REPORT:
            _stamp_time(s, unit, T_REPORTED, now)


def set_condition(p: Arrays, s: State, unit: int, bit: int, now: float, cause: int) -> None:
    """Set a condition of a case and request what follows from it."""
    if s.cases[unit].bits & bit:
        return
    s.cases[unit].bits |= bit
    line = log(s, L_CONDITION, unit, bit, 1.0, cause)
    review_case(p, s, unit, now, line)


def know_breach(p: Arrays, s: State, unit: int, now: float, cause: int) -> None:
    """The city knows that data left."""
    _stamp_time(s, unit, T_BREACH, now)
    set_condition(p, s, unit, codes.BREACH, now, cause)


def discover(p: Arrays, s: State, node: int, task: int, now: float, cause: int) -> None:
    """An asset is known to be hit."""
    unit = p.nodes[node].unit
    nodes = s.nodes
    cases = s.cases
    if nodes[node].found == 0 and nodes[node].condition != 0:
        count_out(p, s, node)
        nodes[node].found = 1
        nodes[node].done = codes.FOUND
        nodes[node].begun = 0
        if nodes[node].found_next == -1:
            nodes[node].found_next = cases[unit].found_first if cases[unit].found_first >= 0 else -2
            cases[unit].found_first = node
        line = log(s, L_FOUND, node, task, float(nodes[node].condition), cause)
        recount(p, s, node, now)
        notice(p, s, unit, task, 1 if nodes[node].condition & ~SELF_MADE else 0, now, line)
        _look_further(p, s, unit, now, line)
        if nodes[node].leaked > 0:
            know_breach(p, s, unit, now, line)
        review_asset(p, s, node, now, line)
        refresh(p, s, unit, now, line)


def _look_further(p: Arrays, s: State, unit: int, now: float, cause: int) -> None:
    """Something new was found after the investigation had ended: it begins again."""
    for step in range(2, len(p.responses)):
        bit = p.responses[step].bit
        if p.responses[step].effect == codes.INVESTIGATE and s.cases[unit].bits & bit:
            s.cases[unit].bits &= ~bit
            s.cases[unit].begun &= ~bit
            _review_case_step(p, s, step, unit, now, cause)


def refresh(p: Arrays, s: State, unit: int, now: float, cause: int) -> None:
    """Set or clear a case's conditions `contained` and `clean` by its counts."""
    cases = s.cases
    if cases[unit].bits & codes.NOTICED == 0:
        return
    if cases[unit].open_found > 0:
        cases[unit].bits &= ~codes.CONTAINED
    else:
        set_condition(p, s, unit, codes.CONTAINED, now, cause)
    if cases[unit].hit_found > 0:
        cases[unit].bits &= ~codes.ALL_CLEAN
    else:
        set_condition(p, s, unit, codes.ALL_CLEAN, now, cause)
    _stand_down(s, unit, cause)


def _stand_down(s: State, unit: int, cause: int) -> None:
    """Close a case in which every step is done and every asset found is whole; a later alert opens a new one."""
    case = s.cases[unit]
    if case.found == 0 and case.begun != 0 and case.begun & ~case.bits == 0:
        case.bits &= LASTING
        case.begun = 0
        log(s, L_CLOSED, unit, -1, 0.0, cause)


def review_case(p: Arrays, s: State, unit: int, now: float, cause: int) -> None:
    """Request every case step, every help and every asset step whose conditions now hold."""
    for step in range(2, len(p.responses)):
        _review_case_step(p, s, step, unit, now, cause)
    for h in range(len(p.helps)):
        need = p.helps[h].need
        if p.helps[h].unit == unit and s.helped[h] == 0 and s.cases[unit].bits & need == need:
            s.helped[h] = 1
            line = log(s, L_HELP_ASKED, h, unit, 0.0, cause)
            wait = draw(p, p.helps[h].dur, s.seed_key, p.helps[h].key_lo, p.helps[h].key_hi, P_HELP, unit)
            schedule(s, wait, E_HELP_COMES, h, line)
    _review_found(p, s, unit, now, cause)


def _review_found(p: Arrays, s: State, unit: int, now: float, cause: int) -> None:
    """Review the found assets of a case, and forget those that are whole again."""
    nodes = s.nodes
    before = -1
    node = s.cases[unit].found_first
    while node >= 0:
        after = nodes[node].found_next
        if nodes[node].found == 1:
            review_asset(p, s, node, now, cause)
            before = node
        else:
            nodes[node].found_next = -1
            if before < 0:
                s.cases[unit].found_first = after
            else:
                nodes[before].found_next = after
        node = after


def _review_case_step(p: Arrays, s: State, step: int, unit: int, now: float, cause: int) -> None:
    if p.responses[step].scope != codes.CASE or s.cases[unit].begun & p.responses[step].bit:
        return
    need = p.responses[step].need_case
    if s.cases[unit].bits & need == need:
        s.cases[unit].begun |= p.responses[step].bit
        which = s.cases[unit].rounds if p.responses[step].effect == codes.INVESTIGATE else 0
        request(p, s, step, -1, unit, which, now, cause)


def review_asset(p: Arrays, s: State, node: int, now: float, cause: int) -> None:
    """Request every asset step whose conditions hold for this asset; skip those that do not concern it."""
    nodes = s.nodes
    unit = p.nodes[node].unit
    bits = s.cases[unit].bits
    again = True
    while again:
        again = False
        for step in range(2, len(p.responses)):
            if p.responses[step].scope != codes.ASSET or nodes[node].begun & p.responses[step].bit:
                continue
            if bits & p.responses[step].need_case != p.responses[step].need_case:
                continue
            if nodes[node].done & p.responses[step].need_asset != p.responses[step].need_asset:
                continue
            if p.responses[step].hit != 0 and nodes[node].condition & p.responses[step].hit == 0:
                nodes[node].begun |= p.responses[step].bit
                nodes[node].done |= p.responses[step].bit
                again = True
            elif not _stranded(p, s, node):
                nodes[node].begun |= p.responses[step].bit
                request(p, s, step, node, unit, nodes[node].round, now, cause)


def hit_while_found(p: Arrays, s: State, node: int, bits: int, now: float) -> None:
    """A known asset was hit again: the steps that deal with what was done to it are open once more."""
    if s.nodes[node].found == 0:
        return
    for step in range(2, len(p.responses)):
        bit = p.responses[step].bit
        if p.responses[step].scope == codes.ASSET and p.responses[step].hit & bits and s.nodes[node].done & bit:
            s.nodes[node].done &= ~bit
            s.nodes[node].begun &= ~bit
    review_asset(p, s, node, now, s.nodes[node].held_event)


def _stranded(p: Arrays, s: State, node: int) -> bool:
    """Whether the vendor that maintains an asset has withdrawn and nobody stands in."""
    vendor = p.nodes[node].vendor
    return vendor >= 0 and s.vendor_by[vendor] >= 0 and p.teams[p.nodes[node].team].stand_in < 0


def finished(p: Arrays, s: State, i: int, now: float) -> None:
    """A response task's work is done: it has its effect, or must be done again."""
    tasks = s.tasks
    step = tasks[i].step
    node = tasks[i].node
    unit = tasks[i].unit
    which = tasks[i].which
    if tasks[i].luck >= p.responses[step].chance:
        tasks[i].event = log(s, L_TASK_FAILED, i, node, 0.0, tasks[i].event)
        tasks[i].which = which + 4096
        tasks[i].asked = now
        tasks[i].approved = now
        enqueue(p, s, i, now)
        return
    tasks[i].state = FINISHED
    line = log(s, L_TASK_DONE, i, node, 0.0, tasks[i].event)
    tasks[i].event = line
    if p.responses[step].effect in CONTAINING:
        _stamp_time(s, unit, T_DECIDED, tasks[i].approved)
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
        _close_asset(p, s, node, now, cause)
    else:
        review_asset(p, s, node, now, cause)
    refresh(p, s, unit, now, cause)


def _close_asset(p: Arrays, s: State, node: int, now: float, cause: int) -> None:
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
            request(p, s, step, -1, unit, s.cases[unit].rounds, now, cause)
            return
    elif effect == codes.DECLARE:
        _stamp_time(s, unit, T_DECLARED, now)
        set_condition(p, s, unit, codes.DECLARED, now, cause)
    elif effect in (codes.SHUT_DOWN, codes.PROTECT):
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
    _stamp_time(s, unit, T_WARNED, now)
    for other in range(len(p.units)):
        if other != unit:
            set_condition(p, s, other, codes.WARNED, now, cause)


def _settle_dues(p: Arrays, s: State, i: int, unit: int, now: float, cause: int) -> None:
    """The vendor comes back: its people, and the assets it had withdrawn."""
    for v in range(len(s.vendor_by)):
        s.vendor_by[v] = -1
    s.cases[unit].bits &= ~codes.VENDOR_OUT
    for e in range(s.count[N_EFFECT]):
        node = s.effects[e].node
        if s.effects[e].do == codes.WITHDRAW and s.effects[e].attack == 1 and s.effects[e].live == 1:
            mend(p, s, node, codes.WITHDRAWN | codes.IMPAIRED, False, i, cause, now)
            if s.nodes[node].condition == 0 and s.nodes[node].isolated_by < 0 and s.nodes[node].found == 1:
                _close_asset(p, s, node, now, cause)
    _review_found(p, s, unit, now, cause)
    refresh(p, s, unit, now, cause)


def _black_start(p: Arrays, s: State, unit: int, cause: int) -> None:
    """Start the tripped members of a dead cycle by hand."""
    c = s.cases[unit].dead_component
    s.cases[unit].bits &= ~codes.DEADLOCK
    if c < 0:
        return
    for m in range(p.components[c].member_start, p.components[c].member_end):
        node = p.member[m]
        if s.nodes[node].mode == TRIPPED:
            s.nodes[node].mode = ALONE
            log(s, L_STARTED, node, -1, 0.0, cause)
            mark(s, node)


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
