"""The scenario as arrays: operations, footholds, effects and signs."""

from typing import Any, NamedTuple, get_args

from cyberrange.inputs.city import AssetKind, City
from cyberrange.inputs.scenario import Scenario, Step
from cyberrange.model import codes
from cyberrange.model.graph import Nodes
from cyberrange.model.mechanisms import Mechanisms
from cyberrange.model.plan import table
from cyberrange.model.rows import EffectRow, OperationRow, SignRow, StepRow
from cyberrange.model.select import select
from cyberrange.model.tables import DurationTable, ints, ragged

KINDS: tuple[str, ...] = get_args(AssetKind)
FOOTHOLDS = {"outside": codes.OUTSIDE, "reach": codes.REACH, "held": codes.HELD}
MOMENTS = {"start": codes.AT_START, "success": codes.AT_SUCCESS, "failure": codes.AT_FAILURE}
TAMED_BY_LIES = "ot_monitor"
"""Kind of sensor that is blind to an asset that does not tell the truth."""


class Operation(NamedTuple):
    """A step as it is played on some targets of a city."""

    step: str
    targets: tuple[str, ...]
    name: str


class Assault(NamedTuple):
    """The attack: tables of the plan, columns for its table of nodes, and the operations by name."""

    tables: dict[str, Any]
    node_columns: dict[str, Any]
    operations: list[Operation]


def resolve_targets(city: City, scenario: Scenario) -> dict[str, list[str]]:
    """Return the assets that each of a scenario's targets means in a city."""
    return {name: select(target, city) for name, target in scenario.targets.items()}


def lacking(city: City, scenario: Scenario) -> list[str]:
    """Say what a city lacks for a scenario to play: one line for each target that it needs and does not find.

    Examples
    --------
    >>> import cyberrange as cr
    >>> lacking(cr.load_city("kasba"), cr.load_scenario("calm_day"))
    []
    """
    lines = []
    for name, assets in resolve_targets(city, scenario).items():
        target = scenario.targets[name]
        if target.needed and not assets:
            asked = target.model_dump(mode="json", exclude_defaults=True)
            wanted = ", ".join(
                f"{key} {' or '.join(map(str, value)) if isinstance(value, list) else value}"
                for key, value in asked.items()
                if key != "pick"
            )
            lines.append(f"no asset for target '{name}' ({wanted})")
    return lines


def operations_of(scenario: Scenario, targets: dict[str, list[str]]) -> list[Operation]:
    """Return the operations of a scenario in the order of its steps; a step without targets has none."""
    operations = []
    for name, step in scenario.steps.items():
        assets = targets[step.target]
        if step.per_target:
            operations += [Operation(name, (a,), f"{name}/{a}") for a in assets]
        elif assets:
            operations.append(Operation(name, tuple(assets), name))
    return operations


def build_attack(
    city: City, scenario: Scenario, sensors: list[str], m: Mechanisms, durations: DurationTable, nodes: Nodes, key: Any
) -> Assault:
    """Compile a scenario's steps into arrays."""
    targets = resolve_targets(city, scenario)
    operations = operations_of(scenario, targets)
    steps = list(scenario.steps.values())
    index = {name: i for i, name in enumerate(scenario.steps)}
    played = {op.step for op in operations}
    keys = [key(f"operation/{op.name}") for op in operations]
    target_start, target = ragged([[nodes.index[a] for a in op.targets] for op in operations])
    all_start, all_step = ragged([[index[s] for s in step.after_all if s in played] for step in steps])
    any_start, any_step = ragged([[index[s] for s in step.after_any if s in played] for step in steps])
    follower_start, follower = _followers(steps, index, operations)
    ops_on_start, ops_on = ragged(_operations_on(operations, nodes))
    effect_start, effects = _effects(steps, targets, m, durations, nodes)
    sign_start, signs = _signs(steps, targets, sensors, m)

    def about(change: Any, base: float, op: Operation) -> float:
        return m.value(change, base, technique=scenario.steps[op.step].technique, assets=op.targets)

    tables = {
        "operations": table(
            OperationRow,
            step=[index[op.step] for op in operations],
            chance=[about("attack_chance", scenario.steps[op.step].chance, op) for op in operations],
            scale=[about("attack_duration", 1.0, op) for op in operations],
            target_start=target_start[:-1],
            target_end=target_start[1:],
            key_lo=[lo for lo, _ in keys],
            key_hi=[hi for _, hi in keys],
        ),
        "steps": table(
            StepRow,
            begins=[s.begins for s in steps],
            foothold=[FOOTHOLDS[s.foothold] for s in steps],
            dur=[durations.add(s.duration) for s in steps],
            retries=[s.retries for s in steps],
            retry_dur=[durations.add(s.retry_after) for s in steps],
            again=[s.again for s in steps],
            all_start=all_start[:-1],
            all_end=all_start[1:],
            any_start=any_start[:-1],
            any_end=any_start[1:],
            effect_start=effect_start[:-1],
            effect_end=effect_start[1:],
            sign_start=sign_start[:-1],
            sign_end=sign_start[1:],
            follower_start=follower_start[:-1],
            follower_end=follower_start[1:],
        ),
        **effects,
        "signs": signs,
        "target": ints(target),
        "all_step": ints(all_step),
        "any_step": ints(any_step),
        "follower": ints(follower),
        "ops_on": ints(ops_on),
    }
    columns = {"ops_on_start": ops_on_start[:-1], "ops_on_end": ops_on_start[1:]}
    return Assault(tables, columns, operations)


def _followers(steps: list[Step], index: dict[str, int], operations: list[Operation]) -> tuple[Any, list[int]]:
    """Operations that wait for each step."""
    rows: list[list[int]] = [[] for _ in steps]
    for i, op in enumerate(operations):
        step = steps[index[op.step]]
        for before in dict.fromkeys((*step.after_all, *step.after_any)):
            rows[index[before]].append(i)
    return ragged(rows)


def _operations_on(operations: list[Operation], nodes: Nodes) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in nodes.names]
    for i, op in enumerate(operations):
        for asset in op.targets:
            rows[nodes.index[asset]].append(i)
    return rows


def _effects(
    steps: list[Step], targets: dict[str, list[str]], m: Mechanisms, durations: DurationTable, nodes: Nodes
) -> tuple[Any, dict[str, Any]]:
    start, flat = ragged([[(step, e) for e in step.effects] for step in steps])
    on_start, on = ragged([[nodes.index[a] for a in targets[e.on]] if e.on else [] for _, e in flat])

    def about(change: Any, base: float, step: Step) -> float:
        return m.value(change, base, technique=step.technique, assets=targets[step.target])

    effects = table(
        EffectRow,
        do=[codes.ATTACK_EFFECTS.index(e.do) for _, e in flat],
        level=[0.0 if e.do == "encrypt" else 1.0 if e.do == "compromise" else e.level for _, e in flat],
        load=[about("flood_load", e.load, step) for step, e in flat],
        share=[about("records_share", e.share, s) if e.do == "exfiltrate" else e.share for s, e in flat],
        rate=[about("worm_rate", e.rate, step) for step, e in flat],
        kinds=[sum(1 << KINDS.index(k) for k in dict.fromkeys(e.kinds)) for _, e in flat],
        lasts=[durations.add(e.lasts) for _, e in flat],
        on_start=on_start[:-1],
        on_end=on_start[1:],
        has_on=[int(e.on is not None) for _, e in flat],
    )
    return start, {"effects": effects, "on": ints(on)}


def _signs(steps: list[Step], targets: dict[str, list[str]], sensors: list[str], m: Mechanisms) -> tuple[Any, Any]:
    start, flat = ragged([[(step, sign) for sign in step.signs] for step in steps])
    signs = table(
        SignRow,
        sensor=[sensors.index(s.sensor) if s.sensor in sensors else -1 for _, s in flat],
        chance=[
            m.value("sign_chance", s.chance, technique=step.technique, assets=targets[step.target], name=s.sensor)
            for step, s in flat
        ],
        at=[MOMENTS[s.at] for _, s in flat],
        tamed=[int(s.sensor == TAMED_BY_LIES) for _, s in flat],
    )
    return start, signs
