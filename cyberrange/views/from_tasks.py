"""The response of a run as lanes of tasks: what each waited for, and when it was at work."""

import math
from collections.abc import Sequence

import pandas as pd

from cyberrange.inputs.posture import PlaybookStep
from cyberrange.results.run import Run
from cyberrange.views.subjects import Lane, ResponseStory, TaskSpan

HIDDEN = ("triage", "take_over")
"""Steps of the engine's own: they come in numbers, and before the notice."""


def response_story(runs: Sequence[Run], postures: Sequence[str]) -> ResponseStory:
    """Return the lanes of the response under each posture, in hours since the city noticed."""
    horizon = runs[0].plan.scenario.horizon
    noticed = [_noticed(run) for run in runs]
    until = max((horizon - hour for hour in noticed if math.isfinite(hour)), default=horizon)
    tables = [_real(run) for run in runs]
    lanes = []
    for key, step in _steps(runs).items():
        tasks = tuple(_spans(t, key, hour, horizon) for t, hour in zip(tables, noticed, strict=True))
        if any(tasks):
            lanes.append(Lane(_name(runs, key), step.scope == "asset", tasks))
    after = tuple(hour - float(run.times["compromised"].min()) for run, hour in zip(runs, noticed, strict=True))
    legal = runs[0].plan.posture.rules.report_within
    return ResponseStory(tuple(postures), tuple(lanes), after, legal, until)


def _noticed(run: Run) -> float:
    return float(run.times["noticed"].min())


def _steps(runs: Sequence[Run]) -> dict[str, PlaybookStep]:
    """Steps of all the playbooks by id, in the order of the first."""
    found: dict[str, PlaybookStep] = {}
    for run in runs:
        for key, step in run.plan.posture.playbook.items():
            found.setdefault(key, step)
    return found


def _name(runs: Sequence[Run], key: str) -> str:
    """Name of a step; where the postures do different things under it, its id says so."""
    names = {run.plan.posture.playbook[key].name for run in runs if key in run.plan.posture.playbook}
    return names.pop() if len(names) == 1 else f"{key.replace('_', ' ').capitalize()} (each in its own way)"


def _real(run: Run) -> pd.DataFrame:
    """The real tasks of a run that were not dropped, and whether each may have needed consent."""
    tasks, posture = run.tasks, run.plan.posture
    shown = tasks[tasks["real"] & ~tasks["dropped"] & ~tasks["step"].isin(HIDDEN)]
    asks = {key for key, step in posture.playbook.items() if step.power in posture.powers}
    return shown.assign(needs_consent=shown["step"].isin(asks))


def _spans(tasks: pd.DataFrame, step: str, noticed: float, horizon: float) -> tuple[TaskSpan, ...]:
    """Return the tasks of one step; what has not come by the horizon is put there."""
    if math.isnan(noticed):
        return ()
    spans = []
    for row in tasks[tasks["step"] == step].to_dict("records"):
        asked, started = float(row["asked"]), float(row["started"])
        begun = started >= asked
        ended = min(float(row["ended"]), horizon) if row["ended"] >= asked else horizon
        approved = float(row["approved"])
        if not begun and approved == asked and not row["queued"] >= asked and row["needs_consent"]:
            approved = horizon
        hours = (asked, approved, started if begun else horizon, ended)
        since = [hour - noticed for hour in hours]
        spans.append(TaskSpan(since[0], since[1], since[2], since[3], str(row["waited_for"])))
    return tuple(spans)
