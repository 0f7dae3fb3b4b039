"""Rules of manual take-over: people are called, set up, work by hand, and tire or are relieved."""

from cyberrange.engine.events import E_MANUAL_TIRED, L_MANUAL_ON, L_MANUAL_TIRED, L_REQUESTED, log, schedule
from cyberrange.engine.levels import mark
from cyberrange.engine.state import ASKED, CALLED, FINISHED, IDLE, ON, QUEUED, TIRED, WORKING, State
from cyberrange.engine.work import approved, dispatch, drop, leave, new_task
from cyberrange.model import codes
from cyberrange.model.plan import Arrays


def call(p: Arrays, s: State, need: int, cause: int, now: float) -> None:
    """Ask a team to take over by hand, or (cause -1) send it home because the supply is back."""
    needs = s.needs
    if cause >= 0 and needs[need].manual == CALLED:
        if needs[need].task >= 0:  # the supply came back and went in one moment
            _relieve(p, s, needs[need].task, now)
        node = p.needs[need].node
        lo = p.nodes[node].key_lo
        hi = p.nodes[node].key_hi ^ need
        which = needs[need].manual_stamp
        unit = p.nodes[node].unit
        people = p.needs[need].manual_people
        team = p.needs[need].manual_team
        i = new_task(s, codes.TAKE_OVER, node, unit, team, people, 1, lo, hi, which, now)
        s.tasks[i].sensor = need
        s.tasks[i].event = log(s, L_REQUESTED, i, node, 0.0, cause)
        needs[need].task = i
        approved(p, s, i, now)
    elif cause < 0 and needs[need].task >= 0 and needs[need].manual == IDLE:
        _relieve(p, s, needs[need].task, now)
        needs[need].task = -1


def _relieve(p: Arrays, s: State, i: int, now: float) -> None:
    state = s.tasks[i].state
    if state == WORKING:
        s.tasks[i].state = FINISHED
        s.tasks[i].ended = now
        leave(p, s, i, now)
    elif state in (ASKED, QUEUED):
        drop(s, i, s.tasks[i].event)
        dispatch(p, s, s.tasks[i].team, now)


def ready(p: Arrays, s: State, i: int, now: float) -> None:
    """Set-up is over: from now on the supply counts as at least the manual level; the people stay."""
    need = s.tasks[i].sensor
    if s.needs[need].task == i and s.needs[need].manual == CALLED:
        s.needs[need].manual = ON
        line = log(s, L_MANUAL_ON, need, i, p.needs[need].manual_level, s.tasks[i].event)
        s.tasks[i].event = line
        schedule(s, p.needs[need].manual_endurance, E_MANUAL_TIRED, need, i)
        mark(s, p.needs[need].node)


def tire(p: Arrays, s: State, need: int, i: int, now: float) -> None:
    """The people who work by hand can no longer."""
    if s.needs[need].task == i and s.needs[need].manual == ON:
        s.needs[need].manual = TIRED
        line = log(s, L_MANUAL_TIRED, need, i, 0.0, s.tasks[i].event)
        s.tasks[i].event = line
        _relieve(p, s, i, now)
        mark(s, p.needs[need].node)
