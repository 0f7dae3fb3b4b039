"""The rules as one function: what an event of each kind does. Both engines call nothing else."""

from cyberrange.engine import attack, detect, response, work
from cyberrange.engine.accounts import close
from cyberrange.engine.decide import decide
from cyberrange.engine.effects import end_effect
from cyberrange.engine.events import (
    E_AGAIN,
    E_ALERT,
    E_COMPLAINT,
    E_DECISION,
    E_EFFECT_END,
    E_FALSE_ALARM,
    E_HELP_COMES,
    E_HELP_LEAVES,
    E_HOLD_END,
    E_MANUAL_CALL,
    E_MANUAL_TIRED,
    E_OPERATION,
    E_OPERATION_END,
    E_REVIEW,
    E_SPREAD,
    E_STARTED,
    E_STORE_EMPTY,
    E_TASK_END,
    E_TASK_READY,
    E_TEAM_AWAKE,
    E_TRIP,
    E_WATCH,
    L_SCENARIO,
    log,
    schedule,
)
from cyberrange.engine.levels import settle
from cyberrange.engine.manual import call, ready, tire
from cyberrange.engine.plant import cover_spent, started, trips
from cyberrange.engine.state import N_EFFECT, N_LOG, WORKING, State
from cyberrange.model import codes
from cyberrange.model.plan import Arrays


def begin(p: Arrays, s: State) -> None:
    """Hour 0: the levels are settled, the attack's first operations start, false alarms are planned."""
    line = log(s, L_SCENARIO, -1, -1, 0.0, -1)
    for op in range(len(p.operations)):
        attack.enter(p, s, op, line)
    for sensor in range(len(p.sensors)):
        for unit in range(len(p.units)):
            if p.units[unit].node_end > p.units[unit].node_start:
                detect.expect_false_alarm(p, s, sensor, unit, 0)
    for d in range(len(p.decisions)):
        schedule(s, p.decisions[d].hour, E_DECISION, d, 0)
    settle(p, s, 0.0, line)


def handle(p: Arrays, s: State, now: float, kind: int, a: int, b: int) -> None:  # noqa: PLR0912
    """Let one event have its effect, then settle the levels that it changed."""
    first = s.count[N_LOG]
    if kind == E_DECISION:
        decide(p, s, a, now)
    elif kind == E_TASK_END:
        _task_end(p, s, a, now)
    elif kind == E_TASK_READY:
        work.waited(p, s, a, b, now)
    elif kind == E_FALSE_ALARM:
        detect.false_alarm(p, s, a, b, now)
    elif kind == E_TEAM_AWAKE:
        work.awake(p, s, a, now)
    elif kind == E_ALERT:
        detect.arrive(p, s, a, now)
    elif kind == E_SPREAD:
        attack.spread(p, s, a, b, now)
    elif kind == E_OPERATION:
        attack.resume(p, s, a, b)
    elif kind == E_OPERATION_END:
        attack.finish(p, s, a, b, now)
    elif kind == E_REVIEW:
        response.hit_while_found(p, s, a, b, now)
    elif kind == E_AGAIN:
        attack.again(p, s, a, b)
    elif kind in (E_STORE_EMPTY, E_HOLD_END):
        cover_spent(p, s, a, b, kind == E_STORE_EMPTY)
    elif kind == E_TRIP:
        trips(p, s, a, b, now)
    elif kind == E_STARTED:
        started(p, s, a, b)
    elif kind == E_MANUAL_CALL:
        call(p, s, a, b, now)
    elif kind == E_MANUAL_TIRED:
        tire(p, s, a, b, now)
    elif kind == E_EFFECT_END:
        line = end_effect(p, s, a, now)
        if line >= 0:
            response.passed(p, s, a, now, line)
    elif kind == E_COMPLAINT:
        detect.complain(p, s, a, b, now)
    elif kind == E_WATCH:
        detect.watch(p, s, a, b, now)
    elif kind == E_HELP_COMES:
        response.help_comes(p, s, a, b, now)
    elif kind == E_HELP_LEAVES:
        response.help_leaves(p, s, a, b)
    settle(p, s, now, first)


def _task_end(p: Arrays, s: State, i: int, now: float) -> None:
    """The work of a task is over."""
    if s.tasks[i].state != WORKING:
        return
    step = s.tasks[i].step
    if step == codes.TAKE_OVER:
        ready(p, s, i, now)
        return
    s.tasks[i].ended = now
    if step == codes.TRIAGE:
        detect.triaged(p, s, i, now)
    else:
        response.finished(p, s, i, now)
    work.leave(p, s, i, now)


def end(p: Arrays, s: State, now: float) -> None:
    """Close the books at the horizon."""
    for v in range(len(p.services)):
        node = p.services[v].node
        close(p, s, v, s.nodes[node].level, s.nodes[node].blame, now)
    for e in range(s.count[N_EFFECT]):
        s.total[s.effects[e].attack] += s.effects[e].lost
