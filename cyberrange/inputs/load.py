"""Files to records that can be played: read, checked, and refused with everything that is wrong."""

import os
from os import PathLike
from pathlib import Path
from typing import Any

from cyberrange.errors import InputError
from cyberrange.inputs.checks import examine
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.inputs.shipped import Kind, find
from cyberrange.inputs.study import StudySpec
from cyberrange.inputs.writing import save

__all__ = ["load_catalogue", "load_city", "load_decisions", "load_posture", "load_scenario", "load_study", "save"]


def load_city(name_or_path: str | PathLike[str]) -> City:
    """Return a city, or a region of several.

    Parameters
    ----------
    name_or_path : str or path
        A file, or the name of a city that ships.

    Raises
    ------
    InputError
        With everything that is wrong in the file. Warnings do not stop a load: see `cyberrange.inputs.checks.check`.
    CyberrangeError
        When there is no such file or name.

    Examples
    --------
    >>> load_city("kasba").wards["khera"].population
    4000
    """
    city: City = _loaded("topologies", name_or_path)
    return city


def load_scenario(name_or_path: str | PathLike[str]) -> Scenario:
    """Return a scenario: an attack, or a calm day.

    Parameters
    ----------
    name_or_path : str or path
        A file, or the name of a scenario that ships.

    Raises
    ------
    InputError
        With everything that is wrong in the file.
    CyberrangeError
        When there is no such file or name.

    Examples
    --------
    >>> load_scenario("calm_day").horizon
    72.0
    """
    scenario: Scenario = _loaded("scenarios", name_or_path)
    return scenario


def load_posture(name_or_path: str | PathLike[str], *, catalogue: Catalogue | None = None) -> Posture:
    """Return a posture: an organisation with its powers, contracts, playbook and controls.

    A posture may build on another one: ``base: _common`` names a file in the same folder, or a posture that ships.

    Parameters
    ----------
    name_or_path : str or path
        A file, or the name of a posture that ships.
    catalogue : Catalogue, optional
        Where the posture's controls stand; the shipped one when absent.

    Raises
    ------
    InputError
        With everything that is wrong in the file and those it builds on.
    CyberrangeError
        When there is no such file or name.

    Examples
    --------
    >>> load_posture("inhouse_ciso_grant").controls[0]
    'mfa'
    """
    posture: Posture = _loaded("postures", name_or_path, catalogue)
    return posture


def load_catalogue(name_or_path: str | PathLike[str] = "controls") -> Catalogue:
    """Return a catalogue of controls.

    Parameters
    ----------
    name_or_path : str or path
        A file, or the name of the catalogue that ships.

    Raises
    ------
    InputError
        With everything that is wrong in the file.
    CyberrangeError
        When there is no such file or name.

    Examples
    --------
    >>> load_catalogue().controls["mfa"].life / 8766
    5.0
    """
    catalogue: Catalogue = _loaded("controls", name_or_path)
    return catalogue


def load_study(name_or_path: str | PathLike[str]) -> StudySpec:
    """Return a study: what may happen, what is on offer, and what may be spent.

    Parameters
    ----------
    name_or_path : str or path
        A file, or the name of a study that ships.

    Returns
    -------
    StudySpec
        Paths in it are seen from the study's file when they are written, and from anywhere once it is loaded.

    Raises
    ------
    InputError
        With everything that is wrong in the file.
    CyberrangeError
        When there is no such file or name.

    Examples
    --------
    >>> load_study("district_grant").budget.grant.money
    360000000.0
    """
    file = find("studies", name_or_path)
    study: StudySpec = _loaded("studies", file)
    return _from_anywhere(study, file.parent)


def _from_anywhere(study: StudySpec, folder: Path) -> StudySpec:
    """Return a study whose relative paths are absolute ones; names that ship stay as they are."""
    moved = {
        "city": _absolute(study.city, folder),
        "catalogue": _absolute(study.catalogue, folder),
        "scenarios": {_absolute(name, folder): rate for name, rate in study.scenarios.items()},
        "organisations": tuple(_absolute(name, folder) for name in study.organisations),
    }
    return study.model_copy(update={key: value for key, value in moved.items() if value != getattr(study, key)})


def _absolute(name: str, folder: Path) -> str:
    file = os.path.join(folder, name)
    return os.path.abspath(file) if os.path.isfile(file) else name


def load_decisions(name_or_path: str | PathLike[str]) -> Decisions:
    """Return a log of decisions.

    Whether it fits a city and a posture says `cyberrange.inputs.check_decisions.check_decisions`.

    Parameters
    ----------
    name_or_path : str or path
        A file, or the name of a log that ships.

    Raises
    ------
    InputError
        With everything that is wrong in the file.
    CyberrangeError
        When there is no such file or name.

    Examples
    --------
    >>> load_decisions("hold_the_shutdown").decisions[0].step
    'shut_down'
    """
    log: Decisions = _loaded("decisions", name_or_path)
    return log


def _loaded(kind: Kind, name_or_path: str | PathLike[str], catalogue: Catalogue | None = None) -> Any:
    record, problems = examine(kind, find(kind, name_or_path), catalogue=catalogue)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InputError(errors)
    return record
