"""Rules of loss: what each service failed to serve, booked exactly whenever its level changes."""

import math

from cyberrange.engine.calendar import time_to_use, used_between
from cyberrange.engine.draws import P_COMPLAINT, uniform
from cyberrange.engine.events import E_COMPLAINT, schedule
from cyberrange.engine.state import NEVER, State
from cyberrange.model.plan import Arrays

HALF = 0.5
NINETY = 0.9


def book(p: Arrays, s: State, node: int, old_level: float, old_blame: int, now: float) -> None:
    """Book the loss since the last change under the level and the blame that held, and note thresholds crossed."""
    v = p.nodes[node].service
    if v < 0:
        return
    close(p, s, v, old_level, old_blame, now)
    account = s.accounts[v]
    level = s.nodes[node].level
    account.worst = min(account.worst, level)
    if level < 1.0 and account.first_drop == NEVER:
        account.first_drop = now
    if level < HALF <= old_level:
        account.interruptions += 1
    account.back_half = _back(account.back_half, HALF, old_level, level, now)
    account.back_ninety = _back(account.back_ninety, NINETY, old_level, level, now)
    account.back_full = _back(account.back_full, 1.0, old_level, level, now)
    _expect_complaint(p, s, v, old_level, now)


def _back(since: float, threshold: float, old_level: float, level: float, now: float) -> float:
    """Hour since when a service is back at a threshold for good: -1 if it never fell below, infinite while it is."""
    if level < threshold <= old_level:
        return NEVER
    if old_level < threshold <= level:
        return now
    return since


def close(p: Arrays, s: State, v: int, level: float, blame: int, now: float) -> None:
    """Add people x integral of use x (1 - level) since the last booking."""
    account = s.accounts[v]
    row = p.services[v]
    since = account.since
    account.since = now
    if level >= 1.0 or now <= since:
        return
    if level < HALF:
        account.below_half += now - since
    lost = row.people * (1.0 - level) * used_between(p.uses, row.use, since, now)
    account.lost += lost
    if blame >= 0:
        s.effects[blame].lost += lost
    account.complaint_left -= lost * row.complaints


def _expect_complaint(p: Arrays, s: State, v: int, old_level: float, now: float) -> None:
    """Plan the moment at which unserved citizen-hours reach the episode's exponential threshold."""
    row = p.services[v]
    if row.complaints * row.people <= 0.0:
        return
    account = s.accounts[v]
    level = s.nodes[row.node].level
    account.complaint_stamp += 1
    if level >= 1.0:
        return
    if old_level >= 1.0:
        _lose_patience(p, s, v)
    if account.complaint_left > 0.0:
        hours = account.complaint_left / (row.complaints * row.people * (1.0 - level))
        wait = time_to_use(p.uses, row.use, now, hours)
        schedule(s, wait, E_COMPLAINT, v, account.complaint_stamp)


def _lose_patience(p: Arrays, s: State, v: int) -> None:
    """Draw how much more a service must fail to serve until people complain: an exponential threshold."""
    account = s.accounts[v]
    account.episode += 1
    node = p.nodes[p.services[v].node]
    u = uniform(s.seed_key, node.key_lo, node.key_hi, P_COMPLAINT, account.episode)
    account.complaint_left = -math.log(1.0 - u)


def complain_anew(p: Arrays, s: State, root: int, now: float) -> None:
    """An alert about an asset was dismissed: people whose services it keeps down will complain again."""
    for v in range(len(p.services)):
        node = s.nodes[p.services[v].node]
        starved = node.level < 1.0 and node.blame >= 0 and s.effects[node.blame].node == root
        if starved and s.accounts[v].complaint_left <= 0.0:
            close(p, s, v, node.level, node.blame, now)
            _lose_patience(p, s, v)
            _expect_complaint(p, s, v, node.level, now)
