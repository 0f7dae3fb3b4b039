"""The measures of a run: one number each, with a unit and an equation, from the books that the rules kept.

`MEASURES` lists them; the same names are the index of `Run.measures` and columns of `cyberrange.replicate`. Besides
them, each service s has `unserved.<s>` (citizen-hours), `outage.<s>` (hours below one half) and `restored.<s>` (hours
from its first loss until it was whole for good).

A clock that has not stopped by the horizon is censored there: it shows the time from its start to the horizon.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cyberrange.engine.calendar import used_between
from cyberrange.engine.state import (
    CASE_SUMS,
    CASE_TIMES,
    DEEPEST,
    FIRST_EFFECT,
    LAST_FALL,
    N_APPROVAL,
    N_DEADLOCK,
    N_EFFECT,
    N_FALSE,
    N_FELL,
    N_MISTAKE,
    N_RECORDS,
    N_REHIT,
    N_STOPPED,
    NEVER,
    T_ALERTED,
    T_BREACH,
    T_CLEAN,
    T_COMPROMISED,
    T_CONTAINED,
    T_DECIDED,
    T_DECLARED,
    T_NOTICED,
    T_NOTIFIED,
    T_REPORTED,
    T_RESTORED,
    W_APPROVAL,
    W_FALSE,
    W_OUTSIDE,
    W_STAFF,
    W_VENDOR,
    W_WORK,
    Account,
    State,
)
from cyberrange.model.build import Plan, people_served


class Measure(NamedTuple):
    """What a measure means."""

    name: str
    unit: str
    meaning: str


MEASURES = (
    Measure("unserved_citizen_hours", "citizen-hours", "sum over services of people x integral of use x (1 - level)"),
    Measure("unserved_by_attack", "citizen-hours", "the part whose binding effect is the attack's"),
    Measure("unserved_by_response", "citizen-hours", "the part whose binding effect is the response's own (isolation)"),
    Measure("response_share", "share", "unserved_by_response / unserved_citizen_hours; 0 without loss"),
    Measure("resilience_loss", "share", "unserved / demanded citizen-hours over the horizon"),
    Measure("loss_rupees", "Rs", "loss_city_rupees + loss_citizens_rupees"),
    Measure("loss_city_rupees", "Rs", "unserved x city value + response_cost + deferred revenue never collected"),
    Measure("loss_citizens_rupees", "Rs", "unserved x citizens' value"),
    Measure("deferred_rupees", "Rs", "unserved x deferred value: revenue put off, collected later or not"),
    Measure("deferred_recovered_rupees", "Rs", "deferred_rupees x recovered share"),
    Measure("response_cost", "Rs", "people-hours of incident work x rate of each team, work on false alarms included"),
    Measure("safety_minutes", "weighted minutes", "60 x sum of safety weight x unserved citizen-hours"),
    Measure("saidi", "hours per citizen", "unserved citizen-hours / citizens served (as SAIDI)"),
    Measure("saifi", "interruptions per citizen", "sum of people x drops below one half / people served (as SAIFI)"),
    Measure("worst_level", "level", "lowest level of any service"),
    Measure(
        "restored_50", "hours", "from the first loss until every service was back at 50 % for good; 0 if none fell"
    ),
    Measure("restored_90", "hours", "the same for 90 %"),
    Measure("restored_100", "hours", "the same for 100 %"),
    Measure("restored_by_horizon", "0 or 1", "whether every service was whole at the horizon"),
    Measure("assets_hit", "assets", "distinct assets that the attack had an effect on"),
    Measure("cascade_size", "nodes", "assets and services that lost level at any time"),
    Measure("cascade_depth", "needs", "longest causal chain from an effect to a node"),
    Measure("amplification", "ratio", "cascade_size / assets_hit; 0 without attack"),
    Measure("spread_hours", "hours", "from the attack's first effect to the last node that fell for the first time"),
    Measure("cities_touched", "cities", "cities with a service that lost something"),
    Measure("wards_touched", "wards", "wards with a service that lost something"),
    Measure("black_starts", "events", "black-start deadlocks"),
    Measure("time_to_alert", "hours", "from the first compromise to the first true alert in the queue"),
    Measure("time_to_notice", "hours", "from the first compromise to a confirmed alert"),
    Measure("time_to_declare", "hours", "from the first compromise to the declaration"),
    Measure("time_to_decide", "hours", "from the first compromise to the first consent to a containing step"),
    Measure("time_to_contain", "hours", "from the first compromise until nothing hit was left connected, for good"),
    Measure("time_to_eradicate", "hours", "from the first compromise until nothing was hit any more, for good"),
    Measure("time_to_recover", "hours", "from the first compromise until no asset was hurt or isolated, for good"),
    Measure("time_to_report", "hours", "from noticing to the report to the national authority"),
    Measure(
        "reported_in_time", "0 or 1", "report filed within the legal time from noticing; 1 when nothing was noticed"
    ),
    Measure("time_to_notify", "hours", "from knowing of a data breach to the notice; 0 without a known breach"),
    Measure("waited_for_staff", "task-hours", "hours that response tasks waited for the city's own people"),
    Measure("waited_for_approval", "task-hours", "hours that response tasks waited for consent"),
    Measure("waited_for_vendor", "task-hours", "hours that response tasks waited for a vendor's people"),
    Measure("waited_for_outside", "task-hours", "hours that response tasks waited for outside help"),
    Measure("worked", "people-hours", "work on the incident"),
    Measure("approvals_asked", "requests", "requests to chains of approvers"),
    Measure("records_exposed", "records", "personal records that left"),
    Measure("false_alarms", "alerts", "false alarms"),
    Measure("false_alarm_hours", "people-hours", "work on false alarms"),
    Measure("mistaken_alarms", "alerts", "false alarms taken for an attack"),
    Measure("operations_stopped", "operations", "attack operations stopped by containment"),
    Measure("hit_again", "effects", "attack effects on assets that had been made whole"),
)
"""Every measure of a run, in the order of the tables."""


def measures(plan: Plan, state: State) -> dict[str, float]:
    """Return every measure of a finished run by name."""
    accounts = state.accounts
    services = plan.city.services
    result = {
        **_losses(plan, state),
        **_reliability(plan, accounts),
        **_cascade(plan, state),
        **_times(plan, state),
        **_effort(plan, state),
    }
    ordered = {m.name: float(result[m.name]) for m in MEASURES}
    horizon = plan.scenario.horizon
    for name, account in zip(services, accounts, strict=True):
        ordered[f"unserved.{name}"] = account.lost
    for name, account in zip(services, accounts, strict=True):
        ordered[f"outage.{name}"] = account.below_half
    for name, account in zip(services, accounts, strict=True):
        ordered[f"restored.{name}"] = _back(account, account.back_full, horizon)
    return ordered


def demanded(plan: Plan) -> float:
    """Citizen-hours demanded of all services over the horizon."""
    p = plan.lists
    return sum(s.people * used_between(p.uses, s.use, 0.0, plan.scenario.horizon) for s in p.services)


def _losses(plan: Plan, state: State) -> dict[str, float]:
    lost = [a.lost for a in state.accounts]
    services = list(plan.city.services.values())
    total = math.fsum(lost)
    effects = [state.effects[e] for e in range(state.count[N_EFFECT])]
    by_response = math.fsum(e.lost for e in effects if e.attack == 0)
    pairs = list(zip(services, lost, strict=True))
    deferred = sum(s.value.deferred * x for s, x in pairs)
    recovered = sum(s.value.deferred * s.value.recovered * x for s, x in pairs)
    rates = [plan.posture.teams[t].rate for t in plan.team_ids]
    cost = sum(crew.worked * rate for crew, rate in zip(state.crews, rates, strict=True))
    city = sum(s.value.city * x for s, x in pairs) + cost + deferred - recovered
    citizens = sum(s.value.citizens * x for s, x in pairs)
    return {
        "unserved_citizen_hours": total,
        "unserved_by_attack": total - by_response,
        "unserved_by_response": by_response,
        "response_share": by_response / total if total > 0 else 0.0,
        "resilience_loss": total / demanded(plan) if total > 0 else 0.0,
        "loss_rupees": city + citizens,
        "loss_city_rupees": city,
        "loss_citizens_rupees": citizens,
        "deferred_rupees": deferred,
        "deferred_recovered_rupees": recovered,
        "response_cost": cost,
        "safety_minutes": 60 * sum(s.safety * x for s, x in pairs),
    }


def _back(account: Account, since: float, horizon: float) -> float:
    """Hours from a service's first loss until it was back at a threshold for good; censored at the horizon."""
    return 0.0 if since < 0 else min(since, horizon) - account.first_drop


def _reliability(plan: Plan, accounts: Sequence[Account]) -> dict[str, float]:
    people = [s.people for s in plan.lists.services]
    total = sum(people)
    lost = sum(a.lost for a in accounts)
    drops = sum(a.interruptions * n for a, n in zip(accounts, people, strict=True))
    fell = [a for a in accounts if a.first_drop != NEVER]
    first = min((a.first_drop for a in fell), default=0.0)
    horizon = plan.scenario.horizon

    def back(hours: Iterable[float]) -> float:
        return max((min(hour, horizon) - first for hour in hours if hour >= 0), default=0.0)

    return {
        "saidi": lost / total if total else 0.0,
        "saifi": drops / total if total else 0.0,
        "worst_level": min((a.worst for a in accounts), default=1.0),
        "restored_50": back(a.back_half for a in fell),
        "restored_90": back(a.back_ninety for a in fell),
        "restored_100": back(a.back_full for a in fell),
        "restored_by_horizon": float(all(a.back_full != NEVER for a in fell)),
    }


def _cascade(plan: Plan, state: State) -> dict[str, float]:
    effects = [state.effects[e] for e in range(state.count[N_EFFECT])]
    hit = len({e.node for e in effects if e.attack == 1})
    size = state.count[N_FELL]
    hurt = [s for s, a in zip(plan.city.services.values(), state.accounts, strict=True) if a.lost > 0]
    spread = state.instant[LAST_FALL] - state.instant[FIRST_EFFECT]
    return {
        "assets_hit": hit,
        "cascade_size": size,
        "cascade_depth": state.count[DEEPEST],
        "amplification": size / hit if hit else 0.0,
        "spread_hours": max(0.0, spread) if hit and size else 0.0,
        "cities_touched": len({plan.city.city_of(s) for s in hurt}),
        "wards_touched": len({ward for s in hurt for ward in people_served(plan.city, s)}),
        "black_starts": state.count[N_DEADLOCK],
        "records_exposed": state.count[N_RECORDS],
        "operations_stopped": state.count[N_STOPPED],
        "hit_again": state.count[N_REHIT],
    }


def case_time(state: State, unit: int, clock: int) -> float:
    """Hour at which a clock of a case stopped; infinite if it has not."""
    hour: float = state.case_time[unit * CASE_TIMES + clock]
    return hour


def _times(plan: Plan, state: State) -> dict[str, float]:
    units = range(len(plan.units))
    horizon = plan.scenario.horizon
    begun = [u for u in units if case_time(state, u, T_COMPROMISED) != NEVER]
    start = min((case_time(state, u, T_COMPROMISED) for u in begun), default=0.0)

    def first(clock: int) -> float:
        return min(horizon, *(case_time(state, u, clock) for u in units), NEVER) - start if begun else 0.0

    def last(clock: int) -> float:
        return max((min(horizon, case_time(state, u, clock)) for u in begun), default=start) - start

    noticed = [u for u in units if case_time(state, u, T_NOTICED) != NEVER]
    reports = [min(horizon, case_time(state, u, T_REPORTED)) - case_time(state, u, T_NOTICED) for u in noticed]
    known = [u for u in units if case_time(state, u, T_BREACH) != NEVER]
    notices = [min(horizon, case_time(state, u, T_NOTIFIED)) - case_time(state, u, T_BREACH) for u in known]
    return {
        "time_to_alert": first(T_ALERTED),
        "time_to_notice": first(T_NOTICED),
        "time_to_declare": first(T_DECLARED),
        "time_to_decide": first(T_DECIDED),
        "time_to_contain": last(T_CONTAINED),
        "time_to_eradicate": last(T_CLEAN),
        "time_to_recover": last(T_RESTORED),
        "time_to_report": max(reports, default=0.0),
        "reported_in_time": float(all(r <= plan.posture.rules.report_within for r in reports)),
        "time_to_notify": max(notices, default=0.0),
    }


def _effort(plan: Plan, state: State) -> dict[str, float]:
    def total(which: int) -> float:
        return math.fsum(state.case_sum[u * CASE_SUMS + which] for u in range(len(plan.units)))

    return {
        "waited_for_staff": total(W_STAFF),
        "waited_for_approval": total(W_APPROVAL),
        "waited_for_vendor": total(W_VENDOR),
        "waited_for_outside": total(W_OUTSIDE),
        "worked": total(W_WORK),
        "approvals_asked": state.count[N_APPROVAL],
        "false_alarms": state.count[N_FALSE],
        "false_alarm_hours": total(W_FALSE),
        "mistaken_alarms": state.count[N_MISTAKE],
    }


def as_markdown() -> str:
    """Return the list of measures as a Markdown table: `docs/measures.md` holds it.

    Examples
    --------
    >>> as_markdown().splitlines()[2]
    '| `unserved_citizen_hours` | citizen-hours | sum over services of people x integral of use x (1 - level) |'
    """
    rows = [f"| `{m.name}` | {m.unit} | {m.meaning} |" for m in MEASURES]
    return "\n".join(["| measure | unit | equation or meaning |", "|---|---|---|", *rows])
