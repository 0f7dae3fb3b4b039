"""Cross checks of a log of decisions: of the file alone, and with the city and the posture that it is meant for."""

from collections.abc import Iterator, Sequence

from cyberrange.errors import Problem, did_you_mean, quoted
from cyberrange.inputs.city import SHARED, City
from cyberrange.inputs.decisions import Decision, Decisions
from cyberrange.inputs.document import Document
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.references import hint_for


def check_repeats(log: Decisions, document: Document) -> Iterator[Problem]:
    """The same thing is not decided twice for the same hour."""
    seen: dict[tuple[object, ...], int] = {}
    for i, decision in enumerate(log.decisions):
        what = (decision.at, decision.do, decision.step, decision.city, decision.asset)
        if seen.setdefault(what, i) != i:
            message = f"this is the same decision as decisions[{seen[what]}]"
            yield document.problem(("decisions", i), message, severity="warning")


def check_releases(log: Decisions, document: Document) -> Iterator[Problem]:
    """Only what was withheld can be given back."""
    withheld: list[Decision] = []
    for i in sorted(range(len(log.decisions)), key=lambda i: log.decisions[i].at):
        decision = log.decisions[i]
        if decision.do == "withhold":
            withheld.append(decision)
        elif decision.do == "release" and not any(_overlap(one, decision) for one in withheld):
            message = f"nothing has withheld {quoted(decision.step)} before, so this changes nothing"
            steps = list(dict.fromkeys(one.step for one in withheld))
            hint = "" if decision.step in steps else hint_for(decision.step, steps)
            yield document.problem(("decisions", i, "do"), message, hint, "warning")


def _overlap(one: Decision, other: Decision) -> bool:
    """Whether two decisions are about the same step of some city and asset; one that names none means each."""
    pairs = ((one.city, other.city), (one.asset, other.asset))
    return one.step == other.step and all(a == b or a is None or b is None for a, b in pairs)


CHECKS = (check_repeats, check_releases)


def check_decisions(log: Decisions, city: City, posture: Posture) -> list[Problem]:
    """Return what keeps a log of decisions from being replayed in a city under a posture.

    Parameters
    ----------
    log, city, posture
        Records that are each sound by themselves.

    Returns
    -------
    list of Problem
        Errors in the order of the log; in place of a file each names the log, by its id.

    Examples
    --------
    >>> import cyberrange as cr
    >>> log = Decisions(id="log", name="", decisions=[{"at": 30, "do": "withhold", "step": "shut_dwon"}])
    >>> [problem] = check_decisions(log, cr.load_city("kasba"), cr.load_posture("hybrid"))
    >>> print(problem)
    log: decisions[0].step: unknown step 'shut_dwon' in posture 'hybrid'. Did you mean 'shut_down'?
    """
    cities = cities_with_a_case(city)
    return [
        Problem(log.id, 0, 0, f"decisions[{i}].{key}", message, hint)
        for i, decision in enumerate(log.decisions)
        for key, message, hint in (
            *_about_time(decision),
            *_about_step(decision, posture),
            *_about_city(decision, city, cities),
            *_about_asset(decision, city, cities),
        )
    ]


def cities_with_a_case(city: City) -> tuple[str, ...]:
    """Return whose decisions there may be: each city, and the operator of what cities share if they share anything.

    Examples
    --------
    >>> import cyberrange as cr
    >>> cities_with_a_case(cr.load_city("kasba"))
    ('kasba',)
    """
    shared = any(asset.city == SHARED for asset in city.assets.values())
    return (*city.city_ids, SHARED) if shared else city.city_ids


def _about_time(decision: Decision) -> Iterator[tuple[str, str, str]]:
    if decision.at < 0:
        yield "at", f"{-decision.at:g} h before the scenario's start is too early", "The first hour is 0 h"


def _about_step(decision: Decision, posture: Posture) -> Iterator[tuple[str, str, str]]:
    step = posture.playbook.get(decision.step)
    if step is None:
        message = f"unknown step {quoted(decision.step)} in posture {quoted(posture.id)}"
        yield "step", message, did_you_mean(decision.step, posture.playbook)
    elif step.scope == "case" and decision.asset is not None:
        yield "asset", f"step {quoted(decision.step)} is for the whole case and means no asset", "Leave `asset` out"


def _about_city(decision: Decision, city: City, cities: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    if decision.city is None and city.cities:
        yield "city", "missing: in a region it is not clear whose decision this is", did_you_mean("", cities)
    elif decision.city is not None and decision.city not in cities:
        message = f"unknown city {quoted(decision.city)} in {quoted(city.id)}"
        yield "city", message, did_you_mean(decision.city, cities)


def _about_asset(decision: Decision, city: City, cities: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    if decision.asset is None:
        return
    asset = city.assets.get(decision.asset)
    if asset is None:
        message = f"unknown asset {quoted(decision.asset)} in city {quoted(city.id)}"
        yield "asset", message, hint_for(decision.asset, city.assets)
        return
    owner, decider = city.city_of(asset), decision.city or cities[0]
    if owner != decider and decider in cities and not (decision.city is None and city.cities):
        yield (
            "asset",
            f"asset {quoted(decision.asset)} belongs to {quoted(owner)}, this decision to {quoted(decider)}",
            "",
        )
