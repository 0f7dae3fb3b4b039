"""Rules of manual take-over: people are called, set up, work by hand, and tire or are relieved."""

from cyberrange.engine.events import E_MANUAL_TIRED, L_MANUAL_ON, L_MANUAL_TIRED, L_REQUESTED, log, schedule
from cyberrange.engine.levels import mark
from cyberrange.engine.state import ASKED, CALLED, FINISHED, IDLE, ON, QUEUED, TIRED, WORKING
from cyberrange.engine.work import approved, drop, leave, new_task
from cyberrange.model import codes


def call(p, s, group, cause, now):
    """Ask a team to take over by hand, or (cause -1) send it home because the supply is back."""
    groups = s.groups
    if cause >= 0 and groups.manual[group] == CALLED:
        node = p.graph.group_node[group]
        lo = p.graph.key_lo[node]
        hi = p.graph.key_hi[node] ^ group
        which = groups.manual_stamp[group]
        unit = p.assets.unit[node]
        people = p.graph.manual_people[group]
        team = p.graph.manual_team[group]
        i = new_task(s, codes.TAKE_OVER, node, unit, team, people, 1, lo, hi, which, now)
        s.tasks.sensor[i] = group
        s.tasks.event[i] = log(s, L_REQUESTED, i, node, 0.0, cause)
        groups.task[group] = i
        approved(p, s, i, now)
    elif cause < 0 and groups.task[group] >= 0 and groups.manual[group] == IDLE:
        _relieve(p, s, groups.task[group], now)
        groups.task[group] = -1


def _relieve(p, s, i, now):
    state = s.tasks.state[i]
    if state == WORKING:
        s.tasks.state[i] = FINISHED
        leave(p, s, i, now)
    elif state == ASKED or state == QUEUED:
        drop(s, i, s.tasks.event[i])


def ready(p, s, i, now):
    """Set-up is over: from now on the supply counts as at least the manual level; the people stay."""
    group = s.tasks.sensor[i]
    if s.groups.task[group] == i and s.groups.manual[group] == CALLED:
        s.groups.manual[group] = ON
        line = log(s, L_MANUAL_ON, group, i, p.graph.manual_level[group], s.tasks.event[i])
        s.tasks.event[i] = line
        schedule(s, p.graph.manual_endurance[group], E_MANUAL_TIRED, group, i)
        mark(s, p.graph.group_node[group])


def tire(p, s, group, i, now):
    """The people who work by hand can no longer."""
    if s.groups.task[group] == i and s.groups.manual[group] == ON:
        s.groups.manual[group] = TIRED
        line = log(s, L_MANUAL_TIRED, group, i, 0.0, s.tasks.event[i])
        s.tasks.event[i] = line
        _relieve(p, s, i, now)
        mark(s, p.graph.group_node[group])


