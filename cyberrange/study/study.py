"""A study: designs x scenarios x replicates of one city, in a store that can be resumed, and replayed run by run."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import ValidationError

from cyberrange.engine.compiled import digest_of_rules, kernel
from cyberrange.errors import CyberrangeError, InputError, Problem, did_you_mean, quoted, shown_path
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue, Mechanism
from cyberrange.inputs.load import load_catalogue, load_city, load_posture, load_scenario
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.inputs.study import StudySpec
from cyberrange.inputs.wording import worded
from cyberrange.model.build import CannotPlayError, Plan, compile_plan
from cyberrange.model.compatible import check_pair
from cyberrange.results.run import Run, simulate
from cyberrange.results.store import KEY, Cell, Store, told
from cyberrange.study.choice.portfolios import Budget, Design, Offer
from cyberrange.study.risk.annual import AnnualRisk
from cyberrange.study.risk.pricing import Values, price, values_of
from cyberrange.study.sweep import PlayCells, sweep
from cyberrange.study.workers import Backend, Progress, default_workers


@dataclass(frozen=True)
class Materials:
    """Everything that a study is made of, as records: what its frozen spec holds."""

    spec: StudySpec
    city: City
    scenarios: dict[str, Scenario]
    """By id, in the order of the spec."""
    per_year: dict[str, float]
    """Incidents a year by the scenario's id."""
    postures: dict[str, Posture]
    """By id; the first is what the city has today."""
    catalogue: Catalogue

    @classmethod
    def load(cls, spec: StudySpec) -> "Materials":
        """Load what a spec names.

        Raises
        ------
        InputError, CyberrangeError
            When the spec or a file is wrong, a file is missing, two have the same id, or the city cannot play a
            scenario.
        """
        spec = _sound(spec)
        catalogue = load_catalogue(spec.catalogue)
        city = load_city(spec.city)
        loaded = [(load_scenario(name), often.per_year) for name, often in spec.scenarios.items()]
        postures = [load_posture(name, catalogue=catalogue) for name in spec.organisations]
        _refuse_repeats("scenarios", [scenario.id for scenario, _ in loaded])
        _refuse_repeats("organisations", [posture.id for posture in postures])
        problems = [p for s, _ in loaded for posture in postures for p in check_pair(city, s, posture)]
        errors = dict.fromkeys(str(problem) for problem in problems if problem.severity == "error")
        if errors:
            raise CannotPlayError("\n".join(errors))
        return cls(
            spec, city, {s.id: s for s, _ in loaded}, {s.id: rate for s, rate in loaded},
            {posture.id: posture for posture in postures}, catalogue,
        )  # fmt: skip

    def frozen(self) -> dict[str, Any]:
        """Return the frozen spec: all records in full, so that a store depends on no other file."""
        return {
            "seed": self.spec.seed,
            "rules": digest_of_rules(),
            "study": self.spec.model_dump(mode="json", by_alias=True),
            "city": self.city.model_dump(mode="json", by_alias=True),
            "scenarios": {name: s.model_dump(mode="json", by_alias=True) for name, s in self.scenarios.items()},
            "per_year": self.per_year,
            "postures": {name: p.model_dump(mode="json", by_alias=True) for name, p in self.postures.items()},
            "catalogue": self.catalogue.model_dump(mode="json", by_alias=True),
        }

    @classmethod
    def thaw(cls, frozen: dict[str, Any]) -> "Materials":
        """Return what a frozen spec holds."""
        return cls(
            StudySpec.model_validate(frozen["study"]),
            City.model_validate(frozen["city"]),
            {name: Scenario.model_validate(s) for name, s in frozen["scenarios"].items()},
            frozen["per_year"],
            {name: Posture.model_validate(p) for name, p in frozen["postures"].items()},
            Catalogue.model_validate(frozen["catalogue"]),
        )

    def bought(self, variant: "Variant") -> tuple[Posture, Catalogue]:
        """Return a variant's organisation with today's and the new controls, and the catalogue they stand in."""
        today = next(iter(self.postures.values())).controls
        controls = tuple(dict.fromkeys((*today, *variant.design.controls)))
        posture = self.postures[variant.design.organisation].model_copy(update={"controls": controls})
        return posture, self.catalogue if variant.strained is None else _strained(self.catalogue, *variant.strained)

    def plan(self, scenario: str, variant: "Variant") -> Plan:
        """Compile one scenario under one variant."""
        return compile_plan(self.city, self.scenarios[scenario], *self.bought(variant))


End = Literal["low", "high"]
"""Where in its range the effect of a control lies: it works as weakly, or as strongly, as may be."""

ENDS: tuple[End, End] = ("low", "high")


@dataclass(frozen=True)
class Variant:
    """A design, perhaps with one control at an end of what is known of its effect.

    Parameters
    ----------
    design
        Organisation and controls.
    strained
        A control of the design, and at which end of what is known its effect is played: `low` takes each `times` of its
        mechanisms as near to changing nothing as its range allows, `high` as far from it.
    """

    design: Design
    strained: tuple[str, End] | None = None


_KEY = re.compile(r"([0-9]+)\.([0-9a-f]+)(?:~([0-9]+)(low|high))?")


def key_of(variant: Variant, offer: Offer) -> str:
    """Return a variant as a short text from which it can be read back: organisation, bits of controls, strain.

    Raises
    ------
    CyberrangeError
        When the design is not on offer or cannot be bought, or a control is strained that it does not have.

    Examples
    --------
    >>> import cyberrange as cr
    >>> controls = cr.load_catalogue().controls
    >>> offer = Offer({"vendor": 105e5, "hybrid": 205e5}, {key: controls[key] for key in ("mfa", "edr")})
    >>> key_of(Variant(Design("hybrid", ("edr", "mfa")), ("edr", "low")), offer)
    '1.3~1low'
    """
    table = offer.table([variant.design])
    key = f"{table.organisation[0]}.{table.bits[0]:x}"
    if variant.strained is None:
        return key
    control, end = variant.strained
    if control not in variant.design.controls or end not in ENDS:
        raise CyberrangeError(f"{quoted(variant.design.name)} has no {quoted(control)} at a {quoted(end)} end")
    return f"{key}~{list(offer.controls).index(control)}{end}"


def variant_of(key: str, offer: Offer) -> Variant:
    """Return what `key_of` made a text of.

    Raises
    ------
    CyberrangeError
        When the text names no design of the offer.
    """
    wrong = CyberrangeError(
        f"{quoted(key)} is no design of this study: such as 0.0, today's organisation without controls"
    )
    found = _KEY.fullmatch(key)
    organisations, controls = list(offer.organisations), list(offer.controls)
    if found is None:
        raise wrong
    place, bits, strained = int(found[1]), int(found[2], 16), int(found[3] or 0)
    if place >= len(organisations) or bits >> len(controls) or (found[3] and strained >= len(controls)):
        raise wrong
    design = Design(organisations[place], tuple(control for j, control in enumerate(controls) if bits >> j & 1))
    end: End = "low" if found[4] == "low" else "high"
    variant = Variant(design, (controls[strained], end) if found[3] else None)
    if key_of(variant, offer) != key:  # leading zeros: one design has one key
        raise wrong
    return variant


class Study:
    """A study in a folder: what was asked, what was played so far, and how to play more.

    Parameters
    ----------
    spec
        What is asked. Where the folder holds a study already, it must be the same one.
    folder
        Where the results go.
    workers, backend, address
        As for `cyberrange.study.workers.run_chunks`; all processors of this machine when nothing is given.
    progress
        Called with (done, to do) replicates of the part that is being played.

    Raises
    ------
    InputError, CyberrangeError
        When the spec, or a file that it names, is wrong; when nothing could be bought or paid for as it says; when the
        folder holds another study, or this one under other rules of the simulation. Nothing is written then.

    Examples
    --------
    >>> import cyberrange as cr
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     study = Study(cr.load_study("city_five_crore"), folder, workers=1)
    ...     runs = study.play([study.offer.today], 2, scenarios=["traffic_cctv"])
    ...     print(len(runs), study.replay(study.offer.today, "traffic_cctv", 1).plan.scenario.id)
    2 traffic_cctv
    """

    def __init__(
        self,
        spec: StudySpec,
        folder: Path | str,
        *,
        workers: int | None = None,
        backend: Backend = "loky",
        address: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.materials = Materials.load(spec)
        self.spec = self.materials.spec
        self.offer = offer_of(self.materials)
        self.budget = budget_of(self.spec)
        self.values: Values = values_of(self.materials.city)
        self.store = Store(folder, self.materials.frozen())  # last: a study that is refused leaves no folder behind
        self.progress = progress
        self._workers = workers or default_workers()
        self._backend = backend
        self._address = address

    @property
    def scenarios(self) -> list[str]:
        """Ids of the scenarios."""
        return list(self.materials.scenarios)

    @property
    def per_year(self) -> dict[str, float]:
        """Incidents a year by scenario."""
        return self.materials.per_year

    def key(self, design: Design | Variant) -> str:
        """Return the name of a design in the store: organisation and bits of controls, such as `2.1f`."""
        return key_of(design if isinstance(design, Variant) else Variant(design), self.offer)

    def design(self, key: str) -> Design:
        """Return the design of a key."""
        return variant_of(key, self.offer).design

    def cells(self, designs: Iterable[Design | Variant], scenarios: Sequence[str] | None = None) -> list[Cell]:
        """Return the cells of the store that some designs have, scenario by scenario."""
        keys = dict.fromkeys(map(self.key, designs))
        return [Cell(key, self._scenario(name)) for name in scenarios or self.scenarios for key in keys]

    def play(
        self, designs: Iterable[Design | Variant], replicates: int, scenarios: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Play what the store lacks and return what its price depends on, as `Store.read` gives it.

        Returns
        -------
        pandas.DataFrame
            `design` (its key), `scenario`, `replicate`, `response_cost` and `unserved.<service>`; `Store.read` has
            every measure.

        Raises
        ------
        CyberrangeError
            When replicates cannot be played, named with the first of them.
        """
        cells = self.cells(designs, scenarios)
        if self.store.missing(cells, replicates):
            kernel()  # once, here: workers find it on disk
            task = PlayCells(str(self.store.folder.absolute()), self.store.spec_hash, plans_of)
            done = sweep(
                self.store, cells, replicates, task, workers=self._workers, backend=self._backend,
                address=self._address, progress=self.progress,
            )  # fmt: skip
            if done.failures:
                first, why = done.failures[0]
                raise CyberrangeError(f"{len(done.failures)} replicates cannot be played, first {told(first)}: {why}")
        rows = self.store.read(cells, ["response_cost", *(f"unserved.{name}" for name in self.values.services)])
        return rows[rows["replicate"] < replicates]

    def runs(self, design: Design, replicates: int) -> dict[str, pd.DataFrame]:
        """Return the rows of one design by scenario, with replicate as index."""
        rows = self.play([design], replicates).set_index("replicate")
        return {name: rows[rows["scenario"] == name].drop(columns=["design", "scenario"]) for name in self.scenarios}

    def risk(self, design: Design, replicates: int) -> AnnualRisk:
        """Return the annual risk under one design."""
        return AnnualRisk(self.runs(design, replicates), self.per_year, self.values)

    def mean_losses(self, designs: Iterable[Design | Variant], replicates: int) -> pd.DataFrame:
        """Return the mean loss of an incident in rupees: designs by key as rows, scenarios as columns."""
        chosen = list(designs)
        losses = self.losses(self.play(chosen, replicates)).mean(axis=1).unstack("scenario")
        return losses.loc[list(dict.fromkeys(map(self.key, chosen))), self.scenarios]

    def losses(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the loss in rupees of what `play` returned: (design, scenario) as rows, replicates as columns."""
        loss = price(rows.drop(columns=list(KEY)), self.values)["total"]
        return loss.set_axis(pd.MultiIndex.from_frame(rows[list(KEY)])).unstack("replicate")

    def replay(self, design: Design | Variant, scenario: str, replicate: int) -> Run:
        """Play one run of the study again, on the live engine with its full log."""
        self.key(design)  # refuses what is not of this study
        posture, catalogue = self.materials.bought(design if isinstance(design, Variant) else Variant(design))
        return simulate(
            self.materials.city, self.materials.scenarios[self._scenario(scenario)], posture, seed=self.spec.seed,
            replicate=replicate, catalogue=catalogue,
        )  # fmt: skip

    def _scenario(self, name: str) -> str:
        if name not in self.materials.scenarios:
            raise CyberrangeError(f"scenario {quoted(name)} is not in the study.{did_you_mean(name, self.scenarios)}")
        return name


def offer_of(materials: Materials) -> Offer:
    """Return what can be chosen in a study, and what it costs."""
    cities = len(materials.city.city_ids)
    return Offer.of(materials.catalogue, materials.postures, materials.spec.controls, cities)


def budget_of(spec: StudySpec) -> Budget:
    """Return the budget of a study."""
    grant = spec.budget.grant
    if grant is None:
        return Budget(own=spec.budget.own, years=spec.budget.years)
    covers = None if "controls" in grant.purposes else frozenset[str]()
    return Budget(spec.budget.own, spec.budget.years, grant.money, covers, "organisation" in grant.purposes)


def plans_of(frozen: dict[str, Any]) -> Callable[[Cell], Plan]:
    """Return what compiles the plan of a cell, from a frozen spec: what workers do."""
    materials = Materials.thaw(frozen)
    offer = offer_of(materials)
    return lambda cell: materials.plan(cell.scenario, variant_of(cell.design, offer))


def _strained(catalogue: Catalogue, control: str, end: End) -> Catalogue:
    """Return a catalogue in which one control's mechanisms are as weak or strong as may be."""
    row = catalogue.controls[control]
    changed = row.model_copy(update={"mechanisms": tuple(_at_end(m, end) for m in row.mechanisms)})
    return catalogue.model_copy(update={"controls": {**catalogue.controls, control: changed}})


def _at_end(mechanism: Mechanism, end: End) -> Mechanism:
    """Return a mechanism at one end: it is strong where `times` is far from 1, be that below or above."""
    lowest = (end == "high") == (mechanism.times < 1)
    times = mechanism.low if lowest else mechanism.high
    return mechanism if times is None else mechanism.model_copy(update={"times": times})


def _sound(spec: StudySpec) -> StudySpec:
    """Return a spec that was read anew: a copy with other values has not been checked."""
    try:
        return StudySpec.model_validate(spec.model_dump(mode="json", by_alias=True, warnings=False))
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise InputError(
            Problem(spec.id, 0, 0, shown_path(d["loc"]), message, hint)
            for d in details for message, hint in worded(d["loc"], d, StudySpec)
        ) from error  # fmt: skip
    except ValueError as error:  # an amount that cannot even be written, such as an infinite one
        raise CyberrangeError(f"study {quoted(spec.id)}: {error}") from error


def _refuse_repeats(what: str, ids: list[str]) -> None:
    repeated = [name for name in dict.fromkeys(ids) if ids.count(name) > 1]
    if repeated:
        raise CyberrangeError(f"the {what} of the study have an id in common: {', '.join(repeated)}")
