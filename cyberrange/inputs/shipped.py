"""The cities, scenarios, postures, controls, studies and logs of decisions that come with the package."""

import os
from pathlib import Path
from typing import Literal

from cyberrange.errors import CyberrangeError, did_you_mean, quoted

Kind = Literal["topologies", "scenarios", "postures", "controls", "studies", "decisions"]
"""What ships with the package."""

_PATTERNS: dict[Kind, str] = {
    "topologies": "topologies/*.yaml",
    "scenarios": "scenarios/*.yaml",
    "postures": "scenarios/postures/*.yaml",
    "controls": "scenarios/controls.yaml",
    "studies": "scenarios/studies/*.yaml",
    "decisions": "scenarios/decisions/*.yaml",
}
NOUNS: dict[Kind, str] = {
    "topologies": "city",
    "scenarios": "scenario",
    "postures": "posture",
    "controls": "catalogue of controls",
    "studies": "study",
    "decisions": "log of decisions",
}
"""What people call one thing of each kind."""


def shipped(kind: Kind) -> dict[str, Path]:
    """Return what ships of one kind, by name.

    A file whose name begins with ``_`` is a part for others to use and has no name here; the
    catalogue of controls lies among the scenarios and is not one of them.

    Parameters
    ----------
    kind : {"topologies", "scenarios", "postures", "controls", "studies", "decisions"}
        What to list.

    Returns
    -------
    dict of str to Path
        The files by name, in the order of the names.
    """
    files = sorted(_root().glob(_PATTERNS[kind]))
    return {
        file.stem: file
        for file in files
        if not file.stem.startswith("_") and (kind, file.stem) != ("scenarios", "controls")
    }


def find(kind: Kind, name_or_path: str | os.PathLike[str], folder: str | os.PathLike[str] = "") -> Path:
    """Return the file that a user means by a path or a shipped name.

    A file that exists comes first. What ships is compared with the name and never joined to it, so
    no name leads out of the shipped folders. A shipped file also answers to its place in the
    repository, such as ``topologies/suryanagar.yaml``, wherever the package is installed.

    Parameters
    ----------
    kind : {"topologies", "scenarios", "postures", "controls", "studies", "decisions"}
        What is meant.
    name_or_path : str or path
        What the user wrote.
    folder : str or path
        Where a path is seen from; the working folder unless a file names another one.

    Raises
    ------
    CyberrangeError
        If it is neither a file nor shipped.

    Examples
    --------
    >>> find("topologies", "../secrets")
    Traceback (most recent call last):
    cyberrange.errors.CyberrangeError: unknown city '../secrets': neither a file nor a shipped...
    """
    wanted = os.fspath(name_or_path)
    place = os.path.join(folder, wanted)
    if os.path.isfile(place):
        return Path(place)
    files = shipped(kind)
    places = {file.relative_to(_root()).as_posix(): file for file in files.values()}
    if found := files.get(wanted) or places.get(wanted):
        return found
    complaint = f"unknown {NOUNS[kind]} {quoted(wanted)}: neither a file nor a shipped name"
    hint = did_you_mean(wanted, files)
    raise CyberrangeError(f"{complaint}.{hint}" if hint else complaint)


def _root() -> Path:
    """Return the folder of shipped files: the repository's in a checkout, else the package's."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "data"
    return installed if installed.is_dir() else package.parent
