"""What uncertain inputs do to the choice of a study: how often each design is best, and what is worth measuring."""

from typing import Any

from cyberrange.study.answer import Answer
from cyberrange.views.report_tables import Line, Table
from cyberrange.views.study_names import Names, records, scenario_names
from cyberrange.views.study_subjects import DesignChance, Sway
from cyberrange.views.words import SPACE, listed, percent, rupees

VALUES = {
    "citizens": "What an hour without a service costs citizens",
    "city": "What it costs the city's budget",
    "deferred": "Revenue that comes late or never",
}
NOTHING = 0.5
"""Rupees a year below which knowing something is worth nothing."""


def input_name(answer: Answer, name: str) -> str:
    """Return an uncertain input in words.

    Parameters
    ----------
    answer
        What a study found.
    name
        The input as `Doubts.inputs` has it.
    """
    row = records(answer.doubts.inputs)[name]
    what, of = row["what"], row["of"]
    if what == "frequency":
        return f"How often: {scenario_names(answer)[of]}"
    if what == "value":
        return VALUES[of]
    if what == "price":
        return "Prices of the controls"
    return f"How well it works: {answer.study.materials.catalogue.controls[of].name}"


def input_value(answer: Answer, name: str, x: float) -> str:
    """Write a value of an uncertain input: times a year, a multiple of the study's value, or how much of its range."""
    what = records(answer.doubts.inputs)[name]["what"]
    if what == "frequency":
        return f"{x:.2g} a year"
    if what == "effect":
        return "as in the catalogue" if abs(x) < 0.005 else f"{percent(abs(x))} {'stronger' if x > 0 else 'weaker'}"
    return f"×{SPACE}{x:.2g}"


# --- designs ----------------------------------------------------------------------------------------------------------


def chances(answer: Answer, names: Names) -> list[DesignChance]:
    """Return the designs within the budget, the lowest mean cost first."""
    return [
        DesignChance(
            names[key].letter,
            names[key].short,
            names[key].role,
            row["p_best"],
            row["expected_regret"],
            row["p95_regret"],
        )
        for key, row in records(answer.doubts.ranking).items()
    ]


def chance_table(answer: Answer, names: Names) -> Table:
    """Return how often each design is best, and what choosing it may forgo."""
    lines = tuple(
        Line(
            names[key].lettered,
            names[key].role,
            (percent(row["p_best"]), *(rupees(row[c]) for c in ("mean", "expected_regret", "p95_regret"))),
        )
        for key, row in records(answer.doubts.ranking).items()
    )
    heads = ("Design", "Best in", "Cost and loss a year, mean", "Regret, mean", f"Regret, worst 5{SPACE}% above")
    caption = (
        "Designs within the budget that were played in full, priced anew for each draw of the inputs. Regret is what a "
        "design costs more than the one that would have been best in that draw."
    )
    return Table("How often each design is the best", heads, lines, caption)


def chance_sentence(answer: Answer, names: Names) -> str:
    """Say which design is best most often, and which is cheapest on average."""
    ranking = answer.doubts.ranking
    if len(ranking) < 2:
        return "Only one design within the budget was played in full, so no input can change the choice."
    often = str(ranking["p_best"].idxmax())
    own = records(ranking)[answer.recommended]
    cheapest = str(ranking.index[0])
    average = "the" if cheapest == often else f"{_which(names, cheapest)} is the"
    forgone = (
        f"forgoes {rupees(own['expected_regret'])} a year on average and more than {rupees(own['p95_regret'])} in one "
        "draw out of twenty"
    )
    chosen = "it" if answer.recommended == cheapest == often else _which(names, answer.recommended)
    return (
        f"D{_which(names, often)[1:]} is best in {percent(float(ranking['p_best'].max()))} of the draws and "
        f"{average} cheapest on average; choosing {chosen} "
        f"{forgone if own['p95_regret'] > NOTHING else 'forgoes nothing'}."
    )


def _which(names: Names, key: str) -> str:
    named = names[key]
    return named.by_letter + (f" ({named.role})" if named.role else "")


# --- inputs -----------------------------------------------------------------------------------------------------------


def sways(answer: Answer, names: Names) -> list[Sway]:
    """Return the inputs that may change the choice, those that matter most first."""
    found = [_sway(answer, names, str(name)) for name in answer.doubts.tornado.index]
    return sorted((s for s in found if _matters(s)), key=lambda s: (-s.worth, -max(s.regret_low, s.regret_high)))


def _sway(answer: Answer, names: Names, name: str) -> Sway:
    row, worth = records(answer.doubts.tornado)[name], records(answer.doubts.measure)[name]
    return Sway(
        input_name(answer, name),
        input_value(answer, name, row["low"]),
        input_value(answer, name, row["high"]),
        row["regret_low"],
        row["regret_high"],
        names[str(row["best_low"])].letter,
        names[str(row["best_high"])].letter,
        worth["evppi"],
        worth["standard_error"],
    )


def _matters(sway: Sway) -> bool:
    return max(sway.worth, sway.regret_low, sway.regret_high) > NOTHING


def measure_sentences(answer: Answer, names: Names) -> list[str]:
    """Say what is worth measuring before deciding, and what is not."""
    worth = answer.doubts.worth
    inputs = [str(name) for name in answer.doubts.measure.index]
    if worth.value <= NOTHING:
        return [
            "Nothing is worth measuring first: whatever the uncertain inputs turn out to be within their ranges, the "
            f"same design stays the cheapest, design {tornado_design(answer, names)}."
        ]
    first = (
        f"Knowing all {len(inputs)} uncertain inputs before choosing would be worth {rupees(worth.value)} a year "
        f"(standard error {rupees(worth.standard_error)}): that is the most that any study of them can be worth"
    )
    valued = [sway for sway in sways(answer, names) if sway.worth > NOTHING]
    idle = len(inputs) - len(valued)
    if not valued:
        return [f"{first}. Knowing any one of them alone is worth nothing, because it does not change the choice."]
    best = [f"“{sway.name}” ({rupees(sway.worth)} ± {rupees(sway.error)} a year)" for sway in valued[:3]]
    rest = f" Knowing any of the other {idle} alone is worth nothing, because it does not change the choice."
    return [f"{first}. Measure first: {listed(best)}.{rest if idle > 1 else ''}"]


def tornado_design(answer: Answer, names: Names) -> str:
    """Return the letter of the design whose regret the tornado shows: the cheapest on average over the draws."""
    return names[str(answer.doubts.ranking.index[0])].letter


def measure_table(answer: Answer, names: Names) -> Table:
    """Return every uncertain input with its range, what knowing it is worth, and what it does to the choice."""
    doubts = answer.doubts
    heads = (
        "Input", "Range", "Worth knowing, a year", "Share of the most that can be worth",
        "Regret if low", "Best then", "Regret if high", "Best then",
    )  # fmt: skip
    lines = tuple(_measure_line(answer, names, str(name)) for name in doubts.measure.index)
    caption = (
        "Worth knowing: expected value of perfect information on this input alone, ± its standard error. Low and high: "
        f"the lowest and the highest tenth of draws. Regret is that of design {tornado_design(answer, names)}, the "
        "cheapest on average over all draws."
    )
    return Table("What to measure next", heads, lines, caption)


def _measure_line(answer: Answer, names: Names, name: str) -> Line:
    doubts = answer.doubts
    worth, row = records(doubts.measure)[name], records(doubts.tornado)[name]
    error = f" ± {rupees(worth['standard_error'])}" if worth["standard_error"] > NOTHING else ""
    cells = (
        _range(records(doubts.inputs)[name]),
        f"{_more_than_nothing(worth['evppi'])}{error}",
        percent(worth["share_of_evpi"]),
        _more_than_nothing(row["regret_low"]),
        names[str(row["best_low"])].letter,
        _more_than_nothing(row["regret_high"]),
        names[str(row["best_high"])].letter,
    )
    return Line(input_name(answer, name), "", cells)


def _range(row: dict[str, Any]) -> str:
    """Write what an input is in the study, and from where to where it may lie."""
    if row["what"] == "effect":
        return "from weak to strong, as in the catalogue"
    ends = f"{row['low']:g}{SPACE}to{SPACE}{row['high']:g}"
    return f"{row['mode']:g} a year, {ends}" if row["what"] == "frequency" else f"×{SPACE}{ends}"


def _more_than_nothing(x: float) -> str:
    return "0" if abs(x) <= NOTHING else rupees(x)
