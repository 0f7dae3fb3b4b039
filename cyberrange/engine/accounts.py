"""Rules of loss: what each service failed to serve, booked exactly whenever its level changes."""

import math

from cyberrange.engine.calendar import time_to_use, used_between
from cyberrange.engine.draws import P_COMPLAINT, uniform
from cyberrange.engine.events import E_COMPLAINT, schedule
from cyberrange.engine.state import NEVER

HALF = 0.5
NINETY = 0.9
TINY = 1e-9


def book(p, s, node, old_level, old_blame, now):
    """Book the loss since the last change under the level and the blame that held, and note thresholds crossed."""
    v = p.nodes[node].service
    if v < 0:
        return
    close(p, s, v, old_level, old_blame, now)
    accounts = s.accounts
    level = s.nodes[node].level
    if level < accounts[v].worst:
        accounts[v].worst = level
    if level < 1.0 and accounts[v].first_drop == NEVER:
        accounts[v].first_drop = now
    if level < HALF <= old_level:
        accounts[v].interruptions += 1
    if old_level < HALF <= level:
        accounts[v].last_half = now
    if old_level < NINETY <= level:
        accounts[v].last_ninety = now
    if old_level < 1.0 - TINY <= level:
        accounts[v].last_full = now
    _expect_complaint(p, s, v, old_level, now)


def close(p, s, v, level, blame, now):
    """Add people x integral of use x (1 - level) since the last booking."""
    accounts = s.accounts
    since = accounts[v].since
    accounts[v].since = now
    if level >= 1.0 or now <= since:
        return
    lost = p.services[v].people * (1.0 - level) * used_between(p.uses, p.services[v].use, since, now)
    accounts[v].lost += lost
    if blame >= 0:
        s.effects[blame].lost += lost
    accounts[v].complaint_left -= lost * p.services[v].complaints


def _expect_complaint(p, s, v, old_level, now):
    """Plan the moment at which unserved citizen-hours reach the episode's exponential threshold."""
    if p.services[v].complaints * p.services[v].people <= 0.0:
        return
    accounts = s.accounts
    node = p.services[v].node
    level = s.nodes[node].level
    accounts[v].complaint_stamp += 1
    if level >= 1.0:
        return
    if old_level >= 1.0:
        accounts[v].episode += 1
        u = uniform(s.seed_key, p.nodes[node].key_lo, p.nodes[node].key_hi, P_COMPLAINT, accounts[v].episode)
        accounts[v].complaint_left = -math.log(1.0 - u)
    if accounts[v].complaint_left > 0.0:
        hours = accounts[v].complaint_left / (p.services[v].complaints * p.services[v].people * (1.0 - level))
        wait = time_to_use(p.uses, p.services[v].use, now, hours)
        schedule(s, wait, E_COMPLAINT, v, accounts[v].complaint_stamp)
