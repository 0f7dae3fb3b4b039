"""The measures of a run: one number each, with a unit and an equation, from the books that the rules kept.

`MEASURES` lists them; the same names are the index of `Run.measures` and columns of `cyberrange.replicate`. Besides
them, each service s has `unserved.<s>` (citizen-hours), `outage.<s>` (hours below one half) and `restored.<s>` (hours
from its first loss until it was whole for good).

A clock that has not stopped by the horizon is censored there: it shows the time from its start to the horizon.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from cyberrange.engine.books import Books
from cyberrange.engine.calendar import used_between
from cyberrange.engine.state import (
    BY_ATTACK,
    BY_RESPONSE,
    CASE_SUMS,
    CASE_TIMES,
    DEEPEST,
    FIRST_EFFECT,
    LAST_FALL,
    N_APPROVAL,
    N_DEADLOCK,
    N_FALSE,
    N_FELL,
    N_HIT,
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
)
from cyberrange.inputs.city import Service
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


class Board(NamedTuple):
    """What measures are computed from: the books of n replicates, and what the plan says of money and people."""

    plan: Plan
    books: Books
    horizon: float

    def account(self, column: str) -> Any:
        """Return a column of the accounts, a row for each service: (services, n)."""
        return self.books.accounts[column].T

    def clock(self, which: int) -> Any:
        """Return the hours at which a clock stopped, a row for each city: (cities, n)."""
        return self.books.case_time[:, which::CASE_TIMES].T

    def effort(self, which: int) -> Any:
        """Return the sum over the cities of one sum of their cases: (n,)."""
        return _sum(self.books.case_sum[:, which::CASE_SUMS].T, self.runs)

    def count(self, which: int) -> Any:
        """Return a counter: (n,)."""
        return self.books.count[:, which]

    @property
    def runs(self) -> int:
        """How many replicates there are."""
        return len(self.books.count)


def _sum(rows: Iterable[Any], runs: int) -> Any:
    """Add up rows one after the other, so that a replicate's sum does not depend on how many replicates there are."""
    total = np.zeros(runs)
    for row in rows:
        total = total + row
    return total


def _most(rows: Iterable[Any], runs: int, none: float = 0.0) -> Any:
    """Return the largest of some rows, each replicate by itself; `none` where there is no row."""
    rows = list(rows)
    return np.maximum.reduce(rows) if rows else np.full(runs, none)


def measures(plan: Plan, books: Books) -> dict[str, Any]:
    """Return every measure of n finished replicates by name, as vectors of n.

    A replicate's measures do not depend on the others that stand in the same books.
    """
    board = Board(plan, books, plan.scenario.horizon)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            **_losses(board), **_reliability(board), **_cascade(board), **_times(board), **_effort(board),
        }  # fmt: skip
    ordered = {m.name: np.asarray(found[m.name], dtype=np.float64) for m in MEASURES}
    services = list(plan.city.services)
    back = _back(board, board.account("back_full"))
    ordered |= {f"unserved.{name}": row for name, row in zip(services, board.account("lost"), strict=True)}
    ordered |= {f"outage.{name}": row for name, row in zip(services, board.account("below_half"), strict=True)}
    ordered |= {f"restored.{name}": row for name, row in zip(services, back, strict=True)}
    return ordered


def demanded(plan: Plan) -> float:
    """Citizen-hours demanded of all services over the horizon."""
    uses, services = plan.arrays.uses, plan.arrays.services
    rows: Any = zip(services["people"].tolist(), services["use"].tolist(), strict=True)  # type: ignore[call-overload]
    return float(sum(people * used_between(uses, use, 0.0, plan.scenario.horizon) for people, use in rows))


def _losses(board: Board) -> dict[str, Any]:
    plan, runs = board.plan, board.runs
    services = list(plan.city.services.values())
    lost = board.account("lost")
    total = _sum(lost, runs)
    by_response = board.books.total[:, BY_RESPONSE]
    rates = [plan.posture.teams[t].rate for t in plan.team_ids]

    def worth(value: Callable[[Service], float]) -> Any:
        return _sum((value(s) * row for s, row in zip(services, lost, strict=True)), runs)

    deferred, recovered = worth(lambda s: s.value.deferred), worth(lambda s: s.value.deferred * s.value.recovered)
    cost = _sum((rate * worked for rate, worked in zip(rates, board.books.crews["worked"].T, strict=True)), runs)
    city = worth(lambda s: s.value.city) + cost + deferred - recovered
    citizens = worth(lambda s: s.value.citizens)
    return {
        "unserved_citizen_hours": total,
        "unserved_by_attack": board.books.total[:, BY_ATTACK],
        "unserved_by_response": by_response,
        "response_share": np.where(total > 0, by_response / total, 0.0),
        "resilience_loss": np.where(total > 0, total / demanded(plan), 0.0),
        "loss_rupees": city + citizens,
        "loss_city_rupees": city,
        "loss_citizens_rupees": citizens,
        "deferred_rupees": deferred,
        "deferred_recovered_rupees": recovered,
        "response_cost": cost,
        "safety_minutes": 60 * worth(lambda s: s.safety),
    }


def _back(board: Board, since: Any) -> Any:
    """Hours from a service's first loss until it was back at a threshold for good; censored at the horizon."""
    return np.where(since < 0, 0.0, np.minimum(since, board.horizon) - board.account("first_drop"))


def _reliability(board: Board) -> dict[str, Any]:
    runs = board.runs
    people = board.plan.arrays.services["people"].tolist()  # type: ignore[call-overload]
    total = sum(people)
    fell = board.account("first_drop") != NEVER
    first = -_most((-row for row in board.account("first_drop")), runs, -NEVER)
    drops = _sum((n * row for n, row in zip(people, board.account("interruptions"), strict=True)), runs)

    def back(column: str) -> Any:
        hours = np.where(fell & (board.account(column) >= 0), np.minimum(board.account(column), board.horizon), -NEVER)
        latest = _most(hours, runs, -NEVER)
        return np.where(latest == -NEVER, 0.0, latest - first)

    return {
        "saidi": _sum(board.account("lost"), runs) / total if total else np.zeros(runs),
        "saifi": drops / total if total else np.zeros(runs),
        "worst_level": -_most((-row for row in board.account("worst")), runs, -1.0),
        "restored_50": back("back_half"),
        "restored_90": back("back_ninety"),
        "restored_100": back("back_full"),
        "restored_by_horizon": ~np.any(fell & (board.account("back_full") == NEVER), axis=0) & np.ones(runs, bool),
    }


def _cascade(board: Board) -> dict[str, Any]:
    city, runs = board.plan.city, board.runs
    services = list(city.services.values())
    hit, size = board.count(N_HIT), board.count(N_FELL)
    hurt = board.account("lost") > 0
    spread = board.books.instant[:, LAST_FALL] - board.books.instant[:, FIRST_EFFECT]

    def touched(owners: Callable[[Service], Iterable[str]]) -> Any:
        rows: dict[str, Any] = {}
        for s, row in zip(services, hurt, strict=True):
            for owner in owners(s):
                rows[owner] = rows.get(owner, False) | row
        return _sum(rows.values(), runs)

    return {
        "assets_hit": hit,
        "cascade_size": size,
        "cascade_depth": board.count(DEEPEST),
        "amplification": np.where(hit > 0, size / hit, 0.0),
        "spread_hours": np.where((hit > 0) & (size > 0), np.maximum(0.0, spread), 0.0),
        "cities_touched": touched(lambda s: [city.city_of(s)]),
        "wards_touched": touched(lambda s: people_served(city, s)),
        "black_starts": board.count(N_DEADLOCK),
        "records_exposed": board.count(N_RECORDS),
        "operations_stopped": board.count(N_STOPPED),
        "hit_again": board.count(N_REHIT),
    }


def _times(board: Board) -> dict[str, Any]:
    horizon, runs = board.horizon, board.runs
    compromised = board.clock(T_COMPROMISED)
    begun = compromised != NEVER
    start = np.minimum.reduce([*compromised])
    attacked = start != NEVER

    def first(clock: int) -> Any:
        return np.where(attacked, np.minimum(horizon, np.minimum.reduce([*board.clock(clock)])) - start, 0.0)

    def last(clock: int) -> Any:
        return np.where(
            attacked, _most(np.where(begun, np.minimum(horizon, board.clock(clock)), start), runs) - start, 0.0
        )

    def taken(clock: int, since: int) -> Any:
        known = board.clock(since) != NEVER
        return np.where(known, np.minimum(horizon, board.clock(clock)) - board.clock(since), 0.0)

    report = taken(T_REPORTED, T_NOTICED)
    return {
        "time_to_alert": first(T_ALERTED),
        "time_to_notice": first(T_NOTICED),
        "time_to_declare": first(T_DECLARED),
        "time_to_decide": first(T_DECIDED),
        "time_to_contain": last(T_CONTAINED),
        "time_to_eradicate": last(T_CLEAN),
        "time_to_recover": last(T_RESTORED),
        "time_to_report": _most(report, runs),
        "reported_in_time": np.all(report <= board.plan.posture.rules.report_within, axis=0),
        "time_to_notify": _most(taken(T_NOTIFIED, T_BREACH), runs),
    }


def _effort(board: Board) -> dict[str, Any]:
    return {
        "waited_for_staff": board.effort(W_STAFF),
        "waited_for_approval": board.effort(W_APPROVAL),
        "waited_for_vendor": board.effort(W_VENDOR),
        "waited_for_outside": board.effort(W_OUTSIDE),
        "worked": board.effort(W_WORK),
        "approvals_asked": board.count(N_APPROVAL),
        "false_alarms": board.count(N_FALSE),
        "false_alarm_hours": board.effort(W_FALSE),
        "mistaken_alarms": board.count(N_MISTAKE),
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
