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
    v = p.services.of_node[node]
    if v < 0:
        return
    close(p, s, v, old_level, old_blame, now)
    accounts = s.accounts
    level = s.nodes.level[node]
    if level < accounts.worst[v]:
        accounts.worst[v] = level
    if level < 1.0 and accounts.first_drop[v] == NEVER:
        accounts.first_drop[v] = now
    if level < HALF <= old_level:
        accounts.interruptions[v] += 1
    if old_level < HALF <= level:
        accounts.last_half[v] = now
    if old_level < NINETY <= level:
        accounts.last_ninety[v] = now
    if old_level < 1.0 - TINY <= level:
        accounts.last_full[v] = now
    _expect_complaint(p, s, v, old_level, now)


def close(p, s, v, level, blame, now):
    """Add people x integral of use x (1 - level) since the last booking."""
    accounts = s.accounts
    since = accounts.since[v]
    accounts.since[v] = now
    if level >= 1.0 or now <= since:
        return
    lost = p.services.people[v] * (1.0 - level) * used_between(p.uses, p.services.use[v], since, now)
    accounts.lost[v] += lost
    if blame >= 0:
        s.effects.lost[blame] += lost
    accounts.complaint_left[v] -= lost * p.services.complaints[v]


def _expect_complaint(p, s, v, old_level, now):
    """Plan the moment at which unserved citizen-hours reach the episode's exponential threshold."""
    if p.services.complaints[v] * p.services.people[v] <= 0.0:
        return
    accounts = s.accounts
    node = p.services.node[v]
    level = s.nodes.level[node]
    accounts.complaint_stamp[v] += 1
    if level >= 1.0:
        return
    if old_level >= 1.0:
        accounts.episode[v] += 1
        u = uniform(s.seed_key, p.graph.key_lo[node], p.graph.key_hi[node], P_COMPLAINT, accounts.episode[v])
        accounts.complaint_left[v] = -math.log(1.0 - u)
    if accounts.complaint_left[v] > 0.0:
        hours = accounts.complaint_left[v] / (p.services.complaints[v] * p.services.people[v] * (1.0 - level))
        wait = time_to_use(p.uses, p.services.use[v], now, hours)
        schedule(s, wait, E_COMPLAINT, v, accounts.complaint_stamp[v])
