"""What the figures of a study draw, as plain records; the modules `study_...` fill them from an answer."""

from typing import NamedTuple

from cyberrange.results.intervals import Interval
from cyberrange.views.subjects import Numbers


class DesignPoint(NamedTuple):
    """A design that was played in full, on the plane of cost and loss; rupees a year."""

    letter: str
    role: str
    """`today`, `recommended`, `chosen`, or nothing."""
    cost: float
    loss: Interval
    cvar: Interval
    predicted: float
    """Expected loss that the surrogate foretold."""
    within: bool
    """Whether the budget pays for it."""
    efficient: bool


class RiskCurve(NamedTuple):
    """A loss exceedance curve with its band."""

    name: str
    loss: Numbers
    chance: Numbers
    low: Numbers
    high: Numbers


class Exceedance(NamedTuple):
    """The loss exceedance curves of today's design and of the recommended one."""

    curves: tuple[RiskCurve, ...]
    threshold: float


class ScenarioLoss(NamedTuple):
    """Rupees a year that one scenario costs under each of the designs compared."""

    name: str
    losses: tuple[Interval, ...]


class Quartiles(NamedTuple):
    """The middle half of a measure, and its median."""

    low: float
    median: float
    high: float


class ClockRow(NamedTuple):
    """One clock of the response under each of the designs compared, in hours."""

    name: str
    spreads: tuple[Quartiles, ...]


class AmountStep(NamedTuple):
    """The best design for one amount of the city's own money; rupees a year, predicted."""

    own: float
    letter: str
    cost: float
    loss: float
    gain: float
    """Fall of cost plus loss for each further lakh up to the next amount; not a number for the last."""


class Together(NamedTuple):
    """What single choices claim to save, and what they save together; rupees a year, predicted."""

    today: float
    """Expected loss as things are."""
    singles: tuple[tuple[str, float], ...]
    joint: float


class Sway(NamedTuple):
    """What an uncertain input does to the choice; rupees a year."""

    name: str
    low: str
    high: str
    """What it is in its lowest and in its highest tenth of draws."""
    regret_low: float
    regret_high: float
    best_low: str
    best_high: str
    """Letters of the designs that are best there."""
    worth: float
    """What knowing it is worth before the choice..."""
    error: float
    """...with its standard error."""


class DesignChance(NamedTuple):
    """How often a design is the best of those within the budget when inputs are drawn, and its regret a year."""

    letter: str
    short: str
    role: str
    best: float
    regret: float
    regret_p95: float
