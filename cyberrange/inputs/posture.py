"""The schema of a posture: the organisation that responds, and the controls in place."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cyberrange.inputs.quantities import Hours, Id, Rupees, Share, Text
from cyberrange.inputs.records import Duration, Record, Source, WeekHours
from cyberrange.inputs.scenario import Target

MAINTAINER = "maintainer"
"""Team of a step on an asset: whoever the posture makes responsible for that asset."""


class Shift(Record):
    """People on duty during some hours of the week."""

    people: Annotated[int, Field(ge=0, le=10_000)]
    hours: WeekHours = WeekHours()


class Team(Record):
    """People with one set of skills; each city has its own, unless the team is shared."""

    name: Text
    kind: Literal["own", "vendor", "outside"] = "own"
    """Whose people they are: time spent waiting for them is told apart by this."""
    scope: Literal["city", "shared"] = "city"
    """One such team in each city, or one for all cities together."""
    shifts: Annotated[tuple[Shift, ...], Field(min_length=1)]
    hand_off: Duration | None = None
    """From the request to people at work: ticket, SLA, travel. Drawn for each task."""
    rate: Rupees = 0.0
    """Cost of one person's hour of incident work to the city."""
    stand_in: Id | None = None
    """Team that takes over its tasks when a vendor withdraws its people; without one they wait."""
    source: Source | None = None


class Approver(Record):
    """Someone whose consent is needed."""

    name: Text
    hours: WeekHours = WeekHours(days="weekdays", start=10.0, end=18.0)
    delay: Duration
    """From being asked in office hours to an answer."""
    after_hours: Duration | None = None
    """From being asked outside office hours to an answer; without one the request waits for the office to open."""
    source: Source | None = None


class Power(Record):
    """Who must consent, one after the other, before something may be done."""

    chain: tuple[Id, ...] = ()
    """Approvers in order; empty when it is delegated to the people who act."""
    in_zone: dict[Literal["it", "ot", "dmz", "field", "vendor", "state", "cloud"], tuple[Id, ...]] = {}
    """Other chains for assets in some kinds of zone."""
    shared: tuple[Id, ...] | None = None
    """Another chain for assets that several cities share."""
    valid: Hours = 24.0
    """How long one consent covers further requests for the same thing."""


class Sensor(Record):
    """A detection capability: which signals it turns into alerts, how late, and its false alarms."""

    name: Text
    sees: Share
    """Share of the signals of its kind that reach a screen: coverage and tuning."""
    zones: tuple[Literal["it", "ot", "dmz", "field", "vendor", "state", "cloud"], ...] = ()
    """Kinds of zone that it covers; all when empty."""
    delay: Duration = Duration(fixed=0.0)
    """From the signal to an alert in the analysts' queue."""
    false_per_day: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    """False alarms per city and day."""
    source: Source | None = None


class Triage(Record):
    """How analysts work their queue of alerts."""

    team: Id
    duration: Duration
    confirms: Share
    """Chance that a true alert is recognised."""
    mistakes: Share = 0.0
    """Chance that a false alarm is taken for an attack."""
    source: Source | None = None


Hit = Literal["compromised", "destroyed", "impaired", "forced", "falsified", "flooded", "suspect", "shut"]
"""What may have happened to an asset."""

Condition = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A step of the playbook that is done, or one of: noticed, declared, found, warned, breach, contained, clean,
vendor_out, deadlock."""


class PlaybookStep(Record):
    """One response activity: for the case as a whole, or for each asset that is known to be hit."""

    name: Text
    scope: Literal["case", "asset"]
    on: Annotated[tuple[Condition, ...], Field(min_length=1)]
    """It is requested as soon as all of these hold (for an asset step: for this asset or its case)."""
    hit: tuple[Hit, ...] = ()
    """Asset steps: only assets in one of these conditions; others skip the step. All when empty."""
    power: Id | None = None
    """What must be decided first."""
    team: Id
    """A team, or `maintainer`."""
    people: Annotated[int, Field(ge=1)] = 1
    priority: Annotated[int, Field(ge=0, le=7)] = 3
    """0 first. Asset steps of the same priority go by the restoration class of the services that hang on them."""
    duration: Duration
    chance: Share = 1.0
    """Chance that it works; otherwise it is done again."""
    effect: Literal[
        "none", "declare", "investigate", "isolate", "shut_down", "clean", "restore", "reopen", "filter", "settle",
        "report", "notify", "warn", "protect", "black_start", "correct",
    ] = "none"  # fmt: skip
    """`declare`: the incident is declared; `investigate`: hit assets are found, round by round; `isolate`: cut off;
    `shut_down`: cut off everything in `where` as a precaution; `clean`: the foothold is removed; `restore`: data and
    health are brought back (adds the asset's rebuild time) and it is connected again; `reopen`: connected again;
    `filter`: a flood is filtered; `settle`: a withdrawn vendor returns; `report`: the national report is filed;
    `notify`: people whose data left are told; `warn`: other cities are warned; `protect`: assets in `where` are cut off
    ahead of an attack; `black_start`: a dead cycle is started by hand; `correct`: forced or falsified plant is put
    right."""
    where: Target | None = None
    """Assets meant by `shut_down` and `protect`, within the city that acts (and shared gateways for `protect`)."""
    finds: Share = 0.0
    """`investigate`: chance per round to find each hit asset."""
    sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.effect in {"shut_down", "protect"} and self.where is None:
            raise ValueError(f"effect {self.effect!r} needs `where`")
        if self.effect in {"isolate", "clean", "restore", "reopen", "filter", "correct"} and self.scope != "asset":
            raise ValueError(f"effect {self.effect!r} belongs to a step of scope asset")
        return self


class Estate(Record):
    """What the organisation knows of its own systems: continuity of people and papers."""

    documented: Share
    """Share of assets whose owner, backups and dependencies are written down."""
    tenure: Hours
    """Mean time that the people in charge have been in post..."""
    learning: Hours
    """...and the time in which they learn 63 % of what is not written down."""
    locate: Duration
    """Extra work on an asset that nobody knows."""
    source: Source | None = None


class Backups(Record):
    """Whether destroyed data come back."""

    good: Share
    """Chance that an asset's last backup can be restored..."""
    survive: Share
    """...and that it outlives an attacker who looks for backups (offline or immutable copies)."""
    bare_rebuild: Annotated[float, Field(ge=1)]
    """How many times longer it takes without a backup."""
    source: Source | None = None


class Help(Record):
    """Outside help: it comes with its own delay and adds hands and knowledge."""

    name: Text
    on: Annotated[tuple[Condition, ...], Field(min_length=1)]
    """Case conditions on which it is asked for."""
    delay: Duration
    team: Id | None = None
    """The team it joins..."""
    people: Annotated[int, Field(ge=0)] = 0
    """...with so many people..."""
    stays: Hours = 336.0
    """...for so long."""
    knowledge: Share = 0.0
    """By how much each round of investigation finds more: finds + (1 - finds) * knowledge."""
    source: Source | None = None


class Rules(Record):
    """Legal clocks."""

    report_within: Hours = 6.0
    """From noticing to the report to CERT-In (Directions of 28 April 2022)."""
    notify_within: Hours = 72.0
    """From knowing of a personal-data breach to the detailed notice (DPDP Rules 2025, rule 7)."""


class Grant(Record):
    """A national grant: money and technical help."""

    name: Text
    money: Rupees
    about: Text = ""
    source: Source | None = None


class Posture(Record):
    """An organisation with its powers, contracts, playbook and controls."""

    id: Id
    name: Text
    about: Text = ""
    teams: dict[Id, Team]
    approvers: dict[Id, Approver] = {}
    powers: dict[Id, Power] = {}
    own_assets: Id
    """Team for assets that the city maintains itself."""
    vendor_assets: dict[Id, Id] = {}
    """Vendor -> team that works on its assets; `any` stands for every other vendor."""
    uncovered: Id
    """Team for assets of vendors that no contract covers (a contract gap)."""
    shared_assets: Id
    """Team for assets that several cities share."""
    sensors: dict[Id, Sensor] = {}
    triage: Triage
    playbook: dict[Id, PlaybookStep] = {}
    estate: Estate
    backups: Backups
    help: dict[Id, Help] = {}
    rules: Rules = Rules()
    controls: tuple[Id, ...] = ()
    """Controls in place, by id in the catalogue."""
    grant: Grant | None = None
    annual_cost: Rupees = 0.0
    """What the organisation itself (staff, retainers) costs a year, controls not counted."""
    sources: tuple[Source, ...] = ()
