"""The chapters of a study's report as plain records: sentences, figures, tables. The template only lays them out."""

from collections.abc import Callable
from typing import NamedTuple

from cyberrange.study.answer import TAIL, Answer
from cyberrange.study.risk.guard_rails import Note, notes
from cyberrange.views import study_choice as choice
from cyberrange.views import study_doubts as doubts
from cyberrange.views import study_figures as figures
from cyberrange.views import study_risk as risk
from cyberrange.views.report_figures import Drawing
from cyberrange.views.report_tables import Card, Table
from cyberrange.views.study_names import Names
from cyberrange.views.study_words import between
from cyberrange.views.words import SPACE, amount, listed, percent, rupees


class Chapter(NamedTuple):
    """One subject of the report."""

    key: str
    title: str
    link: str
    """What it is called in the contents."""
    says: tuple[str, ...]
    """What to see."""
    figures: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()
    """Tables that are opened by a click; in print they are open."""
    matrix: Table | None = None
    """A table of dots."""


def chapters(answer: Answer, names: Names, tick: Callable[[], None]) -> list[Chapter]:
    """Return the chapters in their order.

    Parameters
    ----------
    answer
        What a study found.
    names
        How its designs are called.
    tick
        Called when a chapter is ready.
    """
    found = []
    for make in MAKERS:
        found.append(make(answer, names))
        tick()
    return [chapter for chapter in found if chapter is not None]


def _frontier(answer: Answer, names: Names) -> Chapter:
    return Chapter(
        "choice", "What can be had for what", "Cost and loss", (choice.frontier_sentence(answer, names),),
        figures.frontier_figure(answer, names), (choice.frontier_table(answer, names),),
        matrix=choice.who_is_who(answer, names),
    )  # fmt: skip


def _year(answer: Answer, names: Names) -> Chapter:
    return Chapter(
        "year", "Good years and bad years", "Bad years", tuple(risk.year_sentences(answer)),
        figures.exceedance_figure(answer, names), (risk.ledger_table(answer, names),),
    )  # fmt: skip


def _scenarios(answer: Answer, names: Names) -> Chapter:
    return Chapter(
        "from", "Where the loss comes from", "Scenarios", (risk.scenario_sentence(answer),),
        figures.scenario_figure(answer, names), folded=(risk.scenario_table(answer, names),),
    )  # fmt: skip


def _response(answer: Answer, names: Names) -> Chapter | None:
    frames = risk.clock_frames(answer)
    if not frames:
        return None
    return Chapter(
        "response", "How quickly the city responds", "Response", (risk.clock_sentence(answer, frames),),
        figures.clock_figure(answer, names, frames), folded=(risk.clock_table(answer, names, frames),),
    )  # fmt: skip


def _budget(answer: Answer, names: Names) -> Chapter:
    return Chapter(
        "budget", "More money, or less", "Other budgets", (choice.budget_sentence(answer, names),),
        figures.budget_figure(answer, names), folded=(choice.budget_table(answer, names),),
    )  # fmt: skip


def _together(answer: Answer, names: Names) -> Chapter:
    return Chapter(
        "pairs", "One by one, and together", "Together", (choice.together_sentence(answer),),
        figures.together_figure(answer),
    )  # fmt: skip


def _measure(answer: Answer, names: Names) -> Chapter:
    several = len(answer.doubts.ranking) > 1
    return Chapter(
        "measure", "What to measure next", "What to measure",
        (doubts.chance_sentence(answer, names), *(doubts.measure_sentences(answer, names) if several else [])),
        figures.doubt_figures(answer, names),
        (doubts.measure_table(answer, names),) if several else (),
        folded=(doubts.chance_table(answer, names),) if several else (),
    )  # fmt: skip


MAKERS: tuple[Callable[[Answer, Names], Chapter | None], ...] = (
    _frontier,
    _year,
    _scenarios,
    _response,
    _budget,
    _together,
    _measure,
)


# --- ahead of the chapters --------------------------------------------------------------------------------------------


def warnings(answer: Answer, names: Names) -> list[str]:
    """Return the guard-rails' notes, each with the design that it is about."""
    keys = risk.compared(answer)
    called = dict(zip(keys, risk.compared_names(answer, names), strict=True))
    cost = float(answer.row(answer.recommended)["cost"]) if answer.worth_it else None
    own = {key: notes(answer.risks[key], level=TAIL, cost=cost if key == answer.recommended else None) for key in keys}
    return [_warning(note, [called[key] for key in keys if note in own[key]]) for note in answer.notes()]


def _warning(note: Note, about: list[str]) -> str:
    return f"{listed(about)}: {note.text}" if about else note.text


def cards(answer: Answer, names: Names) -> list[Card]:
    """Return the key figures of today's design and of the recommended one."""
    rows = [answer.row(key) for key in risk.compared(answer)]
    years = [answer.risks[key].annual for key in risk.compared(answer)]
    at = answer.study.spec.threshold
    losses = [(float(r["loss_low"]), float(r["loss_high"])) for r in rows]
    tails = [(float(r["cvar_low"]), float(r["cvar_high"])) for r in rows]
    return [
        _card("Expected loss a year", [float(r["loss"]) for r in rows], rupees, losses),
        _card(f"Worst 5{SPACE}% of years, on average", [float(r["cvar"]) for r in rows], rupees, tails),
        _card(f"Chance of a year above {rupees(at)}", [y["total"].chance_above(at) for y in years], percent),
        _card("Cost a year beyond today's", [float(r["cost"]) for r in rows], rupees),
        _card("Cost and expected loss a year", [float(r["total"]) for r in rows], rupees),
        _card("Citizen-hours lost a year", [y["citizen_hours"].ale for y in years], amount),
    ]


def _card(
    title: str, values: list[float], says: Callable[[float], str], ends: list[tuple[float, float]] | None = None
) -> Card:
    top = max(values) if max(values) > 0 else 1.0
    told = [between(low, high) for low, high in ends] if ends else [""] * len(values)
    rows = tuple((says(x), interval, max(0.0, x) / top) for x, interval in zip(values, told, strict=True))
    return Card(title, rows)
