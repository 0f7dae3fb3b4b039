"""City + scenario + posture -> plan."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cyberrange.errors import CyberrangeError
from cyberrange.inputs.check_decisions import check_decisions
from cyberrange.inputs.city import City, Service
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.load import load_catalogue
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.model import assault, organisation
from cyberrange.model.compatible import check_hands, check_targets
from cyberrange.model.graph import Drafts, Nodes, build_graph, nodes_of
from cyberrange.model.mechanisms import mechanisms_of
from cyberrange.model.names import name_key
from cyberrange.model.plan import Arrays, Settings, as_lists, table
from cyberrange.model.rows import NodeRow, ServiceRow
from cyberrange.model.tables import CalendarTable, DurationTable, use_table


class CannotPlayError(CyberrangeError):
    """The city lacks a system that the scenario needs, or the posture a team that the city counts on."""


@dataclass(frozen=True)
class Plan:
    """A city, a scenario and a posture, compiled: arrays for the rules, and the names behind their numbers."""

    city: City
    scenario: Scenario
    posture: Posture
    catalogue: Catalogue | None
    decisions: Decisions | None
    arrays: Arrays
    nodes: Nodes
    units: tuple[str, ...]
    operations: tuple[assault.Operation, ...]
    teams: tuple[str, ...]
    """Team by row, as `name@city` where each city has its own."""
    team_ids: tuple[str, ...] = field(repr=False)

    @cached_property
    def lists(self) -> Arrays:
        """The arrays as lists: what the live engine reads, for Python indexes lists faster than arrays."""
        return as_lists(self.arrays)


def compile_plan(
    city: City, scenario: Scenario, posture: Posture, catalogue: Catalogue | None = None,
    decisions: Decisions | None = None,
) -> Plan:  # fmt: skip
    """Compile a city, a scenario and a posture into a plan.

    Parameters
    ----------
    city, scenario, posture
        The validated records.
    catalogue
        The catalogue in which the posture's controls stand; the shipped one if not given.
    decisions
        What people decide when, besides what the playbook asks for by itself.

    Raises
    ------
    CannotPlayError
        When the city has no asset for a target that the scenario needs, the posture lacks a team, or a decision is
        about something that is not there.
    """
    problems = [*check_targets(city, scenario), *check_hands(city, posture)]
    if decisions is not None:
        problems.extend(check_decisions(decisions, city, posture))
    if any(problem.severity == "error" for problem in problems):
        raise CannotPlayError("\n".join(str(problem) for problem in problems if problem.severity == "error"))
    if catalogue is None and posture.controls:
        catalogue = load_catalogue()
    nodes, units = nodes_of(city), organisation.units_of(city)
    m = mechanisms_of(city, catalogue, posture.controls)
    durations, calendars = DurationTable(), CalendarTable()
    rows = organisation.TeamRows(posture, units)
    chains = organisation.Chains(posture)
    profile_row = {name: i + 1 for i, name in enumerate(city.profiles)}
    keys = [name_key(f"node/{name}") for name in nodes.names]

    def team_row(team: str, node: int) -> int:
        return rows.row(team, units.index[city.city_of(nodes.things[node])])

    graph = build_graph(city, nodes, Drafts(durations, m, profile_row, team_row))
    attack = assault.build_attack(city, scenario, list(posture.sensors), m, durations, nodes, name_key)
    playbook = organisation.build_playbook(city, posture, units, rows, chains, m, durations, nodes, name_key)
    assets = organisation.build_assets(city, posture, units, rows, m, durations, nodes, assault.KINDS)
    settings = Settings(
        locate_dur=durations.add(posture.estate.locate),
        confirms=m.value("triage_confirms", posture.triage.confirms),
        mistakes=posture.triage.mistakes,
        horizon=scenario.horizon,
        vendors=len(city.vendors),
    )
    services = len(city.services)
    node_columns = {
        **graph.node_columns,
        **attack.node_columns,
        **assets,
        "service": [*[-1] * nodes.services, *range(services)],
        "rank": _ranks(nodes),
        "key_lo": [lo for lo, _ in keys],
        "key_hi": [hi for _, hi in keys],
    }
    arrays = Arrays(
        nodes=table(NodeRow, **node_columns),
        services=_services(city, nodes, profile_row),
        sensors=organisation.build_sensors(posture, m, durations, name_key),
        teams=organisation.build_teams(rows, m, durations, calendars),
        decisions=organisation.build_decisions(decisions, posture, units, nodes),
        helps=organisation.build_helps(posture, units, rows, durations, name_key),
        uses=use_table(city.profiles.values(), _hour_of_week(scenario)),
        settings=settings,
        **graph.tables,
        **attack.tables,
        **playbook,
        **chains.table(m, durations, calendars, name_key),
        **organisation.build_units(units, nodes, assets["unit"]),
        **durations.table(),
        calendars=calendars.table(),
    )
    labels = tuple(n if u < 0 else f"{n}@{units.names[u]}" for n, u in zip(rows.names, rows.units, strict=True))
    return Plan(
        city, scenario, posture, catalogue, decisions, arrays, nodes, units.names, tuple(attack.operations), labels,
        tuple(rows.names),
    )  # fmt: skip


def _hour_of_week(scenario: Scenario) -> float:
    start = scenario.start
    return start.weekday() * 24 + start.hour + start.minute / 60 + start.second / 3600


def people_served(city: City, service: Service) -> dict[str, float]:
    """Citizens who use a service in a mean hour, by ward."""
    owner = city.city_of(service)
    wards = service.wards or [name for name, ward in city.wards.items() if city.city_of(ward) == owner]
    return {name: city.wards[name].population * service.reach for name in wards}


def _services(city: City, nodes: Nodes, profile_row: dict[str, int]) -> Any:
    services = list(city.services.values())
    return table(
        ServiceRow,
        node=range(nodes.services, nodes.services + len(services)),
        people=[sum(people_served(city, s).values()) for s in services],
        use=[profile_row[s.profile] if s.profile else 0 for s in services],
        complaints=[s.complaints for s in services],
    )


def _ranks(nodes: Nodes) -> list[int]:
    """Restoration class of each node: the most urgent class of the services that hang on it; 5 for none."""
    ranks = [5] * len(nodes.names)
    for i, thing in sorted(
        ((i, t) for i, t in enumerate(nodes.things) if isinstance(t, Service)), key=lambda pair: pair[1].critical
    ):
        stack = [i]
        seen = {i}
        while stack:
            node = stack.pop()
            ranks[node] = min(ranks[node], thing.critical)
            for need in nodes.things[node].needs:
                for name in need.suppliers:
                    supplier = nodes.index[name]
                    if supplier not in seen and ranks[supplier] > thing.critical:
                        seen.add(supplier)
                        stack.append(supplier)
    return ranks
