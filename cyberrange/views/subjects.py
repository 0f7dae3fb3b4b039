"""What the figures draw, as plain records; the modules `from_...` fill them from runs and tables."""

import datetime as dt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

CLOCK_MARKS = (
    ("compromised", "C", "first foothold"),
    ("noticed", "N", "noticed"),
    ("declared", "D", "declared"),
    ("decided", "G", "first go-ahead to cut off"),
    ("contained", "K", "contained"),
    ("recovered", "W", "everything whole"),
)
"""Clock, letter and meaning."""


class Harm(NamedTuple):
    """What happened to one node in one run."""

    hit: bool
    """The attack had an effect on it."""
    cut: bool
    """The response cut it off."""
    hours: float
    """Time lost, as hours of full outage."""
    worst: float
    """Lowest level."""


class MapNode(NamedTuple):
    """An asset or service on the map."""

    key: str
    name: str
    sector: str
    layer: str
    """One of the four layers, or `service`."""


class MapPanel(NamedTuple):
    """The map under one posture."""

    title: str
    harm: dict[str, Harm]
    paths: tuple[tuple[str, str], ...]
    """Along which the damage went on: supplier and what fell with it."""


class CityMap(NamedTuple):
    """The city's graph, with the damage of one run or two."""

    nodes: tuple[MapNode, ...]
    panels: tuple[MapPanel, ...]


class Steps(NamedTuple):
    """A level that holds from each hour to the next."""

    hours: Numbers
    levels: Numbers


class ServiceLevels(NamedTuple):
    """One service over time under each posture."""

    name: str
    strips: tuple[Steps, ...]
    lost: tuple[float, ...]
    """Citizen-hours."""


class LevelStory(NamedTuple):
    """Services over time, with the clocks of the response."""

    start: dt.datetime
    until: float
    """Hours shown."""
    postures: tuple[str, ...]
    services: tuple[ServiceLevels, ...]
    clocks: tuple[dict[str, float], ...]
    """Hours by clock, under each posture; clocks that did not stop are left out."""


class CauseStep(NamedTuple):
    """A step of the attack or of the response."""

    key: str
    name: str
    tag: str
    """ATT&CK id, if any."""
    side: str
    hour: float
    parent: str
    """The step that it followed from."""


class Flow(NamedTuple):
    """Citizen-hours lost in a service, through what was done to an asset by a step."""

    step: str
    side: str
    asset: str
    service: str
    lost: float


class CauseTree(NamedTuple):
    """From steps to assets to services."""

    title: str
    start: dt.datetime
    steps: tuple[CauseStep, ...]
    flows: tuple[Flow, ...]


class TaskSpan(NamedTuple):
    """One response task, in hours since the case was noticed."""

    asked: float
    approved: float
    started: float
    ended: float
    waited_for: str


class Lane(NamedTuple):
    """One step of the playbook, with its tasks under each posture."""

    name: str
    by_asset: bool
    """Done for each system that was hit, and not once for the case."""
    tasks: tuple[tuple[TaskSpan, ...], ...]


class ResponseStory(NamedTuple):
    """Who waited for what, step by step."""

    postures: tuple[str, ...]
    lanes: tuple[Lane, ...]
    noticed: tuple[float, ...]
    """Hours from the first foothold to the notice under each posture; not a number when nothing was noticed."""
    legal: float
    """Hours that the law gives for the report."""
    until: float


class Gap(NamedTuple):
    """A measure's paired difference from the base, relative to the base's mean."""

    group: str
    name: str
    posture: int
    mean: float
    low: float
    high: float
    told: bool
    """Whether the runs can tell it from none."""


class Spread(NamedTuple):
    """Values of one measure, replicate by replicate, under each posture."""

    name: str
    unit: str
    values: tuple[Numbers, ...]
    horizon: float
    """Where clocks are cut off; infinite for what has no such end."""


class OutageRow(NamedTuple):
    """A published outage beside the simulated ones."""

    what: str
    days: float
    compared_with: str
    simulated: tuple[Numbers, ...]
    """Days, a value per replicate under each posture."""
