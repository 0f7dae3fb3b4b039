"""A run as a tree of causes: steps of attack and response, the assets they acted on, the services that lost by it."""

from collections import defaultdict

import pandas as pd

from cyberrange.engine.calendar import used_between
from cyberrange.results.run import Run
from cyberrange.views.from_runs import label
from cyberrange.views.subjects import CauseStep, CauseTree, Flow

MOST_ASSETS = 9
MOST_SERVICES = 9


def cause_tree(run: Run, posture: str) -> CauseTree:
    """Return the tree of causes of a run."""
    flows = _few(_named(run, lost_by_effect(run)))
    return CauseTree(posture, run.plan.scenario.start, (*_attack(run), *_response(run, flows)), flows)


def lost_by_effect(run: Run) -> dict[tuple[int, str], float]:
    """Citizen-hours lost by the number of the binding effect and the service: exact, as the books are."""
    events, plan = run.events, run.plan.lists
    levels = events[events["kind"] == "level"]
    lost: dict[tuple[int, str], float] = defaultdict(float)
    for row, service in zip(plan.services, run.plan.city.services, strict=True):
        own = levels[levels["subject"] == service]
        hours = [*own["hour"], run.plan.scenario.horizon]
        for i, (level, blame) in enumerate(zip(own["value"], own["about"], strict=True)):
            if level < 1 and blame != "":
                used = used_between(plan.uses, row.use, hours[i], hours[i + 1])
                lost[int(blame), service] += row.people * (1 - level) * used
    return lost


def _named(run: Run, lost: dict[tuple[int, str], float]) -> list[Flow]:
    """Put names to effects and services, and add up what is the same."""
    city = run.plan.city
    effects = run.effects.to_dict("records")
    total: dict[tuple[str, str, str, str], float] = defaultdict(float)
    for (number, service), hours in lost.items():
        effect = effects[number]
        key = (str(effect["step"]), str(effect["side"]), label(city, str(effect["asset"])), label(city, service))
        total[key] += hours
    return [Flow(*key, hours) for key, hours in total.items() if hours > 0]


def _few(flows: list[Flow]) -> tuple[Flow, ...]:
    """Keep the assets and services that matter most and lump the rest together."""
    assets = _largest({f.asset for f in flows}, {f: f.asset for f in flows}, MOST_ASSETS, "assets")
    services = _largest({f.service for f in flows}, {f: f.service for f in flows}, MOST_SERVICES, "services")
    total: dict[tuple[str, str, str, str], float] = defaultdict(float)
    for f in flows:
        total[f.step, f.side, assets[f.asset], services[f.service]] += f.lost
    return tuple(sorted((Flow(*key, x) for key, x in total.items()), key=lambda f: (-f.lost, f.step, f.asset)))


def _largest(names: set[str], of: dict[Flow, str], most: int, what: str) -> dict[str, str]:
    """Return name -> name for the largest, and name -> `n more ...` for the rest."""
    weight: dict[str, float] = defaultdict(float)
    for flow, name in of.items():
        weight[name] += flow.lost
    ranked = sorted(names, key=lambda name: (-weight[name], name))
    rest = f"{len(ranked) - most} more {what}"
    lump = len(ranked) > most + 1
    return {name: rest if lump and i >= most else name for i, name in enumerate(ranked)}


def _attack(run: Run) -> list[CauseStep]:
    """Return the steps of the attack that succeeded, by the hour of their first success."""
    events, steps = run.events, run.plan.scenario.steps
    won = events[events["kind"] == "attack.success"]
    first: dict[str, CauseStep] = {}
    for row, hour, subject in zip(won.index, won["hour"], won["subject"], strict=True):
        key = _step(subject)
        if key not in first and key in steps:
            step = steps[key]
            before = _before(events, int(row), key)
            first[key] = CauseStep(key, step.name, step.technique, "attack", float(hour), before)
    return list(first.values())


def _before(events: pd.DataFrame, row: int, key: str) -> str:
    """The other step of the attack whose success a success follows from."""
    kinds, subjects, causes = (events[c].array for c in ("kind", "subject", "cause"))
    at = int(causes[row])
    while at >= 0:
        if kinds[at] == "attack.success" and _step(str(subjects[at])) != key:
            return _step(str(subjects[at]))
        at = int(causes[at])
    return ""


def _step(subject: str) -> str:
    return subject.split("/", maxsplit=1)[0]


def _response(run: Run, flows: tuple[Flow, ...]) -> list[CauseStep]:
    """Return the steps of the response that cost citizens something."""
    playbook, effects = run.plan.posture.playbook, run.effects
    found = []
    for key in dict.fromkeys(f.step for f in flows if f.side == "response"):
        own = effects[(effects["step"] == key) & (effects["side"] == "response")]
        name = playbook[key].name if key in playbook else key
        found.append(CauseStep(key, name, "", "response", float(own["hour"].min()), ""))
    return found
