"""A study: designs x scenarios x replicates of one city, in a store that can be resumed, and replayed run by run."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cyberrange.engine.compiled import digest_of_rules, kernel
from cyberrange.errors import CyberrangeError
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue, Control
from cyberrange.inputs.load import load_catalogue, load_city, load_posture, load_scenario
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.inputs.study import StudySpec
from cyberrange.model.build import CannotPlayError, Plan, compile_plan
from cyberrange.model.compatible import check_pair
from cyberrange.results.run import Run, simulate
from cyberrange.results.store import Cell, Store
from cyberrange.study.annual import AnnualRisk
from cyberrange.study.portfolios import Budget, Design, Offer
from cyberrange.study.pricing import Values, values_of
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
            When a file is missing or wrong, two have the same id, or the city cannot play a scenario.
        """
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

    def plan(self, scenario: str, design: "Variant") -> Plan:
        """Compile one scenario under one design."""
        posture = self.postures[design.design.organisation]
        today = next(iter(self.postures.values())).controls
        controls = tuple(dict.fromkeys((*today, *design.design.controls)))
        answer = posture.model_copy(update={"controls": controls})
        catalogue = self.catalogue if design.strained is None else _strained(self.catalogue, *design.strained)
        return compile_plan(self.city, self.scenarios[scenario], answer, catalogue)


@dataclass(frozen=True)
class Variant:
    """A design, perhaps with one control at an end of what is known of its effect.

    Parameters
    ----------
    design
        Organisation and controls.
    strained
        A control's id, and which end of its mechanisms' `times` is played: `low` or `high`.
    """

    design: Design
    strained: tuple[str, str] | None = None


_KEY = re.compile(r"(\d+)\.([0-9a-f]+)(?:~(\d+)(low|high))?")


def key_of(variant: Variant, offer: Offer) -> str:
    """Return a variant as a short text from which it can be read back: organisation, bits of controls, strain."""
    design = variant.design
    organisation = list(offer.organisations).index(design.organisation)
    keys = list(offer.controls)
    bits = sum(1 << keys.index(control) for control in design.controls)
    end = f"~{keys.index(variant.strained[0])}{variant.strained[1]}" if variant.strained else ""
    return f"{organisation}.{bits:x}{end}"


def variant_of(key: str, offer: Offer) -> Variant:
    """Return what `key_of` made a text of.

    Raises
    ------
    CyberrangeError
        When the text names no design of the offer.
    """
    found = _KEY.fullmatch(key)
    organisations, controls = list(offer.organisations), list(offer.controls)
    if found is None or int(found[1]) >= len(organisations) or int(found[2], 16) >> len(controls):
        raise CyberrangeError(f"{key!r} is no design of this study: such as 0.0, today's organisation without controls")
    bits = int(found[2], 16)
    chosen = tuple(control for j, control in enumerate(controls) if bits >> j & 1)
    strained = (controls[int(found[3])], found[4]) if found[3] else None
    return Variant(Design(organisations[int(found[1])], chosen), strained)


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
        self.store = Store(folder, self.materials.frozen())
        self.spec = spec
        self.offer = offer_of(self.materials)
        self.budget = budget_of(spec)
        self.values: Values = values_of(self.materials.city)
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
        return [Cell(key, name) for name in scenarios or self.scenarios for key in keys]

    def play(
        self, designs: Iterable[Design | Variant], replicates: int, scenarios: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Play what the store lacks and return what its price depends on, as `Store.read` gives it.

        Returns
        -------
        pandas.DataFrame
            `design` (its key), `scenario`, `replicate`, `response_cost` and `unserved.<service>`; `Store.read` has every
            measure.

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
                first = done.failures[0]
                raise CyberrangeError(f"{len(done.failures)} replicates cannot be played, first {first}")
        rows = self.store.read(cells, ["response_cost", *(f"unserved.{name}" for name in self.values.services)])
        return rows[rows["replicate"] < replicates]

    def runs(self, design: Design, replicates: int) -> dict[str, pd.DataFrame]:
        """Return the rows of one design by scenario, with replicate as index."""
        rows = self.play([design], replicates).set_index("replicate")
        return {name: rows[rows["scenario"] == name].drop(columns=["design", "scenario"]) for name in self.scenarios}

    def risk(self, design: Design, replicates: int) -> AnnualRisk:
        """Return the annual risk under one design."""
        return AnnualRisk(self.runs(design, replicates), self.per_year, self.values)

    def replay(self, design: Design | Variant, scenario: str, replicate: int) -> Run:
        """Play one run of the study again, on the live engine with its full log."""
        variant = design if isinstance(design, Variant) else Variant(design)
        plan = self.materials.plan(scenario, variant)
        return simulate(
            plan.city, plan.scenario, plan.posture, seed=self.spec.seed, replicate=replicate, catalogue=plan.catalogue
        )


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


def _strained(catalogue: Catalogue, control: str, end: str) -> Catalogue:
    """Return a catalogue in which one control's mechanisms are as weak or strong as may be."""
    row = catalogue.controls[control]
    mechanisms = tuple(m.model_copy(update={"times": getattr(m, end) if getattr(m, end) is not None else m.times})
                       for m in row.mechanisms)  # fmt: skip
    changed: Control = row.model_copy(update={"mechanisms": mechanisms})
    return catalogue.model_copy(update={"controls": {**catalogue.controls, control: changed}})


def _refuse_repeats(what: str, ids: list[str]) -> None:
    repeated = [name for name in dict.fromkeys(ids) if ids.count(name) > 1]
    if repeated:
        raise CyberrangeError(f"the {what} of the study have an id in common: {', '.join(repeated)}")
