"""Rules of detection: signs, false alarms, watch alarms and complaints become alerts; analysts triage them."""

import math

from cyberrange.engine.draws import (
    P_CONFIRM,
    P_DELAY,
    P_FALSE,
    P_SIGN,
    P_WHERE,
    draw,
    uniform,
)
from cyberrange.engine.effects import has_foothold
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
from cyberrange.engine.response import discover, notice, set_condition
from cyberrange.engine.state import CASE_TIMES, N_FALSE, N_MISTAKE, NEVER, T_ALERTED
from cyberrange.engine.tally import count_out, recount
from cyberrange.engine.work import enqueue, new_task
from cyberrange.model import codes


def _alert(p, s, node, unit, truth, lo, hi, which, now):
    """Enter the triage of an alert into the book of tasks."""
    team = p.playbook.team[codes.TRIAGE * p.settings.units + unit]
    return new_task(s, codes.TRIAGE, node, unit, team, 1, truth, lo, hi, which, now)


def raise_signs(p, s, op, moment, cause):
    """Turn the signs that an operation leaves at this moment into alerts on their way."""
    attack = p.attack
    step = attack.op_step[op]
    node = attack.target[attack.target_start[op]]
    for j in range(attack.target_start[op], attack.target_start[op + 1]):
        if has_foothold(p, s, op, attack.target[j]):
            node = attack.target[j]
            break
    for k in range(attack.sign_start[step], attack.sign_start[step + 1]):
        sensor = attack.sign_sensor[k]
        covered = sensor >= 0 and p.watchers.zones[sensor] >> p.assets.zone[node] & 1
        if attack.sign_at[k] == moment and covered and not (attack.sign_tamed[k] == 1 and s.nodes.lies[node] == 1):
            _sign(p, s, op, k, sensor, node, cause)


def _sign(p, s, op, k, sensor, node, cause):
    watchers = p.watchers
    lo = p.attack.op_key_lo[op] ^ watchers.key_lo[sensor]
    hi = (p.attack.op_key_hi[op] ^ watchers.key_hi[sensor]) + p.attack.sign_at[k]
    which = s.operations.attempt[op]
    if uniform(s.seed_key, lo, hi, P_SIGN, which) >= p.attack.sign_chance[k] * watchers.sees[sensor]:
        return
    i = _alert(p, s, node, p.assets.unit[node], 1, lo, hi, which, 0.0)
    s.tasks.sensor[i] = sensor
    s.tasks.event[i] = cause
    delay = watchers.scale[sensor] * draw(p.durations, watchers.dur[sensor], s.seed_key, lo, hi, P_DELAY, which)
    schedule(s, delay, E_ALERT, i, 0)


def arrive(p, s, i, now):
    """A true alert reaches the analysts' queue."""
    tasks = s.tasks
    tasks.asked[i] = now
    tasks.approved[i] = now
    tasks.event[i] = log(s, L_ALERT, tasks.node[i], tasks.sensor[i], 0.0, tasks.event[i])
    _true_alert(s, tasks.unit[i], now)
    enqueue(p, s, i, now)


def _true_alert(s, unit, now):
    at = unit * CASE_TIMES + T_ALERTED
    if s.cases.time[at] == NEVER:
        s.cases.time[at] = now


def expect_false_alarm(p, s, sensor, unit, which):
    """Plan the next false alarm of a sensor in a city (a Poisson process)."""
    rate = p.watchers.false_rate[sensor]
    if rate > 0.0:
        u = uniform(s.seed_key, p.watchers.key_lo[sensor] ^ unit, p.watchers.key_hi[sensor], P_FALSE, which)
        schedule(s, -math.log(1.0 - u) / rate, E_FALSE_ALARM, sensor * p.settings.units + unit, which)


def false_alarm(p, s, row, which, now):
    """A sensor cries wolf about some asset of a city."""
    units = p.settings.units
    sensor = row // units
    unit = row % units
    lo = p.watchers.key_lo[sensor] ^ unit
    hi = p.watchers.key_hi[sensor]
    first = p.assets.unit_start[unit]
    size = p.assets.unit_start[unit + 1] - first
    node = p.assets.unit_node[first + int(size * uniform(s.seed_key, lo, hi, P_WHERE, which))]
    s.count[N_FALSE] += 1
    i = _alert(p, s, node, unit, 0, lo, hi, which, now)
    s.tasks.sensor[i] = sensor
    s.tasks.event[i] = log(s, L_FALSE_ALARM, node, sensor, 0.0, 0)
    enqueue(p, s, i, now)
    expect_false_alarm(p, s, sensor, unit, which + 1)


def complain(p, s, service, stamp, now):
    """Citizens' complaints about a service reach the threshold at which somebody looks into them."""
    if s.accounts.complaint_stamp[service] != stamp:
        return
    s.accounts.complaint_left[service] = 0.0
    node = p.services.node[service]
    _point_at_root(p, s, node, L_COMPLAINT, service, s.accounts.episode[service], s.nodes.event[node], now)


def watch(p, s, node, line, now):
    """The asset that watches a node raises an alarm, if it is up and tells the truth; or a cycle is found dead."""
    if line <= -2:
        unit = p.assets.unit[node]
        s.cases.dead_component[unit] = p.graph.component[node]
        notice(p, s, unit, -1, now, -2 - line)
        set_condition(p, s, unit, codes.DEADLOCK, now, -2 - line)
        return
    eye = p.graph.watch[node]
    if s.nodes.level[eye] >= 0.5 and s.nodes.lies[eye] == 0:
        _point_at_root(p, s, node, L_WATCH, node, s.nodes.round[node], line, now)


def _point_at_root(p, s, node, kind, subject, which, cause, now):
    """Raise an alert about the asset whose effect is to blame for a node's level, unless that is known already."""
    blame = s.nodes.blame[node]
    if blame < 0 or s.effects.attack[blame] == 0:
        return
    root = s.effects.node[blame]
    if s.nodes.found[root] == 1:
        return
    unit = p.assets.unit[node]
    i = _alert(p, s, root, unit, 1, p.graph.key_lo[node], p.graph.key_hi[node] ^ kind, which, now)
    s.tasks.event[i] = log(s, kind, subject, root, 0.0, cause)
    _true_alert(s, unit, now)
    enqueue(p, s, i, now)


def triaged(p, s, i, now):
    """An analyst has looked at an alert: it is confirmed or dismissed."""
    tasks = s.tasks
    node = tasks.node[i]
    u = uniform(s.seed_key, tasks.key_lo[i], tasks.key_hi[i], P_CONFIRM, tasks.which[i])
    if tasks.truth[i] == 1 and u < p.settings.confirms:
        line = log(s, L_CONFIRMED, i, node, 0.0, tasks.event[i])
        notice(p, s, tasks.unit[i], i, now, line)
        discover(p, s, node, i, now, line)
    elif tasks.truth[i] == 0 and u < p.settings.mistakes:
        s.count[N_MISTAKE] += 1
        line = log(s, L_CONFIRMED, i, node, 0.0, tasks.event[i])
        if s.nodes.found[node] == 0:
            count_out(p, s, node)
            s.nodes.condition[node] |= codes.SUSPECT
            recount(p, s, node, now, line)
        notice(p, s, tasks.unit[i], i, now, line)
        discover(p, s, node, i, now, line)
    else:
        log(s, L_DISMISSED, i, node, 0.0, tasks.event[i])
