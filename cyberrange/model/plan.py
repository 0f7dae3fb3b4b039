"""The plan: what the engines play, as tables of rows.

A table is a list of rows (fast in Python) or a NumPy structured array (compiled): the rules read `table[i].column`
either way. The classes in `cyberrange.model.rows` name the columns.
"""

from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np

from cyberrange.model.rows import (
    ApproverRow,
    ChainRow,
    ComponentRow,
    DecisionRow,
    DurationRow,
    EffectRow,
    HelpRow,
    NeedRow,
    NodeRow,
    OperationRow,
    PostRow,
    ResponseRow,
    SensorRow,
    ServiceRow,
    SignRow,
    StepRow,
    SupplierRow,
    TeamRow,
    UnitRow,
)

Ints = list[int]
Floats = list[float]


class Calendars(NamedTuple):
    """Weekly step functions: from `hour` of the week on, the value holds until the next hour."""

    start: Ints
    hour: Floats
    value: Ints
    at: Ints
    """Step that holds at the beginning of each of the 168 hours, by calendar."""


class Uses(NamedTuple):
    """Use over the week by profile: 168 hourly rates and their 169 running sums; profile 0 is constant."""

    rate: Floats
    total: Floats
    origin: Floats
    """One element: hour of the week at which the run starts."""


class Settings(NamedTuple):
    """Single numbers."""

    locate_dur: int
    confirms: float
    mistakes: float
    horizon: float
    vendors: int


class Arrays(NamedTuple):
    """Everything that the rules read."""

    durations: list[DurationRow]
    points: Floats
    calendars: Calendars
    uses: Uses
    nodes: list[NodeRow]
    needs: list[NeedRow]
    suppliers: list[SupplierRow]
    components: list[ComponentRow]
    services: list[ServiceRow]
    units: list[UnitRow]
    steps: list[StepRow]
    operations: list[OperationRow]
    effects: list[EffectRow]
    signs: list[SignRow]
    sensors: list[SensorRow]
    teams: list[TeamRow]
    chains: list[ChainRow]
    approvers: list[ApproverRow]
    responses: list[ResponseRow]
    posts: list[PostRow]
    helps: list[HelpRow]
    decisions: list[DecisionRow]
    dependent: Ints
    member: Ints
    reach: Ints
    reach_from: Ints
    unit_node: Ints
    target: Ints
    all_step: Ints
    any_step: Ints
    on: Ints
    follower: Ints
    ops_on: Ints
    approver_of: Ints
    chain_at: Ints
    """Chain by response step, city and place."""
    where: Ints
    settings: Settings


ROWS: dict[str, type] = {
    "durations": DurationRow, "nodes": NodeRow, "needs": NeedRow, "suppliers": SupplierRow,
    "components": ComponentRow, "services": ServiceRow, "units": UnitRow, "steps": StepRow, "operations": OperationRow,
    "effects": EffectRow, "signs": SignRow, "sensors": SensorRow, "teams": TeamRow, "chains": ChainRow,
    "approvers": ApproverRow, "responses": ResponseRow, "posts": PostRow, "helps": HelpRow,
    "decisions": DecisionRow,
}  # fmt: skip
"""Row class of each table of the plan."""


def dtype_of(row: type) -> np.dtype[Any]:
    """Return the structured type whose fields are the columns of a row class."""
    kinds = {int: "i8", float: "f8", "int": "i8", "float": "f8"}
    return np.dtype([(f.name, kinds[f.type]) for f in fields(row)])


def table(row: type, **columns: Any) -> Any:
    """Build a structured array from its columns; every column of the row class must be given.

    Examples
    --------
    >>> table(SupplierRow, node=[3, 4], weight=[0.5, 0.5])["node"].tolist()
    [3, 4]
    """
    size = len(next(iter(columns.values())))
    made = np.zeros(size, dtype=dtype_of(row))
    if set(columns) != set(made.dtype.names or ()):
        raise TypeError(f"{row.__name__}: columns differ: {set(columns) ^ set(made.dtype.names or ())}")
    for name, column in columns.items():
        made[name] = column
    return made


def as_lists(arrays: Arrays) -> Arrays:
    """Return the plan with every array turned into a list, and every table into a list of rows."""
    made: dict[str, Any] = {}
    for name, value in arrays._asdict().items():
        if name in ROWS:
            made[name] = [ROWS[name](*row) for row in value.tolist()]
        elif isinstance(value, (Calendars, Uses)):
            made[name] = type(value)(*(np.asarray(column).tolist() for column in value))
        else:
            made[name] = value.tolist() if hasattr(value, "tolist") else value
    return Arrays(**made)
