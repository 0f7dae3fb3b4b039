"""Single runs as the map of the damage and the levels over time."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cyberrange.inputs.city import Asset, City, Service
from cyberrange.results.run import Run
from cyberrange.views.subjects import (
    CLOCK_MARKS,
    CityMap,
    Harm,
    LevelStory,
    MapNode,
    MapPanel,
    ServiceLevels,
    Steps,
)

MOST_SERVICES = 9


def label(city: City, key: str) -> str:
    """Return the name of an asset or service, with its city where there are several."""
    thing: Asset | Service = city.services[key] if key in city.services else city.assets[key]
    owner = city.city_of(thing)
    return f"{thing.name}, {city.cities[owner].name}" if owner in city.cities else thing.name


def city_map(runs: Sequence[Run], postures: Sequence[str]) -> CityMap:
    """Return the map of a city with the damage of each run.

    Parameters
    ----------
    runs
        Runs of one city, two at most for a legible figure.
    postures
        Their titles.
    """
    city = runs[0].plan.city
    nodes = [MapNode(key, a.name, a.sector, a.layer) for key, a in city.assets.items()]
    nodes += [MapNode(key, s.name, s.sector, "service") for key, s in city.services.items()]
    panels = [MapPanel(name, harm(run), paths(run)) for run, name in zip(runs, postures, strict=True)]
    return CityMap(tuple(nodes), tuple(panels))


def harm(run: Run) -> dict[str, Harm]:
    """Return what happened to each node that was hit, cut off or fell."""
    effects, levels = run.effects, run.levels
    hit = set(effects.loc[effects["side"] == "attack", "asset"])
    cut = set(effects.loc[effects["side"] == "response", "asset"])
    steps = {str(node): rows for node, rows in levels.groupby("node", sort=False)}
    horizon = run.plan.scenario.horizon
    found = {}
    for node in sorted(hit | cut | set(steps)):
        lost = lost_hours(steps[node], horizon) if node in steps else 0.0
        worst = float(steps[node]["level"].min()) if node in steps else 1.0
        found[node] = Harm(node in hit, node in cut, lost, worst)
    return found


def lost_hours(steps: pd.DataFrame, horizon: float) -> float:
    """Integral of 1 - level over the horizon, of levels given as steps from 1."""
    hours = np.append(steps["hour"].to_numpy(dtype=float), horizon)  # none: whole throughout
    return float(np.sum((1 - steps["level"].to_numpy(dtype=float)) * np.diff(hours)))


def paths(run: Run) -> tuple[tuple[str, str], ...]:
    """Return the pairs of nodes along which a fall was passed on, each once."""
    events = run.events
    kinds, subjects, causes = (events[c].tolist() for c in ("kind", "subject", "cause"))
    found: dict[tuple[str, str], None] = {}
    for i, kind in enumerate(kinds):
        if kind == "level":
            before = _fall_before(i, kinds, subjects, causes)
            if before:
                found[before, subjects[i]] = None
    return tuple(found)


def _fall_before(i: int, kinds: list[str], subjects: list[str], causes: list[int]) -> str:
    """Node whose fall made the node of line i fall; empty at a root."""
    at = causes[i]
    while at >= 0 and kinds[at] in {"level", "store.empty", "hold.end", "node.trip", "manual.tired", "manual.off"}:
        if subjects[at] != subjects[i]:
            return subjects[at]
        at = causes[at]
    return ""


def clocks(run: Run) -> dict[str, float]:
    """Return the hours at which the clocks of the first case stopped; those of a region's earliest and last."""
    times = run.times
    found = {}
    for name, _, _ in CLOCK_MARKS:
        column = times.loc[times["compromised"].notna(), name] if name in {"contained", "recovered"} else times[name]
        hour = column.max(skipna=False) if name in {"contained", "recovered"} else column.min()
        if not math.isnan(hour):
            found[name] = float(hour)
    return found


def level_story(runs: Sequence[Run], postures: Sequence[str]) -> LevelStory:
    """Return the levels of the services that lost most, under each posture."""
    scenario, city = runs[0].plan.scenario, runs[0].plan.city
    lost = pd.DataFrame({i: run.services["unserved"] for i, run in enumerate(runs)})
    levels = [run.levels for run in runs]
    shown = _services_shown(lost, levels, scenario.horizon)
    services = tuple(
        ServiceLevels(
            label(city, key),
            tuple(steps_of(frame, key) for frame in levels),
            tuple(float(run.services["unserved"][key]) for run in runs),
        )
        for key in shown
    )
    hours = [clocks(run) for run in runs]
    return LevelStory(
        scenario.start, _until(services, hours, scenario.horizon), tuple(postures), services, tuple(hours)
    )


def _services_shown(lost: pd.DataFrame, levels: Sequence[pd.DataFrame], horizon: float) -> list[str]:
    """Choose services: those that lost most citizen-hours, and those that were out longest."""
    by_loss = lost.max(axis=1)
    hurt = [str(s) for s in by_loss[by_loss > 0].sort_values(ascending=False, kind="stable").index]
    out = {s: max(lost_hours(frame[frame["node"] == s], horizon) for frame in levels) for s in hurt}
    longest = sorted(hurt, key=lambda s: -out[s])
    chosen = dict.fromkeys(hurt[: MOST_SERVICES // 2 + 1])
    for service in longest:
        if len(chosen) < MOST_SERVICES:
            chosen.setdefault(service)
    return [s for s in hurt if s in chosen]


def steps_of(levels: pd.DataFrame, node: str) -> Steps:
    """Return the levels of one node from hour 0."""
    own = levels[levels["node"] == node]
    return Steps(
        np.concatenate([[0.0], own["hour"].to_numpy(dtype=float)]),
        np.concatenate([[1.0], own["level"].to_numpy(dtype=float)]),
    )


def _until(services: Sequence[ServiceLevels], hours: Sequence[dict[str, float]], horizon: float) -> float:
    """Hour until which there is something to see."""
    whole = [strip.hours[-1] if strip.levels[-1] >= 1 else horizon for s in services for strip in s.strips]
    marks = [hour for clock in hours for name, hour in clock.items() if name != "recovered"]
    return float(min(horizon, 1.05 * max([24.0, *whole, *marks])))
