"""One run: its log as a table, its tasks, its levels, its losses and their causes."""

from collections.abc import Iterable
from functools import cached_property

import pandas as pd

from cyberrange.engine.books import books_of
from cyberrange.engine.events import L_LEVEL, LOG_KINDS
from cyberrange.engine.live import Extension, World
from cyberrange.engine.state import CASE_TIMES, DROPPED, N_EFFECT, N_TASK, NEVER
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.model import codes
from cyberrange.model.build import Plan, compile_plan, people_served
from cyberrange.results.measures import measures
from cyberrange.results.provenance import provenance

TEAM_KINDS = ("own", "vendor", "outside")
CLOCKS = (
    "compromised", "alerted", "noticed", "declared", "decided", "contained", "eradicated", "recovered", "reported",
    "breach_known", "notified", "warned",
)  # fmt: skip


class Run:
    """A finished run of the live engine.

    Examples
    --------
    >>> import cyberrange as cr
    >>> run = cr.simulate(cr.load_city("kasba"), cr.load_scenario("calm_day"), cr.load_posture("hybrid"), seed=7)
    >>> float(run.measures["unserved_by_attack"])
    0.0
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.plan: Plan = world.plan

    @cached_property
    def measures(self) -> pd.Series:
        """Every measure by name; see `cyberrange.results.measures.MEASURES`."""
        books = measures(self.plan, books_of(self.world.state))
        return pd.Series({name: column[0] for name, column in books.items()}, name="value", dtype="float64")

    @cached_property
    def provenance(self) -> dict[str, str]:
        """What must be known to get the same run again."""
        return {**provenance(self.plan, self.world.seed), "replicate": str(self.world.replicate)}

    @cached_property
    def events(self) -> pd.DataFrame:
        """The log: `hour`, `kind`, `subject`, `about`, `value` and `cause`, the row that it follows from (-1: none)."""
        rows = [
            (hour, LOG_KINDS[kind][0], self._name(LOG_KINDS[kind][1], a), self._name(LOG_KINDS[kind][2], b), x, cause)
            for hour, kind, a, b, x, cause in self.world.log
        ]
        return pd.DataFrame(rows, columns=["hour", "kind", "subject", "about", "value", "cause"])

    @cached_property
    def levels(self) -> pd.DataFrame:
        """Levels as steps: `hour`, `node` and the `level` that holds from then on; nodes start at 1."""
        rows = [(hour, self.plan.nodes.names[a], x) for hour, kind, a, _, x, _ in self.world.log if kind == L_LEVEL]
        return pd.DataFrame(rows, columns=["hour", "node", "level"])

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """Response tasks: step, asset, city, team and the hours at which each was asked, approved, queued, begun, done.

        Not a number where it did not come to that.

        `waited_for` says whom the time between consent and work was spent waiting for.
        """
        plan, state = self.plan, self.world.state
        steps = ("triage", "take_over", *plan.posture.playbook)
        rows = []
        for i in range(state.count[N_TASK]):
            t = state.tasks[i]
            node = plan.nodes.names[t.node] if t.node >= 0 else ""
            kind = TEAM_KINDS[plan.lists.teams[t.team].kind]
            rows.append(
                (steps[t.step], node, plan.units[t.unit], plan.teams[t.team], kind, bool(t.truth), t.people,
                 t.state == DROPPED, t.asked, t.approved, t.queued, t.started, t.ended)
            )  # fmt: skip
        columns = [
            "step", "asset", "city", "team", "waited_for", "real", "people", "dropped", "asked", "approved", "queued",
            "started", "ended",
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=columns)
        hours = ["queued", "started", "ended"]
        frame[hours] = frame[hours].where(frame[hours] != NEVER)
        return frame

    @cached_property
    def times(self) -> pd.DataFrame:
        """CISO clocks by city, in hours since the start; not a number where a clock did not stop."""
        table = self.world.state.case_time
        rows = [table[u * CASE_TIMES : (u + 1) * CASE_TIMES] for u in range(len(self.plan.units))]
        frame = pd.DataFrame(rows, index=pd.Index(self.plan.units, name="city"), columns=list(CLOCKS))
        return frame.where(frame != NEVER)

    @cached_property
    def services(self) -> pd.DataFrame:
        """Losses by service: citizen-hours, worst level, interruptions, hours until whole, rupees."""
        rows = []
        for (name, service), account in zip(self.plan.city.services.items(), self.world.state.accounts, strict=True):
            value = service.value
            rows.append(
                (name, service.name, self.plan.city.city_of(service), account.lost, account.worst,
                 account.interruptions, account.below_half, value.city * account.lost, value.citizens * account.lost,
                 value.deferred * account.lost)
            )  # fmt: skip
        columns = [
            "service", "name", "city", "unserved", "worst", "interruptions", "outage", "city_rupees", "citizens_rupees",
            "deferred_rupees",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns).set_index("service")

    @cached_property
    def wards(self) -> pd.DataFrame:
        """Unserved citizen-hours by ward, and per head."""
        city = self.plan.city
        lost = dict.fromkeys(city.wards, 0.0)
        for service, account in zip(city.services.values(), self.world.state.accounts, strict=True):
            served = people_served(city, service)
            total = sum(served.values()) or 1.0
            for ward, people in served.items():
                lost[ward] += account.lost * people / total
        frame = pd.DataFrame({"unserved": lost})
        frame.index.name = "ward"
        population = pd.Series({name: ward.population for name, ward in city.wards.items()})
        return frame.assign(population=population, per_head=frame["unserved"] / population.where(population > 0))

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Effects on nodes and the citizen-hours charged to each, with the step of attack or response behind it."""
        state, plan = self.world.state, self.plan
        rows = []
        for i in range(state.count[N_EFFECT]):
            e = state.effects[i]
            step = self._origin(e.event)
            do = codes.ATTACK_EFFECTS[e.do] if e.attack else codes.RESPONSE_EFFECTS[e.do]
            hour = self.world.log[e.event][0]
            rows.append(
                (hour, plan.nodes.names[e.node], "attack" if e.attack else "response", do, step, e.lost, e.event)
            )
        columns = ["hour", "asset", "side", "effect", "step", "unserved", "event"]
        return pd.DataFrame(rows, columns=columns)

    def why(self, event: int) -> pd.DataFrame:
        """Walk from an event back to its first cause: rows of `events`, the event first.

        Parameters
        ----------
        event
            Row of `events`.
        """
        chain = []
        while event >= 0:
            chain.append(event)
            event = self.world.log[event][5]
        return self.events.loc[chain]

    def _origin(self, event: int) -> str:
        """Step of the attack or of the response from which a line of the log follows."""
        while event >= 0:
            _, kind, a, _, _, cause = self.world.log[event]
            subject = LOG_KINDS[kind][1]
            if subject == "operation":
                return self.plan.operations[a].step
            if subject == "task":
                return str(self._name("task", a)).split("/", maxsplit=1)[0]
            event = cause
        return ""

    def _name(self, what: str, number: int) -> str:
        """Name of the thing that a number in the log stands for."""
        plan = self.plan
        if number < 0 or not what:
            return ""
        if what == "need":
            return plan.nodes.names[plan.lists.needs[number].node]
        if what == "task":
            task = self.world.state.tasks[number]
            step = ("triage", "take_over", *plan.posture.playbook)[task.step]
            return f"{step}/{plan.nodes.names[task.node]}" if task.node >= 0 else step
        if what == "operation":
            return plan.operations[number].name
        if what == "decision" and plan.decisions is not None:
            taken = plan.decisions.decisions[number]
            return f"{taken.do}/{taken.step}"
        if what == "condition":
            return self._condition(number)
        tables = {
            "node": plan.nodes.names, "unit": plan.units, "service": tuple(plan.city.services),
            "sensor": tuple(plan.posture.sensors),
        }  # fmt: skip
        if what == "help":
            return tuple(plan.posture.help)[number // len(plan.units)]
        return str(tables[what][number]) if what in tables else str(number)

    def _condition(self, bit: int) -> str:
        place = bit.bit_length() - 1
        return (
            codes.CASE_BITS[place]
            if place < codes.STEP_BIT
            else tuple(self.plan.posture.playbook)[place - codes.STEP_BIT]
        )


def simulate(
    city: City,
    scenario: Scenario,
    posture: Posture,
    *,
    seed: int,
    replicate: int = 0,
    catalogue: Catalogue | None = None,
    decisions: Decisions | None = None,
    extensions: Iterable[Extension] = (),
) -> Run:
    """Play one scenario through one city under one posture, with the full log.

    Parameters
    ----------
    city, scenario, posture
        What is played; see `cyberrange.load_city`, `load_scenario` and `load_posture`.
    seed, replicate
        Name the luck: the same pair gives the same run, and meets each posture with the same luck.
    catalogue
        Controls that the posture's `controls` refer to; the shipped ones if not given.
    decisions
        What people decide when, besides what the playbook asks for by itself; see `cyberrange.load_decisions`.
    extensions
        Processes of your own; see `cyberrange.engine.live.World`.

    Raises
    ------
    CannotPlayError
        When the city lacks a system that the scenario needs.
    """
    world = World(compile_plan(city, scenario, posture, catalogue, decisions), seed, replicate, extensions)
    world.finish()
    return Run(world)
