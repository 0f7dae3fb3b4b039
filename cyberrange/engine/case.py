"""Rules of the case: what a city knows, and which steps of the playbook follow from it."""

from cyberrange.engine.draws import P_HELP, draw
from cyberrange.engine.events import (
    E_HELP_COMES,
    L_CLOSED,
    L_CONDITION,
    L_FOUND,
    L_HELP_ASKED,
    L_NOTICED,
    log,
    schedule,
)
from cyberrange.engine.state import (
    CASE_TIMES,
    NEVER,
    T_ALERTED,
    T_BREACH,
    T_DECLARED,
    T_NOTICED,
    T_REPORTED,
    State,
)
from cyberrange.engine.tally import count_out, recount
from cyberrange.engine.work import request
from cyberrange.model import codes
from cyberrange.model.plan import Arrays

SELF_MADE = codes.SUSPECT | codes.SHUT
"""Conditions that the response itself gives an asset."""
LASTING = codes.VENDOR_OUT | codes.DEADLOCK
"""Conditions of a case that outlive its closing."""


def stamp_time(s: State, unit: int, clock: int, now: float) -> None:
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
    stamp_time(s, unit, T_ALERTED, now)
    stamp_time(s, unit, T_NOTICED, now)
    if case.bits & codes.DECLARED:
        stamp_time(s, unit, T_DECLARED, now)
    for step in range(2, len(p.responses)):
        if case.bits & p.responses[step].bit and p.responses[step].effect == codes.REPORT:
            stamp_time(s, unit, T_REPORTED, now)


def set_condition(p: Arrays, s: State, unit: int, bit: int, now: float, cause: int) -> None:
    """Set a condition of a case and request what follows from it."""
    if s.cases[unit].bits & bit:
        return
    s.cases[unit].bits |= bit
    line = log(s, L_CONDITION, unit, bit, 1.0, cause)
    review_case(p, s, unit, now, line)


def know_breach(p: Arrays, s: State, unit: int, now: float, cause: int) -> None:
    """The city knows that data left."""
    stamp_time(s, unit, T_BREACH, now)
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


def ask_anew(p: Arrays, s: State, unit: int, effect: int) -> None:
    """Let the case steps of one effect be asked for once more, for what they dealt with has happened again."""
    for step in range(2, len(p.responses)):
        bit = p.responses[step].bit
        if p.responses[step].effect == effect and s.cases[unit].bits & bit:
            s.cases[unit].bits &= ~bit
            s.cases[unit].begun &= ~bit


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
    review_found(p, s, unit, now, cause)


def review_found(p: Arrays, s: State, unit: int, now: float, cause: int) -> None:
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
    case = s.cases[unit]
    if p.responses[step].scope != codes.CASE or (case.begun | case.withheld) & p.responses[step].bit:
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
            elif nodes[node].withheld & p.responses[step].bit == 0 and not _stranded(p, s, node):
                nodes[node].begun |= p.responses[step].bit
                request(p, s, step, node, unit, nodes[node].round, now, cause)


def _stranded(p: Arrays, s: State, node: int) -> bool:
    """Whether the vendor that maintains an asset has withdrawn and nobody stands in."""
    vendor = p.nodes[node].vendor
    return vendor >= 0 and s.vendor_by[vendor] >= 0 and p.teams[p.nodes[node].team].stand_in < 0
