"""Reads input files and gathers everything that is wrong or doubtful in them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

from cyberrange.errors import InputError, Problem
from cyberrange.inputs import (
    check_city,
    check_controls,
    check_decisions,
    check_needs,
    check_playbook,
    check_posture,
    check_scenario,
    check_study,
)
from cyberrange.inputs.bases import Bases
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.document import Document
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.reading import read_record
from cyberrange.inputs.records import Record
from cyberrange.inputs.scenario import Scenario
from cyberrange.inputs.shipped import Kind, find
from cyberrange.inputs.study import StudySpec
from cyberrange.inputs.yaml_text import MAX_PROBLEMS, read_yaml

_MODELS: dict[Kind, type[Record]] = {
    "topologies": City,
    "scenarios": Scenario,
    "postures": Posture,
    "controls": Catalogue,
    "studies": StudySpec,
    "decisions": Decisions,
}
_CHECKS: dict[Kind, Sequence[Callable[[Any, Document], Iterator[Problem]]]] = {
    "topologies": (*check_city.CHECKS, *check_needs.CHECKS),
    "scenarios": check_scenario.CHECKS,
    "postures": (*check_posture.CHECKS, *check_playbook.CHECKS),
    "controls": check_controls.CHECKS,
    "studies": check_study.CHECKS,
    "decisions": check_decisions.CHECKS,
}
_SIGNS: dict[Kind, tuple[str, ...]] = {
    "topologies": ("services", "assets", "wards", "zones"),
    "scenarios": ("steps", "story", "targets", "horizon"),
    "postures": ("playbook", "teams", "base", "triage", "powers"),
    "studies": ("organisations", "budget", "worth", "threshold", "discount"),
    "decisions": ("decisions",),
}
"""Keys that only files of one kind have."""


def examine(kind: Kind, file: Path, *, catalogue: Catalogue | None = None) -> tuple[Any, list[Problem]]:
    """Read a file into a record and check it, and of other files only that those which it names are there.

    Parameters
    ----------
    kind : {"topologies", "scenarios", "postures", "controls", "studies", "decisions"}
        What the file holds.
    file : Path
        The file.
    catalogue : Catalogue, optional
        Where a posture's controls stand; the shipped one when absent.

    Returns
    -------
    record : City, Scenario, Posture, Catalogue, StudySpec or Decisions
        What was read.
    problems : list of Problem
        Errors and warnings, in the order of the file.

    Raises
    ------
    InputError
        When there is no record, because a value in the file is not what the schema asks for.
    """
    base_of = Bases(file) if kind == "postures" else None
    record, document = read_record(file, _MODELS[kind], base_of=base_of)
    found = [problem for check_one in _CHECKS[kind] for problem in islice(check_one(record, document), MAX_PROBLEMS)]
    if isinstance(record, Posture) and record.controls:
        offered = catalogue or shipped_controls()
        found += check_controls.check_in_place(record, offered, document)
        found += check_controls.check_effect(record, offered, document)
    return record, in_order(found)[:MAX_PROBLEMS]


@cache
def shipped_controls() -> Catalogue:
    """Return the catalogue that comes with the package."""
    catalogue, _ = read_record(find("controls", "controls"), Catalogue)
    return catalogue


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return each problem once, by file, line and column."""
    return list(InputError(dict.fromkeys(problems)).problems)


def check(paths: Iterable[str | PathLike[str]]) -> list[Problem]:
    """Check any mix of files: cities, scenarios, postures, catalogues of controls, studies and logs of decisions.

    Each file is known by its content. Postures may use the controls of the catalogues in the mix, besides those of
    the shipped one. A file whose name begins with ``_`` is a part of others and is only read as YAML.

    Parameters
    ----------
    paths : iterable of path
        The files.

    Returns
    -------
    list of Problem
        Errors and warnings, by file, line and column; empty when all is well.

    Examples
    --------
    >>> check([find("topologies", "kasba"), find("scenarios", "calm_day")])
    []
    """
    kinds: dict[Path, Kind] = {}
    problems: list[Problem] = []
    for file in dict.fromkeys(map(Path, paths)):
        try:
            values = read_yaml(file).values
        except InputError as error:
            problems += error.problems
            continue
        if kind := kind_of(values):
            kinds[file] = kind
        elif not file.name.startswith("_"):
            problems.append(_unknown_kind(file))
    return in_order([*problems, *_examined(kinds)])


def kind_of(values: Mapping[str, Any]) -> Kind | None:
    """Return what a file holds, by its keys.

    Examples
    --------
    >>> kind_of({"id": "x", "controls": {}})
    'controls'
    >>> kind_of({"base": "hybrid", "controls": ["mfa"]})
    'postures'
    >>> kind_of({"id": "x", "controls": ["mfa"], "budget": {}})
    'studies'
    """
    scores = {kind: sum(key in values for key in keys) for kind, keys in _SIGNS.items()}
    best = max(scores, key=lambda kind: scores[kind])
    if isinstance(values.get("controls"), dict) and best != "studies":
        return "controls"
    return best if scores[best] else None


def _unknown_kind(file: Path) -> Problem:
    message = (
        "this is neither a city (services), a scenario (steps), a posture (teams, playbook), controls, "
        "a study (organisations, budget) nor decisions"
    )
    return Problem(str(file), 1, 1, "", message)


def _examined(kinds: Mapping[Path, Kind]) -> Iterator[Problem]:
    """Yield the problems of files of known kinds: catalogues first, for postures refer to them."""
    catalogue = None
    for file in sorted(kinds, key=lambda file: kinds[file] != "controls"):
        if file.name.startswith("_"):
            continue
        try:
            record, problems = examine(kinds[file], file, catalogue=catalogue)
        except InputError as error:
            yield from error.problems
            continue
        yield from problems
        if isinstance(record, Catalogue):
            catalogue = _joined(catalogue or shipped_controls(), record)


def _joined(one: Catalogue, other: Catalogue) -> Catalogue:
    return one.model_copy(update={"controls": one.controls | other.controls})
