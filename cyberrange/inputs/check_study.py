"""Cross checks of a study: what it names exists, and what it offers can be bought."""

from collections.abc import Iterator
from pathlib import Path

from cyberrange.errors import CyberrangeError, InputError, KeyPath, Problem, quoted
from cyberrange.inputs.bases import Bases
from cyberrange.inputs.check_controls import contradictions, required
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.document import Document
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.quantities import format_rupees
from cyberrange.inputs.reading import read_record
from cyberrange.inputs.references import cycles, each_unknown, hint_for, repeated, shown_cycle
from cyberrange.inputs.shipped import NOUNS, Kind, find, shipped
from cyberrange.inputs.study import StudySpec
from cyberrange.inputs.yaml_text import read_yaml

FEWEST_TO_SCREEN = 30
"""With fewer runs a mean of skewed losses says little about which designs are worse."""


def check_names(study: StudySpec, document: Document) -> Iterator[Problem]:
    """The city, scenarios, postures and catalogue ship or are files."""
    for path, kind, name in _named(study):
        if _file(kind, name, document) is None:
            message = f"unknown {NOUNS[kind]} {quoted(name)}: neither a file, seen from this one, nor a shipped name"
            tell = document.key_problem if kind == "scenarios" else document.problem
            yield tell(path, message, hint_for(name, shipped(kind)))


def _named(study: StudySpec) -> Iterator[tuple[KeyPath, Kind, str]]:
    """Yield every place that names a file."""
    yield ("city",), "topologies", study.city
    yield ("catalogue",), "controls", study.catalogue
    yield from ((("scenarios", name), "scenarios", name) for name in study.scenarios)
    yield from ((("organisations", i), "postures", name) for i, name in enumerate(study.organisations))


def _file(kind: Kind, name: str, document: Document) -> Path | None:
    """Return the file that a study means by a name or by a path seen from where it lies."""
    try:
        return find(kind, name, Path(document.root.place.file).parent)
    except CyberrangeError:
        return None


def check_repeats(study: StudySpec, document: Document) -> Iterator[Problem]:
    """Nothing stands in the study twice, also not under two names of one file."""
    lists: tuple[tuple[KeyPath, str, tuple[str, ...]], ...] = (
        (("controls",), "control", study.controls),
        (("organisations",), "posture", study.organisations),
        (("budget", "grant", "for"), "purpose", study.budget.grant.purposes if study.budget.grant else ()),
    )
    for path, noun, words in lists:
        for i, word in repeated(words):
            yield document.problem((*path, i), f"{noun} {quoted(word)} stands here twice")
    yield from _same_files(study, document)


def _same_files(study: StudySpec, document: Document) -> Iterator[Problem]:
    first: dict[tuple[Kind, Path], str] = {}
    for path, kind, name in _named(study):
        file = _file(kind, name, document)
        before = first.setdefault((kind, file.resolve()), name) if file else name
        if before != name:
            tell = document.key_problem if kind == "scenarios" else document.problem
            yield tell(path, f"{quoted(name)} and {quoted(before)} are the same {NOUNS[kind]}")


def check_offer(study: StudySpec, document: Document) -> Iterator[Problem]:
    """Each control on offer exists and can be bought."""
    file = _file("controls", study.catalogue, document)
    if file is None:
        return
    try:
        catalogue, _ = read_record(file, Catalogue)
    except InputError as error:
        yield from error.problems
        return
    yield from each_unknown(document, ("controls",), "control", study.controls, catalogue.controls)
    yield from _circles(study, catalogue, document)
    yield from _missing(study, catalogue, document)
    for i, name in enumerate(study.controls):
        for message in contradictions(catalogue, name):
            yield document.problem(("controls", i), message)
    yield from _out_of_reach(study, catalogue, document)


def _circles(study: StudySpec, catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """Controls that require each other could never be bought one after the other."""
    requires = {name: catalogue.controls[name].requires for name in _offered(study, catalogue)}
    for cycle in cycles(requires):
        message = f"these controls require each other: {shown_cycle(cycle)}"
        yield document.problem(("controls", study.controls.index(cycle[0])), message)


def _missing(study: StudySpec, catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """What a control requires is on offer as well, unless every organisation has it in place."""
    for i, name in enumerate(study.controls):
        control = catalogue.controls.get(name)
        for other in control.requires if control else ():
            if other in catalogue.controls and other not in study.controls and not _in_place(study, other, document):
                message = f"{quoted(name)} requires {quoted(other)}, which is not on offer"
                yield document.problem(("controls", i), message, f"Add {quoted(other)} to `controls`")


def _in_place(study: StudySpec, control: str, document: Document) -> bool:
    files = [_file("postures", name, document) for name in study.organisations]
    return all(file is not None and control in _controls_of(file) for file in files)


def _controls_of(file: Path) -> tuple[str, ...]:
    try:
        posture, _ = read_record(file, Posture, base_of=Bases(file))
    except InputError:  # what is wrong with a posture is told where it is checked itself
        return ()
    return posture.controls


def _out_of_reach(study: StudySpec, catalogue: Catalogue, document: Document) -> Iterator[Problem]:
    """Warn when the budget pays for nothing that is on offer."""
    offered, cities = _offered(study, catalogue), _number_of_cities(study, document)
    costs = {name: _cost_with_required(name, offered, catalogue, study.budget.years, cities) for name in offered}
    cheapest = min(costs, key=lambda name: costs[name], default="")
    if cheapest and costs[cheapest] > study.budget.for_controls:
        message = (
            f"nothing on offer can be paid for: {quoted(cheapest)} is the cheapest at "
            f"{format_rupees(round(costs[cheapest]))} in {study.budget.years} years, "
            f"and {format_rupees(study.budget.for_controls)} may be spent on controls"
        )
        yield document.key_problem(("budget",), message, severity="warning")


def _number_of_cities(study: StudySpec, document: Document) -> int:
    """Return how many cities buy controls: those of a region, else one."""
    file = _file("topologies", study.city, document)
    try:
        cities = read_yaml(file).values.get("cities") if file else None
    except InputError:  # what is wrong with a city is told where it is checked itself
        cities = None
    return len(cities) if isinstance(cities, dict) and cities else 1


def _cost_with_required(name: str, offered: list[str], catalogue: Catalogue, years: int, cities: int) -> float:
    """Return rupees over some years for a control and all on offer that it requires: a part is shared, the rest not."""
    package = (name, *(other for other in required(catalogue, name) if other in offered))
    controls = [catalogue.controls[part] for part in package]
    return sum((c.capex + c.opex * years) * (c.shared + (1 - c.shared) * cities) for c in controls)


def _offered(study: StudySpec, catalogue: Catalogue) -> list[str]:
    """Return the controls on offer that exist, each once."""
    return [name for name in dict.fromkeys(study.controls) if name in catalogue.controls]


def check_runs(study: StudySpec, document: Document) -> Iterator[Problem]:
    """A screening of few runs may drop the best design."""
    if study.runs.screening < FEWEST_TO_SCREEN:
        message = f"{study.runs.screening} runs are few for a screening: the best design may be dropped by bad luck"
        hint = f"Play {FEWEST_TO_SCREEN} or more"
        yield document.problem(("runs", "screening"), message, hint, "warning")


CHECKS = (check_names, check_repeats, check_offer, check_runs)
