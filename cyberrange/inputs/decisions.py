"""The schema of a log of decisions: what people decided when, besides what the playbook asks for by itself."""

from typing import Annotated, Literal

from pydantic import Field

from cyberrange.inputs.quantities import Hours, Id, Text
from cyberrange.inputs.records import Record


class Decision(Record):
    """One thing that was decided about a step of the playbook.

    Examples
    --------
    >>> Decision(at=30, do="request", step="isolate", asset="property_db").at
    30.0
    """

    at: Annotated[Hours, Field(le=20_000)]
    """Since the scenario's start."""
    do: Literal["request", "withhold", "release"]
    """`request`: the step is asked for at that hour although its conditions may not hold; it still needs consent,
    people and time. `withhold`: from then on the playbook does not ask for it by itself. `release`: it is the
    playbook's again."""
    step: Id
    """A step of the posture's playbook."""
    city: Id | None = None
    """Whose decision it is: a city of a region, or `shared` for the operator of what cities share. A single city may
    leave it out."""
    asset: Id | None = None
    """The asset meant by a step of scope asset; every asset of that city when absent."""
    note: Text = ""
    """Why, for people who read the log later."""


class Decisions(Record):
    """A log of decisions, to be replayed with a city, a scenario and a posture.

    Examples
    --------
    >>> import cyberrange as cr
    >>> cr.load_decisions("hold_the_shutdown").decisions[0].do
    'withhold'
    """

    id: Id
    name: Text
    about: Text = ""
    decisions: Annotated[tuple[Decision, ...], Field(max_length=1000)]
    """Sorted or not; what is decided at the same hour counts in the order of the file."""
