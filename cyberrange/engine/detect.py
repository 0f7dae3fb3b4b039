"""Rules of detection: signs, false alarms, watch alarms and complaints become alerts; analysts triage them."""

import math

from cyberrange.engine.accounts import complain_anew
from cyberrange.engine.case import ask_anew, discover, notice, set_condition
from cyberrange.engine.draws import (
    P_DELAY,
    P_FALSE,
    P_SIGN,
    draw,
    two_uniforms,
    uniform,
)
from cyberrange.engine.effects import has_foothold, mark_suspect
from cyberrange.engine.events import (
    E_ALERT,
    E_FALSE_ALARM,
    L_ALERT,
    L_COMPLAINT,
    L_CONFIRMED,
    L_DISMISSED,
    L_FALSE_ALARM,
    L_WATCH,
    log,
    schedule,
)
from cyberrange.engine.state import CASE_TIMES, N_FALSE, N_MISTAKE, NEVER, T_ALERTED, State
from cyberrange.engine.work import enqueue, new_task
from cyberrange.model import codes
from cyberrange.model.plan import Arrays


def _alert(p: Arrays, s: State, node: int, unit: int, truth: int, lo: int, hi: int, which: int, now: float) -> int:
    """Enter the triage of an alert into the book of tasks."""
    team = p.posts[codes.TRIAGE * len(p.units) + unit].team
    return new_task(s, codes.TRIAGE, node, unit, team, 1, truth, lo, hi, which, now)


def raise_signs(p: Arrays, s: State, op: int, moment: int, cause: int) -> None:
    """Turn the signs that an operation leaves at this moment into alerts on their way."""
    step = p.operations[op].step
    node = p.target[p.operations[op].target_start]
    for j in range(p.operations[op].target_start, p.operations[op].target_end):
        if has_foothold(p, s, op, p.target[j]):
            node = p.target[j]
            break
    for k in range(p.steps[step].sign_start, p.steps[step].sign_end):
        sensor = p.signs[k].sensor
        covered = sensor >= 0 and p.sensors[sensor].zones >> p.nodes[node].zone & 1
        if p.signs[k].at == moment and covered and not (p.signs[k].tamed == 1 and s.nodes[node].lies == 1):
            _sign(p, s, op, k, sensor, node, cause)


def _sign(p: Arrays, s: State, op: int, k: int, sensor: int, node: int, cause: int) -> None:
    lo = p.operations[op].key_lo ^ p.sensors[sensor].key_lo
    hi = (p.operations[op].key_hi ^ p.sensors[sensor].key_hi) + p.signs[k].at
    which = s.operations[op].attempt
    if uniform(s.seed_key, lo, hi, P_SIGN, which) >= p.signs[k].chance * p.sensors[sensor].sees:
        return
    i = _alert(p, s, node, p.nodes[node].unit, 1, lo, hi, which, 0.0)
    s.tasks[i].sensor = sensor
    s.tasks[i].event = cause
    delay = p.sensors[sensor].scale * draw(p, p.sensors[sensor].dur, s.seed_key, lo, hi, P_DELAY, which)
    schedule(s, delay, E_ALERT, i, 0)


def arrive(p: Arrays, s: State, i: int, now: float) -> None:
    """A true alert reaches the analysts' queue."""
    tasks = s.tasks
    tasks[i].asked = now
    tasks[i].approved = now
    tasks[i].event = log(s, L_ALERT, tasks[i].node, tasks[i].sensor, 0.0, tasks[i].event)
    _true_alert(s, tasks[i].unit, now)
    enqueue(p, s, i, now)


def _true_alert(s: State, unit: int, now: float) -> None:
    at = unit * CASE_TIMES + T_ALERTED
    if s.case_time[at] == NEVER:
        s.case_time[at] = now


def expect_false_alarm(p: Arrays, s: State, sensor: int, unit: int, which: int) -> None:
    """Plan the next false alarm of a sensor in a city (a Poisson process)."""
    row = p.sensors[sensor]
    rate = row.false_rate
    if rate > 0.0:
        u = two_uniforms(s.seed_key, row.key_lo ^ unit, row.key_hi, P_FALSE, which)[0]
        schedule(s, -math.log(1.0 - u) / rate, E_FALSE_ALARM, sensor * len(p.units) + unit, which)


def false_alarm(p: Arrays, s: State, row: int, which: int, now: float) -> None:
    """A sensor cries wolf about some asset of a city."""
    units = len(p.units)
    sensor = row // units
    unit = row % units
    lo = p.sensors[sensor].key_lo ^ unit
    hi = p.sensors[sensor].key_hi
    first = p.units[unit].node_start
    size = p.units[unit].node_end - first
    # One block gives the asset of this false alarm and the time to the next.
    u, where = two_uniforms(s.seed_key, lo, hi, P_FALSE, which + 1)
    node = p.unit_node[first + int(size * where)]
    s.count[N_FALSE] += 1
    i = _alert(p, s, node, unit, 0, lo, hi, which, now)
    s.tasks[i].sensor = sensor
    s.tasks[i].event = log(s, L_FALSE_ALARM, node, sensor, 0.0, 0)
    enqueue(p, s, i, now)
    schedule(s, -math.log(1.0 - u) / p.sensors[sensor].false_rate, E_FALSE_ALARM, row, which + 1)


def complain(p: Arrays, s: State, service: int, stamp: int, now: float) -> None:
    """Citizens' complaints about a service reach the threshold at which somebody looks into them."""
    if s.accounts[service].complaint_stamp != stamp:
        return
    s.accounts[service].complaint_left = 0.0
    node = p.services[service].node
    _point_at_root(p, s, node, L_COMPLAINT, service, s.accounts[service].episode, s.nodes[node].event, now)


def watch(p: Arrays, s: State, node: int, line: int, now: float) -> None:
    """The asset that watches a node raises an alarm, if it is up and tells the truth; or a cycle is found dead."""
    if line <= -2:
        unit = p.nodes[node].unit
        notice(p, s, unit, -1, 1, now, -2 - line)
        ask_anew(p, s, unit, codes.BLACK_START)
        set_condition(p, s, unit, codes.DEADLOCK, now, -2 - line)
        return
    eye = p.nodes[node].watch
    if s.nodes[eye].level >= 0.5 and s.nodes[eye].lies == 0:
        _point_at_root(p, s, node, L_WATCH, node, s.nodes[node].round, line, now)


def _point_at_root(p: Arrays, s: State, node: int, kind: int, subject: int, which: int, cause: int, now: float) -> None:
    """Raise an alert about the asset whose effect is to blame for a node's level, unless that is known already."""
    blame = s.nodes[node].blame
    if blame < 0 or s.effects[blame].attack == 0:
        return
    root = s.effects[blame].node
    if s.nodes[root].found == 1:
        return
    unit = p.nodes[node].unit
    i = _alert(p, s, root, unit, 1, p.nodes[node].key_lo, p.nodes[node].key_hi ^ kind, which, now)
    s.tasks[i].event = log(s, kind, subject, root, 0.0, cause)
    _true_alert(s, unit, now)
    enqueue(p, s, i, now)


def triaged(p: Arrays, s: State, i: int, now: float) -> None:
    """An analyst has looked at an alert: it is confirmed or dismissed."""
    tasks = s.tasks
    node = tasks[i].node
    u = tasks[i].luck
    if tasks[i].truth == 1 and u < p.settings.confirms:
        line = log(s, L_CONFIRMED, i, node, 0.0, tasks[i].event)
        notice(p, s, tasks[i].unit, i, tasks[i].truth, now, line)
        discover(p, s, node, i, now, line)
    elif tasks[i].truth == 0 and u < p.settings.mistakes:
        s.count[N_MISTAKE] += 1
        line = log(s, L_CONFIRMED, i, node, 0.0, tasks[i].event)
        if s.nodes[node].found == 0:
            mark_suspect(p, s, node, now)
        notice(p, s, tasks[i].unit, i, tasks[i].truth, now, line)
        discover(p, s, node, i, now, line)
    else:
        log(s, L_DISMISSED, i, node, 0.0, tasks[i].event)
        if tasks[i].truth == 1:
            complain_anew(p, s, node, now)
