"""Rules of work: a task is asked for, approved, handed over, queued, worked on and finished.

People are held from start to finish. A queue goes by priority class, then first come first served, and does not let a
small task overtake a large one that waits for more people.
"""

from cyberrange.engine.calendar import until_change, until_open, value_at, working_time
from cyberrange.engine.draws import (
    P_APPROVAL,
    P_BACKUP,
    P_DOCUMENTED,
    P_HAND_OFF,
    P_LOCATE,
    P_REBUILD,
    P_SURVIVES,
    P_WORK,
    draw,
    quantile,
    two_uniforms,
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
    FULL,
    N_APPROVAL,
    N_DROPPED,
    N_TASK,
    NEVER,
    PRIORITIES,
    QUEUED,
    W_APPROVAL,
    W_FALSE,
    W_OUTSIDE,
    W_STAFF,
    W_VENDOR,
    W_WORK,
    WORKING,
    State,
)
from cyberrange.model import codes
from cyberrange.model.plan import Arrays

ROUNDS = 4096
"""A task's luck has the number of its asset's round; each time that it is done again adds this much."""
PLACES = 9
"""Places with a chain of their own for each playbook step: the kinds of zone, shared assets, the case itself."""


def new_task(
    s: State,
    step: int,
    node: int,
    unit: int,
    team: int,
    people: int,
    truth: int,
    lo: int,
    hi: int,
    which: int,
    now: float,
) -> int:
    """Enter a task into the book of tasks."""
    i = s.count[N_TASK]
    if i < len(s.tasks) - 1:
        s.count[N_TASK] = i + 1
    else:  # the last row takes what finds no room; the run is played again with more
        s.count[FULL] = 1
    task = s.tasks[i]
    task.step = step
    task.node = node
    task.unit = unit
    task.team = team
    task.people = people
    task.truth = truth
    task.which = which
    task.key_lo = lo
    task.key_hi = hi
    task.asked = now
    task.approved = now
    task.state = ASKED
    task.sensor = -1
    task.event = -1
    task.queued = NEVER
    task.started = NEVER
    task.ended = NEVER
    task.luck = 0.0
    task.next = -1
    return i


def request(p: Arrays, s: State, step: int, node: int, unit: int, which: int, now: float, cause: int) -> int:
    """Ask for a response step, for an asset or (node -1) for the case; return the task."""
    row = step * len(p.units) + unit
    team = p.posts[row].team
    lo = p.responses[step].key_lo
    hi = p.responses[step].key_hi
    chain = p.chain_at[row * PLACES + 8]
    if node >= 0:
        if team == codes.MAINTAINER:
            team = p.nodes[node].team
        vendor = p.nodes[node].vendor
        if vendor >= 0 and s.vendor_by[vendor] >= 0 and p.teams[team].stand_in >= 0:
            team = p.teams[team].stand_in
        lo ^= p.nodes[node].key_lo
        hi ^= p.nodes[node].key_hi
        chain = p.chain_at[row * PLACES + p.nodes[node].place]
    else:
        lo ^= unit
    i = new_task(s, step, node, unit, team, p.responses[step].people, 1, lo, hi, which, now)
    s.tasks[i].event = log(s, L_REQUESTED, i, node, 0.0, cause)
    wait = 0.0 if chain < 0 else _consent(p, s, unit, chain, now)
    if wait > 0.0:
        schedule(s, wait, E_TASK_READY, i, 0)
    else:
        approved(p, s, i, now)
    return i


def waited(p: Arrays, s: State, i: int, stage: int, now: float) -> None:
    """The consent (stage 0) or the hand-over (stage 1) that a task waited for is there."""
    if s.tasks[i].state != ASKED:
        return
    if stage == 0:
        approved(p, s, i, now)
    else:
        enqueue(p, s, i, now)


def approved(p: Arrays, s: State, i: int, now: float) -> None:
    """Consent is there: hand the task over to its team."""
    tasks = s.tasks
    tasks[i].approved = now
    if now > tasks[i].asked:
        tasks[i].event = log(s, L_APPROVED, i, tasks[i].node, now - tasks[i].asked, tasks[i].event)
    team = tasks[i].team
    wait = 0.0
    if p.teams[team].hand_off >= 0:
        wait = p.teams[team].scale * draw(
            p, p.teams[team].hand_off, s.seed_key, tasks[i].key_lo, tasks[i].key_hi, P_HAND_OFF, tasks[i].which
        )
    if wait > 0.0:
        schedule(s, wait, E_TASK_READY, i, 1)
    else:
        enqueue(p, s, i, now)


def _consent(p: Arrays, s: State, unit: int, chain: int, now: float) -> float:
    """Hours until a chain of approvers has consented; one consent covers later requests while it is valid."""
    row = unit * len(p.chains) + chain
    if now < s.consents[row].until:
        return max(0.0, s.consents[row].at - now)
    which = s.consents[row].asked
    s.consents[row].asked = which + 1
    s.count[N_APPROVAL] += 1
    at = now
    for j in range(p.chains[chain].approver_start, p.chains[chain].approver_end):
        a = p.approver_of[j]
        lo = p.approvers[a].key_lo ^ unit
        shut = until_open(p, p.approvers[a].calendar, at)
        if shut > 0.0 and p.approvers[a].after_dur >= 0:
            dur = p.approvers[a].after_dur
        else:
            dur = p.approvers[a].dur
            at += shut
        at += p.approvers[a].scale * draw(p, dur, s.seed_key, lo, p.approvers[a].key_hi, P_APPROVAL, which)
    s.consents[row].at = at
    s.consents[row].until = at + p.chains[chain].valid
    return at - now


def enqueue(p: Arrays, s: State, i: int, now: float) -> None:
    """Put a task at the end of its class in its team's queue."""
    if s.count[FULL] == 1:
        return
    task = s.tasks[i]
    task.state = QUEUED
    task.queued = now
    task.next = -1
    task.event = log(s, L_QUEUED, i, task.node, 0.0, task.event)
    rank = p.nodes[task.node].rank if task.node >= 0 and task.truth == 1 else 3
    crew = s.crews[task.team]
    priority = p.responses[task.step].priority * 5 + rank - 1
    place = task.team * PRIORITIES + priority
    if s.queue_head[place] < 0:
        s.queue_head[place] = i
    else:
        s.tasks[s.queue_tail[place]].next = i
    s.queue_tail[place] = i
    crew.waiting += 1
    crew.first = min(crew.first, priority)
    dispatch(p, s, task.team, now)


def free_people(p: Arrays, s: State, team: int, now: float) -> int:
    """People of a team who are on shift, or have come to help, and not at work."""
    crew = s.crews[team]
    return value_at(p, p.teams[team].calendar, now) + crew.extra - crew.busy


def dispatch(p: Arrays, s: State, team: int, now: float) -> None:
    """Start what the free people of a team can start; else wake up at the next change of shift."""
    crew = s.crews[team]
    while crew.waiting > 0:
        place = team * PRIORITIES + crew.first
        i = s.queue_head[place]
        if i < 0:
            crew.first += 1
            continue
        task = s.tasks[i]
        if task.state != DROPPED and overtaken(p, s, i):
            drop(s, i, task.event)
        if task.state != DROPPED and task.people > free_people(p, s, team, now):
            if crew.awake == 0:
                crew.awake = 1
                schedule(s, until_change(p, p.teams[team].calendar, now), E_TEAM_AWAKE, team, 0)
            return
        s.queue_head[place] = task.next
        crew.waiting -= 1
        if task.state != DROPPED:
            begin(p, s, i, now)


def overtaken(p: Arrays, s: State, i: int) -> bool:
    """Whether the asset of a task was made whole by another step since the task was asked for."""
    task = s.tasks[i]
    return p.responses[task.step].scope == codes.ASSET and s.nodes[task.node].round != task.which % ROUNDS


def drop(s: State, i: int, cause: int) -> None:
    """Give a task up that has not begun."""
    s.tasks[i].state = DROPPED
    s.count[N_DROPPED] += 1
    log(s, L_TASK_DROPPED, i, s.tasks[i].node, 0.0, cause)


def begin(p: Arrays, s: State, i: int, now: float) -> None:
    """Begin to work on a task: draw its work, book its waits, plan its end."""
    task = s.tasks[i]
    crew = s.crews[task.team]
    task.state = WORKING
    task.started = now
    crew.busy += task.people
    work = _work(p, s, i)
    crew.worked += work * task.people
    _book(p, s, i, work, now)
    task.event = log(s, L_TASK_STARTED, i, task.node, work, task.event)
    span = work if crew.extra > 0 else working_time(p, p.teams[task.team].calendar, now, work)
    schedule(s, span, E_TASK_END, i, 0)


def _book(p: Arrays, s: State, i: int, work: float, now: float) -> None:
    """Add a task's waits, by whom they were for, and its work to the sums of its case."""
    task = s.tasks[i]
    base = task.unit * CASE_SUMS
    if task.truth == 0:
        s.case_sum[base + W_FALSE] += work * task.people
        return
    kind = p.teams[task.team].kind
    place = W_STAFF if kind == codes.OWN else W_VENDOR if kind == codes.VENDOR else W_OUTSIDE
    s.case_sum[base + W_APPROVAL] += task.approved - task.asked
    s.case_sum[base + place] += now - task.approved
    s.case_sum[base + W_WORK] += work * task.people


def _work(p: Arrays, s: State, i: int) -> float:
    """Draw a task's luck and its hours of work: its own, finding an undocumented asset, rebuilding destroyed data."""
    task = s.tasks[i]
    node = task.node
    u, luck = two_uniforms(s.seed_key, task.key_lo, task.key_hi, P_WORK, task.which)
    task.luck = luck
    if task.step == codes.TAKE_OVER:
        need = p.needs[task.sensor]
        return need.manual_scale * quantile(p, need.manual_dur, u)
    step = p.responses[task.step]
    hours = step.scale * quantile(p, step.dur, u)
    if node < 0 or step.scope != codes.ASSET:
        return hours
    row = p.nodes[node]
    state = s.nodes[node]
    unknown = uniform(s.seed_key, row.key_lo, row.key_hi, P_DOCUMENTED, 0) >= row.documented
    if unknown and state.begun & codes.LOCATED == 0:
        state.begun |= codes.LOCATED
        hours += draw(p, p.settings.locate_dur, s.seed_key, row.key_lo, row.key_hi, P_LOCATE, state.round)
    if step.effect == codes.RESTORE and state.condition & codes.DESTROYED:
        hours += rebuild_hours(p, s, node)
    return hours


def rebuild_hours(p: Arrays, s: State, node: int) -> float:
    """Hours to bring an asset's data back: from its backup, or many times longer without one."""
    lo = p.nodes[node].key_lo
    hi = p.nodes[node].key_hi
    which = s.nodes[node].round
    hours = p.nodes[node].rebuild_scale * draw(p, p.nodes[node].rebuild_dur, s.seed_key, lo, hi, P_REBUILD, which)
    good = uniform(s.seed_key, lo, hi, P_BACKUP, 0) < p.nodes[node].backup_good
    if good and s.cases[p.nodes[node].unit].backups_spoilt == 1:
        good = uniform(s.seed_key, lo, hi, P_SURVIVES, 0) < p.nodes[node].backup_survives
    return hours if good else hours * p.nodes[node].bare_rebuild


def leave(p: Arrays, s: State, i: int, now: float) -> None:
    """Let the people of a task go, and start what waited for them."""
    team = s.tasks[i].team
    s.crews[team].busy -= s.tasks[i].people
    dispatch(p, s, team, now)


def awake(p: Arrays, s: State, team: int, now: float) -> None:
    """A shift of a team changed while tasks waited."""
    s.crews[team].awake = 0
    dispatch(p, s, team, now)
