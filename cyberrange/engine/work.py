"""Rules of work: a task is asked for, approved, handed over, queued, worked on and finished.

People are held from start to finish. A queue goes by priority class, then first come first served, and does not let a
small task overtake a large one that waits for more people.
"""

from cyberrange.engine.calendar import until_change, until_open, value_at, working_time
from cyberrange.engine.draws import (
    P_APPROVAL,
    P_BACKUP,
    P_DOCUMENTED,
    P_DURATION,
    P_HAND_OFF,
    P_LOCATE,
    P_REBUILD,
    P_SURVIVES,
    draw,
    uniform,
)
from cyberrange.engine.events import (
    E_TASK_END,
    E_TASK_READY,
    E_TEAM_AWAKE,
    L_APPROVED,
    L_QUEUED,
    L_REQUESTED,
    L_TASK_DROPPED,
    L_TASK_STARTED,
    log,
    schedule,
)
from cyberrange.engine.state import (
    ASKED,
    CASE_SUMS,
    DROPPED,
    N_APPROVAL,
    N_DROPPED,
    N_TASK,
    PRIORITIES,
    QUEUED,
    W_APPROVAL,
    W_FALSE,
    W_OUTSIDE,
    W_STAFF,
    W_VENDOR,
    W_WORK,
    WORKING,
)
from cyberrange.model import codes

PLACES = 9
"""Places with a chain of their own for each playbook step: the kinds of zone, shared assets, the case itself."""


def new_task(s, step, node, unit, team, people, truth, lo, hi, which, now):
    """Enter a task into the book of tasks."""
    tasks = s.tasks
    i = s.count[N_TASK]
    tasks.step[i] = step
    tasks.node[i] = node
    tasks.unit[i] = unit
    tasks.state[i] = ASKED
    tasks.team[i] = team
    tasks.people[i] = people
    tasks.truth[i] = truth
    tasks.sensor[i] = -1
    tasks.which[i] = which
    tasks.key_lo[i] = lo
    tasks.key_hi[i] = hi
    tasks.event[i] = -1
    tasks.asked[i] = now
    tasks.approved[i] = now
    tasks.queued[i] = now
    tasks.started[i] = now
    tasks.next[i] = -1
    s.count[N_TASK] = i + 1
    return i


def request(p, s, step, node, unit, which, now, cause):
    """Ask for a response step, for an asset or (node -1) for the case; return the task."""
    book = p.playbook
    row = step * p.settings.units + unit
    team = book.team[row]
    lo = book.key_lo[step]
    hi = book.key_hi[step]
    chain = book.chain[row * PLACES + 8]
    if node >= 0:
        if team == codes.MAINTAINER:
            team = p.assets.team[node]
        vendor = p.assets.vendor[node]
        if vendor >= 0 and s.vendor_by[vendor] >= 0 and p.teams.stand_in[team] >= 0:
            team = p.teams.stand_in[team]
        lo ^= p.graph.key_lo[node]
        hi ^= p.graph.key_hi[node]
        chain = book.chain[row * PLACES + p.assets.place[node]]
    else:
        lo ^= unit
    i = new_task(s, step, node, unit, team, book.people[step], 1, lo, hi, which, now)
    s.tasks.event[i] = log(s, L_REQUESTED, i, node, 0.0, cause)
    wait = 0.0 if chain < 0 else _consent(p, s, unit, chain, now)
    if wait > 0.0:
        schedule(s, wait, E_TASK_READY, i, 0)
    else:
        approved(p, s, i, now)
    return i


def waited(p, s, i, stage, now):
    """The consent (stage 0) or the hand-over (stage 1) that a task waited for is there."""
    if s.tasks.state[i] != ASKED:
        return
    if stage == 0:
        approved(p, s, i, now)
    else:
        enqueue(p, s, i, now)


def approved(p, s, i, now):
    """Consent is there: hand the task over to its team."""
    tasks = s.tasks
    tasks.approved[i] = now
    if now > tasks.asked[i]:
        tasks.event[i] = log(s, L_APPROVED, i, tasks.node[i], now - tasks.asked[i], tasks.event[i])
    team = tasks.team[i]
    wait = 0.0
    if p.teams.hand_off[team] >= 0:
        wait = p.teams.scale[team] * draw(
            p.durations, p.teams.hand_off[team], s.seed_key, tasks.key_lo[i], tasks.key_hi[i], P_HAND_OFF, tasks.which[i]
        )
    if wait > 0.0:
        schedule(s, wait, E_TASK_READY, i, 1)
    else:
        enqueue(p, s, i, now)


def _consent(p, s, unit, chain, now):
    """Hours until a chain of approvers has consented; one consent covers later requests while it is valid."""
    row = unit * len(p.approvals.valid) + chain
    if now < s.grants.until[row]:
        return max(0.0, s.grants.at[row] - now)
    which = s.grants.asked[row]
    s.grants.asked[row] = which + 1
    s.count[N_APPROVAL] += 1
    at = now
    for j in range(p.approvals.chain_start[chain], p.approvals.chain_start[chain + 1]):
        a = p.approvals.chain[j]
        lo = p.approvals.key_lo[a] ^ unit
        shut = until_open(p, p.approvals.calendar[a], at)
        if shut > 0.0 and p.approvals.after_dur[a] >= 0:
            dur = p.approvals.after_dur[a]
        else:
            dur = p.approvals.dur[a]
            at += shut
        at += p.approvals.scale[a] * draw(p.durations, dur, s.seed_key, lo, p.approvals.key_hi[a], P_APPROVAL, which)
    s.grants.at[row] = at
    s.grants.until[row] = at + p.approvals.valid[chain]
    return at - now


def enqueue(p, s, i, now):
    """Put a task at the end of its class in its team's queue."""
    tasks = s.tasks
    tasks.state[i] = QUEUED
    tasks.queued[i] = now
    tasks.event[i] = log(s, L_QUEUED, i, tasks.node[i], 0.0, tasks.event[i])
    rank = p.assets.rank[tasks.node[i]] if tasks.node[i] >= 0 and tasks.truth[i] == 1 else 3
    crews = s.crews
    place = tasks.team[i] * PRIORITIES + p.playbook.priority[tasks.step[i]] * 5 + rank - 1
    if crews.head[place] < 0:
        crews.head[place] = i
    else:
        tasks.next[crews.tail[place]] = i
    crews.tail[place] = i
    crews.waiting[tasks.team[i]] += 1
    dispatch(p, s, tasks.team[i], now)


def free_people(p, s, team, now):
    """People of a team who are on shift, or have come to help, and not at work."""
    return value_at(p, p.teams.calendar[team], now) + s.crews.extra[team] - s.crews.busy[team]


def dispatch(p, s, team, now):
    """Start what the free people of a team can start; else wake up at the next change of shift."""
    crews = s.crews
    tasks = s.tasks
    place = team * PRIORITIES
    end = place + PRIORITIES
    while crews.waiting[team] > 0 and place < end:
        i = crews.head[place]
        if i < 0:
            place += 1
            continue
        if tasks.state[i] != DROPPED and tasks.people[i] > free_people(p, s, team, now):
            if crews.awake[team] == 0:
                crews.awake[team] = 1
                schedule(s, until_change(p, p.teams.calendar[team], now), E_TEAM_AWAKE, team, 0)
            return
        crews.head[place] = tasks.next[i]
        crews.waiting[team] -= 1
        if tasks.state[i] != DROPPED:
            begin(p, s, i, now)


def drop(s, i, cause):
    """Give a task up that has not begun."""
    s.tasks.state[i] = DROPPED
    s.count[N_DROPPED] += 1
    log(s, L_TASK_DROPPED, i, s.tasks.node[i], 0.0, cause)


def begin(p, s, i, now):
    """Begin to work on a task: book its waits, draw its work, plan its end."""
    tasks = s.tasks
    team = tasks.team[i]
    tasks.state[i] = WORKING
    tasks.started[i] = now
    s.crews.busy[team] += tasks.people[i]
    work = _work(p, s, i)
    extra = s.crews.extra[team] > 0
    span = work if extra else working_time(p, p.teams.calendar[team], now, work)
    base = tasks.unit[i] * CASE_SUMS
    kind = p.teams.kind[team]
    if tasks.truth[i] == 1:
        place = W_STAFF if kind == codes.OWN else W_VENDOR if kind == codes.VENDOR else W_OUTSIDE
        s.cases.sum[base + W_APPROVAL] += tasks.approved[i] - tasks.asked[i]
        s.cases.sum[base + place] += now - tasks.approved[i]
        s.cases.sum[base + W_WORK] += work * tasks.people[i]
    else:
        s.cases.sum[base + W_FALSE] += work * tasks.people[i]
    s.crews.worked[team] += work * tasks.people[i]
    tasks.event[i] = log(s, L_TASK_STARTED, i, tasks.node[i], work, tasks.event[i])
    schedule(s, span, E_TASK_END, i, 0)


def _work(p, s, i):
    """Hours of work of a task: its own, finding an undocumented asset, and rebuilding destroyed data."""
    tasks = s.tasks
    step = tasks.step[i]
    node = tasks.node[i]
    lo = tasks.key_lo[i]
    hi = tasks.key_hi[i]
    which = tasks.which[i]
    book = p.playbook
    if step == codes.TAKE_OVER:
        group = tasks.sensor[i]
        return p.graph.manual_scale[group] * draw(
            p.durations, p.graph.manual_dur[group], s.seed_key, lo, hi, P_DURATION, which
        )
    hours = book.scale[step] * draw(p.durations, book.dur[step], s.seed_key, lo, hi, P_DURATION, which)
    if node < 0 or book.scope[step] != codes.ASSET:
        return hours
    key_lo = p.graph.key_lo[node]
    key_hi = p.graph.key_hi[node]
    if uniform(s.seed_key, key_lo, key_hi, P_DOCUMENTED, 0) >= p.assets.documented[node] and s.nodes.begun[node] & 1 == 0:
        s.nodes.begun[node] |= 1
        hours += draw(p.durations, p.settings.locate_dur, s.seed_key, key_lo, key_hi, P_LOCATE, s.nodes.round[node])
    if book.effect[step] == codes.RESTORE and s.nodes.condition[node] & codes.DESTROYED:
        hours += rebuild_hours(p, s, node)
    return hours


def rebuild_hours(p, s, node):
    """Hours to bring an asset's data back: from its backup, or many times longer without one."""
    lo = p.graph.key_lo[node]
    hi = p.graph.key_hi[node]
    which = s.nodes.round[node]
    hours = p.assets.rebuild_scale[node] * draw(
        p.durations, p.assets.rebuild_dur[node], s.seed_key, lo, hi, P_REBUILD, which
    )
    good = uniform(s.seed_key, lo, hi, P_BACKUP, 0) < p.assets.backup_good[node]
    if good and s.cases.backups_spoilt[p.assets.unit[node]] == 1:
        good = uniform(s.seed_key, lo, hi, P_SURVIVES, 0) < p.assets.backup_survives[node]
    return hours if good else hours * p.assets.bare_rebuild[node]


def leave(p, s, i, now):
    """Let the people of a task go, and start what waited for them."""
    team = s.tasks.team[i]
    s.crews.busy[team] -= s.tasks.people[i]
    dispatch(p, s, team, now)


def awake(p, s, team, now):
    """A shift of a team changed while tasks waited."""
    s.crews.awake[team] = 0
    dispatch(p, s, team, now)
