"""The answer of a study: screening, pair model, frontier, choice with a guarantee, annual risk, what to measure next.

The surrogate only proposes. Every design of which a figure is shown was played, and whoever is chosen won on runs that
had not picked the finalists.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cyberrange.results.intervals import joint_level, mean_interval
from cyberrange.results.paired import holm, p_value
from cyberrange.study.choice.frontier import Choice, Priced, best, candidates, efficient, next_lakh
from cyberrange.study.choice.portfolios import Budget, Design, Floats
from cyberrange.study.choice.screening import Screen, screen
from cyberrange.study.choice.selection import Selection, select_best
from cyberrange.study.choice.surrogate import Interactions, Surrogate, fit, interactions
from cyberrange.study.doubts import Doubts, doubts_of
from cyberrange.study.risk.annual import AnnualRisk, Benefit, benefit
from cyberrange.study.risk.band import cvar_band
from cyberrange.study.risk.guard_rails import Note, notes
from cyberrange.study.study import Study

CONTENDERS = 16
"""Designs within the budget that the surrogate thinks best, in the contest."""
THRIFTY = 2
"""Designs that ask least of the budget, in the final beside today's."""
FRONTIER = 10
"""Points of the predicted frontier that are played."""
FINALISTS = 6
"""Contenders that win their place in the final."""
BATCH = 50
"""Replicates in a batch of the final: losses are strongly skewed."""
FIRST_BATCHES = 10
MOST = 2000
"""Most replicates of a finalist in the final."""
AHEAD = 500
"""Replicates that the final plays ahead, so that few large parts are played."""
BUDGETS = 13
"""Amounts of own money for which the best design is told."""
TAIL = 0.95

Stage = Callable[[str], None]
"""Told what part of a study begins."""


@dataclass(frozen=True)
class Answer:
    """What a study found.

    Attributes
    ----------
    study
        The study, with its store.
    screen
        The designs that were screened.
    surrogate
        The pair model of each scenario's loss.
    played
        One row for each design that was played in full, by rising `cost`: `design` (its key in the store), `name`,
        `organisation`, `controls`; `outlay` over the budget's years and the city's own share `own`, `affordable`;
        rupees a year: `cost` over today's, expected `loss` with `loss_low` and `loss_high`, their sum `total`, `cvar`
        (mean of the worst 5 % of years) with `cvar_low` and `cvar_high`, `var` (exceeded once in 20 years); `predicted`
        loss of the surrogate; `difference` of `total` from today's with `difference_low`, `difference_high` (they hold
        jointly) and `p_holm`; `efficient`, whether no design played costs and loses less.
    contest
        How the best within the budget was chosen; its designs are `contenders` by number. Today's design and those that
        ask least of the budget were in the final without halving; its replicates begin after those of the screening.
    contenders
        Keys of the designs in the contest.
    chosen, tied, recommended
        Keys: the design with the lowest total, those whose difference from it is not worth paying for, and the one of
        them all that asks least of the budget.
    doubts
        What uncertain inputs do to the choice.
    marginal
        The best design for other budgets, and what the next lakh would gain (`frontier.next_lakh`); predicted.
    together
        What single reductions of the recommended design claim, and what they reach together; predicted.
    """

    study: Study
    screen: Screen
    surrogate: Surrogate
    played: pd.DataFrame
    contest: Selection
    contenders: tuple[str, ...]
    chosen: str
    tied: tuple[str, ...]
    recommended: str
    doubts: Doubts
    marginal: pd.DataFrame
    together: Interactions

    @property
    def today(self) -> str:
        """Key of what the city has now."""
        return self.study.key(self.study.offer.today)

    @cached_property
    def risks(self) -> dict[str, AnnualRisk]:
        """Annual risk of each design that was played in full, by key."""
        runs = self.study.spec.runs.final
        return {key: self.study.risk(self.study.design(key), runs) for key in self.played["design"]}

    def row(self, key: str) -> pd.Series:
        """Return the row of a design in `played`."""
        row: pd.Series = self.played.set_index("design").loc[key]  # type: ignore[assignment]
        return row

    @property
    def benefit(self) -> Benefit:
        """What the recommended design brings for its cost; what it saves, where it costs less than today's."""
        row, base = self.row(self.recommended), self.row(self.today)
        cost = float(row["cost"])
        table = self.study.offer.table([self.study.design(self.recommended)])
        capex = float(table.levels()[0] @ self.study.offer.capex)
        opex = max(0.0, float(table.outlay(1.0)[0]) - capex)
        found = benefit(float(base["loss"]), float(row["loss"]), max(0.0, cost), capex=capex, opex=opex)
        return found._replace(net=found.avoided - cost)

    def under(self, budget: Budget | None = None, per_year: Mapping[str, float] | None = None) -> Choice:
        """Return the design that the pair model thinks best under another budget or other frequencies, with no run.

        Parameters
        ----------
        budget
            The study's own when absent.
        per_year
            Incidents a year of some scenarios; the others keep theirs.
        """
        often = {**self.study.per_year, **(per_year or {})}
        limit = budget or self.study.budget
        return best(candidates(self.surrogate, often, self.study.spec.discount, [limit]), limit)

    def avoided(self, ledger: str) -> float:
        """Return what the recommended design saves of the expected loss in one ledger, rupees a year."""
        return self.risks[self.today].annual[ledger].ale - self.risks[self.recommended].annual[ledger].ale

    @property
    def worth_it(self) -> bool:
        """Whether the recommended design is another one than today's."""
        return self.recommended != self.today

    def notes(self) -> tuple[Note, ...]:
        """Return what must be told beside the figures of today and of the recommended design."""
        cost = max(0.0, float(self.row(self.recommended)["cost"])) if self.worth_it else None
        found = [note for key in dict.fromkeys([self.today, self.recommended])
                 for note in notes(self.risks[key], level=TAIL, cost=cost)]  # fmt: skip
        return tuple(dict.fromkeys(found))


def answer(study: Study, stage: Stage = lambda _: None) -> Answer:
    """Play a study to its end; what its store holds already is not played again.

    Parameters
    ----------
    study
        What is asked, and where results go.
    stage
        Told the name of each part that begins.
    """
    stage("Screening designs")
    screened = screen(study.offer)
    losses = study.mean_losses(screened.designs, study.spec.runs.screening)
    surrogate = fit(screened.designs, losses.reset_index(drop=True))
    priced = candidates(surrogate, study.per_year, study.spec.discount, [study.budget])
    stage("Choosing the best within the budget")
    seeded, contenders = _contenders(study, priced)
    contest = _contest(study, contenders, seeded)
    place = contest.final.cheapest
    recommended = contenders[contest.selected if place is None else place]
    stage("Playing the frontier")
    finalists = [contenders[i] for i in contest.halving.survivors]
    played = _played(study, _in_full(study, priced, [recommended, *finalists]), surrogate)
    stage("Asking what to measure next")
    return Answer(
        study=study,
        screen=screened,
        surrogate=surrogate,
        played=played,
        contest=contest,
        contenders=tuple(map(study.key, contenders)),
        chosen=study.key(contenders[contest.selected]),
        tied=tuple(study.key(contenders[i]) for i in contest.final.ties),
        recommended=study.key(recommended),
        doubts=doubts_of(study, [study.design(key) for key in played["design"]], recommended),
        marginal=next_lakh(priced, study.budget, _amounts(study, priced)),
        together=interactions(surrogate, recommended, study.per_year),
    )


def _contenders(study: Study, priced: Priced) -> tuple[int, list[Design]]:
    """Return the designs in the contest, and how many of them go straight to its final.

    Straight to the final go today's design and those that ask least of the budget among the ones whose predicted total
    lies within twice the smallest difference worth paying for (twice, because the surrogate errs): of designs that
    hardly differ the cheapest is recommended, so it must not be dropped for losing a little more.
    """
    within = priced.at(priced.table.affordable(study.budget))
    near = within.at(within.total <= within.total.min() + 2 * study.spec.worth)
    cheap = near.at(np.lexsort((near.total, near.table.outlay(study.budget.years)))[:THRIFTY])
    likely = within.at(np.argsort(within.total, kind="stable")[:CONTENDERS])
    seeds = dict.fromkeys([study.offer.today, *cheap.table])
    return len(seeds), list(dict.fromkeys([*seeds, *likely.table]))


def _contest(study: Study, contenders: list[Design], seeded: int) -> Selection:
    """Choose the contender with the least cost plus expected loss a year; the first `seeded` ones are in the final.

    It sees replicates that the screening has not seen, because that picked the contenders.
    """
    spec, table = study.spec, study.offer.table(contenders)
    return select_best(
        _Totals(study, contenders), len(contenders), spec.worth, alpha=1 - spec.confidence, seeded=seeded,
        names=[design.name for design in contenders], keep=FINALISTS, first=spec.runs.screening, batch=BATCH,
        first_batches=FIRST_BATCHES, most=MOST, outlay=dict(enumerate(table.outlay(study.budget.years).tolist())),
    )  # fmt: skip


class _Totals:
    """Annual cost plus loss of designs, replicate by replicate: what the contest samples from; it plays ahead.

    Its replicate 0 is the first after those of the screening, from which the contenders were proposed.
    """

    def __init__(self, study: Study, designs: list[Design]) -> None:
        self._study = study
        self._designs = designs
        self._cost = study.offer.table(designs).annual_cost(study.spec.discount)
        self._loss: list[Floats] = [np.empty(0)] * len(designs)

    def __call__(self, designs: Sequence[int], first: int, last: int) -> Floats:
        seen = self._study.spec.runs.screening
        first, last = first + seen, last + seen
        held = {i: len(self._loss[i]) for i in designs if len(self._loss[i]) < last}
        if held:
            ahead = last if last < AHEAD else max(last, min(held.values()) + AHEAD)
            losses = annual_losses(self._study, self._study.play([self._designs[i] for i in held], ahead))
            for i in held:
                self._loss[i] = losses.loc[self._study.key(self._designs[i])].to_numpy()
        return np.array([self._cost[i] + self._loss[i][first:last] for i in designs])


def annual_losses(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rupees of expected loss a year, replicate by replicate: designs as rows, replicates as columns.

    Replicate r of a design stands for a year with as many incidents of each scenario as are expected, each as in its
    replicate r: sum over scenarios of incidents a year x loss. Its mean is the expected loss of a year; its spread
    serves for intervals and paired differences, and is not the spread of years.
    """
    loss = study.losses(rows)
    often = loss.index.get_level_values("scenario").map(study.per_year)
    return loss.mul(often, axis="index").groupby(level="design").sum()


def _amounts(study: Study, priced: Priced) -> list[float]:
    """Return amounts of own money up to twice the budget's or, where it has none, up to the dearest design's share."""
    most = 2 * study.budget.own or max(0.0, float(priced.table.own_share(study.budget).max()))
    amounts: list[float] = np.linspace(0.0, most, BUDGETS).tolist()
    return amounts


def _in_full(study: Study, priced: Priced, others: Iterable[Design]) -> list[Design]:
    """Return what is to be played in full: today's design, the others, and points along the predicted frontier."""
    edge = efficient(priced.cost, priced.loss)
    spread = edge[np.unique(np.linspace(0, len(edge) - 1, FRONTIER).round().astype(np.intp))]
    return list(dict.fromkeys([study.offer.today, *others, *(priced.table.design(int(row)) for row in spread)]))


def _played(study: Study, designs: list[Design], surrogate: Surrogate) -> pd.DataFrame:
    """Play designs in full and return a row for each; see `Answer.played`."""
    runs, level = study.spec.runs.final, study.spec.confidence
    table = study.offer.table(designs)
    losses = annual_losses(study, study.play(designs, runs)).loc[[study.key(d) for d in designs]].to_numpy()
    cost = table.annual_cost(study.spec.discount)
    loss = [mean_interval(row, level) for row in losses]
    gaps = losses - losses[0] + (cost - cost[0])[:, None]
    joint = joint_level(level, max(1, len(designs) - 1))
    gap = [mean_interval(row, joint) for row in gaps]
    risks = [study.risk(design, runs) for design in designs]
    bands = [cvar_band(risk.losses("total"), study.per_year, TAIL, seed=study.spec.seed, level=level) for risk in risks]
    means = np.array([x.mean for x in loss])
    frame = pd.DataFrame(
        {
            "design": [study.key(d) for d in designs],
            "name": [d.name for d in designs],
            "organisation": [d.organisation for d in designs],
            "controls": [d.controls for d in designs],
            "outlay": table.outlay(study.budget.years),
            "own": table.own_share(study.budget),
            "affordable": table.affordable(study.budget),
            "cost": cost,
            "loss": means,
            "loss_low": [x.low for x in loss],
            "loss_high": [x.high for x in loss],
            "total": cost + means,
            "cvar": [risk.annual["total"].cvar(TAIL) for risk in risks],
            "cvar_low": [low for low, _ in bands],
            "cvar_high": [high for _, high in bands],
            "var": [risk.annual["total"].var(TAIL) for risk in risks],
            "predicted": surrogate.annual_loss(table, study.per_year),
            "difference": [x.mean for x in gap],
            "difference_low": [x.low for x in gap],
            "difference_high": [x.high for x in gap],
            "p_holm": [np.nan, *holm([p_value(pd.Series(row)) for row in gaps[1:]])],
            "efficient": np.isin(np.arange(len(designs)), efficient(cost, means)),
        }
    )
    return frame.sort_values("cost", kind="stable", ignore_index=True)
