"""What uncertain inputs do to a choice: frequencies, rupee values, prices, and how strongly controls work.

The runs give, for each design and scenario, the mean loss in parts (city, citizens, revenue never collected, work).
Each draw of the inputs prices these parts anew. How strongly a control works acts on the losses of every design that
has it: by the ratio that was played for the recommended design with the control's mechanisms at their low or high end,
and between the ends on a straight line in its log (first order: ratios of several controls multiply).

The study's own figures are the means of what is drawn, not its modes: a cost is linear in each of them, so the mean
cost of a design over all draws is the one that was played, and a rate that may be ten times as high but no lower than 0
does not by itself make every design dearer than the study says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cyberrange.study.choice.information import (
    Worth,
    decision_tornado,
    evpi,
    rank_designs,
    sample_inputs,
    what_to_measure,
)
from cyberrange.study.choice.portfolios import Design, Floats
from cyberrange.study.choice.surrogate import FLOOR_SHARE
from cyberrange.study.study import ENDS, Study, Variant

DRAWS = 512


@dataclass(frozen=True)
class Doubts:
    """The choice under uncertain inputs.

    Attributes
    ----------
    inputs
        One row per input: `what` it is (`frequency`, `value`, `price` or `effect`), `of` which thing, `low`, `mode` (as
        the study has it: the mean of the draws, see `_modes`) and `high`; effects go from -1 (the control works as
        weakly as its mechanisms' ranges allow) over 0 (as in the catalogue) to 1 (as strongly).
    draws
        Draws x inputs.
    costs
        Draws x designs within the budget: cost plus expected loss in rupees a year.
    ranking
        `information.rank_designs`: how often each design is the best, and what choosing it may forgo.
    worth
        Expected value of perfect information, rupees a year.
    measure
        `information.what_to_measure`: the inputs by what knowing each is worth.
    tornado
        `information.decision_tornado`: what the choice would forgo if an input turned out low or high.
    """

    inputs: pd.DataFrame
    draws: pd.DataFrame
    costs: pd.DataFrame
    ranking: pd.DataFrame
    worth: Worth
    measure: pd.DataFrame
    tornado: pd.DataFrame


def doubts_of(study: Study, designs: Sequence[Design], recommended: Design) -> Doubts:
    """Draw the uncertain inputs of a study and price the designs within its budget for each draw.

    Parameters
    ----------
    study
        The study.
    designs
        Designs that were played in full.
    recommended
        The design whose controls are played at the ends of what is known of them.
    """
    table = study.offer.table(designs)
    within = [d for d, fits in zip(designs, table.affordable(study.budget), strict=True) if fits]
    strains = _strains(study, recommended)
    inputs = _inputs(study, list(strains))
    draws = sample_inputs(inputs.assign(mode=_modes(inputs)), DRAWS, study.spec.seed)
    costs = _costs(study, within, strains, draws)
    return Doubts(
        inputs, draws, costs, rank_designs(costs), evpi(costs), what_to_measure(costs, draws),
        decision_tornado(costs, draws),
    )  # fmt: skip


def _inputs(study: Study, controls: list[str]) -> pd.DataFrame:
    """Return every uncertain input with its range."""
    spec = study.spec
    rows: list[tuple[str, str, float, float, float]] = [
        ("frequency", scenario, often.low, often.per_year, often.high)
        for scenario, often in zip(study.scenarios, spec.scenarios.values(), strict=True)
    ]
    for name in ("citizens", "city", "deferred", "cost"):
        factor = getattr(spec.values, name)
        if factor is not None:
            rows.append(("price" if name == "cost" else "value", name, factor.low, 1.0, factor.high))
    rows += [("effect", control, -1.0, 0.0, 1.0) for control in controls]
    names = [f"{what} {of}" for what, of, *_ in rows]
    return pd.DataFrame(rows, columns=["what", "of", "low", "mode", "high"], index=pd.Index(names, name="input"))


def _modes(inputs: pd.DataFrame) -> pd.Series:
    """Return the modes of PERT distributions whose means, (low + 4 mode + high) / 6, are the figures of the study.

    Where a figure is so near an end that no PERT distribution has it as its mean, the mode is that end.
    """
    mode = (6 * inputs["mode"] - inputs["low"] - inputs["high"]) / 4
    return mode.clip(inputs["low"], inputs["high"])


def _strains(study: Study, recommended: Design) -> dict[str, Floats]:
    """Return, for each control of a design with a known range, the log ratio of losses at each end: (2, scenarios)."""
    controls = [c for c in recommended.controls if any(m.low is not None or m.high is not None
                for m in study.offer.controls[c].mechanisms)]  # fmt: skip
    strained = {c: [Variant(recommended, (c, end)) for end in ENDS] for c in controls}
    variants = [variant for both in strained.values() for variant in both]
    means = study.mean_losses([recommended, *variants], study.spec.runs.screening)
    base = means.loc[study.key(recommended)].to_numpy()

    def log_ratio(variant: Variant) -> Floats:
        played = np.maximum(means.loc[study.key(variant)].to_numpy(), FLOOR_SHARE * base)
        logs: Floats = np.log(np.divide(played, base, out=np.ones_like(base), where=base > 0))
        return logs

    return {c: np.array([log_ratio(variant) for variant in both]) for c, both in strained.items()}


def _parts(study: Study, designs: list[Design]) -> Floats:
    """Return the mean loss of an incident in rupees, (designs, scenarios, 4): city, citizens, never collected, work."""
    rows = study.play(designs, study.spec.runs.final)
    keys = [study.key(d) for d in designs]
    means = rows.groupby(["design", "scenario"]).mean(numeric_only=True)
    services = study.values.services
    worth = np.array([(v.city, v.citizens, v.deferred * (1 - v.recovered)) for v in services.values()])
    unserved = means[[f"unserved.{name}" for name in services]].to_numpy() @ worth
    parts = np.column_stack([unserved, means["response_cost"].to_numpy()])
    place = {cell: i for i, cell in enumerate(means.index)}
    return np.array([[parts[place[key, name]] for name in study.scenarios] for key in keys])


def _costs(study: Study, designs: list[Design], strains: dict[str, Floats], draws: pd.DataFrame) -> pd.DataFrame:
    """Return cost plus expected loss a year, draws x designs."""
    frequency = np.column_stack([draws[f"frequency {name}"] for name in study.scenarios])
    factors = np.column_stack([_drawn(draws, f"value {of}") for of in ("city", "citizens", "deferred", "work")])
    yearly = study.offer.table(designs).annual_cost(study.spec.discount)
    organisation = study.offer.table([Design(d.organisation) for d in designs]).annual_cost(study.spec.discount)
    price = _drawn(draws, "price cost")
    costs = {}
    for i, (design, parts) in enumerate(zip(designs, _parts(study, designs), strict=True)):
        loss = (frequency * _times(design, strains, draws) * (factors @ parts.T)).sum(axis=1)
        costs[study.key(design)] = organisation[i] + (yearly[i] - organisation[i]) * price + loss
    return pd.DataFrame(costs).rename_axis("design", axis="columns")


def _drawn(draws: pd.DataFrame, name: str) -> Floats:
    """Return the factor of each draw; 1 where it is certain, as the price of work is."""
    found: Floats = draws[name].to_numpy() if name in draws else np.ones(len(draws))
    return found


def _times(design: Design, strains: dict[str, Floats], draws: pd.DataFrame) -> Floats:
    """Return by how much the strength of a design's controls multiplies its losses: draws x scenarios, or 1."""
    logs: Floats = np.zeros((len(draws), 1))
    for control in [c for c in design.controls if c in strains]:
        at = draws[f"effect {control}"].to_numpy()[:, None]
        weak, strong = strains[control]
        logs = logs + np.where(at < 0, -at * weak, at * strong)
    return np.exp(logs)
