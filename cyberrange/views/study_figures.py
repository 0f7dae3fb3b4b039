"""The figures of a study's report, each as inline SVG with a title and a caption that says what to see."""

from collections.abc import Callable, Sequence

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from cyberrange.study.answer import Answer
from cyberrange.views.figures.budgets import budgets
from cyberrange.views.figures.chances import chances
from cyberrange.views.figures.clocks import clocks
from cyberrange.views.figures.exceedance import exceedance
from cyberrange.views.figures.frontier import frontier
from cyberrange.views.figures.scenario_losses import scenario_losses
from cyberrange.views.figures.together import together
from cyberrange.views.figures.tornado import MOST, tornado
from cyberrange.views.report_figures import Drawing
from cyberrange.views.study_choice import amounts, points
from cyberrange.views.study_choice import together as together_of
from cyberrange.views.study_doubts import chances as chances_of
from cyberrange.views.study_doubts import sways, tornado_design
from cyberrange.views.study_names import Names
from cyberrange.views.study_risk import BAND, clock_rows, compared_names
from cyberrange.views.study_risk import exceedance as curves_of
from cyberrange.views.study_risk import scenario_losses as losses_of
from cyberrange.views.theme import svg
from cyberrange.views.words import percent

Drawings = tuple[Drawing, ...]


def frontier_figure(answer: Answer, names: Names) -> Drawings:
    """Draw the designs on the plane of cost and loss."""
    level = percent(answer.study.spec.confidence)
    caption = (
        "Each mark is a design that was played in full; letters as in the table below. Filled circles fit the budget, "
        f"hollow squares do not. Vertical bars: {level} intervals. Faint crosses: the loss that the surrogate foretold "
        "before the design was played in full. The grey line joins the designs of which no cheaper one loses less. On "
        "the dotted line cost and loss add up to as much as under the recommended design (or today's, if nothing else "
        "is recommended): what lies above it costs more in all."
    )
    return (_drawing("frontier", "What designs cost, and what they leave to be lost", caption,
                     lambda: frontier(points(answer, names))),)  # fmt: skip


def exceedance_figure(answer: Answer, names: Names) -> Drawings:
    """Draw the loss exceedance curves; nothing where no year has a loss."""
    subject = curves_of(answer, names)
    if subject is None:
        return ()
    caption = (
        "Read it so: a year loses more than the amount below with the chance on the left, which is once in as many "
        f"years as on the right. Both scales are logarithmic. Bands hold {percent(BAND)} of what other runs might have "
        "given; they do not show errors of the model or of its inputs."
    )
    return (_drawing("exceedance", "How likely a costly year is", caption, lambda: exceedance(subject)),)


def scenario_figure(answer: Answer, names: Names) -> Drawings:
    """Draw what each scenario costs a year."""
    rows = losses_of(answer)
    level = percent(answer.study.spec.confidence)
    caption = f"How often a scenario comes times what it costs on average. Thin bars: {level} intervals."
    return (_drawing("scenarios", "Expected loss of a year by scenario", caption,
                     lambda: scenario_losses(rows, compared_names(answer, names))),)  # fmt: skip


def clock_figure(answer: Answer, names: Names, frames: Sequence[pd.DataFrame]) -> Drawings:
    """Draw the clocks of the response."""
    rows = clock_rows(answer, frames)
    caption = (
        "Thick bars hold the middle half of all incidents, each scenario counted as often as it comes; the mark, and "
        "the number on the right, is the median. Scales begin at the first foothold of the attacker."
    )
    return (_drawing("clocks", "To notice, to contain, to recover", caption,
                     lambda: clocks(rows, compared_names(answer, names))),)  # fmt: skip


def budget_figure(answer: Answer, names: Names) -> Drawings:
    """Draw the best design for other budgets; nothing where there is only one amount."""
    steps = amounts(answer, names)
    if len(steps) < 2:
        return ()
    caption = (
        "Above: cost and expected loss a year of the design that is predicted to be best for an amount; its letter "
        "stands on top. Below: by how much cost and loss together fall, in a year, for each further lakh on the way to "
        "the next amount. Shaded: the budget of this study."
    )
    return (
        _drawing(
            "budgets", "The best design for each amount", caption, lambda: budgets(steps, answer.study.budget.own)
        ),
    )


def together_figure(answer: Answer) -> Drawings:
    """Draw single effects beside the joint one; nothing where there are fewer than two."""
    subject = together_of(answer)
    if len(subject.singles) < 2:
        return ()
    caption = (
        "From the top: what each change would save if it were the only one, one after the other; their sum; and what "
        "they save together. All as the surrogate predicts."
    )
    return (_drawing("together", "What each change claims, and what all reach", caption, lambda: together(subject)),)


def doubt_figures(answer: Answer, names: Names) -> Drawings:
    """Draw how often each design is best, and which inputs change the choice, where any does."""
    if len(answer.doubts.ranking) < 2:
        return ()
    caption = (
        "Designs within the budget, the cheapest on average first. Regret is what a design costs a year more than the "
        "one that would have been best in the same draw; the tick is exceeded in one draw out of twenty."
    )
    best = _drawing("chances", "How often each design is the best", caption, lambda: chances(chances_of(answer, names)))
    rows = sways(answer, names)
    if not rows:
        return (best,)
    letter = tornado_design(answer, names)
    more = f" Drawn are the first {MOST}; the table has all." if len(rows) > MOST else ""
    caption = (
        f"Left: what choosing design {letter}, the cheapest on average, would forgo if an input lay in its lowest "
        "tenth (to the left) or in its highest (to the right), and which design is best then. Right: what knowing it "
        f"before the choice is worth, with its standard error. Inputs that change nothing are left out.{more}"
    )
    return best, _drawing("tornado", "Which inputs change the choice", caption, lambda: tornado(rows, letter))


def _drawing(name: str, title: str, caption: str, draw: Callable[[], Figure]) -> Drawing:
    return Drawing(name, title, Markup(svg(draw(), name, f"{title}. {caption}")), caption)
