"""What the designs of a study are called on the page: a letter, a short name, and a full one for sentences."""

from typing import Any, NamedTuple

import pandas as pd

from cyberrange.study.answer import Answer
from cyberrange.study.choice.portfolios import Design
from cyberrange.views.report_data import short_names
from cyberrange.views.study_words import counted, quoted
from cyberrange.views.words import SPACE

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without I and O, which read as a word and a number."""


class Named(NamedTuple):
    """A design as the page calls it."""

    key: str
    design: Design
    letter: str
    short: str
    """Organisation and number of controls: `Hybrid + 2 controls`."""
    full: str
    """Organisation and controls by their names."""
    role: str
    """`today`, `recommended`, `chosen` (the lowest total of the contest, where another is recommended), or nothing."""
    played: bool
    """Whether it was played in full, or is only predicted."""

    @property
    def lettered(self) -> str:
        """The short name with its letter, for tables."""
        return f"{self.letter}: {self.short}"

    @property
    def told(self) -> str:
        """The full name with its letter, for sentences."""
        return f"{self.full} ({self.by_letter})"

    @property
    def by_letter(self) -> str:
        """The letter, for sentences."""
        return f"design{SPACE}{self.letter}"


Names = dict[str, Named]
"""By the design's key in the store: those played in full by rising cost, then those that are only predicted."""


def names_of(answer: Answer) -> Names:
    """Name every design that the report speaks of.

    Parameters
    ----------
    answer
        What a study found.
    """
    study = answer.study
    played = [str(key) for key in answer.played["design"]]
    foretold = [study.key(design_named(str(name))) for name in answer.marginal["name"]]
    return {
        key: _named(answer, key, letter_of(place), key in played)
        for place, key in enumerate(dict.fromkeys([*played, *foretold]))
    }


def design_named(name: str) -> Design:
    """Return the design that `Design.name` made a text of.

    Examples
    --------
    >>> design_named("hybrid + edr + mfa"), design_named("hybrid alone").controls
    (Design(organisation='hybrid', controls=('edr', 'mfa')), ())
    """
    organisation, *controls = name.removesuffix(" alone").split(" + ")
    return Design(organisation, tuple(controls))


def letter_of(place: int) -> str:
    """Return the letter of a place: A to Z, then AA, AB and so on.

    Examples
    --------
    >>> [letter_of(place) for place in (0, 23, 24, 48)]
    ['A', 'Z', 'AA', 'BA']
    """
    rest, last = divmod(place, len(LETTERS))
    return (letter_of(rest - 1) if rest else "") + LETTERS[last]


def records(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by their index, each as a dictionary.

    Examples
    --------
    >>> records(pd.DataFrame({"mean": [1.5]}, index=["A"]))
    {'A': {'mean': 1.5}}
    """
    return {str(key): {str(name): x for name, x in row.items()} for key, row in table.to_dict("index").items()}


def organisation_names(answer: Answer) -> dict[str, str]:
    """Return the short names of the organisations by id."""
    postures = answer.study.materials.postures
    return dict(zip(postures, short_names(postures), strict=True))


def control_names(answer: Answer, design: Design) -> list[str]:
    """Return the names of a design's controls."""
    controls = answer.study.materials.catalogue.controls
    return [controls[key].name for key in design.controls]


def scenario_names(answer: Answer) -> dict[str, str]:
    """Return the names of the scenarios by id."""
    return {key: scenario.name for key, scenario in answer.study.materials.scenarios.items()}


def _named(answer: Answer, key: str, letter: str, played: bool) -> Named:
    design = answer.study.design(key)
    organisation = organisation_names(answer)[design.organisation]
    bought = control_names(answer, design)
    short = f"{organisation} + {counted(len(bought), 'control')}" if bought else f"{organisation} alone"
    full = f"{organisation} with {quoted(bought)}" if bought else f"{organisation} without new controls"
    return Named(key, design, letter, short, full, _role(answer, key), played)


def _role(answer: Answer, key: str) -> str:
    if key == answer.today:
        return "today"
    if key == answer.recommended:
        return "recommended"
    return "chosen" if key == answer.chosen else ""
