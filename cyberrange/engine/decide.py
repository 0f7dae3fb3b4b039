"""Rules of decisions: people ask for a step of the playbook, keep it back, or give it back to the playbook."""

from cyberrange.engine.case import discover, refresh, review_case
from cyberrange.engine.effects import mark_suspect
from cyberrange.engine.events import L_DECISION, log
from cyberrange.engine.state import ASKED, N_TASK, QUEUED, State
from cyberrange.engine.work import dispatch, drop, request
from cyberrange.model import codes
from cyberrange.model.plan import Arrays


def decide(p: Arrays, s: State, d: int, now: float) -> None:
    """Let decision d take effect."""
    row = p.decisions[d]
    line = log(s, L_DECISION, d, row.node, 0.0, 0)
    if row.do == codes.WITHHOLD:
        _withhold(p, s, row.step, row.unit, row.node, now, line)
    elif row.do == codes.RELEASE:
        _keep_back(p, s, row.step, row.unit, row.node, False)
        review_case(p, s, row.unit, now, line)
    elif p.responses[row.step].scope == codes.CASE:
        _ask_for_case(p, s, row.step, row.unit, now, line)
    elif row.node >= 0:
        _ask_for_asset(p, s, row.step, row.node, now, line)
    else:
        for node in range(len(p.nodes)):
            if p.nodes[node].unit == row.unit and s.nodes[node].found == 1:
                _ask_for_asset(p, s, row.step, node, now, line)


def _withhold(p: Arrays, s: State, step: int, unit: int, node: int, now: float, cause: int) -> None:
    """Keep a step from being asked for, and give up its tasks that have not begun."""
    bit = p.responses[step].bit
    _keep_back(p, s, step, unit, node, True)
    for i in range(s.count[N_TASK]):
        task = s.tasks[i]
        meant = task.step == step and task.unit == unit and (node < 0 or task.node == node)
        if meant and task.state in (ASKED, QUEUED):
            drop(s, i, cause)
            if task.node >= 0:
                s.nodes[task.node].begun &= ~bit
            else:
                s.cases[unit].begun &= ~bit
    for team in range(len(p.teams)):  # others may have waited behind what was given up
        dispatch(p, s, team, now)
    refresh(p, s, unit, now, cause)


def _keep_back(p: Arrays, s: State, step: int, unit: int, node: int, withhold: bool) -> None:
    """Mark a step as kept back or not: for the case, for one asset, or (node -1) for every asset of the city."""
    bit = p.responses[step].bit
    if p.responses[step].scope == codes.CASE:
        case = s.cases[unit]
        case.withheld = case.withheld | bit if withhold else case.withheld & ~bit
        return
    for j in range(p.units[unit].node_start, p.units[unit].node_end):
        if node < 0 or p.unit_node[j] == node:
            state = s.nodes[p.unit_node[j]]
            state.withheld = state.withheld | bit if withhold else state.withheld & ~bit


def _ask_for_case(p: Arrays, s: State, step: int, unit: int, now: float, cause: int) -> None:
    """Ask for a case step, unless it is on its way."""
    bit = p.responses[step].bit
    case = s.cases[unit]
    if case.begun & bit and case.bits & bit == 0:
        return
    case.begun |= bit
    case.bits &= ~bit
    which = case.rounds if p.responses[step].effect == codes.INVESTIGATE else 0
    request(p, s, step, -1, unit, which, now, cause)


def _ask_for_asset(p: Arrays, s: State, step: int, node: int, now: float, cause: int) -> None:
    """Ask for a step on an asset, unless it is on its way; an asset that nobody knew to be hit is suspect from now."""
    bit = p.responses[step].bit
    if s.nodes[node].found == 0:
        mark_suspect(p, s, node, now)
        discover(p, s, node, -1, now, cause)
    if s.nodes[node].begun & bit and s.nodes[node].done & bit == 0:
        return
    s.nodes[node].begun |= bit
    s.nodes[node].done &= ~bit
    request(p, s, step, node, p.nodes[node].unit, s.nodes[node].round, now, cause)
