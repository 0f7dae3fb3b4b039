"""Whether a city, a scenario and a posture fit together: what each of them lacks of what the others count on."""

from collections.abc import Iterator

from cyberrange.errors import Problem, did_you_mean, quoted
from cyberrange.inputs.city import Asset, City, Need, Service
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.inputs.shifts import most_on_shift
from cyberrange.model.assault import lacking, resolve_targets
from cyberrange.model.graph import access_edges

_MOST_TO_NAME = 3


def check_pair(city: City, scenario: Scenario, posture: Posture) -> list[Problem]:
    """Return what keeps a city, a scenario and a posture from being played together, and what looks odd.

    Parameters
    ----------
    city, scenario, posture
        Records that are each sound by themselves.

    Returns
    -------
    list of Problem
        Errors and warnings; in place of a file each names the record that lacks something, by its id.

    Examples
    --------
    >>> import cyberrange as cr
    >>> check_pair(cr.load_city("kasba"), cr.load_scenario("calm_day"), cr.load_posture("hybrid"))
    []
    """
    return [
        *check_targets(city, scenario),
        *check_hands(city, posture),
        *check_eyes(scenario, posture),
        *check_ways(city, scenario),
        *check_traces(city, scenario, posture),
    ]


def check_targets(city: City, scenario: Scenario) -> Iterator[Problem]:
    """Name the systems that a scenario needs and a city lacks, and the assets that it means by a wrong id."""
    for line in lacking(city, scenario):
        yield Problem(city.id, 0, 0, "assets", f"scenario {quoted(scenario.id)} cannot play here: {line}")
    for name, target in scenario.targets.items():
        for asset in target.asset:
            if asset not in city.assets:
                message = f"unknown asset {quoted(asset)} in city {quoted(city.id)}"
                hint = did_you_mean(asset, city.assets)
                yield Problem(scenario.id, 0, 0, f"targets.{name}.asset", message, hint, "warning")


def check_hands(city: City, posture: Posture) -> Iterator[Problem]:
    """Name the teams that take over by hand in a city and that a posture does not have, or has too few of."""
    for team, places in _by_hand(city).items():
        where = _listed(dict.fromkeys(name for name, _ in places))
        if team not in posture.teams:
            message = f"unknown team {quoted(team)}, which takes over by hand at {where} in city {quoted(city.id)}"
            yield Problem(posture.id, 0, 0, "teams", message, did_you_mean(team, posture.teams))
            continue
        most = most_on_shift(posture.teams[team].shifts)
        asked = max(need.manual.people for _, need in places if need.manual)
        if most < asked:
            message = f"at most {most} people are ever on shift; {where} in city {quoted(city.id)} asks for {asked}"
            yield Problem(posture.id, 0, 0, f"teams.{team}.shifts", message, severity="warning")


def _by_hand(city: City) -> dict[str, list[tuple[str, Need]]]:
    """Return the needs that people can stand in for, by team, each with what it is a need of."""
    teams: dict[str, list[tuple[str, Need]]] = {}
    things: dict[str, Asset | Service] = {**city.assets, **city.services}
    for name, thing in things.items():
        for need in thing.needs:
            if need.manual is not None:
                teams.setdefault(need.manual.team, []).append((name, need))
    return teams


def check_eyes(scenario: Scenario, posture: Posture) -> Iterator[Problem]:
    """Name the sensors that a scenario leaves signs for and that a posture does not have."""
    signs = [(name, sign.sensor) for name, step in scenario.steps.items() for sign in step.signs]
    for sensor in dict.fromkeys(sensor for _, sensor in signs):
        if sensor not in posture.sensors:
            steps = _listed(dict.fromkeys(name for name, kind in signs if kind == sensor))
            message = f"there is no sensor {quoted(sensor)} for what {steps} of scenario {quoted(scenario.id)} may show"
            yield Problem(posture.id, 0, 0, "sensors", message, did_you_mean(sensor, posture.sensors), "warning")


def check_ways(city: City, scenario: Scenario) -> Iterator[Problem]:
    """Name the steps that can never start in a city, because nothing that is held reaches their targets."""
    if lacking(city, scenario):
        return
    targets = resolve_targets(city, scenario)
    for name in unreached(city, scenario):
        where = _listed(dict.fromkeys(targets[scenario.steps[name].target]))
        message = f"never starts in city {quoted(city.id)}: nothing that the attacker can hold reaches {where}"
        yield Problem(scenario.id, 0, 0, f"steps.{name}", message, severity="warning")


def check_traces(city: City, scenario: Scenario, posture: Posture) -> Iterator[Problem]:
    """Say so when nothing at all can give an attack away."""
    seen = any(
        sign.chance > 0 and posture.sensors[sign.sensor].sees > 0
        for step in scenario.steps.values()
        for sign in step.signs
        if sign.sensor in posture.sensors
    )
    watched = any(asset.watched_by for asset in city.assets.values())
    if scenario.steps and not (seen or watched or any(service.complaints for service in city.services.values())):
        message = f"nothing can give this attack away in city {quoted(city.id)} under posture {quoted(posture.id)}"
        hint = "No sign meets a sensor, nothing is watched and nobody complains"
        yield Problem(scenario.id, 0, 0, "steps", message, hint, "warning")


def unreached(city: City, scenario: Scenario) -> list[str]:
    """Return the steps with targets in a city that no luck of the attacker lets start there.

    Examples
    --------
    >>> import cyberrange as cr
    >>> unreached(cr.load_city("kasba"), cr.load_scenario("ransomware_property"))
    []
    """
    spread = _Spread(city, scenario)
    while spread.another_round():
        pass
    return [name for name in spread.played if name not in spread.started]


class _Spread:
    """How far an attacker with all the luck gets in a city when nobody answers."""

    def __init__(self, city: City, scenario: Scenario) -> None:
        self.city = city
        self.targets = resolve_targets(city, scenario)
        self.played = {name: step for name, step in scenario.steps.items() if self.targets[step.target]}
        self.started: set[str] = set()
        self.held: set[str] = set()
        self._reach: dict[str, list[str]] = {}
        for source, target in access_edges(city):
            self._reach.setdefault(source, []).append(target)

    def another_round(self) -> bool:
        """Start what can start and take what it takes; say whether anything changed."""
        before = (len(self.started), len(self.held))
        for name in self.played:
            if self._due(name) and (on := self._footholds(name)):
                self.started.add(name)
                self._take(name, on)
        return (len(self.started), len(self.held)) != before

    def _due(self, name: str) -> bool:
        step = self.played[name]
        some = [other for other in step.after_any if other in self.played]
        return all(other in self.started for other in step.after_all if other in self.played) and (
            not some or any(other in self.started for other in some)
        )

    def _footholds(self, name: str) -> list[str]:
        """Return the targets on which a step has the foothold that it asks for."""
        step = self.played[name]
        targets = self.targets[step.target]
        if step.foothold == "outside":
            return targets
        near = {name for held in self.held for name in self._reach.get(held, ())} if step.foothold == "reach" else set()
        return [asset for asset in targets if asset in self.held or asset in near]

    def _take(self, name: str, on: list[str]) -> None:
        for effect in self.played[name].effects:
            meant = self.targets[effect.on] if effect.on else on
            if effect.do in ("compromise", "worm"):
                self.held.update(meant)
            if effect.do == "worm":
                self._spread(meant, effect.kinds)

    def _spread(self, held: list[str], kinds: tuple[str, ...]) -> None:
        """Let a worm take all that it can reach from what it holds."""
        rest = list(held)
        while rest:
            for asset in self._reach.get(rest.pop(), ()):
                if asset not in self.held and (not kinds or self.city.assets[asset].kind in kinds):
                    self.held.add(asset)
                    rest.append(asset)


def _listed(names: dict[str, None]) -> str:
    """Return a few names in quotes, and how many more there are."""
    shown = [quoted(name) for name in names][:_MOST_TO_NAME]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
