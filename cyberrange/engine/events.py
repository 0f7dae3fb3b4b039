"""Kinds of event on the clock, kinds of line in the log, and how rules add to both.

Simultaneous events run by kind in the order of this list, then in the order in which they were scheduled.
"""

from cyberrange.engine.state import FULL, LOG_BASE, LOGGING, N_LOG, N_OUT, State

# Events on the clock, in order of precedence at one instant.
(
    E_DECISION, E_EFFECT_END, E_STORE_EMPTY, E_HOLD_END, E_TRIP, E_STARTED, E_MANUAL_CALL, E_MANUAL_TIRED, E_SPREAD,
    E_AGAIN, E_REVIEW, E_OPERATION, E_OPERATION_END, E_TASK_READY, E_TASK_END, E_TEAM_AWAKE, E_ALERT, E_WATCH,
    E_FALSE_ALARM, E_COMPLAINT, E_HELP_COMES, E_HELP_LEAVES,
) = range(22)  # fmt: skip

# What a log line's a and b stand for.
LOG_KINDS = (
    ("level", "node", "blame"),
    ("store.empty", "need", ""),
    ("hold.end", "need", ""),
    ("node.trip", "node", ""),
    ("node.starting", "node", ""),
    ("node.started", "node", ""),
    ("blackstart.deadlock", "node", "component"),
    ("manual.on", "need", "task"),
    ("manual.off", "need", "task"),
    ("manual.tired", "need", "task"),
    ("attack.start", "operation", ""),
    ("attack.success", "operation", ""),
    ("attack.failure", "operation", ""),
    ("attack.stopped", "operation", ""),
    ("attack.effect", "node", "effect"),
    ("attack.effect_end", "node", "effect"),
    ("attack.spread", "node", "node"),
    ("records.exposed", "node", "operation"),
    ("alert", "node", "sensor"),
    ("alert.false", "node", "sensor"),
    ("alert.complaint", "service", "node"),
    ("alert.watch", "node", "node"),
    ("alert.confirmed", "task", "node"),
    ("alert.dismissed", "task", "node"),
    ("asset.found", "node", "task"),
    ("case.noticed", "unit", "task"),
    ("case.condition", "unit", "condition"),
    ("task.requested", "task", "node"),
    ("task.approved", "task", "node"),
    ("task.queued", "task", "node"),
    ("task.started", "task", "node"),
    ("task.done", "task", "node"),
    ("task.failed", "task", "node"),
    ("task.dropped", "task", "node"),
    ("response.effect", "node", "effect"),
    ("response.undo", "node", "task"),
    ("report.filed", "unit", "task"),
    ("help.asked", "help", "unit"),
    ("help.came", "help", "unit"),
    ("help.left", "help", "unit"),
    ("scenario.start", "", ""),
    ("case.closed", "unit", ""),
    ("decision", "decision", "node"),
)
(
    L_LEVEL, L_STORE_EMPTY, L_HOLD_END, L_TRIP, L_STARTING, L_STARTED, L_DEADLOCK, L_MANUAL_ON, L_MANUAL_OFF,
    L_MANUAL_TIRED, L_ATTACK_START, L_ATTACK_SUCCESS, L_ATTACK_FAILURE, L_ATTACK_STOPPED, L_ATTACK_EFFECT,
    L_ATTACK_EFFECT_END, L_SPREAD, L_RECORDS, L_ALERT, L_FALSE_ALARM, L_COMPLAINT, L_WATCH, L_CONFIRMED, L_DISMISSED,
    L_FOUND, L_NOTICED, L_CONDITION, L_REQUESTED, L_APPROVED, L_QUEUED, L_TASK_STARTED, L_TASK_DONE, L_TASK_FAILED,
    L_TASK_DROPPED, L_RESPONSE_EFFECT, L_UNDO, L_REPORTED, L_HELP_ASKED, L_HELP_CAME, L_HELP_LEFT, L_SCENARIO, L_CLOSED,
    L_DECISION,
) = range(len(LOG_KINDS))  # fmt: skip


def schedule(s: State, delay: float, kind: int, a: int, b: int) -> None:
    """Ask the clock for an event of this kind after a delay (never if infinite)."""
    if delay == float("inf"):
        return
    place = s.count[N_OUT]
    if place >= len(s.due):
        s.count[FULL] = 1
        return
    due = s.due[place]
    due.delay = delay
    due.kind = kind
    due.a = a
    due.b = b
    s.count[N_OUT] = place + 1


def log(s: State, kind: int, a: int, b: int, x: float, cause: int) -> int:
    """Write a line of the log and return its number; `cause` is the number of the line that led to it."""
    number = s.count[N_LOG]
    s.count[N_LOG] = number + 1
    if s.count[LOGGING] == 1:
        place = number - s.count[LOG_BASE]
        if place >= len(s.lines):
            s.count[FULL] = 1
            return number
        line = s.lines[place]
        line.kind = kind
        line.a = a
        line.b = b
        line.x = x
        line.cause = cause
    return number
