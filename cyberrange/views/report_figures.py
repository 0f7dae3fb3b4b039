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


CAPTIONS = {
    "map": (
        "Each mark is a system or a service, always in the same place: rows are sectors, columns the layers from the "
        "street to the services. The darker, the longer it was out (by night: the lighter). A: hit by the attack, cut off "
        "as well or not; R: whole, but cut off by the response; a circle: fell because something that it needs fell. "
        "Lines show along which needs the damage went on. Sectors that were spared are at the bottom."
    ),
    "levels": (
        "The deeper a strip, the larger the part of the service that is missing; its length is how long. Losses too small "
        "to draw are shown as a thin line. Beside it, what citizens lost. Shown are the services that lost most "
        "citizen-hours and those that were out longest. Letters that share a box fall together on this scale."
    ),
    "causes": (
        "From left to right: the steps in the order in which they first succeeded, each under the one that it followed "
        "from; the systems whose state was the binding cause; the services that lost by it. Width is citizen-hours. Pink "
        "with square marks: the attack; blue with round marks: the response's own cuts."
    ),
    "timeline": (
        "Each lane is a step of the playbook, from the moment the case was noticed; the scale is logarithmic, so that "
        "minutes and weeks can both be seen. A step that is done for many systems shows how many are in which state: the "
        "most at one time fill the lane. On the right: when it was done, for systems the last of them; “3×” means three "
        "times or three systems. Work means from beginning to end, nights between shifts included."
    ),
    "differences": (
        "Each mark is the mean difference from {base}, run by run with the same luck, as a share of {base}'s mean; the "
        "bar is its 95 % interval. Left of the line is less. Filled marks: the interval leaves zero out. Hollow marks on "
        "thin bars: no difference that these runs can tell. Measures that are "
        "the same in every run are left out."
    ),
    "spreads": (
        "Share of the runs (upwards) that stay at or below a value (to the right): the further left and up a curve, the "
        "better. The mark is the median. A clock that has not stopped when the scenario ends counts as stopped there."
    ),
    "outages": (
        "Diamonds: what was published about real cases. Ticks: the simulated runs, as days below half of normal service; "
        "thick bars hold the middle half of them, the mark is the median. The scenario was not fitted to these cases: "
        "where they differ, the model differs from what happened, or the city from that city."
    ),
}
TITLES = {
    "map": "What was hit, what was cut off, what fell",
    "levels": "Services over time",
    "causes": "From the first step to the citizens",
    "timeline": "The response: at work, and waiting",
    "differences": "What differs from {base}, and how sure that is",
    "spreads": "From lucky to unlucky runs",
    "outages": "Published and simulated outages",
}


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
            found.append(_drawing("map", f"{prefix}-{i + 1}", partial(city_map, subject, i), of=panel.title))
    story = level_story(few, few_names)
    if story.services:
        found.append(_drawing("levels", prefix, lambda: levels(story)))
    for i, (run, name) in enumerate(zip(runs[:2], names[:2], strict=True)):
        tree = cause_tree(run, name)
        if tree.flows:
            found.append(_drawing("causes", f"{prefix}-{i + 1}", partial(causes, tree), of=name))
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


def _drawing(kind: str, prefix: str, draw: Callable[[], Figure], of: str = "", base: str = "") -> Drawing:
    name = f"{prefix}-{kind}"
    title = TITLES[kind].format(base=base) + (f": {of}" if of else "")
    caption = CAPTIONS[kind].format(base=base)
    return Drawing(name, title, Markup(svg(draw(), name, f"{title}. {caption}")), caption)
