import math
from itertools import combinations

import numpy as np
import pytest

from cyberrange.results.intervals import Interval
from cyberrange.views import study_choice, study_doubts, study_risk, theme
from cyberrange.views.figures.budgets import budgets
from cyberrange.views.figures.chances import chances
from cyberrange.views.figures.clocks import clocks
from cyberrange.views.figures.exceedance import exceedance
from cyberrange.views.figures.frame import sheet
from cyberrange.views.figures.frontier import frontier
from cyberrange.views.figures.money import money_axis
from cyberrange.views.figures.scenario_losses import scenario_losses
from cyberrange.views.figures.together import together
from cyberrange.views.figures.tornado import tornado
from cyberrange.views.study_names import names_of
from cyberrange.views.study_subjects import (
    AmountStep,
    ClockRow,
    DesignChance,
    DesignPoint,
    Exceedance,
    Quartiles,
    RiskCurve,
    ScenarioLoss,
    Sway,
    Together,
)

LONG = "A second factor for mail, remote access, administrators and every engineer of every vendor, without exception"


def around(mean, width=0.1):
    return Interval(mean, mean * (1 - width), mean * (1 + width))


def point(letter, cost, loss, role="", within=True, width=0.1):
    return DesignPoint(letter, role, cost, around(loss, width), around(9 * loss, width), 0.95 * loss, within, True)


def curve(name, scale):
    loss = np.geomspace(1e5, 1e9, 60)
    chance = 0.5 * np.exp(-loss / scale)
    return RiskCurve(name, loss, chance, 0.9 * chance, np.minimum(1.0, 1.1 * chance))


CROWD = [
    point("A", 0.0, 5.6e7, "today"),
    point("B", 1.36e7, 1.632e7, "recommended"),
    *(point(letter, 1.36e7 + 2e5 * i, 1.63e7 - 1e5 * i) for i, letter in enumerate("CDEFGH", 1)),
    point("J", 6e7, 5e6, within=False),
]
SWAYS = [Sway(LONG, "0.01 a year", "40 % stronger", 1e6 * i, 2e7 / i, "B", "C", 1e5 * i, 2e4) for i in range(1, 15)]
FIGURES = {
    "crowd": lambda: frontier(CROWD),
    "one design": lambda: frontier([point("A", 0.0, 5e6, "today")]),
    "nothing lost": lambda: frontier([point("A", 0.0, 0.0, "today"), point("B", 1e6, 0.0, "recommended")]),
    "savings": lambda: frontier([point("A", 0.0, 5e6, "today"), point("B", -4e6, 6e6, "chosen")]),
    "two curves": lambda: exceedance(Exceedance((curve("Today (A)", 1e8), curve("Recommended (B)", 2e7)), 1e7)),
    "no threshold": lambda: exceedance(Exceedance((curve("Today (A)", 1e8),), 0.0)),
    "one scenario": lambda: scenario_losses([ScenarioLoss(LONG, (around(1e7), around(0.0)))], ["Today", "Then"]),
    "no loss": lambda: scenario_losses([ScenarioLoss("a", (around(0.0),))], ["Today"]),
    "clocks": lambda: clocks(
        [ClockRow("First foothold to containment", (Quartiles(0, 5, 8000), Quartiles(0, 0, 0)))],
        ["Today (A)", "Recommended (B)"],
    ),
    "at once": lambda: clocks([ClockRow("a", (Quartiles(0, 0, 0),))], ["Today (A)"]),
    "budgets": lambda: budgets(
        [AmountStep(i * 1e7, "ABCDEFG"[i], i * 4e6, 5e7 - 7e6 * i, 4e4 if i < 6 else math.nan) for i in range(7)], 3.2e7
    ),
    "no gain": lambda: budgets([AmountStep(0.0, "A", 0.0, 5e6, 0.0), AmountStep(1e5, "A", 0.0, 5e6, math.nan)], 1e5),
    "cheaper": lambda: budgets([AmountStep(0, "A", -1e6, 5e6, -3.0), AmountStep(9, "B", 2e6, 0, math.nan)], 0.0),
    "together": lambda: together(Together(5e7, tuple((LONG, 1e7) for _ in range(6)), 4.9e7)),
    "worse": lambda: together(Together(5e7, (("a", -1e7), (LONG, 3e6)), -2e7)),
    "tornado": lambda: tornado(SWAYS, "A"),
    "one input": lambda: tornado([Sway("a", "× 0.5", "× 2", 0.0, 1.0, "B", "C", 0.0, 0.0)], "A"),
    "chances": lambda: chances(
        [
            DesignChance("A", "Vendor-reliant alone", "today", 0.999, 0.0, 0.0),
            DesignChance("B", LONG, "chosen", 0, 2e7, 9e7),
        ]
    ),
    "no regret": lambda: chances([DesignChance("A", "a", "recommended", 1.0, 0.0, 0.0)]),
}


@pytest.fixture(params=FIGURES)
def figure(request):
    return FIGURES[request.param]()


def texts(figure):
    """All texts that are seen: those in axes, ticks, labels of axes, and of legends."""
    found = list(figure.texts)
    for axes in figure.axes:
        ticks = [*axes.get_xticklabels(), *axes.get_yticklabels()]
        found += [*axes.texts, *ticks, axes.xaxis.label, axes.yaxis.label, axes.title]
    for legend in figure.legends:
        found += legend.get_texts()
    return [text for text in found if text.get_text() and text.get_visible()]


def test_no_text_leaves_the_sheet(figure):
    wide, high = figure.get_size_inches() * figure.dpi
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    for text in texts(figure):
        box = text.get_window_extent(renderer)
        assert box.x0 > -2, text
        assert box.x1 < wide + 2, text
        assert box.y0 > -2, text
        assert box.y1 < high + 2, text


def test_every_figure_becomes_the_same_svg_each_time_with_colours_of_the_theme(figure):
    drawn = theme.svg(figure, "a", "says")
    assert drawn.startswith('<svg class="figure" viewBox=')
    assert theme.svg(figure, "a", "says") == drawn
    for colour in theme.COLOURS.values():
        assert colour.light not in drawn


def test_labels_of_designs_that_lie_close_together_cover_neither_each_other_nor_a_mark():
    figure = frontier(CROWD)
    renderer = figure.canvas.get_renderer()
    for axes in figure.axes:
        labels = [text for text in axes.texts if text.get_text()[:1].isalpha()]
        assert {text.get_text() for text in labels} >= {"A today", "B recommended", "C", "H", "J"}
        boxes = [text.get_window_extent(renderer) for text in labels]
        for one, other in combinations(boxes, 2):
            assert not (one.x0 < other.x1 and other.x0 < one.x1 and one.y0 + 2 < other.y1 and other.y0 + 2 < one.y1)
        for p in CROWD:
            mean = (p.loss if axes is figure.axes[0] else p.cvar).mean
            x, y = axes.transData.transform((p.cost, mean))
            assert not any(box.x0 < x < box.x1 and box.y0 < y < box.y1 for box in boxes)


def test_designs_beyond_the_budget_have_another_shape():
    axes = frontier(CROWD).axes[0]
    shapes = {float(line.get_xdata()[0]): line.get_marker() for line in axes.lines if line.get_marker() in {"o", "s"}}
    assert shapes[6e7] == "s"
    assert all(shape == "o" for cost, shape in shapes.items() if cost < 6e7)


def test_the_dotted_line_is_where_cost_and_loss_add_up_to_the_recommended_total():
    axes = frontier(CROWD).axes[0]
    total = 1.36e7 + 1.632e7
    sums = [np.add(*line.get_data()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert any(np.allclose(s, total) for s in sums)


@pytest.mark.parametrize("top", [0.5, 7.0, 900.0, 4.2e5, 3e7, 8e9])
def test_axes_of_rupees_have_round_ticks_within_their_limits(top):
    axes = sheet(2.0).add_axes((0.1, 0.1, 0.8, 0.8))
    axes.set_xlim(0, top)
    money_axis(axes.xaxis, top, "loss")
    assert 2 <= len(axes.get_xticks()) <= 9
    assert all(0 <= x <= top * 1.001 for x in axes.get_xticks())
    assert len({text.get_text() for text in axes.get_xticklabels()}) == len(axes.get_xticks())


def test_what_a_real_study_found_is_drawn(played):
    names = names_of(played)
    called = study_risk.compared_names(played, names)
    frames = study_risk.clock_frames(played)
    drawn = [
        frontier(study_choice.points(played, names)),
        exceedance(study_risk.exceedance(played, names)),
        scenario_losses(study_risk.scenario_losses(played), called),
        clocks(study_risk.clock_rows(played, frames), called),
        budgets(study_choice.amounts(played, names), played.study.budget.own),
        chances(study_doubts.chances(played, names)),
    ]
    assert all(theme.svg(figure, "a", "says").startswith("<svg") for figure in drawn)


def test_the_curves_begin_where_they_fall_and_lie_within_their_bands(played):
    subject = study_risk.exceedance(played, names_of(played))
    assert len(subject.curves) == 2
    for found in subject.curves:
        assert (np.diff(found.chance) <= 1e-12).all()
        assert (found.low <= found.high).all()
        assert found.loss[0] <= subject.threshold <= found.loss[-1]
    assert min(found.chance[-1] for found in subject.curves) < 1e-2
