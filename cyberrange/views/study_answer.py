"""The answer of a study in sentences: what to buy, what it costs and saves, what is promised, and how sure that is."""

from cyberrange.results.intervals import Interval
from cyberrange.study.answer import Answer
from cyberrange.study.choice.kim_nelson import KimNelson
from cyberrange.study.choice.portfolios import HOURS_A_YEAR
from cyberrange.views.study_names import Names, control_names, organisation_names, records
from cyberrange.views.study_words import bounds, counted, quoted
from cyberrange.views.words import SPACE, amount, duration, listed, percent, rupees

FEW = 2
"""Up to so many tied designs are told by their full names."""


def sentences(answer: Answer, names: Names) -> list[str]:
    """Return the answer: net benefit first, or that nothing is worth paying for.

    Parameters
    ----------
    answer
        What a study found.
    names
        How its designs are called.
    """
    found = _worth_it(answer) if answer.worth_it else _not_worth_it(answer, names)
    return _once([*found, *_tied(answer, names), guarantee(answer, names), *sure(answer, names)], names)


def _once(told: list[str], names: Names) -> list[str]:
    """Give each design its full name where it comes first, and its letter from then on."""
    for named in names.values():
        where = [i for i, sentence in enumerate(told) if named.told in sentence]
        told = [x.replace(named.told, named.by_letter) if i in where[1:] else x for i, x in enumerate(told)]
    return told


def total_saved(answer: Answer, key: str) -> Interval:
    """Return by how much cost plus expected loss a year is lower than today's; its interval holds jointly."""
    row = answer.row(key)
    return Interval(-row["difference"], -row["difference_high"], -row["difference_low"])


def loss_saved(answer: Answer, key: str) -> Interval:
    """Return by how much the expected loss a year is lower than today's; its interval holds jointly."""
    more = float(answer.row(key)["cost"] - answer.row(answer.today)["cost"])
    return Interval(*(x + more for x in total_saved(answer, key)))


def budget_told(answer: Answer) -> str:
    """Write the budget: `Rs 5 crore over 2 years`, with its grant if there is one."""
    budget = answer.study.budget
    grant = f" of its own and a grant of {rupees(budget.grant)}" if budget.grant else ""
    return f"{rupees(budget.own)}{grant} over {counted(int(budget.years), 'year')}"


def _worth_it(answer: Answer) -> list[str]:
    today, row = answer.row(answer.today), answer.row(answer.recommended)
    net, saved = total_saved(answer, answer.recommended), loss_saved(answer, answer.recommended)
    return [
        f"{_to_do(answer)}. Net {'benefit' if net.mean >= 0 else 'cost'}: {rupees(abs(net.mean))} a year "
        f"({_interval(answer, net)}).",
        f"The expected loss {_falls(today['loss'], row['loss'])} a year: {_less(saved)} a year "
        f"({_interval(answer, saved)}), {_for(row['cost'])}.",
        _whose(answer),
        _outlay(answer),
        _return(answer),
    ]


def _whose(answer: Answer) -> str:
    """Say who saves: the city's own budget, or its citizens."""
    city, citizens, cost = (
        answer.avoided("city"),
        answer.avoided("citizens"),
        float(answer.row(answer.recommended)["cost"]),
    )
    told = f"Of this the city's own budget saves {rupees(city)} a year and citizens {rupees(citizens)}"
    return f"{told}; from the city's own budget alone it does not pay for itself." if cost > city else f"{told}."


def _to_do(answer: Answer) -> str:
    """Say what to change and to buy."""
    design, today = answer.study.design(answer.recommended), answer.study.offer.today
    names, bought = organisation_names(answer), control_names(answer, design)
    old, new = names[today.organisation], names[design.organisation]
    if old == new:
        return f"Stay with {_called(old)}, and buy {counted(len(bought), 'control')}: {quoted(bought)}"
    change = f"Change from {_called(old)} to {_called(new)}"
    return f"{change}, and buy {counted(len(bought), 'control')}: {quoted(bought)}" if bought else (
        f"{change}, and buy no new control"
    )  # fmt: skip


def _called(organisation: str) -> str:
    return f"the organisation “{organisation}”"


def _falls(before: float, after: float) -> str:
    word = "falls" if after < before else "rises" if after > before else "stays"
    return f"{word} from {rupees(before)} to {rupees(after)}"


def _less(saved: Interval) -> str:
    return f"{rupees(abs(saved.mean))} {'less' if saved.mean >= 0 else 'more'}"


def _for(cost: float) -> str:
    if abs(cost) < 0.5:
        return "at no cost over today's"
    return f"for {rupees(cost)} a year" if cost > 0 else f"and {rupees(-cost)} a year are saved on running costs"


def _interval(answer: Answer, interval: Interval) -> str:
    return f"{percent(answer.study.spec.confidence)} interval: {bounds(interval)}"


def _outlay(answer: Answer) -> str:
    """Say what has to be found over the budget's years, and by whom."""
    row, budget = answer.row(answer.recommended), answer.study.budget
    outlay, own = float(row["outlay"]), float(row["own"])
    grant = outlay - own
    over = f"Over {counted(int(budget.years), 'year')} it asks for {rupees(outlay)}"
    if outlay <= 0.5:
        return f"{over}: nothing has to be found."
    parts = f"{rupees(own)} of the city's own money and {rupees(grant)} of the grant"
    shares = parts if grant > 0.5 else "all of it the city's own money"
    of = f"{rupees(budget.own)}" + (f" and {rupees(budget.grant)}" if budget.grant else "")
    return f"{over}, {shares}; the budget has {of}."


def _return(answer: Answer) -> str:
    """Say the return per rupee and the payback, as far as there are any."""
    found = answer.benefit
    if found.rosi is None:
        rate = "It costs nothing a year, so there is no return per rupee to tell"
    else:
        each = f"{'returns' if found.rosi >= 0 else 'loses'} Rs{SPACE}{abs(found.rosi):.2g}"
        rate = f"Beyond itself, each rupee spent in a year {each} (ROSI {percent(found.rosi)})"
    return f"{rate}; {_payback(answer, found.payback_years)}."


def _payback(answer: Answer, years: float | None) -> str:
    design = answer.study.design(answer.recommended)
    capex = float(answer.study.offer.table([design]).levels()[0] @ answer.study.offer.capex)
    if capex < 0.5:
        return "nothing is bought once, so there is nothing to be paid back"
    if years is None:
        return f"what is avoided never pays back the {rupees(capex)} of the start"
    return f"what is avoided has paid for the {rupees(capex)} of the start after {_years(years)}"


def _years(years: float) -> str:
    return duration(years * HOURS_A_YEAR) if years < 2 else f"{years:.1f} years"


def _not_worth_it(answer: Answer, names: Names) -> list[str]:
    keep = organisation_names(answer)[answer.study.offer.today.organisation]
    totals = {row["design"]: row["total"] for row in records(answer.played).values() if row["affordable"]}
    others = {key: total for key, total in totals.items() if key != answer.today}
    loss = rupees(answer.row(answer.today)["loss"])
    first = f"No difference worth paying for: stay with {_called(keep)} as it is."
    as_is = f"It expects to lose {loss} a year."
    if not others:
        return [first, f"Nothing else on offer fits the budget of {budget_told(answer)}. {as_is}"]
    return [first, f"{as_is} {_best_other(answer, min(others, key=lambda key: others[key]), names)}"]


def _best_other(answer: Answer, key: str, names: Names) -> str:
    """Say how the best of the other designs in the budget compares with today's."""
    row, net, saved = answer.row(key), total_saved(answer, key), loss_saved(answer, key)
    whole = f"costs {rupees(abs(net.mean))} a year {'less' if net.mean > 0 else 'more'}"
    whole = "comes to the same" if net.mean == 0 else whole
    return (
        f"Of what else fits the budget and was played in full, {names[key].told} comes out best: the expected loss is "
        f"{_less(saved)} a year, {_for(float(row['cost']))}; in all it {whole} ({_interval(answer, net)}). "
        f"A difference under {rupees(answer.study.spec.worth)} a year is not worth paying for in this study."
    )


def _tied(answer: Answer, names: Names) -> list[str]:
    """Name the designs between which there is no difference worth paying for."""
    tied = [names[key] for key in dict.fromkeys((answer.chosen, *answer.tied)) if key != answer.recommended]
    if not tied:
        return []
    others = [named.told if len(tied) <= FEW else f"{named.by_letter} ({named.short})" for named in tied]
    return [
        f"Between {_own(answer)} and {listed(others)} there is no difference worth paying for (less than "
        f"{rupees(answer.study.spec.worth)} a year); of them all it asks least of the budget, so it is recommended."
    ]


def _own(answer: Answer) -> str:
    return "the recommended design" if answer.worth_it else "today's arrangement"


def guarantee(answer: Answer, names: Names) -> str:
    """Say what the contest promises, and of whom.

    Parameters
    ----------
    answer
        What a study found.
    names
        How its designs are called.
    """
    contest, spec = answer.contest, answer.study.spec
    finalists = len(contest.halving.survivors)
    if len(answer.contenders) == 1 or finalists == 1:
        return "Only one design could be chosen, so nothing had to be compared and nothing is promised."
    if not contest.guaranteed:
        return _no_guarantee(contest.final)
    whom = _own(answer) if answer.chosen == answer.recommended else names[answer.chosen].told
    return (
        f"With a probability of at least {percent(spec.confidence)}, {whom} costs at most {rupees(spec.worth)} a year "
        f"more, loss included, than the best of the {finalists} designs that reached the final of the contest."
    )


def _no_guarantee(final: KimNelson) -> str:
    return (
        f"Nothing is promised: the contest was stopped after {amount(final.replicates)} runs of each design with "
        f"{counted(len(final.survivors), 'design')} left in it."
    )


def sure(answer: Answer, names: Names) -> list[str]:
    """Say how often the recommended design is the best of those in the budget when uncertain inputs are drawn.

    Parameters
    ----------
    answer
        What a study found.
    names
        How its designs are called.
    """
    ranking, draws = records(answer.doubts.ranking), len(answer.doubts.costs)
    if len(ranking) < 2:
        return []
    first = (
        f"How sure: when the uncertain inputs are drawn from their ranges, {_own(answer)} is the best of the "
        f"{len(ranking)} designs in the budget in {percent(ranking[answer.recommended]['p_best'])} of {draws} draws"
    )
    rival = max((key for key in ranking if key != answer.recommended), key=lambda key: ranking[key]["p_best"])
    share = ranking[rival]["p_best"]
    told = f"{first}, and {names[rival].told} in {percent(share)}." if share > 0 else f"{first}."
    return [told, *_other_on_average(answer, names)]


def _other_on_average(answer: Answer, names: Names) -> list[str]:
    """Say when another design costs less on average over the ranges of the inputs."""
    ranking = records(answer.doubts.ranking)
    best = next(iter(ranking))
    more = ranking[answer.recommended]["mean"] - ranking[best]["mean"]
    if best == answer.recommended or more < 0.5:
        return []
    worth = "less than" if more < answer.study.spec.worth else "more than"
    return [
        f"The recommendation rests on the inputs as they stand in the study. On average over the draws, "
        f"{names[best].told} costs {rupees(more)} a year less, {worth} the {rupees(answer.study.spec.worth)} that a "
        "difference must be worth: look at the inputs before deciding."
    ]
