"""Cross checks of a scenario: steps that can start, targets that exist, signs that somebody may see."""

import re
from collections.abc import Collection, Iterator
from typing import get_args

from cyberrange.errors import Problem, quoted
from cyberrange.inputs.city import Sector
from cyberrange.inputs.document import Document
from cyberrange.inputs.quantities import format_hours
from cyberrange.inputs.references import cycles, each_unknown, hint_for, shown_cycle, unknown
from cyberrange.inputs.scenario import Scenario, Step

SENSORS = ("edr", "siem", "ids", "ot_monitor", "mail_filter", "user", "partner", "audit", "traffic_monitor")
"""Kinds of sensor that the shipped postures have; a posture may have others."""

_TAKES_HOLD = {"compromise", "worm"}
_SECTORS = get_args(Sector)


def check_targets(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Each step and effect means a target of this scenario."""
    for name, step in scenario.steps.items():
        if step.target not in scenario.targets:
            yield unknown(document, ("steps", name, "target"), "target", step.target, scenario.targets)
        for i, effect in enumerate(step.effects):
            if effect.on is not None and effect.on not in scenario.targets:
                yield unknown(document, ("steps", name, "effects", i, "on"), "target", effect.on, scenario.targets)


def check_unused_targets(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """A target that no step means only keeps the scenario from cities that lack it."""
    used = {step.target for step in scenario.steps.values()}
    used |= {effect.on for step in scenario.steps.values() for effect in step.effects if effect.on}
    if not used <= set(scenario.targets):
        return  # a misspelt target is the likelier reason
    for name in scenario.targets:
        if name not in used:
            yield document.key_problem(("targets", name), f"no step means the target {quoted(name)}", "", "warning")


def check_prerequisites(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Steps wait for steps that exist, and not for themselves."""
    for name, step in scenario.steps.items():
        for key, before in (("after_all", step.after_all), ("after_any", step.after_any)):
            yield from each_unknown(document, ("steps", name, key), "step", before, scenario.steps)
            for i, other in enumerate(before):
                if other == name:
                    yield document.problem(("steps", name, key, i), f"step {quoted(name)} cannot wait for itself")


def check_startable(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Each step can start at some time."""
    stuck = _never_started(scenario)
    in_circle: set[str] = set()
    for cycle in cycles({name: _waits_for(scenario.steps[name], stuck) for name in stuck}):
        in_circle.update(cycle)
        message = f"these steps wait for each other and never start: {shown_cycle(cycle)}"
        yield document.key_problem(("steps", cycle[0]), message)
    for name, why in stuck.items():
        if name not in in_circle:
            yield document.key_problem(("steps", name), f"step {quoted(name)} can never start: {why}")


def _never_started(scenario: Scenario) -> dict[str, str]:
    """Return the steps that can never start, and why."""
    race = _Race(scenario)
    while race.another_round():
        pass
    return {name: race.hindrance(name) for name in scenario.steps if name not in race.started}


class _Race:
    """Plays a scenario without time or chance: which steps start, and what keeps the others from it."""

    def __init__(self, scenario: Scenario) -> None:
        self.steps = scenario.steps
        self._horizon = scenario.horizon
        self.started: set[str] = set()
        self._succeeded: set[str] = set()
        self._holds = False

    def another_round(self) -> bool:
        """Start what can start; say whether anything did."""
        before = len(self.started)
        for name, step in self.steps.items():
            if name not in self.started and not self.hindrance(name):
                self.started.add(name)
                if step.chance > 0:
                    self._succeeded.add(name)
                    self._holds |= any(effect.do in _TAKES_HOLD for effect in step.effects)
        return len(self.started) > before

    def hindrance(self, name: str) -> str:
        """Say what keeps a step from starting, or nothing."""
        step = self.steps[name]
        if step.begins >= self._horizon:
            begins, ends = format_hours(step.begins), format_hours(self._horizon)
            return f"it begins {begins} after the start, and the scenario ends after {ends}"
        missing = next((other for other in step.after_all if self._fails(other, name)), None)
        if missing:
            never = "succeeds" if missing in self.started else "starts"
            return f"it waits for {quoted(missing)}, which never {never}"
        if step.after_any and all(self._fails(other, name) for other in step.after_any):
            return "none of the steps in `after_any` ever succeeds"
        if step.foothold != "outside" and not self._holds:
            return f"its foothold is {quoted(step.foothold)}, and no step before it takes hold of anything"
        return ""

    def _fails(self, other: str, name: str) -> bool:
        # Ids that do not exist, and a step that waits for itself, are reported as such.
        return other in self.steps and other != name and other not in self._succeeded


def _waits_for(step: Step, stuck: Collection[str]) -> list[str]:
    """Return those of the steps that never start for which a step waits."""
    some = [name for name in step.after_any if name in stuck]
    return [name for name in step.after_all if name in stuck] + (some if len(some) == len(step.after_any) else [])


def check_outages(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Published outages are compared with services of a sector."""
    for i, outage in enumerate(scenario.outages):
        if outage.service not in _SECTORS:
            yield unknown(document, ("outages", i, "service"), "sector", outage.service, _SECTORS)


def check_version(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Technique ids change from one version of ATT&CK to the next, so the version is said."""
    if scenario.steps and not re.search(r"\d", scenario.attack_version):
        message = f"{quoted(scenario.attack_version)} names no version of ATT&CK"
        yield document.problem(("attack_version",), message, "Write it as in 'ATT&CK v17.1'")


def check_sensors(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Signs are meant for a kind of sensor that postures have."""
    for name, step in scenario.steps.items():
        for i, sign in enumerate(step.signs):
            if sign.sensor not in SENSORS:
                message = f"no shipped posture has a sensor {quoted(sign.sensor)}"
                path = ("steps", name, "signs", i, "sensor")
                yield document.problem(path, message, hint_for(sign.sensor, SENSORS), "warning")


def check_silence(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """An attack that leaves no sign is found by its harm alone, or never."""
    signs = [sign for step in scenario.steps.values() for sign in step.signs if sign.chance > 0]
    if scenario.steps and not signs:
        message = "no step leaves a sign: only complaints and watched assets can give this attack away"
        yield document.key_problem(("steps",), message, severity="warning")


CHECKS = (
    check_targets, check_unused_targets, check_prerequisites, check_startable, check_outages, check_version,
    check_sensors, check_silence,
)  # fmt: skip
