"""The sentences of the answer: generated from paired results, and honest where the runs cannot tell."""

import math

from cyberrange.results.intervals import Interval
from cyberrange.views.from_tables import Paired
from cyberrange.views.words import SPACE, amount, clear, duration, percent, rupees, value

MOST_RELATIVE = 10.0
"""Beyond so many times the base a difference is told in its own unit."""
NO_DIFFERENCE = "no difference that {runs} can tell"


def runs_told(runs: int) -> str:
    """Write how many runs: `40 runs`, `1 run`."""
    return f"{amount(runs)} {'run' if runs == 1 else 'runs'}"


def verdict(p: Paired, runs: int, unit: str, words: tuple[str, str] = ("less", "more")) -> str:
    """Say how a measure differs from the base's, with its interval, or that the runs cannot tell.

    Parameters
    ----------
    p
        The measure under a posture and its paired difference.
    runs
        Number of replicates.
    unit
        Its unit, for differences that cannot be told as a share of the base.
    words
        What lower and higher are called: less and more, sooner and later.
    """
    gap = p.difference
    if gap == (0.0, 0.0, 0.0):
        return "the same in every run"
    relative = p.ratio if p.ratio is not None and p.ratio.mean <= MOST_RELATIVE else None
    if not math.isfinite(gap.low):
        return f"{_size(relative or gap, relative, unit, words)} in this one run, which cannot tell luck from effect"
    shown = relative if relative is not None and clear(relative) == p.told else gap
    interval = f"(95{SPACE}% interval: {_between(shown, 'share' if shown is relative else unit, words)})"
    if p.told:
        return f"{_size(shown, relative, unit, words)} {interval}"
    return f"{NO_DIFFERENCE.format(runs=runs_told(runs))} {interval}"


def _size(shown: Interval, relative: Interval | None, unit: str, words: tuple[str, str]) -> str:
    return f"{value(abs(shown.mean), 'share' if shown is relative else unit)} {words[shown.mean > 0]}"


def _between(gap: Interval, unit: str, words: tuple[str, str]) -> str:
    low, high = value(abs(gap.low), unit), value(abs(gap.high), unit)
    if gap.low < 0 < gap.high:
        return f"{low} {words[0]} to {high} {words[1]}"
    least, most = (high, low) if gap.high <= 0 else (low, high)
    return f"{least} to {most} {words[gap.low >= 0]}"


def loss_sentence(p: Paired, name: str, base: str, runs: int) -> str:
    """Say what citizens lose."""
    if p.mean.mean == 0 == p.base:
        return f"Citizens lose no hour of service, neither under {base} nor under {name}."
    return (
        f"Under {name}, citizens lose {amount(p.mean.mean)} citizen-hours of service on average, against "
        f"{amount(p.base)} under {base}: {verdict(p, runs, 'citizen-hours')}."
    )


def money_sentence(p: Paired, name: str, base: str, runs: int) -> str:
    """Say what it costs city and citizens."""
    if p.mean.mean == 0 == p.base:
        return "It costs neither city nor citizens anything."
    return (
        f"In money, city and citizens together lose {rupees(p.mean.mean)} instead of {rupees(p.base)}: "
        f"{verdict(p, runs, 'Rs')}."
    )


def clock_sentence(what: str, p: Paired, name: str, base: str, runs: int) -> str:
    """Say when something comes: `what` begins the sentence, up to the mean time."""
    return (
        f"{what} {duration(p.mean.mean)} on average under {name}, {duration(p.base)} under {base}: "
        f"{verdict(p, runs, 'hours', ('sooner', 'later'))}."
    )


def whole_sentence(whole: float, base_whole: float, name: str, base: str, horizon: float) -> str:
    """Say in how many runs every service was whole at the horizon."""
    return (
        f"When the scenario ends after {duration(horizon)}, every service is whole again in {percent(whole)} of the "
        f"runs under {name} and in {percent(base_whole)} under {base}."
    )


def price_sentence(more: float, name: str, base: str) -> str:
    """Say what the organisation and its controls cost a year, compared with the base."""
    if abs(more) < 0.5:
        return f"{name} costs as much a year as {base}, by the prices in the files."
    word = "more" if more > 0 else "less"
    size = rupees(abs(more))
    return f"By the prices in the files, {name} costs {size} a year {word} than {base}, attack or no attack."


def other_sentence(p: Paired, name: str, base: str, runs: int) -> str:
    """Say in a line how another posture fares."""
    return f"{name}: {amount(p.mean.mean)} citizen-hours lost; against {base}, {verdict(p, runs, 'citizen-hours')}."


def calm_sentences(alarms: float, work: Paired, mistakes: Paired, name: str, base: str, runs: int) -> list[str]:
    """Say what days without an attack cost: false alarms, the work on them, alarms taken for an attack."""
    return [
        f"Nobody attacks in this scenario. About {amount(round(alarms))} false alarms come all the same.",
        f"Looking at them takes {amount(work.mean.mean)} people-hours under {name} and {amount(work.base)} under "
        f"{base}: {verdict(work, runs, 'people-hours')}.",
        f"Taken for an attack: {amount(mistakes.mean.mean)} false alarms a run under {name}, {amount(mistakes.base)} "
        f"under {base}: {verdict(mistakes, runs, 'alerts', ('fewer', 'more'))}.",
    ]


def wound_sentence(shares: list[tuple[str, float]]) -> str:
    """Say which part of the loss is the response's own wound, under each posture."""
    if not any(share for _, share in shares):
        return "None of the loss is the response's own doing: what it cut off was not missed, or was down already."
    parts = ", ".join(f"{percent(share)} under {name}" for name, share in shares)
    return f"Part of the loss is the response's own wound, because what is cut off serves nobody: {parts}."


def report_sentence(shares: list[tuple[str, float]], hours: float) -> str:
    """Say how often the legal report was in time."""
    (first, share), *others = shares
    parts = "".join(f", {percent(x)} under {name}" for name, x in others)
    return (
        f"The report that is due within {duration(hours)} of noticing is in time in {percent(share)} of the runs under "
        f"{first}{parts}."
    )


def wait_sentence(what: str, p: Paired, name: str, base: str, runs: int) -> str:
    """Say how much of a kind of waiting there is."""
    if p.mean.mean == 0 == p.base:
        return f"Nothing waits for {what}."
    return (
        f"Waiting for {what}: {amount(p.mean.mean)} task-hours under {name}, {amount(p.base)} under {base}; "
        f"{verdict(p, runs, 'task-hours')}."
    )
