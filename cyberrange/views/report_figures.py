"""The figures of a report, each as inline SVG with a title and a caption that says what to see."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from cyberrange.inputs.scenario import Scenario
from cyberrange.results.run import Run
from cyberrange.study.compare import Comparison
from cyberrange.views.captions import AGAIN, CAPTIONS, TITLES
from cyberrange.views.figures.causes import causes
from cyberrange.views.figures.citymap import city_map
from cyberrange.views.figures.differences import differences
from cyberrange.views.figures.levels import levels
from cyberrange.views.figures.outages import outages
from cyberrange.views.figures.spreads import spreads
from cyberrange.views.figures.timeline import timeline
from cyberrange.views.from_causes import cause_tree
from cyberrange.views.from_runs import city_map as map_of
from cyberrange.views.from_runs import level_story
from cyberrange.views.from_tables import gaps, outage_rows
from cyberrange.views.from_tables import spreads as spreads_of
from cyberrange.views.from_tasks import response_story
from cyberrange.views.theme import svg

MOST_POSTURES = 4
"""So many postures are drawn; the tables hold all."""


class Drawing(NamedTuple):
    """A figure on the page."""

    name: str
    title: str
    svg: Markup
    caption: str


def run_figures(runs: Sequence[Run], names: Sequence[str], prefix: str) -> list[Drawing]:
    """Draw the figures of runs with the same luck under one posture or several; those without content are left out.

    Parameters
    ----------
    runs, names
        Runs and the postures' names, the base first.
    prefix
        Keeps the figures of several sections on one page apart.
    """
    few, few_names = runs[:MOST_POSTURES], names[:MOST_POSTURES]
    found = []
    subject = map_of(runs[:2], names[:2])
    if any(panel.harm for panel in subject.panels):
        for i, panel in enumerate(subject.panels):
            found.append(
                _drawing("map", f"{prefix}-{i + 1}", partial(city_map, subject, i), of=panel.title, again=i > 0)
            )
    story = level_story(few, few_names)
    if story.services:
        found.append(_drawing("levels", prefix, lambda: levels(story)))
    for i, (run, name) in enumerate(zip(runs[:2], names[:2], strict=True)):
        tree = cause_tree(run, name)
        if tree.flows:
            found.append(_drawing("causes", f"{prefix}-{i + 1}", partial(causes, tree), of=name, again=i > 0))
    response = response_story(few, few_names)
    if response.lanes:
        found.append(_drawing("timeline", prefix, lambda: timeline(response)))
    return found


def comparison_figures(
    comparison: Comparison, scenario: Scenario, tables: dict[str, pd.DataFrame], names: Sequence[str], prefix: str
) -> list[Drawing]:
    """Draw the figures of many runs: differences, spreads, outages beside published ones."""
    shown = dict(list(tables.items())[:MOST_POSTURES])
    few = names[:MOST_POSTURES]
    found = []
    gap = gaps(shown)
    if gap:
        found.append(_drawing("differences", prefix, lambda: differences(gap, few), base=names[0]))
    values = spreads_of(shown, scenario.horizon)
    if values and len(next(iter(tables.values()))) > 1:
        found.append(_drawing("spreads", prefix, lambda: spreads(values, few)))
    rows = outage_rows(comparison, scenario, list(shown))
    if rows:
        found.append(_drawing("outages", prefix, lambda: outages(rows, few)))
    return found


def _drawing(
    kind: str, prefix: str, draw: Callable[[], Figure], of: str = "", base: str = "", again: bool = False
) -> Drawing:
    name = f"{prefix}-{kind}"
    title = TITLES[kind].format(base=base) + (f": {of}" if of else "")
    caption = AGAIN[kind] if again else CAPTIONS[kind].format(base=base)
    return Drawing(name, title, Markup(svg(draw(), name, f"{title}. {caption}")), caption)
