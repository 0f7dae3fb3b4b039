"""The choice of a study: the frontier, who is who among the designs, other budgets, and what choices do together."""

import math

from cyberrange.results.intervals import Interval
from cyberrange.study.answer import Answer
from cyberrange.views.report_tables import Difference, Line, Table
from cyberrange.views.study_names import Named, Names, design_named, organisation_names, records
from cyberrange.views.study_risk import gap_told
from cyberrange.views.study_subjects import AmountStep, DesignPoint, Together
from cyberrange.views.study_words import between, counted
from cyberrange.views.words import SPACE, percent, rupees

ROLES = {"today": "today", "recommended": "recommended", "chosen": "lowest total of the contest"}
YES = "●"


# --- the frontier -----------------------------------------------------------------------------------------------------


def points(answer: Answer, names: Names) -> list[DesignPoint]:
    """Return every design that was played in full."""
    return [
        DesignPoint(
            names[str(row["design"])].letter,
            names[str(row["design"])].role,
            float(row["cost"]),
            Interval(row["loss"], row["loss_low"], row["loss_high"]),
            Interval(row["cvar"], row["cvar_low"], row["cvar_high"]),
            float(row["predicted"]),
            bool(row["affordable"]),
            bool(row["efficient"]),
        )
        for _, row in answer.played.iterrows()
    ]


def frontier_sentence(answer: Answer, names: Names) -> str:
    """Say how many designs fit the budget, and which is the cheapest in all within it and beyond it."""
    played = {row["design"]: row for row in records(answer.played).values()}
    within = [key for key, row in played.items() if row["affordable"]]
    if len(played) == 1:
        return "Only one design was played in full, so there is nothing to compare it with."
    best, lowest = (min(keys, key=lambda key: played[key]["total"]) for keys in (within, list(played)))
    fit = "fits" if len(within) == 1 else "fit"
    first = (
        f"Of {len(played)} designs played in full, {len(within)} {fit} the budget; of these, design "
        f"{names[best].letter} has the lowest cost and loss together"
    )
    if lowest == best:
        return f"{first}, and no dearer one does better." if len(within) < len(played) else f"{first}."
    less = played[best]["total"] - played[lowest]["total"]
    return f"{first}; with more money, design {names[lowest].letter} would cost {rupees(less)} a year less in all."


def frontier_table(answer: Answer, names: Names) -> Table:
    """Return a row for each design that was played in full, by rising cost."""
    years = counted(int(answer.study.budget.years), "year")
    with_grant = bool(answer.study.budget.grant)
    heads = (
        "Design",
        f"Outlay in {years}" + (" (own money)" if with_grant else ""),
        "Cost a year",
        "Expected loss a year",
        f"Worst 5{SPACE}% of years, mean",
        "Cost and loss",
        "Loss as predicted",
        "Cost and loss against today",
    )
    level = percent(answer.study.spec.confidence)
    caption = (
        f"Rupees; costs are those beyond today's. In brackets: {level} intervals; those of the differences from today "
        f"hold jointly with {level}. Bold: the interval leaves zero out. n.d.: no difference that these runs can tell."
    )
    lines = tuple(_frontier_line(answer, names[str(key)], with_grant) for key in answer.played["design"])
    return Table("The designs that were played in full", heads, lines, caption)


def _frontier_line(answer: Answer, named: Named, with_grant: bool) -> Line:
    row = answer.row(named.key)
    notes = [ROLES[named.role]] if named.role else []
    notes += ["" if row["affordable"] else "beyond the budget", "tied" if named.key in answer.tied else ""]
    loss = Interval(row["loss"], row["loss_low"], row["loss_high"])
    cvar = Interval(row["cvar"], row["cvar_low"], row["cvar_high"])
    gap = Interval(row["difference"], row["difference_low"], row["difference_high"])
    own = f" ({rupees(row['own'])})" if with_grant else ""
    cells = (
        rupees(row["outlay"]) + own, rupees(row["cost"]), _with_interval(loss), _with_interval(cvar),
        rupees(row["total"]), rupees(row["predicted"]),
    )  # fmt: skip
    difference = Difference("–", "", False) if named.key == answer.today else gap_told(gap)
    return Line(named.lettered, ", ".join(note for note in notes if note), cells, (difference,))


def _with_interval(x: Interval) -> str:
    return f"{rupees(x.mean)} ({between(x.low, x.high)})"


def who_is_who(answer: Answer, names: Names) -> Table:
    """Return which organisation and which controls each design has: choices as rows, designs as columns."""
    offer, catalogue = answer.study.offer, answer.study.materials.catalogue
    shown = list(names.values())
    rows = [
        Line(name, "organisation", tuple(YES if n.design.organisation == key else "" for n in shown))
        for key, name in organisation_names(answer).items()
    ]
    rows += [
        Line(catalogue.controls[key].name, "", tuple(YES if key in n.design.controls else "" for n in shown))
        for key in offer.controls
        if any(key in n.design.controls for n in shown)
    ]
    heads = ("", *(n.letter for n in shown))
    foretold = [n.letter for n in shown if not n.played]
    roles = "".join(f" {n.letter}: {ROLES[n.role]}." for n in shown if n.role)
    caption = f"Each column is a design; a dot tells what it has.{roles} Controls that none of them has are left out."
    if foretold:
        caption += f" Not played in full, only predicted: {', '.join(foretold)}."
    return Table("Which design has what", heads, tuple(rows), caption)


# --- other budgets ----------------------------------------------------------------------------------------------------


def amounts(answer: Answer, names: Names) -> list[AmountStep]:
    """Return the best design for each amount of own money."""
    return [
        AmountStep(row["own"], _letter(answer, names, row["name"]), row["cost"], row["loss"], row["gain"])
        for row in records(answer.marginal).values()
    ]


def _letter(answer: Answer, names: Names, name: str) -> str:
    return names[answer.study.key(design_named(name))].letter


def budget_sentence(answer: Answer, names: Names) -> str:
    """Say what more or less money than the budget would change."""
    steps = amounts(answer, names)
    if len(steps) < 2:
        return "The city has no money of its own in this study, so there are no other amounts to compare."
    at = [step for step in steps if step.own <= answer.study.budget.own * (1 + 1e-9)]
    here = at[-1]
    gain = f"{rupees(here.gain)} a year" if here.gain > 0.5 else "nothing"
    same = next(n.design for n in names.values() if n.letter == here.letter)
    least = float(answer.study.offer.table([same]).own_share(answer.study.budget)[0])
    enough = f"; it asks for {rupees(least)} of them" if 0.5 < least < here.own - 0.5 else ""
    first = f"With {rupees(here.own)} of its own, design {here.letter} is predicted to be best{enough}"
    return f"{first}. A further lakh gains {gain}."


def budget_table(answer: Answer, names: Names) -> Table:
    """Return the best design for each amount of own money, and what a further lakh gains."""
    lines = tuple(
        Line(
            rupees(step.own),
            "the budget" if math.isclose(step.own, answer.study.budget.own) else "",
            (
                _lettered(names, step.letter),
                rupees(step.cost),
                rupees(step.loss),
                rupees(step.cost + step.loss),
                "–" if math.isnan(step.gain) else rupees(step.gain),
            ),
        )
        for step in amounts(answer, names)
    )
    heads = ("Own money", "Best design", "Cost a year", "Loss a year", "Cost and loss", "A further lakh gains, a year")
    return Table("The best design for other budgets", heads, lines, "As the surrogate predicts; the grant stays.")


def _lettered(names: Names, letter: str) -> str:
    return next(n.lettered for n in names.values() if n.letter == letter)


# --- together ---------------------------------------------------------------------------------------------------------


def together(answer: Answer) -> Together:
    """Return what the choices of the recommended design claim one by one, and what they reach together."""
    found = answer.together
    organisations, controls = organisation_names(answer), answer.study.materials.catalogue.controls
    singles = tuple(
        (organisations[key] if key in organisations else controls[key].name, gain) for key, gain in found.single.items()
    )
    return Together(found.today, singles, found.joint)


def together_sentence(answer: Answer) -> str:
    """Say whether single effects add up."""
    found = answer.together
    if not found.single:
        return "The recommended design changes nothing, so there is nothing to add up."
    if len(found.single) == 1:
        return (
            "The recommended design makes a single change, so nothing is counted twice: it is predicted to save "
            f"{rupees(found.joint)} a year."
        )
    first = (
        f"Looked at one by one, the {len(found.single)} changes would claim {rupees(found.claimed)} a year; together "
        f"they are predicted to save {rupees(found.joint)}"
    )
    if found.joint <= 0 or found.claimed <= 0:
        return f"{first}."
    if found.claimed > found.today:
        first += f", and there are only {rupees(found.today)} to lose"
    if 0.98 < found.overstatement < 1.02:
        return f"{first}: they add up."
    if found.overstatement < 1:
        return f"{first}: they help each other, and the sum understates it."
    return f"{first}: adding up overstates it {found.overstatement:.2g} times, because the same loss is saved twice."
